"""Associative recall: pairs of keys and values, then keys alone, each to be answered by its value.

    k3 v1 k7 v5 k3 v2 0 0 k7 0 k3 0        answers at the two questions: v5 and v2, the last value of the key

Symbol 0 fills, the lower half of the others are keys, the upper half values.

Source: Arora et al. 2023 (arXiv 2312.04927), multi-query associative recall; questions are placed evenly here, where
they prefer small gaps. Keys that are bound anew are ours.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ntadyn.tasks.sequence_data.sequence_task import (
    AbstractSequenceTask,
    HeldOut,
    Reals,
    Sequences,
    Symbols,
    check_sizes,
)

_SEED_OF_HELD_OUT = 20_240_611  # seeds of training are small numbers


class AssociativeRecall(AbstractSequenceTask):
    """Every key that was shown is asked for once, at a random place after all pairs.

    Attributes:
        reads: the symbols.
        answers: likewise.
        length: positions per sequence.
        pairs: how many are shown.
        rebound: how many of them bind a key anew that has a value already; the last one counts.
        num_held_out: sequences for tests, and as many others for choices.
    """

    reads: Symbols | Reals = eqx.field(static=True)
    answers: Symbols | Reals = eqx.field(static=True)
    length: int = eqx.field(static=True)
    pairs: int = eqx.field(static=True)
    rebound: int = eqx.field(static=True)
    num_held_out: int = eqx.field(static=True)

    @classmethod
    def make(
        cls, symbols: int = 64, length: int = 64, pairs: int = 4, rebound: int = 0, num_held_out: int = 512
    ) -> "AssociativeRecall":
        """The task of the given size.

        Args:
            symbols: an even number: the filler, one key less than values, and values.
            length: positions per sequence.
            pairs: see `AssociativeRecall`.
            rebound: likewise.
            num_held_out: likewise.

        Raises:
            ValueError: for numbers that do not fit together.
        """
        check_recall(symbols, length, pairs, rebound, num_held_out)
        return cls(
            reads=Symbols(symbols),
            answers=Symbols(symbols),
            length=length,
            pairs=pairs,
            rebound=rebound,
            num_held_out=num_held_out,
        )

    def draw(self, key: PRNGKeyArray, number: int, step: Int[Array, ""]) -> Sequences:
        """See `AbstractSequenceTask`."""
        del step
        return jax.vmap(self._one)(jax.random.split(key, number))

    def held_out(self, which: HeldOut) -> Mapping[str, Sequences]:
        """See `AbstractSequenceTask`."""
        key = jax.random.fold_in(jax.random.key(_SEED_OF_HELD_OUT), which.value)
        return {"recall": self.draw(key, self.num_held_out, jnp.asarray(0))}

    def _one(self, key: PRNGKeyArray) -> Sequences:
        half = self.reads[0] // 2
        of_keys, of_values, of_order, of_places = jax.random.split(key, 4)
        num_keys = self.pairs - self.rebound
        keys = 1 + jax.random.permutation(of_keys, half - 1)[:num_keys]
        values = half + jax.random.permutation(of_values, half)[: self.pairs]
        # Keys are in random order, so the first of them are as good as any to be bound a second time.
        bound = jnp.concatenate([keys, keys[: self.rebound]])
        order = jax.random.permutation(of_order, self.pairs)
        shown = jnp.stack([bound[order], values[order]], axis=1).reshape(-1)
        place = jnp.argsort(order)
        again = place[num_keys:] > place[: self.rebound]
        last = jnp.where(again, values[num_keys:], values[: self.rebound])
        answers = jnp.concatenate([last, values[self.rebound : num_keys]])
        # Which question stands at every place after the pairs; those beyond the last question are empty.
        rest = self.length - 2 * self.pairs
        question = jax.random.permutation(of_places, rest)
        asked = question < num_keys
        which = jnp.minimum(question, num_keys - 1)
        before = jnp.zeros(2 * self.pairs, shown.dtype)
        weights: Float[Array, " t"] = jnp.concatenate([before.astype(bool), asked]).astype(float)
        return Sequences(
            inputs=jnp.concatenate([shown, jnp.where(asked, keys[which], 0)]),
            targets=jnp.concatenate([before, jnp.where(asked, answers[which], 0)]),
            weights=weights,
        )


def check_recall(symbols: int, length: int, pairs: int, rebound: int, num_held_out: int) -> None:
    """Refuse numbers that do not fit together, see `AssociativeRecall.make`.

    Raises:
        ValueError: for such numbers.
    """
    check_sizes("associative recall", symbols=symbols, length=length, pairs=pairs, num_held_out=num_held_out)
    if symbols % 2 or symbols < 4:
        raise ValueError(f"associative recall with {symbols} symbols; give an even number, 4 or more.")
    num_keys, most = pairs - rebound, symbols // 2
    if not (0 <= rebound <= pairs // 2 and num_keys < most and pairs <= most):
        raise ValueError(
            f"associative recall with {pairs} pairs, of which {rebound} bind a key anew, among {symbols} symbols: "
            f"every pair has a value of its own, and a key is bound at most twice. There are {most - 1} keys and "
            f"{most} values; give fewer pairs or more symbols, and at most half of the pairs anew."
        )
    if (needed := 2 * pairs + num_keys) > length:
        raise ValueError(
            f"associative recall: {pairs} pairs and {num_keys} questions need {needed} positions, and there are "
            f"{length}; make the sequences longer or the pairs fewer."
        )
