"""Contexts, each of several tasks, and gates of contexts, each above several paths: which belongs to which."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.metrics.alignment import total_alignment
from ntadyn.metrics.assignment import optimal_assignment


def context_similarity(similarity: Float[Array, "m p"], num_contexts: int) -> Float[Array, "k k"]:
    """Q_{ab} = mean over the tasks m of context a of max over the paths p below gate b of sim_{mp}.

    Args:
        similarity: cosines of teachers and paths, shape (teachers, paths); those of the first context come first.
        num_contexts: number of contexts K, and of gates above the paths; teachers and paths are multiples of it.

    Returns:
        Q, shape (contexts, gates): 1 where a gate has a path of its own for every task of a context.

    Raises:
        ValueError: if teachers or paths cannot be shared out equally.
    """
    if num_contexts < 1 or any(size % num_contexts for size in similarity.shape):
        raise ValueError(
            f"context_similarity: {similarity.shape[0]} teachers and {similarity.shape[1]} paths cannot be shared out "
            f"equally among {num_contexts} contexts; both must be a multiple of it."
        )
    num_tasks, num_paths = (size // num_contexts for size in similarity.shape)
    grouped = similarity.reshape(num_contexts, num_tasks, num_contexts, num_paths)
    return jnp.mean(jnp.max(grouped, axis=3), axis=1)


def context_alignment(similarity: Float[Array, "k k"]) -> Float[Array, ""]:
    """Mean of Q_{a, b(a)} with the gates assigned to contexts as suits them best.

    Args:
        similarity: Q, as `context_similarity` returns it.

    Returns:
        1 if every context has a gate of its own whose paths know all its tasks. With two contexts of two tasks, 1/2 if
        each gate has learned one task of each context.
    """
    return total_alignment(similarity, optimal_assignment(similarity))


def kept_share(before: Float[Array, "*b p"], after: Float[Array, "*b p"]) -> Float[Array, "*b"]:
    """(s - 1/P) / (1 - 1/P), s = |c'_q| / sum_p |c'_p| with q the largest gate before.

    Args:
        before: the gates c of P paths at one time.
        after: the gates c' of the same paths later.

    Returns:
        1 if the gate that was largest is the only one that is open, 0 if all are equally open, less if others are more
        so. With a single path, or gates that are all zero, not a number.
    """
    number = before.shape[-1]
    largest = jnp.argmax(jnp.abs(before), axis=-1, keepdims=True)
    sizes = jnp.abs(after)
    share = jnp.take_along_axis(sizes, largest, axis=-1)[..., 0] / jnp.sum(sizes, axis=-1)
    return (share * number - 1) / (number - 1) if number > 1 else jnp.full_like(share, jnp.nan)
