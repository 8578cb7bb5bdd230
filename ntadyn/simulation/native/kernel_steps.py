"""What the methods have in common that take batches through whole runs in kernels of our own."""

import abc
import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.dynamics.order_parameters import OrderParameters, OrderParameterState
from ntadyn.interface.system import AbstractSystem
from ntadyn.simulation import lanes
from ntadyn.simulation.lane_method import AbstractLaneMethod, resolved_results
from ntadyn.simulation.method import Interval
from ntadyn.simulation.native.lines import Shape
from ntadyn.simulation.native.scheme import Improved, Scheme
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum


def kernels_can_run(system: Any, state: Any) -> bool:
    """Whether a system is one that kernels are written for, on a CPU or on a GPU.

    These are the systems that run on lanes, for white inputs and without batch noise.

    Args:
        system: any system; only shapes and types matter.
        state: a state of it, likewise.
    """
    return lanes.lanes_can_run(system, state) and system.spectrum is None and system.batch_noise is None


class AbstractKernelSteps(AbstractLaneMethod):
    """t_k = start + length (k/n)^q: the improved splitting step of `native.scheme`, in a kernel compiled by Numba.

    A kernel takes a batch through all intervals before anything is recorded; what is recorded of its states, and which
    laws are checked, is as with any other method. Tasks that vary within a block are for `LaneSteps`.

    Attributes:
        scheme: the equations of a step.
        sizes: numbers of paths and teachers, once the method is `fitted`.
        barred: whether every run is made once more in half as many steps, which gives the gates an error bar: of a
            scheme of second order, a third of the difference.
    """

    scheme: Scheme = eqx.field(static=True, default=Improved())
    sizes: tuple[int, int] | None = eqx.field(static=True, default=None)
    barred: bool = eqx.field(static=True, default=False)

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `AbstractMethod.check`; kernels run some of what lanes run, see `kernels_can_run`."""
        self.check_machine()
        if not kernels_can_run(system, state):
            raise ValueError(
                f"kernels run what runs on lanes, for white inputs and without batch noise, but not this "
                f"{type(system).__name__}. Pass LaneSteps() or FixedSteps()."
            )

    @abc.abstractmethod
    def check_machine(self) -> None:
        """Refuse to go on without what compiles kernels, and what runs them.

        Raises:
            ValueError: if it is not there.
        """

    @abc.abstractmethod
    def target(self, shape: Shape) -> str:
        """The name under which XLA finds the kernel of a shape."""

    @abc.abstractmethod
    def run(self, shape: Shape, *arrays: Array) -> Float[Array, "interval number lane"]:
        """The states at the ends of all intervals, from the arrays of `steps.run_kernel`."""

    def ready(self, dtype: DTypeLike) -> None:
        """See `AbstractMethod.ready`: its kernel, or that XLA finds it."""
        assert self.sizes is not None
        self.target(Shape(*self.sizes, str(jnp.dtype(dtype)), self.scheme))

    def refined(self, dtype: DTypeLike) -> "AbstractKernelSteps":
        """The method with twice as many steps, without bars."""
        del dtype
        return dataclasses.replace(self, refinement=2 * self.refinement, barred=False)

    def fitted(self, system: OrderParameters, state: OrderParameterState) -> "AbstractKernelSteps":
        """See `AbstractMethod.fitted`; neither may be on lanes."""
        return dataclasses.replace(self, sizes=(state.gates.size, system.num_tasks))

    def start(
        self, system: OrderParameters, curriculum: AbstractCurriculum, state: OrderParameterState, grid: TimeGrid
    ) -> "_Known":
        """The rates of `begin`, and the states at the ends of all intervals."""
        if curriculum.varies_within_blocks():
            raise ValueError(
                f"kernels take a task to be constant within its block, but those of this {type(curriculum).__name__} "
                f"vary. Pass LaneSteps()."
            )
        rates, number = super().start(system, curriculum, state, grid), self.refinement * grid.num_steps
        ends = self._states_at_ends(system, curriculum, state, grid, number)
        if not self.barred:
            return _Known(rates, ends)
        coarse = (number + 1) // 2
        # Twice as long, except for the last step of an odd number.
        ratio = jnp.sum(number).astype(ends.dtype) / jnp.maximum(jnp.sum(coarse), 1).astype(ends.dtype)
        moved = ends - self._states_at_ends(system, curriculum, state, grid, coarse)
        share = jnp.where(ratio > 1, 1 / (ratio**2 - 1), jnp.inf)
        return _Known(rates, ends, share * jnp.abs(moved[:, : state.gates.shape[0]]))

    def errors(self, memory: "_Known", grid: TimeGrid) -> dict[str, Array] | None:
        """See `AbstractMethod.errors`: those of gates, infinite where steps cannot be longer."""
        if memory.bars is None:
            return None
        place = jnp.minimum(jnp.arange(grid.block.size), grid.num_real() - 1)
        return {"gates": memory.bars[place]}

    def advance(
        self,
        system: OrderParameters,
        curriculum: AbstractCurriculum,
        state: OrderParameterState,
        memory: "_Known",
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`: the state at the end is known already."""
        ends = memory.ends
        paths, teachers = state.gates.shape[0], state.cross.shape[-2]
        moved = lanes.from_lanes(_unflattened(list(ends[interval.number]), paths, teachers))
        return moved, resolved_results(system, curriculum, moved, memory.rates, interval)

    def _states_at_ends(
        self,
        system: OrderParameters,
        curriculum: AbstractCurriculum,
        state: OrderParameterState,
        grid: TimeGrid,
        num_steps: Int[Array, " interval"],
    ) -> Float[Array, "interval number lane"]:
        """The states of a batch at the ends of all intervals, by components; undefined in the padding of a grid.

        Args:
            system: a batch of systems, trajectories along the last axis.
            curriculum: which task is in force when.
            state: their initial states, likewise.
            grid: the intervals.
            num_steps: the number of steps in each.
        """
        problem, on_lanes = lanes.to_lanes(system, state)
        start = jnp.stack(jax.tree.leaves(on_lanes))
        teachers = len(problem.teachers)
        shape = Shape(len(on_lanes.gates), teachers, str(start.dtype), self.scheme)
        given = [problem.rate_of_gates, problem.rate_of_weights, problem.hinge, problem.unit_norm, problem.shrinkage]
        data = jnp.stack([*given, *jax.tree.leaves(problem.teachers)])
        task = jax.vmap(curriculum.task)(grid.block, grid.start).reshape(grid.start.size, teachers, -1)
        return self.run(shape, data, start, grid.length, num_steps, grid.num_real(), task)


class _Known(NamedTuple):
    """What is known before anything is recorded: rates, states at the ends of intervals, error bars of their gates."""

    rates: Float[Array, " lane"]
    ends: Float[Array, "interval number lane"]
    bars: Float[Array, "interval path lane"] | None = None


def _unflattened(numbers: list[Array], paths: int, teachers: int) -> lanes.LaneState:
    """A state from its components, in the order in which JAX takes them apart."""
    left = iter(numbers)
    gates = [next(left) for _ in range(paths)]
    students = [[next(left) for _ in range(p + 1)] for p in range(paths)]
    return lanes.LaneState(gates, students, [[next(left) for _ in range(teachers)] for _ in range(paths)])
