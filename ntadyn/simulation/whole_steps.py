"""Steps that are part of a rule: never divided, and not shortened to hit a record."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.interface.update import AbstractUpdate
from ntadyn.simulation.defaults import step_of
from ntadyn.simulation.method import SLACK_OF_OTHERS, AbstractMethod, Interval, check_flows
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid, lay_out_whole_steps
from ntadyn.tasks.curriculum import AbstractCurriculum


class AbstractWholeSteps(AbstractMethod):
    """The fewest equal steps of at most `max_step` in every block; records wait for the end of a step.

    Attributes:
        max_step: upper bound on the step, for example a learning rate; None takes the system's default step.
    """

    max_step: float | None = eqx.field(static=True, default=None)
    follows_a_flow: ClassVar[bool] = False

    def lay_out(
        self,
        system: AbstractSystem,
        state: PyTree,
        curriculum: AbstractCurriculum,
        records_per_block: int,
        times: Sequence[float] | np.ndarray,
    ) -> TimeGrid:
        """See `AbstractMethod.lay_out`."""
        step = step_of(system, state, curriculum) if self.max_step is None else self.max_step
        return lay_out_whole_steps(curriculum, step, records_per_block, times)

    def laid_out(self) -> "AbstractWholeSteps":
        """The method without its step."""
        return type(self)()

    def begin(self, system: AbstractSystem, state: PyTree, task: Task) -> None:
        """None: nothing of the start is needed."""
        del system, state, task

    def _repeat(
        self,
        step: Callable[[PyTree, Float[Array, ""], Float[Array, ""]], PyTree],
        state: PyTree,
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """The state after `step(state, t, h)` for all steps of an interval."""
        place = interval.place
        h = place.length / jnp.maximum(place.num_steps, 1).astype(place.length.dtype)
        number = jnp.where(interval.goes_on, place.num_steps, 0)

        def one(k, state):
            return step(state, place.start + jnp.asarray(k, h.dtype) * h, h)

        return lax.fori_loop(jnp.zeros_like(number), number, one, state), RESULTS.successful

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        del dtype
        return SLACK_OF_OTHERS

    def refined(self, dtype: DTypeLike) -> "AbstractWholeSteps":
        """There is none.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "estimate_error halves the steps, which here are learning rates, and an online system then draws other "
            "batches: the difference is not an error. Compare with the population flow instead."
        )


class Updates(AbstractWholeSteps):
    """x <- system.update(x, task, h): the steps that an `AbstractUpdate` makes by itself.

    Source: published code of arXiv 2411.03840 (explicit Euler with a fresh batch at every step).
    """

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `AbstractMethod.check`; the system must make steps of its own."""
        del state
        if not isinstance(system, AbstractUpdate):
            raise ValueError(
                f"{type(system).__name__} is a flow without steps of its own. Leave `method` out, or pass "
                f"GradientDescent(max_step=...) for whole explicit steps along its field."
            )

    def advance(
        self,
        system: AbstractUpdate,
        curriculum: AbstractCurriculum,
        state: PyTree,
        memory: None,
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`."""
        del memory
        block = interval.place.block
        return self._repeat(lambda x, t, h: system.update(x, curriculum.task(block, t), h), state, interval)


class GradientDescent(AbstractWholeSteps):
    """x <- x + h f(x): whole explicit steps along a vector field, as an algorithm of its own and not an approximation.

    For a gradient flow, the learning rates are h / tau; the energy may rise.

    Source: published code of arXiv 2411.03840.
    """

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `AbstractMethod.check`; the system must flow."""
        del state
        check_flows(self, system, self)

    def advance(
        self,
        system: AbstractFlow,
        curriculum: AbstractCurriculum,
        state: PyTree,
        memory: None,
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`."""
        del memory

        def step(state: PyTree, t: Float[Array, ""], h: Float[Array, ""]) -> PyTree:
            flowing = system.flowing(state)
            moving, carried = eqx.partition(state, flowing)
            field = eqx.filter(system.vector_field(t, state, curriculum.task(interval.place.block, t)), flowing)
            return eqx.combine(jax.tree.map(lambda x, rate: x + h * rate, moving, field), carried)

        return self._repeat(step, state, interval)
