"""The method that takes batches through whole runs in a kernel for CPUs."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ntadyn.simulation.native import kernel, source
from ntadyn.simulation.native.kernel_steps import AbstractKernelSteps, kernels_can_run
from ntadyn.simulation.native.lines import Shape


def native_can_run(system: Any, state: Any) -> bool:
    """Whether a system is one that kernels are written for, and Numba is there to compile them for this CPU.

    Args: see `kernels_can_run`.
    """
    return kernel.backend() is not None and jax.default_backend() == "cpu" and kernels_can_run(system, state)


class NativeSteps(AbstractKernelSteps):
    """The steps of `AbstractKernelSteps` on a CPU: a batch in one thread, in vectors.

    Attributes: see `AbstractKernelSteps`.
    """

    def check_machine(self) -> None:
        """See `AbstractKernelSteps.check_machine`."""
        if kernel.backend() is None:
            raise ValueError('kernels need Numba, which is not installed. Run `pip install "ntadyn[fast]"`.')
        if jax.default_backend() != "cpu":
            raise ValueError(
                f"NativeSteps is a kernel for CPUs, but JAX runs on {jax.default_backend()}. Start with "
                "JAX_PLATFORMS=cpu, or pass LaneSteps()."
            )

    def backend(self) -> str:
        """See `AbstractMethod.backend`; kernels of other versions may differ in the last bits."""
        return f"{kernel.backend()}, {self.scheme.name}"

    def target(self, shape: Shape) -> str:
        """See `kernel.target`, which compiles it."""
        return kernel.target(shape)

    def run(self, shape: Shape, *arrays: Array) -> Float[Array, "interval number lane"]:
        """See `run_kernel`."""
        return run_kernel(shape, *arrays)


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
