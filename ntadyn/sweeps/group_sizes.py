"""How many cells run side by side: what fits the device, and leaves little of it idle."""

from collections.abc import Sequence

import jax
import numpy as np

from ntadyn.simulation.integration import VECTOR_BYTES
from ntadyn.simulation.lane_method import AbstractLaneMethod
from ntadyn.simulation.method import AbstractMethod

# The arrays of lanes of a group of this size stay in the nearest cache of a processor. It is also the largest for which
# XLA, without the options of `ntadyn.xla_options`, runs a loop in the thread that calls it.
CPU_GROUP_BYTES = 512
# A step of fewer lanes takes as long as one of these, and records and scores add what these take, see `cells_on_lanes`.
CPU_LEAST_LANES, BETWEEN_STEPS, LITTLE_MORE = 64, 8, 1.1
# Trajectories of a group of systems that do not run on lanes, whose states stay in the caches, and of any system on an
# accelerator; and what a step of these costs whatever their number, in units of what it costs per trajectory.
CPU_LANES, CPU_OVERHEAD = 64, 16
ACCELERATOR_LANES, ACCELERATOR_OVERHEAD = 2**17, 250
# Of groups that start together, what is recorded before anything is read of it.
TOGETHER_BYTES = 2**30


def on_cpu_lanes(method: AbstractMethod) -> bool:
    """Whether a method runs on the lanes of a CPU."""
    return jax.default_backend() == "cpu" and isinstance(method, AbstractLaneMethod)


def group_size(method: AbstractMethod, work: Sequence[tuple[int, int]], repetitions: int, itemsize: int) -> int:
    """Cells per group; on the lanes of a CPU whatever the work is, so that sweeps of the same kind share a program.

    Args:
        method: how to step.
        work: number of cells with equal time grids, and steps of one trajectory, of every time grid.
        repetitions: trajectories of a cell.
        itemsize: bytes of a number.
    """
    if on_cpu_lanes(method):
        return cells_on_lanes(repetitions, itemsize)
    if jax.default_backend() != "cpu":
        return best_group_size(work, repetitions, ACCELERATOR_LANES, ACCELERATOR_OVERHEAD)
    return best_group_size(work, repetitions, CPU_LANES, CPU_OVERHEAD)


def best_group_size(work: Sequence[tuple[int, int]], repetitions: int, most: int, overhead: int) -> int:
    """Cells per group that take the least time: full groups, but few of them.

    Args:
        work: number of cells with equal time grids, and steps of one trajectory, of every time grid.
        repetitions: trajectories of a cell.
        most: trajectories of a group, unless a single cell has more.
        overhead: what a step of a group costs whatever its trajectories, in units of what it costs per trajectory.
    """
    sizes = np.arange(1, max(1, most // repetitions) + 1)
    rounds = sum(-(-number // sizes) * steps for number, steps in work)
    return int(sizes[np.argmin(rounds * (overhead + sizes * repetitions))])


def cells_on_lanes(repetitions: int, itemsize: int) -> int:
    """Cells per group on the lanes of a CPU: the fewest of those that take the least time per cell, or little more.

    Fewer cells in a group leave fewer lanes empty where few cells share a time grid.

    Args:
        repetitions: lanes of a cell.
        itemsize: bytes of a number.
    """
    cells = np.arange(1, max(1, CPU_GROUP_BYTES // itemsize // repetitions) + 1)
    vector = VECTOR_BYTES // itemsize
    # Fewer lanes take as long, because operations wait for each other instead of for their turn.
    lanes = np.maximum(-(-cells * repetitions // vector) * vector, CPU_LEAST_LANES)
    costs = (BETWEEN_STEPS + lanes) / cells
    return int(cells[np.argmax(costs <= LITTLE_MORE * np.min(costs))])


def groups_together(lanes: int, bytes_each: int) -> int:
    """Groups that start together, see `AbstractMethod.starts_together`: as many as fill an accelerator.

    Args:
        lanes: of a group.
        bytes_each: what is recorded of a trajectory.
    """
    return max(1, min(ACCELERATOR_LANES, TOGETHER_BYTES // bytes_each) // lanes)
