"""What steps the systems of a sweep that run on lanes: lanes of XLA, or a kernel; and whether it makes error bars."""

from collections.abc import Sequence

from jaxtyping import PyTree

from ntadyn.dynamics.order_parameters import OrderParameters
from ntadyn.interface import AbstractSystem
from ntadyn.simulation.lane_steps import LaneSteps
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.native.cuda_steps import CudaSteps
from ntadyn.simulation.native.kernel_steps import AbstractKernelSteps
from ntadyn.simulation.native.steps import NativeSteps, native_can_run
from ntadyn.sweeps.plan import Backend, Sweep
from ntadyn.sweeps.steps import IMPROVED
from ntadyn.tasks import AbstractCurriculum

# Of a sweep that gets error bars without asking: half as many steps again take some tenths of a second.
TRAJECTORIES_WITH_BARS = 20_000
# What takes the steps where it is asked for.
_KERNELS = {Backend.NATIVE: NativeSteps(), Backend.CUDA: CudaSteps()}


def method_on_lanes(
    sweep: Sweep, system: AbstractSystem, state: PyTree, curriculum: AbstractCurriculum
) -> tuple[AbstractMethod, float]:
    """How to step a system that runs on lanes, and how much longer the steps may be than those of `LaneSteps`.

    Raises:
        ValueError: if kernels are asked for that are not there, or not written for the system.
    """
    varies = curriculum.varies_within_blocks()
    if sweep.backend in _KERNELS:
        asked = _KERNELS[sweep.backend]
        asked.check(system, state)
        if varies:
            raise ValueError(
                f"backend is {sweep.backend.name}, but kernels take no tasks that vary within a block; leave it out."
            )
        assert isinstance(system, OrderParameters)  # what kernels are written for
        return asked.fitted(system, state), IMPROVED
    if sweep.backend is Backend.XLA or varies or not native_can_run(system, state):
        return LaneSteps(), 1.0
    assert isinstance(system, OrderParameters)  # what kernels are written for
    return NativeSteps().fitted(system, state), IMPROVED


def wants_bars(sweep: Sweep, methods: Sequence[AbstractMethod]) -> bool:
    """Whether every trajectory of a sweep gets an error bar.

    Raises:
        ValueError: if bars are asked for and not all steps are those of kernels.
    """
    able = all(isinstance(method, AbstractKernelSteps) for method in methods)
    if sweep.bars and not able:
        raise ValueError(
            'bars is True, but error bars are made by kernels only, which need Numba (`pip install "ntadyn[fast]"`) '
            "and a system that they are written for. Leave it out, and let `check` run cells again with finer steps."
        )
    few = sweep.num_cells * len(sweep.repetitions()) <= TRAJECTORIES_WITH_BARS
    return able and (few if sweep.bars is None else sweep.bars)
