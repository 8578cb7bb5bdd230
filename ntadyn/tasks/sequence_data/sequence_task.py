"""What tasks on sequences share: batches from keys, examples that are held out, and how answers are scored."""

import abc
import enum
from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray


class Symbols(NamedTuple):
    """One of so many symbols at every position, as a whole number.

    Attributes:
        number: how many there are.
    """

    number: int


class Reals(NamedTuple):
    """A vector at every position.

    Attributes:
        size: its entries.
    """

    size: int


class HeldOut(enum.Enum):
    """Examples that are never practised: those by which something is chosen, and those that are reported."""

    VALIDATION = 1
    TEST = 2


class Sequences(eqx.Module):
    """Sequences, and what should be answered at every position.

    Attributes:
        inputs: whole numbers `(b, t)` or vectors `(b, t, i)`; of one sequence without the first axis.
        targets: likewise, `(b, t)` or `(b, t, o)`.
        weights: how much every position counts, 0 where nothing is asked `(b, t)`.
    """

    inputs: Int[Array, "*b t"] | Float[Array, "*b t i"]
    targets: Int[Array, "*b t"] | Float[Array, "*b t o"]
    weights: Float[Array, "*b t"]


Measure = tuple[tuple[str, ...], np.ndarray]
"""Names of its axes, and values, as xarray has it."""


class AbstractSequenceTask(eqx.Module):
    """Sequences to learn from, at every position of which an answer may be asked.

    Attributes:
        reads: what the inputs are.
        answers: what the targets are; symbols are answered by one number for each, whose softmax is its probability.
        length: positions per sequence.
    """

    reads: eqx.AbstractVar[Symbols | Reals]
    answers: eqx.AbstractVar[Symbols | Reals]
    length: eqx.AbstractVar[int]

    @abc.abstractmethod
    def draw(self, key: PRNGKeyArray, number: int, step: Int[Array, ""]) -> Sequences:
        """Sequences to practise; may be traced.

        Args:
            key: of the random numbers.
            number: of sequences.
            step: of training, which matters where practice comes in blocks.
        """

    @abc.abstractmethod
    def held_out(self, which: HeldOut) -> Mapping[str, Sequences]:
        """Examples that are not practised, by the name of the part of the task that they belong to.

        Args:
            which: those by which something is chosen, or those that are reported.
        """

    def scores(self, answers: Float[Array, "t o"], targets: Array) -> dict[str, Float[Array, " t"]]:
        """How good answers are, at every position; `loss` is what is trained.

        Of symbols -log softmax(answers)[target] in nats, and 1 where the target has the largest answer; of vectors
        |answer - target|^2 / 2.

        Args:
            answers: of one sequence, shape (positions, numbers).
            targets: of that sequence.
        """
        if isinstance(self.answers, Reals):
            return {"loss": 0.5 * jnp.sum((answers - targets) ** 2, axis=-1)}
        # Not looked up: the gradient of a look-up is a scatter, which XLA does not compile well within loops.
        chosen = jax.nn.one_hot(targets, self.answers.number, dtype=answers.dtype)
        loss = jax.nn.logsumexp(answers, axis=-1) - jnp.sum(chosen * answers, axis=-1)
        right = jnp.argmax(answers, axis=-1).astype(targets.dtype) == targets
        return {"loss": loss, "accuracy": right.astype(answers.dtype)}

    def measures(self, scores: Mapping[str, np.ndarray], examples: Sequences) -> dict[str, Measure]:
        """What is reported of some examples: here the mean of every score over all that is asked.

        Args:
            scores: of all examples, shape (sequences, positions) each.
            examples: which they are.
        """
        weights = np.asarray(examples.weights, float)
        return {name: ((), np.asarray(np.sum(weights * values) / np.sum(weights))) for name, values in scores.items()}

    @property
    def steps_per_turn(self) -> int | None:
        """Steps on one part before the next one of `held_out` has its turn; None where there are no turns."""
        return None


def check_sizes(task: str, **sizes: Any) -> None:
    """Refuse sizes below 1.

    Args:
        task: whose sizes they are.
        sizes: by name.

    Raises:
        ValueError: for such a size.
    """
    if wrong := {name: size for name, size in sizes.items() if not size >= 1}:
        given = ", ".join(f"{name} = {size}" for name, size in wrong.items())
        raise ValueError(f"{task} with {given}; give at least 1.")
