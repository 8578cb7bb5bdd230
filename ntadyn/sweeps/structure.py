"""What runs as one: cells that share a program, the time grids of their groups, and the groups of a tile."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Int

from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks import AbstractCurriculum


@dataclass(frozen=True)
class Structure:
    """Cells that one compiled program can run: they differ in real numbers only.

    Attributes:
        spec: all parameters that are compiled in; what is data has the value 1 here.
        paths: parameters that are data of the program.
        method: how to step.
        by_gates: whether checks look at gates and alignments, see `ntadyn.sweeps.doubt`, or at what is kept.
        num_blocks: number of blocks that all schedules are padded to, with two intervals each.
        num_cells: cells of a group.
        num_groups: groups that a tile may have.
    """

    spec: Any
    paths: tuple[str, ...]
    method: AbstractMethod
    by_gates: bool
    num_blocks: int
    num_cells: int
    num_groups: int


class Schedule(eqx.Module):
    """The time grid of a group as data: padded intervals, the padded curriculum, and how many intervals are real."""

    grid: TimeGrid
    curriculum: AbstractCurriculum
    num_records: Int[Array, ""]

    @property
    def num_steps(self) -> int:
        """Steps of one trajectory."""
        return int(np.sum(np.asarray(self.grid.num_steps)))

    @property
    def longest_step(self) -> float:
        """The longest mean step of an interval."""
        number = np.maximum(np.asarray(self.grid.num_steps), 1)
        return float(np.max(np.asarray(self.grid.length) / number))


@dataclass(frozen=True)
class Tile:
    """Groups that run in one call, one after the other; the cells of a group run side by side on one time grid.

    Where a method starts groups together, their steps are taken side by side, and they are recorded one by one.

    Attributes:
        structure: what the program is made of.
        groups: numbers of the cells of every group, see `Sweep.changes`.
        schedules: the time grid of every group.
    """

    structure: Structure
    groups: tuple[tuple[int, ...], ...]
    schedules: tuple[Schedule, ...]

    @property
    def cells(self) -> tuple[int, ...]:
        """Numbers of all cells, group by group."""
        return tuple(cell for group in self.groups for cell in group)
