"""The method that runs every trajectory in a thread of its own on a GPU of NVIDIA."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.simulation.native import cuda
from ntadyn.simulation.native.kernel_steps import AbstractKernelSteps
from ntadyn.simulation.native.lines import Shape


class CudaSteps(AbstractKernelSteps):
    """The steps of `AbstractKernelSteps` in a kernel for GPUs, one thread per trajectory. Not yet run on a device.

    All trajectories of a batch start in one launch; under `jax.vmap` over batches (`start_batch`), each on a time grid
    of its own, those of all batches, however long their blocks and whatever their tasks. A sweep with `Backend.CUDA`
    takes all cells of a tile at once. Arrays go to the device and back through the memory of the machine, where JAX,
    which must run on the CPU, computes what is recorded and checks laws.

    In Numba's simulator it agrees with `NativeSteps` to rounding. It is never chosen by itself.

    Attributes: see `AbstractKernelSteps`.
    """

    starts_together: ClassVar[bool] = True

    def check_machine(self) -> None:
        """See `AbstractKernelSteps.check_machine`; there must be a device, or Numba's simulator of one."""
        cuda.check_device()
        if jax.default_backend() != "cpu":
            raise ValueError(
                f"kernels on a GPU are called by XLA on a CPU, but JAX runs on {jax.default_backend()}. Start with "
                "JAX_PLATFORMS=cpu (the kernel takes the GPU all the same), or pass LaneSteps()."
            )

    def backend(self) -> str:
        """See `AbstractMethod.backend`; other devices may differ in the last bits."""
        return f"{cuda.device()}, {self.scheme.name}, not yet run on a device by its authors"

    def target(self, shape: Shape) -> str:
        """See `cuda.target`; the kernel is compiled when it is launched first."""
        return cuda.target(shape)

    def run(self, shape: Shape, *arrays: Array) -> Float[Array, "interval number lane"]:
        """See `AbstractKernelSteps.run`."""
        problem, state, length, num_steps, num_intervals, task = arrays
        ends = jax.ShapeDtypeStruct((length.size, *state.shape), state.dtype)
        call = jax.ffi.ffi_call(cuda.target(shape), ends, vmap_method="broadcast_all")
        return call(problem, state, length, num_steps.astype(jnp.int32), num_intervals.astype(jnp.int32), task)
