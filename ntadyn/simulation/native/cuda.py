"""Kernels on a GPU of NVIDIA, compiled by Numba, as functions that XLA on a CPU calls with all trajectories at once.

Not yet run on a device: no machine of ours has one. It runs in Numba's simulator, where `NUMBA_ENABLE_CUDASIM=1`.
"""

import functools
import importlib
import importlib.util
import threading
from importlib import metadata
from typing import Any

import numpy as np

from ntadyn.simulation.native import xla_call
from ntadyn.simulation.native.kernel import loaded
from ntadyn.simulation.native.lines import Shape
from ntadyn.simulation.native.thread import source

# Of a block; few, because a thread takes many registers.
THREADS = 64
# To the device and back takes turns: it is one, and the simulator is made for one thread.
_ONE_AT_A_TIME = threading.Lock()


@functools.cache
def device() -> str | None:
    """The device that Numba finds, with what compiles for it: "Numba 0.68.1, NVIDIA H200"; None if there is none."""
    if importlib.util.find_spec("numba") is None:
        return None
    cuda = importlib.import_module("numba.cuda")
    if not cuda.is_available():
        return None
    if importlib.import_module("numba.core.config").ENABLE_CUDASIM:
        return f"Numba {metadata.version('numba')}, CUDA simulator"
    # The target of a package of its own takes the place of the one that is part of Numba.
    package = "numba-cuda" if importlib.util.find_spec("numba_cuda") is not None else "numba"
    name = cuda.get_current_device().name
    return f"{package} {metadata.version(package)}, {name.decode() if isinstance(name, bytes) else name}"


def check_device() -> None:
    """Refuse to go on without a device.

    Raises:
        ValueError: if Numba is not installed, or finds no device.
    """
    if importlib.util.find_spec("numba") is None:
        raise ValueError('kernels need Numba, which is not installed. Run `pip install "ntadyn[cuda]"`.')
    if device() is None:
        raise ValueError(
            "kernels on a GPU need one that Numba finds (`numba.cuda.is_available()`), and it finds none. Pass "
            "NativeSteps() or LaneSteps(), in a sweep leave `backend` out; NUMBA_ENABLE_CUDASIM=1, set before Python "
            "starts, simulates a GPU for a few trajectories."
        )


@functools.cache
def target(shape: Shape) -> str:
    """The name under which XLA finds the kernel of a shape, with the arrays of `run`; the first launch compiles it.

    Args:
        shape: what it is for.
    """
    module = loaded(source(shape))
    name = f"{module.__name__}_on_cuda"
    xla_call.register(name, functools.partial(run, shape, module.run))
    return name


def run(
    shape: Shape,
    kernel: Any,
    problem: np.ndarray,
    state: np.ndarray,
    length: np.ndarray,
    num_steps: np.ndarray,
    num_intervals: np.ndarray,
    task: np.ndarray,
    ends: np.ndarray,
) -> None:
    """The states of all trajectories at the ends of their intervals, in one launch.

    Any number of axes over groups may come first; those of a group have a time grid in common, and are the last axis.

    Args:
        shape: what the kernel is for.
        kernel: as Numba has it.
        problem: `Shape.problem`, shape (..., data, lanes).
        state: `Shape.state` at the start, shape (..., numbers, lanes).
        length: of intervals, shape (..., intervals).
        num_steps: the number of steps in each, shape (..., intervals); none where it has no length.
        num_intervals: how many intervals to run, shape (...).
        task: weights of the teachers in each, shape (..., intervals, teachers, lanes), or 1 in place of lanes.
        ends: the states at the ends, shape (..., intervals, numbers, lanes), to be filled; undefined where
            nothing is run.
    """
    every = (problem, state, length, num_steps, num_intervals, task)
    ranks = (2, 2, 1, 1, 0, 3)
    arrays = [_flat(array, rank) for array, rank in zip(every, ranks, strict=True)]
    powers = np.arange(2 + num_steps.max(initial=0), dtype=np.float64) ** shape.scheme.exponent
    given = [*arrays, powers, np.diff(powers).astype(shape.dtype)]
    with _ONE_AT_A_TIME:
        launch(kernel, given, _flat(ends, 3))


def launch(kernel: Any, given: list[np.ndarray], ends: np.ndarray) -> None:
    """To the device, through the kernel, and back.

    Args:
        kernel: as Numba has it.
        given: what it is given, groups first.
        ends: what it fills.
    """
    cuda = importlib.import_module("numba.cuda")
    number = len(ends) * ends.shape[-1]
    threads, records = min(THREADS, number), cuda.device_array(ends.shape, ends.dtype)
    kernel[-(-number // threads), threads](*map(cuda.to_device, given), records)
    records.copy_to_host(ends)


def _flat(array: np.ndarray, rank: int) -> np.ndarray:
    """An array with one axis in front of the last `rank`."""
    return array.reshape(-1, *array.shape[array.ndim - rank :])
