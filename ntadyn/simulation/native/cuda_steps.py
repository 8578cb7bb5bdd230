"""The method that runs every trajectory in a thread of its own on a GPU of NVIDIA."""

from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from ntadyn.dynamics.order_parameters import OrderParameters, OrderParameterState
from ntadyn.interface.system import AbstractSystem
from ntadyn.simulation.method import Interval
from ntadyn.simulation.native import cuda
from ntadyn.simulation.native.lines import Shape
from ntadyn.simulation.native.steps import NativeSteps, kernels_can_run
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum


class CudaSteps(NativeSteps):
    """The steps of `NativeSteps` in a kernel for GPUs, one thread per trajectory. Not yet run on a device.

    It steps one trajectory. Under `jax.vmap`, over anything from initial states to time grids, all trajectories start
    in one launch, however long their blocks and whatever their tasks: with `integrate_batch` those that share a time
    grid, in a sweep with `Backend.CUDA` all cells of a tile. Arrays go to the device and back through the memory of the
    machine, whatever JAX runs on; what is recorded, and which laws are checked, is computed by JAX.

    In Numba's simulator it agrees with `NativeSteps` to rounding. It is never chosen by itself.

    Attributes: see `NativeSteps`.
    """

    steps_batches: ClassVar[bool] = False
    takes_own_grids: ClassVar[bool] = True

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `AbstractMethod.check`; there must be a device, or Numba's simulator of one."""
        cuda.check_device()
        if not kernels_can_run(system, state):
            raise ValueError(
                f"kernels run what runs on lanes, for white inputs and without batch noise, but not this "
                f"{type(system).__name__}. Pass LaneSteps() or FixedSteps()."
            )

    def backend(self) -> str:
        """See `AbstractMethod.backend`; other devices may differ in the last bits."""
        return f"{cuda.device()}, {self.scheme.name}, not yet run on a device by its authors"

    def ready(self, dtype: DTypeLike) -> None:
        """See `AbstractMethod.ready`: nothing, a kernel is compiled when it is launched first."""

    def start(
        self, system: OrderParameters, curriculum: AbstractCurriculum, state: OrderParameterState, grid: TimeGrid
    ) -> PyTree:
        """See `NativeSteps.start`; one lane."""
        system, state = _as_lanes((system, state))
        return super().start(system, curriculum, state, grid)

    def run(self, shape: Shape, *arrays: Array) -> Float[Array, "interval number lane"]:
        """See `NativeSteps.run`; one lane, or all that `jax.vmap` makes of it."""
        problem, state, length, num_steps, num_intervals, task = arrays
        ends = jax.ShapeDtypeStruct((length.size, state.shape[0]), state.dtype)
        own = (problem[:, 0], state[:, 0], length, num_steps, num_intervals, task[:, :, 0])
        launch = partial(cuda.states_at_ends, shape)
        return jax.pure_callback(launch, ends, *own, vmap_method="broadcast_all")[..., None]

    def errors(self, memory: PyTree, grid: TimeGrid) -> dict[str, Array] | None:
        """See `NativeSteps.errors`."""
        return _of_the_lane(super().errors(memory, grid))

    def advance(
        self,
        system: OrderParameters,
        curriculum: AbstractCurriculum,
        state: OrderParameterState,
        memory: PyTree,
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """See `NativeSteps.advance`."""
        system, state = _as_lanes((system, state))
        return _of_the_lane(super().advance(system, curriculum, state, memory, interval))


def _as_lanes(tree: PyTree) -> PyTree:
    """One trajectory as a batch of one, along the last axis."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[..., None], tree)


def _of_the_lane(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[..., 0], tree)
