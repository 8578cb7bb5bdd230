"""An associative memory as a layer: sequences of keys, values and queries in, answers out, a state carried along."""

import enum

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.nested.memories.forms import AbstractForm, Reads, Writes
from ntadyn.nested.memories.measured import default_form
from ntadyn.nested.memories.rule import AbstractRule


class Read(enum.Enum):
    """Whether the query of a token meets the state before or after the write of the token.

    Attributes:
        BEFORE: y_t = M_(t-1)(q_t): the pair of the token itself is not known yet.
        AFTER: y_t = M_t(q_t).
    """

    BEFORE = enum.auto()
    AFTER = enum.auto()


class KeyLength(enum.Enum):
    """What is done to the length of keys and queries.

    Attributes:
        UNIT: it is made 1, so that rates from 0 to 1 are stable; zero stays zero.
        AS_GIVEN: nothing.
    """

    UNIT = enum.auto()
    AS_GIVEN = enum.auto()


class InnerLosses(eqx.Module):
    """The loss of a memory on the pair of every token.

    Attributes:
        before: what the write finds, shape (tokens,).
        after: what it leaves, shape (tokens,).
    """

    before: Float[Array, " t"]
    after: Float[Array, " t"]


class AssociativeMemory(eqx.Module):
    """Writes a pair per token, and answers a query per token.

    One call is one sequence of one sample, and the state is its own: map over samples with `jax.vmap`, and nothing
    passes between them. A sequence may be cut anywhere: the next call goes on from the state of the last.

        memory = AssociativeMemory(GatedDelta())
        state = memory.rule.initial_state(key_size, value_size)
        state, answers = memory(state, Writes(keys, values, rates, retentions), queries)

    Attributes:
        rule: how a pair is written.
        form: how the sequence is computed; the fastest that was measured if None, see `default_form`.
        read: whether queries are answered before or after the write of their token.
        key_length: whether keys and queries are normalised.
    """

    rule: AbstractRule
    form: AbstractForm | None = None
    read: Read = eqx.field(static=True, default=Read.AFTER)
    key_length: KeyLength = eqx.field(static=True, default=KeyLength.UNIT)

    def __call__(
        self, state: PyTree, writes: Writes, queries: Float[Array, "t d"]
    ) -> tuple[PyTree, Float[Array, "t e"]]:
        """Write a sequence and answer its queries.

        Args:
            state: that the first write finds.
            writes: what is written.
            queries: one per token, shape (tokens, d).

        Returns:
            The state that the last write leaves, and the answers, shape (tokens, e).

        Raises:
            ValueError: if shapes or dtypes do not fit.
        """
        state, answers = self._run(state, writes, queries, ())
        return state, (answers.before + answers.after)[0]

    def with_inner_losses(
        self, state: PyTree, writes: Writes, queries: Float[Array, "t d"]
    ) -> tuple[PyTree, Float[Array, "t e"], InnerLosses]:
        """The same, and how well the memory knew every pair before and after it was written.

        Args:
            state: that the first write finds.
            writes: what is written.
            queries: one per token, shape (tokens, d).

        Returns:
            The state that the last write leaves, the answers, and the losses.

        Raises:
            ValueError: if shapes or dtypes do not fit.
        """
        state, answers = self._run(state, writes, queries, (self._at_length(writes.keys),))
        losses = [jax.vmap(self.rule.loss)(side[0], writes.values) for side in (answers.before, answers.after)]
        asked = answers.before if self.read is Read.BEFORE else answers.after
        return state, asked[1], InnerLosses(*losses)

    def _run(self, state: PyTree, writes: Writes, queries: Array, both: tuple[Array, ...]) -> tuple[PyTree, Reads]:
        """Ask `queries` at the time of reading, after what is asked at `both`."""
        _check(state, writes, queries)
        asked = (self._at_length(queries),)
        is_before = self.read is Read.BEFORE
        reads = Reads(both + asked, both) if is_before else Reads(both, both + asked)
        writes = eqx.tree_at(lambda writes: writes.keys, writes, self._at_length(writes.keys))
        length, width = writes.keys.shape[0], max(writes.keys.shape[1], writes.values.shape[1])
        form = default_form(self.rule, length, width) if self.form is None else self.form
        return form.run(self.rule, state, writes, reads)

    def _at_length(self, rows: Float[Array, "t d"]) -> Float[Array, "t d"]:
        return unit(rows) if self.key_length is KeyLength.UNIT else rows


def unit(rows: Float[Array, "t d"]) -> Float[Array, "t d"]:
    """Every row over its length; zero stays zero, and has a derivative."""
    squares = jnp.sum(rows**2, axis=1, keepdims=True)
    return rows / jnp.sqrt(jnp.where(squares > 0, squares, jnp.ones_like(squares)))


def _check(state: PyTree, writes: Writes, queries: Array) -> None:
    keys, values, rates = writes.keys.shape, writes.values.shape, writes.rates.shape
    retentions = {leaf.shape for leaf in jax.tree.leaves(writes.retentions)}
    fits = len(keys) == len(values) == 2 and queries.shape == keys and keys[0] == values[0]
    if not (fits and {rates} | retentions == {keys[:1]}):
        raise ValueError(
            f"keys {keys}, values {values}, rates {rates}, retentions {sorted(retentions)} and queries "
            f"{queries.shape} do not fit; give (tokens, d), (tokens, e), (tokens,), (tokens,) and (tokens, d), and map "
            f"over samples with jax.vmap."
        )
    dtypes = {str(leaf.dtype) for leaf in jax.tree.leaves((state, writes, queries))}
    if len(dtypes) > 1:
        raise ValueError(f"state, writes and queries have dtypes {', '.join(sorted(dtypes))}; give all the same.")
