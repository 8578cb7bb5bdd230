"""What all methods of taking a system from one record to the next have in common."""

import abc
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, PyTree

from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.overriding import ignored_by
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum

# Steps that solve the parts of a state in turn keep the laws of the flow up to rounding, all others up to their errors:
# with kinks, an explicit step of the default length raises the energy by some 1e-3 of its largest value.
SLACK_OF_EXACT_STEPS, SLACK_OF_OTHERS = 1e-6, 1e-2


def slack_of_exact_steps(dtype: DTypeLike) -> float:
    """How far steps that keep the laws of the flow may break them by rounding, relative to the scale of the energy."""
    return max(SLACK_OF_EXACT_STEPS, float(jnp.finfo(dtype).eps) ** 0.5)


def over_lanes(function: Callable[..., Any], in_axes: int | tuple[int | None, ...] = -1) -> Callable[..., Any]:
    """A function of one trajectory for a batch of them, along the last axis of every array that it takes or returns.

    Args:
        function: of one trajectory.
        in_axes: where an argument is the same for all trajectories, a tuple with None in its place.
    """
    return jax.vmap(function, in_axes=in_axes, out_axes=-1)


class Interval(eqx.Module):
    """One interval of a time grid, and the status of the run at its start.

    Attributes:
        place: start, end, length, block and number of steps, all scalars.
        begins_block: whether it is the first interval of a block.
        goes_on: False if an earlier interval was given up: to go on from there would take long and mean nothing.
        number: which interval of the grid it is.
    """

    place: TimeGrid
    begins_block: Bool[Array, ""]
    goes_on: Bool[Array, "..."]
    number: Int[Array, ""]


class AbstractMethod(eqx.Module):
    """How to take a system from one record to the next.

    Attributes:
        follows_a_flow: whether the laws of the system's flow hold along the run, up to `slack`.
        steps_batches: whether `advance` takes a batch of trajectories in place of one; all arrays of systems and states
            then have a last axis over these, see `over_lanes`.
        starts_together: whether batches on different time grids are best started at once, under `jax.vmap`: methods
            whose `start` then takes all steps of all of them side by side.
    """

    follows_a_flow: ClassVar[bool] = True
    steps_batches: ClassVar[bool] = False
    starts_together: ClassVar[bool] = False

    @abc.abstractmethod
    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """Refuse a system that this method cannot step; only types and shapes matter.

        Raises:
            ValueError: if it is refused.
        """

    @abc.abstractmethod
    def lay_out(
        self,
        system: AbstractSystem,
        state: PyTree,
        curriculum: AbstractCurriculum,
        records_per_block: int,
        times: Sequence[float] | np.ndarray,
    ) -> TimeGrid:
        """The time grid of a run: every record, every switch, and steps in between that suit the system."""

    @abc.abstractmethod
    def laid_out(self) -> "AbstractMethod":
        """The method without what the time grid already holds, so that runs of other lengths share a program."""

    def fitted(self, system: AbstractSystem, state: PyTree) -> "AbstractMethod":
        """The method with all choices made that it leaves to the system; only types and shapes matter."""
        del system, state
        return self

    def backend(self) -> str:
        """What takes the steps, in words."""
        return f"XLA, {type(self).__name__}"

    def ready(self, dtype: DTypeLike) -> None:
        """Have at hand what programs of the fitted method call, compiled by others than XLA; most methods need nothing.

        Args:
            dtype: floating dtype of the systems.
        """
        del dtype

    @abc.abstractmethod
    def begin(self, system: AbstractSystem, state: PyTree, task: Task) -> PyTree:
        """What `advance` has to know about the start of the run, its `memory`."""

    def start(self, system: AbstractSystem, curriculum: AbstractCurriculum, state: PyTree, grid: TimeGrid) -> PyTree:
        """`begin` of a run, for methods that make more of it than that: some take all steps at once."""
        return self.begin(system, state, curriculum.task(grid.block[0], grid.start[0]))

    @abc.abstractmethod
    def advance(
        self,
        system: AbstractSystem,
        curriculum: AbstractCurriculum,
        state: PyTree,
        memory: PyTree,
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """The state at the end of one interval of a time grid, and its result code.

        Args:
            system: the system.
            curriculum: which task is in force when.
            state: the state at the start of the interval.
            memory: what `start` returned.
            interval: the interval, and the status of the run.
        """

    @abc.abstractmethod
    def slack(self, dtype: DTypeLike) -> float:
        """How far rounding, or the errors of a step, may break the laws of the flow, see `invariants`."""

    @abc.abstractmethod
    def refined(self, dtype: DTypeLike) -> "AbstractMethod":
        """A method of another accuracy, whose difference from this one shows the error of the less accurate of the two.

        Raises:
            ValueError: if there is no such method.
        """

    def errors(self, memory: PyTree, grid: TimeGrid) -> dict[str, Array] | None:
        """Estimated errors that a method knows without another run: name of an observable -> its errors.

        Args:
            memory: what `start` returned.
            grid: when to record.

        Returns:
            Arrays like those that are recorded of these observables, or None.
        """
        del memory, grid

    def resolves(self, system: AbstractSystem, state: PyTree, task: Task, grid: TimeGrid) -> Bool[Array, ""]:
        """Whether steps are short enough for the comparison with a refined run to mean anything."""
        del system, state, task, grid
        return jnp.asarray(True)


def check_flows(method: AbstractMethod, system: AbstractSystem, solver: Any = None) -> None:
    """Refuse a system that does not flow, or overrides methods that the solver does not use.

    Args:
        method: how to step.
        system: the system.
        solver: the solver, or whatever calls the system's methods; None if the system chooses it.

    Raises:
        ValueError: if it is refused.
    """
    kind = type(system)
    if not isinstance(system, AbstractFlow):
        raise ValueError(
            f"{kind.__name__} makes steps of its own, and {type(method).__name__} is for flows. Leave `method` out, "
            f"or pass Updates(max_step=...)."
        )
    moves_by = getattr(solver, "moves_by", ("vector_field",))
    if solver is not None and (ignored := ignored_by(kind, moves_by)):
        raise ValueError(
            f"{kind.__name__} overrides {', '.join(ignored)}, which {type(solver).__name__} does not use: it starts "
            f"from {', '.join(moves_by)}. Leave the solver out, or pass one that uses what is overridden."
        )


def longest_step(grid: TimeGrid) -> Float[Array, ""]:
    """The longest step of a time grid."""
    return jnp.max(grid.length / jnp.maximum(grid.num_steps, 1).astype(grid.length.dtype))
