"""Where a map comes from: a result file, or a spec with two ranges, which is computed on the spot."""

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ntadyn.explorer.parameters import parsed_value
from ntadyn.explorer.plans import check_cell, plan_of_view
from ntadyn.explorer.view import Values, View
from ntadyn.results.dataset_axes import axis_names
from ntadyn.results.result_file import read_result
from ntadyn.results.result_format import Kind, check_drawable
from ntadyn.specs import families
from ntadyn.specs.paths import is_real, replaced, value_at
from ntadyn.sweeps.cell_runs import CellRun, CellRuns, moved
from ntadyn.sweeps.engine import Threads, run_tiled
from ntadyn.sweeps.merge import merged
from ntadyn.sweeps.plan import Sweep
from ntadyn.sweeps.stored import plan_of
from ntadyn.sweeps.tiles import TiledSweep

ONE_ROW = "one row"
KEPT_RUNS, KEPT_MAPS = 64, 6


class Map:
    """A map and the runs of its cells; sessions share it.

    Attributes:
        plan: what was, or is to be run; None for a file whose cells cannot be run again.
        why_not: the reason for that, as a sentence.
        dataset: the map; None until it is computed.
        predicted: what theory says of it; None until somebody asks.
    """

    def __init__(self, plan: Sweep | None, dataset: xr.Dataset | None, why_not: str = ""):
        self.plan, self.dataset, self.why_not = plan, dataset, why_not
        self.predicted: xr.Dataset | None = None
        self._lock = threading.Lock()
        self._runs: CellRuns | None = None
        self._others: dict[Any, CellRuns] = {}
        self._found: OrderedDict[tuple[int, Values], CellRun] = OrderedDict()

    @property
    def axes(self) -> tuple[str, ...]:
        """Dimensions of the cells."""
        if self.dataset is not None:
            return axis_names(self.dataset)
        assert self.plan is not None
        return tuple(axis.name for axis in self.plan.axes)

    @property
    def compiled(self) -> bool:
        """Whether a cell was run before, so that the next one compiles nothing unless its structure is another."""
        return bool(self._found)

    def compute(self, report: Callable[[int, Callable[[], xr.Dataset]], Any] | None = None) -> xr.Dataset:
        """The map, computed now unless it was before.

        Args:
            report: called with the number of trajectories that each finished part adds, and with what makes the map of
                all that is finished, which has result codes of -1 elsewhere.

        Raises:
            ValueError: for anything that cannot be built or run.
        """
        if self.dataset is None:
            assert self.plan is not None
            tiled = TiledSweep.make(self.plan)
            parts: list[xr.Dataset] = []

            def threads(tiled: TiledSweep, tiles: Iterable[int], done: Callable[[int, xr.Dataset], Any]) -> None:
                def kept(tile: int, part: xr.Dataset) -> None:
                    parts.append(part)
                    done(tile, part)

                Threads(2)(tiled, tiles, kept)

            def finished(number: int) -> None:
                if report is not None:
                    report(number, lambda: merged(tiled.sweep, tiled.measures, parts))

            self.dataset = run_tiled(tiled, compute=threads, report=finished)
        return self.dataset

    def run(self, cell: int, values: Values = ()) -> CellRun:
        """A cell with its trajectories.

        Args:
            cell: its number.
            values: (dotted path, value as text) of parameters that differ from the map.

        Raises:
            ValueError: if it cannot be run.
        """
        if self.plan is None:
            raise ValueError(self.why_not)
        if not 0 <= cell < self.plan.num_cells:
            raise ValueError(f"there is no cell {cell}; this map has {self.plan.num_cells}.")
        with self._lock:
            key = cell, values
            if key not in self._found:
                self._found[key] = self._run(cell, values)
                if len(self._found) > KEPT_RUNS:
                    self._found.popitem(last=False)
            self._found.move_to_end(key)
            return self._found[key]

    def _run(self, cell: int, values: Values) -> CellRun:
        plan = self.plan
        assert plan is not None
        if self._runs is None:
            self._runs = CellRuns(plan)
        spec = plan.configuration
        changes = {path: parsed_value(spec, path, text) for path, text in values}
        axes = plan.changes(cell)
        if taken := sorted(changes.keys() & axes.keys()):
            raise ValueError(f"{taken[0]} is an axis of this map; choose a cell instead.")
        changes = {path: value for path, value in changes.items() if value != value_at(spec, path)}
        if not changes:
            return self._runs.run(cell)
        real = {path: value for path, value in changes.items() if is_real(spec, path)}
        rest = {path: value for path, value in changes.items() if path not in real}
        check_cell(replaced(spec, axes | changes))
        base = dataclasses.replace(plan, configuration=replaced(spec, rest))
        # Reals are data of the programs of the map; other structures have programs of their own.
        like = self._runs if not rest else self._others.get(tuple(sorted(rest.items())))
        runs = CellRuns(moved(base, cell, real), like=like)
        if rest:
            self._others.setdefault(tuple(sorted(rest.items())), runs)
        return runs.run(0)

    def score_at(self, cell: int, name: str) -> np.ndarray | None:
        """What the map holds of a score of a cell, one number per repetition; None if it holds nothing."""
        if self.dataset is None or name not in self.dataset:
            return None
        sizes = [self.dataset.sizes[axis] for axis in self.axes]
        place = dict(zip(self.axes, np.unravel_index(cell, sizes), strict=True))
        return np.asarray(self.dataset[name].isel(place).values)


@dataclasses.dataclass(frozen=True)
class Plane:
    """Two axes of a map, the others held.

    Attributes:
        dataset: the sweep over (rows, columns, seed, ...).
        cells: the number of every cell in the whole sweep, shape (rows, columns).
        held: dimension -> place of every other axis.
    """

    dataset: xr.Dataset
    cells: np.ndarray
    held: dict[str, int]

    def place_of(self, cell: int) -> tuple[int, int] | None:
        """(row, column) of a cell; None if it lies elsewhere."""
        found = np.argwhere(self.cells == cell)
        return (int(found[0, 0]), int(found[0, 1])) if len(found) else None


def plane_of(dataset: xr.Dataset, columns: str = "", rows: str = "", held: tuple[tuple[str, int], ...] = ()) -> Plane:
    """A map over two axes of a sweep.

    Args:
        dataset: the sweep.
        columns: dimension of the columns; the last axis if empty.
        rows: dimension of the rows; the first other axis if empty.
        held: (dimension, place) of other axes, which are otherwise held in their middle.

    Raises:
        ValueError: for a dimension or a place that is not there.
    """
    axes = axis_names(dataset)
    if not axes:
        raise ValueError("this sweep is a single cell, which makes no map.")
    columns = columns or axes[-1]
    others = [axis for axis in axes if axis != columns]
    rows = rows or (others[0] if others else ONE_ROW)
    if rows == columns:
        raise ValueError(f"{columns!r} is the axis of the columns and of the rows; choose two.")
    for name in (columns, rows):
        if name not in (*axes, ONE_ROW):
            raise ValueError(f"this sweep has no axis {name!r}; choose from {', '.join(axes)}.")
    sizes = {axis: dataset.sizes[axis] for axis in axes}
    numbers = xr.DataArray(np.arange(int(np.prod(list(sizes.values())))).reshape(*sizes.values()), dims=axes)
    chosen = {axis: sizes[axis] // 2 for axis in axes if axis not in (columns, rows)}
    for name, place in held:
        if name not in sizes:
            raise ValueError(f"this sweep has no axis {name!r}; choose from {', '.join(axes)}.")
        if not 0 <= place < sizes[name]:
            raise ValueError(f"{name} has {sizes[name]} values, and none of number {place}.")
        if name in chosen:
            chosen[name] = place
    part, cells = dataset.isel(chosen), numbers.isel(chosen)
    if rows == ONE_ROW:
        over_cells = {
            str(name): item.expand_dims(ONE_ROW) for name, item in part.data_vars.items() if columns in item.dims
        }
        part, cells = part.assign(over_cells), cells.expand_dims(ONE_ROW)
    return Plane(part.transpose(rows, columns, ...), cells.transpose(rows, columns).values, chosen)


class Shelf:
    """The maps that can be seen: the files of a folder, and those that were computed.

    Attributes:
        folder: where the result files are; None if there are none to choose from.
        files: their names.
        presets: names of what can be computed.
    """

    def __init__(self, folder: Path | None = None, files: tuple[str, ...] = (), presets: tuple[str, ...] | None = None):
        self.folder, self.files = folder, files
        self.presets = tuple(families.PRESETS) if presets is None else presets
        self._lock = threading.Lock()
        self._maps: OrderedDict[Any, Map] = OrderedDict()

    @classmethod
    def of_folder(cls, path: Path) -> "Shelf":
        """The result files of a folder, or one file; none is read yet.

        Raises:
            ValueError: if there is no such folder, or no result file in it.
        """
        if path.is_file():
            return cls(path.parent, (path.name,))
        if not path.is_dir():
            raise ValueError(f"there is no folder {str(path)!r}; name one that ntadyn sweep or phase-diagram wrote.")
        files = tuple(
            sorted(item.name for item in path.glob("*.nc") if item.is_file() and not item.name.startswith("."))
        )
        if not files:
            raise ValueError(
                f"the folder {str(path)!r} holds no result file (*.nc); name one that ntadyn sweep or phase-diagram "
                f"wrote."
            )
        return cls(path, files)

    def first(self) -> View:
        """A view of the first file that can be shown; others may be damaged.

        Raises:
            ValueError: what is wrong with the first file, if none can.
        """
        failed = None
        for file in self.files:
            try:
                self.map_of(View(file=file))
                return View(file=file)
            except ValueError as error:
                failed = failed or error
        raise failed or ValueError("there are no files to show.")

    def map_of(self, view: View) -> Map:
        """The map of a view, perhaps not computed yet.

        Raises:
            ValueError: for a file that is not there, damaged or no sweep, an unknown preset, and parameters that make
                no sense.
        """
        if view.file:
            if view.file not in self.files or self.folder is None:
                raise ValueError(
                    f"there is no file {view.file!r} here; choose from {', '.join(self.files) or 'presets'}."
                )
            path = self.folder / view.file
            status = path.stat() if path.exists() else None
            key: Any = (view.file, status and (status.st_mtime_ns, status.st_size))
            return self._kept(key, lambda: stored_map(path))
        plan = plan_of_view(view)
        return self._kept(repr(plan), lambda: Map(plan, None))

    def _kept(self, key: Any, make: Callable[[], Map]) -> Map:
        with self._lock:
            if key not in self._maps:
                self._maps[key] = make()
                if len(self._maps) > KEPT_MAPS:
                    self._maps.popitem(last=False)
            self._maps.move_to_end(key)
            return self._maps[key]


def stored_map(path: Path) -> Map:
    """The map of a result file, whoever made it.

    Raises:
        ValueError: if there is no such file, or it is damaged or no sweep.
    """
    result = read_result(path)
    if result.kind is not Kind.SWEEP:
        raise ValueError(f"{path.name!r} is a {result.kind.value} and no sweep; ntadyn show draws it.")
    plane = plane_of(result.dataset)
    check_drawable(result.kind, plane.dataset)
    try:
        return Map(plan_of(result.dataset), result.dataset)
    except ValueError as error:
        return Map(None, result.dataset, str(error))
