"""Forms: ways to compute the same sequence of writes and reads; here token by token."""

import abc
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float, PyTree

from ntadyn.nested.memories.rule import AbstractRule


class Writes(eqx.Module):
    """What is written, one pair per token; of many samples, with leading axes for `jax.vmap`.

    Attributes:
        keys: shape (tokens, d).
        values: shape (tokens, e).
        rates: the step size of every write, shape (tokens,).
        retentions: what every write keeps of the old state, shape (tokens,), 1 for all of it; a `TitansRetention` of
            two such arrays for `Titans`; None to keep all.
    """

    keys: Float[Array, "*batch t d"]
    values: Float[Array, "*batch t e"]
    rates: Float[Array, "*batch t"]
    retentions: Any = None


class Reads(eqx.Module):
    """Sequences of queries, or of the answers to them, one of each per token.

    Attributes:
        before: each of shape (tokens, size), read from the state that the write of the token finds.
        after: the same, from the state that it leaves.
    """

    before: tuple[Float[Array, "t n"], ...] = ()
    after: tuple[Float[Array, "t n"], ...] = ()


class AbstractForm(eqx.Module):
    """A way to compute writes and reads; all give the same numbers up to rounding, at different speeds."""

    @abc.abstractmethod
    def run(self, rule: AbstractRule, state: PyTree, writes: Writes, queries: Reads) -> tuple[PyTree, Reads]:
        """Write a sequence and read along.

        Args:
            rule: how a pair is written.
            state: that the first write finds.
            writes: what is written.
            queries: what is asked before and after every write.

        Returns:
            The state that the last write leaves, with which the next call goes on, and the answers.
        """


class Recurrent(AbstractForm):
    """Token by token, in a loop; the only form of memories that are not linear."""

    def run(self, rule: AbstractRule, state: PyTree, writes: Writes, queries: Reads) -> tuple[PyTree, Reads]:
        """See `AbstractForm.run`."""

        # Without checkpoints a gradient keeps several states per token, and XLA copies them all at every one of them
        # when loops are compiled as one function.
        @jax.checkpoint
        def step(state: PyTree, token: tuple[Writes, Any]) -> tuple[PyTree, Any]:
            pair, asked = token
            before = tuple(rule.read(state, query) for query in asked[0])
            state = rule.write(state, pair.keys, pair.values, pair.retentions, pair.rates)
            return state, (before, tuple(rule.read(state, query) for query in asked[1]))

        state, answers = jax.lax.scan(step, state, (writes, (queries.before, queries.after)))
        return state, Reads(*answers)
