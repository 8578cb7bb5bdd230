"""Kernels on a GPU of NVIDIA, compiled by Numba, as functions of NumPy's arrays.

Not yet run on a device: no machine of ours has one. It runs in Numba's simulator, where `NUMBA_ENABLE_CUDASIM=1`.
"""

import functools
import importlib
import importlib.util
import threading
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

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


def states_at_ends(
    shape: Shape,
    problem: ArrayLike,
    state: ArrayLike,
    length: ArrayLike,
    num_steps: ArrayLike,
    num_intervals: ArrayLike,
    task: ArrayLike,
) -> np.ndarray:
    """The states of all trajectories at the ends of their intervals, in one launch; any number of axes in front.

    Args:
        shape: which kernel.
        problem: `Shape.problem`, shape (..., data).
        state: `Shape.state` at the start, shape (..., numbers).
        length: of intervals, shape (..., intervals).
        num_steps: the number of steps in each, shape (..., intervals); none where it has no length.
        num_intervals: how many intervals to run, shape (...).
        task: weights of the teachers in each, shape (..., intervals, teachers).

    Returns:
        Shape (..., intervals, numbers); not a number in intervals that are not run.
    """
    every = (problem, state, length, num_steps, num_intervals, task)
    ranks = (1, 1, 1, 1, 0, 2)
    before = np.shape(num_intervals)
    arrays = [_flat(array, rank) for array, rank in zip(every, ranks, strict=True)]
    lanes, intervals = arrays[2].shape
    powers = np.arange(2 + arrays[3].max(initial=0), dtype=np.float64) ** shape.scheme.exponent
    differences = np.diff(powers).astype(shape.dtype)
    with _ONE_AT_A_TIME:
        ends = _launched(shape, [*arrays, powers, differences], (lanes, intervals, len(shape.state)))
    return ends.reshape(*before, intervals, len(shape.state))


def _launched(shape: Shape, arrays: list[np.ndarray], result: tuple[int, int, int]) -> np.ndarray:
    cuda = importlib.import_module("numba.cuda")
    # What no thread writes is told from what one does.
    records = cuda.to_device(np.full(result, np.nan, shape.dtype))
    threads = min(THREADS, result[0])
    _compiled(shape)[-(-result[0] // threads), threads](*map(cuda.to_device, arrays), records)
    return records.copy_to_host()


@functools.cache
def _compiled(shape: Shape) -> Any:
    return loaded(source(shape)).run


def _flat(array: ArrayLike, rank: int) -> np.ndarray:
    """An array with one axis in front of the last `rank`, all in a row as devices take them."""
    array = np.asarray(array)
    return np.ascontiguousarray(array.reshape(-1, *array.shape[array.ndim - rank :]))
