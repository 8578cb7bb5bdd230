"""The method that takes batches through whole runs in a kernel of our own."""

from collections.abc import Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from ntadyn.dynamics.order_parameters import OrderParameters, OrderParameterState
from ntadyn.interface.system import AbstractSystem
from ntadyn.simulation import lanes
from ntadyn.simulation.lane_steps import LaneSteps, resolved_results
from ntadyn.simulation.method import AbstractMethod, Interval
from ntadyn.simulation.native import kernel
from ntadyn.simulation.native.scheme import Improved, Splitting
from ntadyn.simulation.native.source import Shape
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
    return (
        kernel.backend() is not None
        and jax.default_backend() == "cpu"
        and lanes.lanes_can_run(system, state)
        and system.spectrum is None
        and system.batch_noise is None
    )


class NativeSteps(AbstractMethod):
    """t_k = start + length (k/n)^q: the improved splitting step of `native.scheme`, in a kernel compiled by Numba.

    A kernel takes a batch through all intervals before anything is recorded; what is recorded of its states, and which
    laws are checked, is as with any other method. Tasks that vary within a block are for `LaneSteps`.

    Attributes:
        refinement: factor on the number of steps of every interval of the time grid.
        scheme: the equations of a step.
    """

    refinement: int = eqx.field(static=True, default=1)
    scheme: Splitting = eqx.field(static=True, default=Improved())
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
        """The method with twice as many steps."""
        del dtype
        return NativeSteps(2 * self.refinement, self.scheme)

    def begin(self, system: OrderParameters, state: PyTree, task: Any) -> Float[Array, " lane"]:
        """The rates for which steps are chosen, as those of `LaneSteps`."""
        return LaneSteps().begin(system, state, task)

    def start(
        self, system: OrderParameters, curriculum: AbstractCurriculum, state: OrderParameterState, grid: TimeGrid
    ) -> tuple[Float[Array, " lane"], Float[Array, "interval number lane"]]:
        """The rates of `begin`, and the states at the ends of all intervals."""
        if curriculum.varies_within_blocks():
            raise ValueError(
                f"kernels take a task to be constant within its block, but those of this {type(curriculum).__name__} "
                f"vary. Pass LaneSteps()."
            )
        return super().start(system, curriculum, state, grid), states_at_ends(self, system, curriculum, state, grid)

    def advance(
        self,
        system: OrderParameters,
        curriculum: AbstractCurriculum,
        state: OrderParameterState,
        memory: tuple[Float[Array, " lane"], Float[Array, "interval number lane"]],
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`: the state at the end is known already."""
        rates, ends = memory
        paths, teachers = state.gates.shape[0], state.cross.shape[-2]
        moved = lanes.from_lanes(_unflattened(list(ends[interval.number]), paths, teachers))
        return moved, resolved_results(system, curriculum, moved, rates, interval)


def states_at_ends(
    method: NativeSteps,
    system: OrderParameters,
    curriculum: AbstractCurriculum,
    state: OrderParameterState,
    grid: TimeGrid,
) -> Float[Array, "interval number lane"]:
    """The states of a batch at the ends of all intervals, component by component; undefined in the padding of a grid.

    Args:
        method: how to step.
        system: a batch of systems, trajectories along the last axis.
        curriculum: which task is in force when.
        state: their initial states, likewise.
        grid: when to step.
    """
    problem, on_lanes = lanes.to_lanes(system, state)
    start = jnp.stack(jax.tree.leaves(on_lanes))
    teachers = len(problem.teachers)
    shape = Shape(len(on_lanes.gates), teachers, str(start.dtype), method.scheme)
    given = [problem.rate_of_gates, problem.rate_of_weights, problem.hinge, problem.unit_norm, problem.shrinkage]
    data = jnp.stack([*given, *jax.tree.leaves(problem.teachers)])
    task = jax.vmap(curriculum.task)(grid.block, grid.start)
    intervals = grid.start.shape[0]
    number = method.refinement * grid.num_steps.astype(jnp.int64)
    ends = jax.ShapeDtypeStruct((intervals, *start.shape), start.dtype)
    scratch = jax.ShapeDtypeStruct((shape.scratch_size,), start.dtype)
    call = jax.ffi.ffi_call(kernel.target(shape), (ends, scratch))
    arrays = data, start, grid.length, number, grid.num_real()[None].astype(jnp.int64), task.reshape(intervals, teachers, -1)
    return call(*arrays)[0]


def _unflattened(numbers: list[Array], paths: int, teachers: int) -> lanes.LaneState:
    """A state from its components, in the order in which JAX takes them apart."""
    left = iter(numbers)
    gates = [next(left) for _ in range(paths)]
    students = [[next(left) for _ in range(p + 1)] for p in range(paths)]
    return lanes.LaneState(gates, students, [[next(left) for _ in range(teachers)] for _ in range(paths)])
