"""Scores of hierarchies of gates: whether contexts have paths of their own, and what is kept while they are away."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.metrics import context_alignment as alignment_of, kept_share, optimal_assignment
from ntadyn.nested import CONTEXT_SHARES, CONTEXT_SIMILARITY, PATH_GATES
from ntadyn.sweeps.scores import Recorded

# The observables of which all of these are made.
CONTEXTS = (PATH_GATES, CONTEXT_SIMILARITY, CONTEXT_SHARES)


def context_alignment(record: Recorded) -> Float[Array, ""]:
    """How well the paths below one gate know the tasks of one context at the end, gates assigned optimally."""
    return alignment_of(record.values[CONTEXT_SIMILARITY][-1])


def kept_gates(record: Recorded) -> Float[Array, ""]:
    """What a context finds of its last task's gate on its return: 1 as it was left, 0 forgotten; later half of returns.

    The gates of a context are those below the gate that is assigned to it at the end. Not a number if no context
    returns.
    """
    similarity, in_force = record.values[CONTEXT_SIMILARITY][-1], jnp.argmax(record.values[CONTEXT_SHARES], axis=1)
    num_contexts, num_records = similarity.shape[0], in_force.shape[0]
    own = optimal_assignment(similarity)[in_force]
    gates = record.values[PATH_GATES].reshape(num_records, num_contexts, -1)
    # When each context was last in force, before every record.
    number = jnp.arange(num_records)
    seen = jnp.where(in_force[:, None] == jnp.arange(num_contexts)[None], number[:, None], -1)
    last = jnp.concatenate([jnp.full((1, num_contexts), -1), jax.lax.cummax(seen, axis=0)[:-1]])
    before = last[number, in_force]
    returns = record.real & (before >= 0) & (before < number - 1)
    share = kept_share(gates[before, own], gates[number, own])
    rank = jnp.cumsum(returns)
    counted = returns & (2 * rank > rank[-1])
    return jnp.sum(jnp.where(counted, share, 0)) / jnp.sum(counted).astype(share.dtype)


HIERARCHY = {item.__name__: item for item in (context_alignment, kept_gates)}
