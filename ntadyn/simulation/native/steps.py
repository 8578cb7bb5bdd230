"""The method that takes batches through whole runs in a kernel of our own."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.dynamics.order_parameters import OrderParameters, OrderParameterState
from ntadyn.interface.system import AbstractSystem
from ntadyn.simulation import lanes
from ntadyn.simulation.lane_steps import LaneSteps, resolved_results
from ntadyn.simulation.method import AbstractMethod, Interval
from ntadyn.simulation.native import kernel, source
from ntadyn.simulation.native.lines import Shape
from ntadyn.simulation.native.scheme import Improved, Scheme
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum


def native_can_run(system: Any, state: Any) -> bool:
    """Whether a system is one that kernels are written for, and Numba is there to compile them.

    These are the systems that run on lanes, for white inputs and without batch noise.

    Args:
        system: any system; only shapes and types matter.
        state: a state of it, likewise.
    """
    return kernel.backend() is not None and jax.default_backend() == "cpu" and kernels_can_run(system, state)


def kernels_can_run(system: Any, state: Any) -> bool:
    """Whether a system is one that kernels are written for, on a CPU or on a GPU.

    Args: see `native_can_run`.
    """
    return lanes.lanes_can_run(system, state) and system.spectrum is None and system.batch_noise is None


class NativeSteps(AbstractMethod):
    """t_k = start + length (k/n)^q: the improved splitting step of `native.scheme`, in a kernel compiled by Numba.

    A kernel takes a batch through all intervals before anything is recorded; what is recorded of its states, and which
    laws are checked, is as with any other method. Tasks that vary within a block are for `LaneSteps`.

    Attributes:
        refinement: factor on the number of steps of every interval of the time grid.
        scheme: the equations of a step.
        sizes: numbers of paths and teachers, once the method is `fitted`.
        barred: whether every run is made once more in half as many steps, which gives the gates an error bar: of a
            scheme of second order, a third of the difference.
    """

    refinement: int = eqx.field(static=True, default=1)
    scheme: Scheme = eqx.field(static=True, default=Improved())
    sizes: tuple[int, int] | None = eqx.field(static=True, default=None)
    barred: bool = eqx.field(static=True, default=False)
    steps_batches: ClassVar[bool] = True

    def __check_init__(self):
        if self.refinement < 1:
            raise ValueError(f"refinement is {self.refinement}; it must be 1 or more.")

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `AbstractMethod.check`; kernels run some of what lanes run, see `native_can_run`."""
        if kernel.backend() is None:
            raise ValueError('kernels need Numba, which is not installed. Run `pip install "ntadyn[fast]"`.')
        if not native_can_run(system, state):
            raise ValueError(
                f"kernels run what runs on lanes, on a CPU, for white inputs and without batch noise, but not this "
                f"{type(system).__name__}. Pass LaneSteps() or FixedSteps()."
            )

    def lay_out(
        self,
        system: AbstractSystem,
        state: PyTree,
        curriculum: AbstractCurriculum,
        records_per_block: int,
        times: Sequence[float] | np.ndarray,
    ) -> TimeGrid:
        """See `AbstractMethod.lay_out`."""
        return LaneSteps().lay_out(system, state, curriculum, records_per_block, times)

    def laid_out(self) -> "NativeSteps":
        """The method itself: it holds no step."""
        return self

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        return LaneSteps().slack(dtype)

    def refined(self, dtype: DTypeLike) -> "NativeSteps":
        """The method with twice as many steps, without bars."""
        del dtype
        return dataclasses.replace(self, refinement=2 * self.refinement, barred=False)

    def fitted(self, system: OrderParameters, state: OrderParameterState) -> "NativeSteps":
        """See `AbstractMethod.fitted`; neither may be on lanes."""
        return dataclasses.replace(self, sizes=(state.gates.size, system.num_tasks))

    def backend(self) -> str:
        """See `AbstractMethod.backend`; kernels of other versions may differ in the last bits."""
        return f"{kernel.backend()}, {self.scheme.name}"

    def ready(self, dtype: DTypeLike) -> None:
        """See `AbstractMethod.ready`: its kernel."""
        assert self.sizes is not None
        kernel.target(Shape(*self.sizes, str(jnp.dtype(dtype)), self.scheme))

    def begin(self, system: OrderParameters, state: PyTree, task: Any) -> Float[Array, " lane"]:
        """The rates for which steps are chosen, as those of `LaneSteps`."""
        return LaneSteps().begin(system, state, task)

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
        ends = states_at_ends(self.run, self.scheme, system, curriculum, state, grid, number)
        if not self.barred:
            return _Known(rates, ends)
        coarse = (number + 1) // 2
        # Twice as long, except for the last step of an odd number.
        ratio = jnp.sum(number).astype(ends.dtype) / jnp.maximum(jnp.sum(coarse), 1).astype(ends.dtype)
        moved = ends - states_at_ends(self.run, self.scheme, system, curriculum, state, grid, coarse)
        share = jnp.where(ratio > 1, 1 / (ratio**2 - 1), jnp.inf)
        return _Known(rates, ends, share * jnp.abs(moved[:, : state.gates.shape[0]]))

    def run(self, shape: Shape, *arrays: Array) -> Float[Array, "interval number lane"]:
        """The states at the ends of all intervals, from the arrays of `run_kernel`."""
        return run_kernel(shape, *arrays)

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


class _Known(NamedTuple):
    """What is known before anything is recorded: rates, states at the ends of intervals, error bars of their gates."""

    rates: Float[Array, " lane"]
    ends: Float[Array, "interval number lane"]
    bars: Float[Array, "interval path lane"] | None = None


def states_at_ends(
    run: Callable[..., Array],
    scheme: Scheme,
    system: OrderParameters,
    curriculum: AbstractCurriculum,
    state: OrderParameterState,
    grid: TimeGrid,
    num_steps: Int[Array, " interval"],
) -> Float[Array, "interval number lane"]:
    """The states of a batch at the ends of all intervals, component by component; undefined in the padding of a grid.

    Args:
        run: a function like `run_kernel`.
        scheme: the equations of a step.
        system: a batch of systems, trajectories along the last axis.
        curriculum: which task is in force when.
        state: their initial states, likewise.
        grid: the intervals.
        num_steps: the number of steps in each.
    """
    problem, on_lanes = lanes.to_lanes(system, state)
    start = jnp.stack(jax.tree.leaves(on_lanes))
    teachers = len(problem.teachers)
    shape = Shape(len(on_lanes.gates), teachers, str(start.dtype), scheme)
    given = [problem.rate_of_gates, problem.rate_of_weights, problem.hinge, problem.unit_norm, problem.shrinkage]
    data = jnp.stack([*given, *jax.tree.leaves(problem.teachers)])
    task = jax.vmap(curriculum.task)(grid.block, grid.start).reshape(grid.start.size, teachers, -1)
    return run(shape, data, start, grid.length, num_steps, grid.num_real(), task)


def run_kernel(
    shape: Shape,
    problem: Float[Array, "datum lane"],
    state: Float[Array, "number lane"],
    length: Float[Array, " interval"],
    num_steps: Int[Array, " interval"],
    num_intervals: Int[Array, ""],
    task: Float[Array, "interval teacher width"],
) -> Float[Array, "interval number lane"]:
    """The states at the ends of intervals, from plain arrays.

    Args:
        shape: which kernel.
        problem: the rows of `Shape.problem`.
        state: the rows of `Shape.state`, at the start.
        length: lengths of intervals.
        num_steps: the number of steps in each; none where it has no length.
        num_intervals: how many intervals to run; what follows is undefined.
        task: weights of the teachers in each, one for all lanes (width 1) or one per lane.
    """
    ends = jax.ShapeDtypeStruct((length.size, *state.shape), state.dtype)
    scratch = jax.ShapeDtypeStruct((source.scratch_size(shape),), state.dtype)
    call = jax.ffi.ffi_call(kernel.target(shape), (ends, scratch))
    return call(problem, state, length, num_steps.astype(jnp.int64), num_intervals[None].astype(jnp.int64), task)[0]


def _unflattened(numbers: list[Array], paths: int, teachers: int) -> lanes.LaneState:
    """A state from its components, in the order in which JAX takes them apart."""
    left = iter(numbers)
    gates = [next(left) for _ in range(paths)]
    students = [[next(left) for _ in range(p + 1)] for p in range(paths)]
    return lanes.LaneState(gates, students, [[next(left) for _ in range(teachers)] for _ in range(paths)])
