"""Regression in context with a teacher that changes from block to block: the stream of gated networks as a sequence.

    y_t = W^{m(t)} x_t,   x_t ~ N(0, I),        position t reads (x_t, x_{t-1}, y_{t-1}) and answers y_t

so that the pairs seen so far are the only hint at which teacher is in force; at the first position after a switch there
is none. Blocks last for a fixed number of positions; the first one is cut by a random number of them, so that the time
of a switch cannot be read off the position, and every block has another teacher than the one before.
"""

import abc
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ntadyn.tasks.curricula import random_order_without_repeats
from ntadyn.tasks.sequence_data.sequence_task import (
    AbstractSequenceTask,
    HeldOut,
    Measure,
    Reals,
    Sequences,
    Symbols,
    check_sizes,
)
from ntadyn.tasks.task_set import TaskSet

_SEED_OF_HELD_OUT = 20_240_612


class AbstractTeacherSource(eqx.Module):
    """Where the teachers of a sequence come from."""

    @abc.abstractmethod
    def teachers(self, key: PRNGKeyArray) -> Float[Array, "m o i"]:
        """Those of one sequence; may be traced.

        Args:
            key: of the sequence.
        """


class SameTeachers(AbstractTeacherSource):
    """The same teachers in every sequence: slow weights can learn them, the context has to tell which is in force.

    Attributes:
        tasks: the teachers.
    """

    tasks: TaskSet

    def teachers(self, key: PRNGKeyArray) -> Float[Array, "m o i"]:
        """See `AbstractTeacherSource`."""
        del key
        return jnp.asarray(self.tasks.teachers)


class FreshTeachers(AbstractTeacherSource):
    """Others in every sequence, of entries N(0, 1/i): whatever is known of them has to be learned within the sequence.

    Attributes:
        shape: of the stack of teachers (tasks, outputs, inputs).
    """

    shape: tuple[int, int, int] = eqx.field(static=True)

    def teachers(self, key: PRNGKeyArray) -> Float[Array, "m o i"]:
        """See `AbstractTeacherSource`."""
        return jax.random.normal(key, self.shape) / np.sqrt(self.shape[-1]).item()


class SwitchingSequences(Sequences):
    """Sequences of `SwitchingRegression`.

    Attributes:
        since_switch: positions since the last switch; of the first block, which follows none, -1 `(b, t)`.
        in_force: which teacher is `(b, t)`.
    """

    since_switch: Int[Array, "*b t"]
    in_force: Int[Array, "*b t"]


class SwitchingRegression(AbstractSequenceTask):
    """The task of the module.

    Attributes:
        reads: (x_t, x_{t-1}, y_{t-1}), so 2 i + o numbers.
        answers: o numbers.
        length: positions per sequence.
        source: of the teachers.
        shape: of the stack of teachers (m, o, i).
        block: positions per block.
        num_held_out: sequences for tests, and as many others for choices.
    """

    reads: Symbols | Reals = eqx.field(static=True)
    answers: Symbols | Reals = eqx.field(static=True)
    length: int = eqx.field(static=True)
    source: AbstractTeacherSource
    shape: tuple[int, int, int] = eqx.field(static=True)
    block: int = eqx.field(static=True)
    num_held_out: int = eqx.field(static=True)

    @classmethod
    def make(
        cls,
        source: AbstractTeacherSource,
        length: int,
        block: int,
        num_held_out: int = 256,
    ) -> "SwitchingRegression":
        """The task with the given teachers.

        Args:
            source: of the teachers, at least two.
            length: positions per sequence, at least two blocks.
            block: positions per block.
            num_held_out: see `SwitchingRegression`.

        Raises:
            ValueError: for sizes that do not fit.
        """
        m, o, i = eqx.filter_eval_shape(source.teachers, jax.random.key(0)).shape
        check_switching(m, length, block, num_held_out)
        return cls(
            reads=Reals(2 * i + o),
            answers=Reals(o),
            length=length,
            source=source,
            shape=(m, o, i),
            block=block,
            num_held_out=num_held_out,
        )

    def draw(self, key: PRNGKeyArray, number: int, step: Int[Array, ""]) -> SwitchingSequences:
        """See `AbstractSequenceTask`."""
        del step
        return jax.vmap(self._one)(jax.random.split(key, number))

    def held_out(self, which: HeldOut) -> Mapping[str, Sequences]:
        """See `AbstractSequenceTask`."""
        key = jax.random.fold_in(jax.random.key(_SEED_OF_HELD_OUT), which.value)
        return {"regression": self.draw(key, self.num_held_out, jnp.asarray(0))}

    def measures(self, scores: Mapping[str, np.ndarray], examples: Sequences) -> dict[str, Measure]:
        """See `AbstractSequenceTask`; besides, the mean loss so many positions after a switch, and its standard error.

        The error is that of the mean over sequences, which are independent of each other.
        """
        assert isinstance(examples, SwitchingSequences)
        since, loss = np.asarray(examples.since_switch), scores["loss"]
        curve, error = np.full(self.block, np.nan), np.full(self.block, np.nan)
        for index in range(self.block):
            here = since == index
            rows = here.any(axis=1)
            own = np.sum(np.where(here, loss, 0), axis=1)[rows] / here.sum(axis=1)[rows]
            if len(own) > 1:
                curve[index], error[index] = own.mean(), own.std(ddof=1) / np.sqrt(len(own))
        axes = ("since_switch",)
        return super().measures(scores, examples) | {"adaptation": (axes, curve), "adaptation_error": (axes, error)}

    def _one(self, key: PRNGKeyArray) -> SwitchingSequences:
        of_teachers, of_order, of_phase, of_inputs = jax.random.split(key, 4)
        m, o, i = self.shape
        num_blocks = -(-self.length // self.block) + 1
        order = random_order_without_repeats(of_order, m, num_blocks, float(self.block))
        clock = jnp.arange(self.length) + jax.random.randint(of_phase, (), 0, self.block)
        index, since = clock // self.block, clock % self.block
        mixture = jax.vmap(lambda block: order.task(block, 0.0))(index)
        x = jax.random.normal(of_inputs, (self.length, i))
        y = jnp.einsum("tm,moi,ti->to", mixture, self.source.teachers(of_teachers), x)
        past = jnp.concatenate([x, y], axis=1)[:-1]
        before = jnp.concatenate([jnp.zeros((1, i + o)), past])
        return SwitchingSequences(
            inputs=jnp.concatenate([x, before], axis=1),
            targets=y,
            weights=jnp.ones(self.length),
            since_switch=jnp.where(index == index[0], -1, since),
            in_force=jnp.argmax(mixture, axis=1),
        )


def check_switching(num_teachers: int, length: int, block: int, num_held_out: int) -> None:
    """Refuse sizes that do not fit together, see `SwitchingRegression.make`.

    Raises:
        ValueError: for such sizes.
    """
    check_sizes("regression", teachers=num_teachers, length=length, block=block, held_out=num_held_out)
    if num_teachers < 2 or length < 2 * block:
        raise ValueError(
            f"regression with {num_teachers} teachers and sequences of {length} positions in blocks of {block}: there "
            f"would be nothing to switch to, or no whole block after a switch. Give two teachers or more, and "
            f"sequences of two blocks or more."
        )
