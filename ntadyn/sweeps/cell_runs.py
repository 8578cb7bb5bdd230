"""One cell of a sweep again, with all that it records on its way: what a click on a map shows.

A sweep keeps scores, not trajectories. Here a cell is run with the seeds, the method and the program of its sweep,
twice in one call: on the time grid of the sweep, which gives the scores that the sweep kept, and on one with records
inside its blocks, which is what can be drawn. Cells that differ in real numbers only share a compiled program, whatever
their block lengths, because records are padded to a common number.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.outcome import Trajectory
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.simulation.whole_steps import AbstractWholeSteps
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.ensemble import observables_for
from ntadyn.specs.labelled import simulation_dataset, teachers_of
from ntadyn.specs.paths import is_real, replaced, value_at
from ntadyn.specs.spec import curricula_of
from ntadyn.sweeps.plan import Axis, Sweep
from ntadyn.sweeps.program import Work, run_program
from ntadyn.sweeps.programs import Programs
from ntadyn.sweeps.scores import Measures, Recorded
from ntadyn.sweeps.structure import Schedule, Structure
from ntadyn.sweeps.tiles import TiledSweep

# Records of a trajectory, about as many as a screen can tell apart, and those inside a block, unless blocks are many.
RECORDS, FEWEST_INSIDE, MOST_INSIDE, MANY_BLOCKS = 600, 3, 40, 500
# Before the name of what is recorded, among the scores.
_WHOLE, _RESULT = "whole ", "how it ended"


@dataclasses.dataclass(frozen=True)
class CellRun:
    """One cell, run again.

    Attributes:
        spec: all parameters of the cell.
        trajectories: what every repetition records, as `ntadyn.specs.run.run` labels it.
        scores: what the sweep keeps of every repetition, from its own time grid, along "seed".
        apart: the largest difference of any gate at the end between both time grids: what the steps add that records
            inside blocks need; NaN without gates.
    """

    spec: Any
    trajectories: xr.Dataset
    scores: xr.Dataset
    apart: float


class CellRuns:
    """Runs any cell of a sweep; the first one compiles.

    Attributes:
        plan: the sweep.
        num_records: to which all time grids are padded.
        num_blocks: to which all curricula are padded.
        programs: what has been compiled; other sweeps of the same spec may share it.
    """

    def __init__(
        self,
        plan: Sweep,
        measures: Measures | None = None,
        cells: Sequence[int] | None = None,
        like: "CellRuns | None" = None,
    ):
        """Check a sweep and lay it out.

        Args:
            plan: the sweep.
            measures: what it keeps; what suits the system if omitted.
            cells: those that will be run; all if omitted.
            like: runs of a sweep of the same spec, whose programs are used wherever they fit.

        Raises:
            ValueError: before any compilation, for anything that cannot be built or run.
        """
        self.plan = plan
        tiled = TiledSweep.make(plan, measures, cells)
        self._measures = tiled.measures
        self._places: dict[int, tuple[Structure, Schedule]] = {
            cell: (tile.structure, schedule)
            for tile in tiled.tiles
            for group, schedule in zip(tile.groups, tile.schedules, strict=True)
            for cell in group
        }
        most = max(structure.num_blocks for structure, _ in self._places.values())
        if like is not None and most > like.num_blocks:
            most = 2 ** (most - 1).bit_length()  # and not one program for each of many numbers
        self.num_blocks = most if like is None else max(most, like.num_blocks)
        fewest = FEWEST_INSIDE if self.num_blocks < MANY_BLOCKS else 0
        self.num_records = max(RECORDS, self.num_blocks * (fewest + 2))
        self.programs = Programs() if like is None else like.programs
        self._keys = building.keys_of(plan.seeds, plan.repetitions())
        self._known: dict[str, tuple[Any, dict[str, Any]]] = {}

    def run(self, cell: int) -> CellRun:
        """Run a cell.

        Args:
            cell: its number, see `Sweep.changes`.

        Raises:
            ValueError: if the sweep has no such cell.
        """
        if cell not in self._places:
            raise ValueError(f"there is no cell {cell} among the {len(self._places)} that were laid out.")
        structure, schedule = self._places[cell]
        spec = replaced(self.plan.configuration, self.plan.changes(cell))
        structure = self._shared(structure)
        system, observables = self._built(structure, spec)
        schedules = (self._padded(schedule, schedule.grid), self._padded(schedule, self._finer(structure, schedule)))
        work = Work.of(self.plan, structure, [(cell,), (cell,)], schedules)
        whole = {_WHOLE + name: _Whole(name) for name in observables} | {_RESULT: _ended}
        measures = Measures(observables, self._measures.scores | whole)
        structure.method.ready(self.plan.precision.value)

        def program():
            return run_program(structure, measures, self.plan.precision)

        key = (repr(structure), self.plan.precision, tuple(measures.observables), tuple(measures.scores))
        found = self.programs.get(key, program, (work, self._keys))(work, self._keys)
        return self._labelled(spec, system, observables, schedules[1], found)

    def _shared(self, structure: Structure) -> Structure:
        """A structure that as many cells as possible have in common.

        Where methods differ in the length of their steps only, which the time grid holds, the parameters by which they
        do are data here: sweeps compile them in, and click after click would wait for that.
        """
        structure = dataclasses.replace(structure, num_blocks=self.num_blocks, num_cells=1, num_groups=2)
        if type(structure.method) is not FixedSteps:
            return structure
        base = self.plan.configuration
        real = {item.path for item in self.plan.parameters if is_real(base, item.path)}
        # Those of a configuration are data already, or on its time grid.
        added = set() if isinstance(base, Configuration) else real - {*structure.paths}
        return dataclasses.replace(
            structure,
            spec=replaced(structure.spec, {path: value_at(base, path) for path in added}),
            paths=tuple(sorted({*structure.paths, *added})),
            method=dataclasses.replace(structure.method, max_step=1.0),
        )

    def _built(self, structure: Structure, spec: Any) -> tuple[Any, dict[str, Any]]:
        """Shapes of the system of a structure, and what is recorded of it."""
        key = repr(structure)
        if key not in self._known:
            system, _ = eqx.filter_eval_shape(spec.build, building.first(self._keys))
            self._known[key] = system, observables_for(spec, system) | self._measures.observables
        return self._known[key]

    def _finer(self, structure: Structure, schedule: Schedule) -> TimeGrid:
        """The time grid of a schedule with records inside its blocks, at ends of its steps where there are enough."""
        start, end, length, block, number = (
            np.asarray(leaf)[: int(schedule.num_records)]
            for leaf in (
                schedule.grid.start,
                schedule.grid.end,
                schedule.grid.length,
                schedule.grid.block,
                schedule.grid.num_steps,
            )
        )
        inside = min(self.num_records // (int(block[-1]) + 1) - 2, MOST_INSIDE)
        parts = []
        for k in range(len(start)):
            wanted, steps = inside + 1, int(number[k])
            if isinstance(structure.method, AbstractWholeSteps):  # whose step is part of the rule
                wanted = min(wanted, steps)
            if steps == 0 or wanted == 1:
                parts.append([(start[k], end[k], length[k], block[k], steps)])
                continue
            steps = max(steps, wanted)
            cuts = np.round(np.arange(wanted + 1) * steps / wanted).astype(int)
            times = start[k] + length[k] * cuts / steps
            times[-1] = end[k]
            pieces = zip(times[:-1], times[1:], length[k] * np.diff(cuts) / steps, np.diff(cuts), strict=True)
            parts.append([(low, high, size, block[k], count) for low, high, size, count in pieces])
        columns = zip(*(item for part in parts for item in part), strict=True)
        kinds = (start.dtype, end.dtype, length.dtype, block.dtype, number.dtype)
        arrays = [np.asarray(column, kind) for column, kind in zip(columns, kinds, strict=True)]
        return TimeGrid(*jax.device_put(arrays))

    def _padded(self, schedule: Schedule, grid: TimeGrid) -> Schedule:
        """A schedule on another time grid, as long as those of all cells."""
        number = int(schedule.num_records) if grid is schedule.grid else grid.start.shape[0]
        padded = Schedule(
            grid.padded(self.num_records), schedule.curriculum.padded(self.num_blocks), jnp.asarray(number)
        )  # pyright: ignore[reportArgumentType]
        return jax.tree.map(np.asarray, padded)

    def _labelled(
        self, spec: Any, system: Any, observables: dict[str, Any], schedule: Schedule, found: dict[str, Any]
    ) -> CellRun:
        # Labelled before the padding is taken off: what is compiled for it then has one shape, too.
        drawn = {name: jax.tree.map(lambda leaf: leaf[1, 0], found[_WHOLE + name]) for name in observables}
        result = jax.tree.map(lambda leaf: leaf[1, 0], found[_RESULT])
        grid, curriculum = jax.tree.map(jnp.asarray, (schedule.grid, schedule.curriculum))
        trajectory = Trajectory(grid.end, grid.block, drawn, None, result)
        curricula = curricula_of(spec, curriculum, self._keys)
        dataset = simulation_dataset(spec, trajectory, curricula, teachers_of(system), observables)
        records = int(schedule.num_records)
        blocks = int(np.asarray(grid.block)[records - 1]) + 1
        lists = {"edges": blocks + 1, "block_tasks": blocks}
        dataset = dataset.isel(record=slice(0, records)).assign_attrs(
            {name: dataset.attrs[name][:number] for name, number in lists.items() if name in dataset.attrs}
        )
        scores = {name: np.asarray(found[name])[0, 0] for name in self._measures.scores}
        kept = xr.Dataset({name: (_dims(name, value), value) for name, value in scores.items()})
        apart = np.nan
        if "gates" in observables:
            ends = np.asarray(found[_WHOLE + "gates"])[:, 0, :, -1]
            apart = float(np.max(np.abs(ends[0] - ends[1])))
        return CellRun(spec, dataset, kept, apart)


def run_cell(plan: Sweep, cell: int, measures: Measures | None = None) -> CellRun:
    """One cell of a sweep with its trajectories; for several of them, keep a `CellRuns`.

    Args:
        plan: the sweep.
        cell: its number, see `Sweep.changes`.
        measures: what the sweep keeps; what suits the system if omitted.

    Raises:
        ValueError: before any compilation, for anything that cannot be built or run.
    """
    return CellRuns(plan, measures, cells=[cell]).run(cell)


def moved(plan: Sweep, cell: int, values: dict[str, float]) -> Sweep:
    """A sweep of one cell: that of another sweep, with further real parameters changed.

    The parameters are axes, and so data of its program: other values of them compile nothing.

    Args:
        plan: the other sweep.
        cell: which of its cells.
        values: dotted path -> value.
    """
    changes = plan.changes(cell) | values
    axes = tuple(Axis(path, (value,), name=f"held_{path.replace('.', '_')}") for path, value in changes.items())
    return dataclasses.replace(plan, axes=axes)


class _Whole(eqx.Module):
    """All records of an observable."""

    name: str = eqx.field(static=True)

    def __call__(self, record: Recorded) -> Any:
        """Every record."""
        return record.values[self.name]


def _ended(record: Recorded) -> Any:
    """How a trajectory ended."""
    return record.result


def _dims(name: str, values: np.ndarray | Array) -> tuple[str, ...]:
    return ("seed", *(f"{name}_{k}" for k in range(values.ndim - 1)))
