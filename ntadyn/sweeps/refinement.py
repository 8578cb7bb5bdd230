"""A map that is fine along its border and coarse elsewhere."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from ntadyn.results import storage
from ntadyn.sweeps import engine, manifest
from ntadyn.sweeps.engine import Compute, Threads, devices_of, finished, run_tiles
from ntadyn.sweeps.merge import merged
from ntadyn.sweeps.plan import BORDER, Axis, Sweep, Zipped
from ntadyn.sweeps.scores import Measures
from ntadyn.sweeps.shards import check_place
from ntadyn.sweeps.suiting_measures import scores_of_one_number
from ntadyn.sweeps.tiles import TiledSweep

# A cell counts as lying on both sides of the level if its mean is within this many standard errors of it.
STANDARD_ERRORS = 2.0

_ROUND = "round-{:02d}"
_ROUND_NAME = re.compile(r"round-\d{2,}")


def refine_sweep(
    plan: Sweep,
    stride: int = 8,
    measures: Measures | None = None,
    *,
    score: str = "alignment",
    level: float = BORDER,
    compute: Compute = Threads(),  # noqa: B008 (a value, never changed)
    folder: Path | str | None = None,
    report: Callable[[int], Any] | None = None,
) -> xr.Dataset:
    """Run the cells of a two-dimensional sweep that the border of a score needs, and no others.

    Cells `stride` apart come first. Wherever the corners of a square of cells disagree about the level (mean over
    repetitions, give or take two standard errors), the cells halfway between them are run, then those halfway between
    these, and so on down to neighbouring cells. All other cells are interpolated; squares whose corners disagree after
    that are run, too, so that the border is followed beyond the squares in which it was found.

    Args:
        plan: a sweep over two axes of real numbers; its axes are the finest resolution.
        stride: distance between the first cells, a power of two.
        measures: what to keep; if omitted, what suits the system.
        score: the score whose border is followed.
        level: its value at the border.
        compute: see `run_sweep`.
        folder: see `run_sweep`; it gets one folder per round, and belongs to one choice of stride, score and level.
        report: called with the number of trajectories that each finished tile adds.

    Returns:
        As `run_sweep`, with the variable `evaluated`. Cells that were not run hold interpolated scores, and the result
        code -1.

    Raises:
        ValueError: for a sweep without two axes, a stride that is not a power of two, a score that is not kept, and for
            whatever `run_sweep` refuses.
    """
    refinement = Refinement.make(plan, stride, measures, score=score, level=level)
    return refinement.run(compute=compute, folder=folder, report=report)


@dataclass(frozen=True)
class Refinement:
    """A refined sweep whose first round has been laid out.

    Attributes:
        first: the cells that come first.
        stride: the distance between them.
        score: the score whose border is followed.
        level: its value at the border.
    """

    first: TiledSweep
    stride: int
    score: str
    level: float

    @classmethod
    def make(
        cls,
        plan: Sweep,
        stride: int = 8,
        measures: Measures | None = None,
        *,
        score: str = "alignment",
        level: float = BORDER,
    ) -> "Refinement":
        """Check a sweep and lay out its first round.

        Arguments and errors: see `refine_sweep`.
        """
        _check(plan, stride)
        first = TiledSweep.make(plan, measures, np.flatnonzero(_coarsest(plan, stride)).tolist())
        known = scores_of_one_number(plan, first.measures)
        if score not in known:
            raise ValueError(f"there is no score {score!r} to follow; choose from {', '.join(known)}.")
        return cls(first, stride, score, level)

    def check_folder(self, folder: Path, compute: Compute = Threads()) -> None:  # noqa: B008 (a value)
        """Refuse a folder that `run` would refuse, before anything is computed; nothing is written.

        Args:
            folder: where the rounds will be kept; need not exist.
            compute: where they will run.

        Raises:
            ValueError: for a folder that cannot be written, or belongs to another sweep.
        """
        if check_place(folder):
            manifest.is_home(folder, self._identity(compute), _is_round)
            engine.check_folder(self.first, folder / _ROUND.format(0), compute)

    def run(
        self,
        *,
        compute: Compute = Threads(),  # noqa: B008 (a value, never changed)
        folder: Path | str | None = None,
        report: Callable[[int], Any] | None = None,
    ) -> xr.Dataset:
        """Run round after round.

        Arguments, result and errors: see `refine_sweep`.
        """
        began, stride, tiled = time.perf_counter(), self.stride, self.first
        plan, measures, programs = tiled.sweep, tiled.measures, tiled.programs
        if folder is not None:
            self.check_folder(Path(folder), compute)
            manifest.settle(storage.output_folder(Path(folder)), self._identity(compute), _is_round)
        parts, datasets = [], []
        evaluated = np.zeros(plan.shape, bool)
        values = np.full((*plan.shape, len(plan.repetitions())), np.nan)
        wanted = _coarsest(plan, stride)
        while True:
            new = np.flatnonzero(wanted & ~evaluated)
            if new.size:
                if parts:
                    tiled = TiledSweep.make(plan, measures, new.tolist(), programs)
                place = None if folder is None else Path(folder) / _ROUND.format(len(parts))
                found = run_tiles(tiled, compute, place, report)
                for part in found:
                    values[np.unravel_index(part.cell.values, plan.shape)] = _scored(part, self.score)
                evaluated.flat[new] = True
                parts.append(tiled)
                datasets += found
            elif stride == 1:
                break
            else:
                stride //= 2
            filled = interpolated(plan, values, evaluated, self.stride)
            wanted = _corners_that_disagree(filled, stride, self.level)
        whole = merged(plan, measures, datasets)
        for name, variable in whole.data_vars.items():
            if variable.dtype.kind == "f":
                whole[name] = variable.copy(data=interpolated(plan, variable.values, evaluated, self.stride))
        names = [axis.name for axis in plan.axes]
        whole["evaluated"] = (names, evaluated, {"long_name": "whether the cell was run", "units": "1"})
        return finished(whole, parts, compute, time.perf_counter() - began)

    def _identity(self, compute: Compute) -> dict[str, Any]:
        """Everything that determines which cells are run, and their numbers."""
        told = {"stride": self.stride, "score": self.score, "level": self.level, "standard errors": STANDARD_ERRORS}
        return self.first.identity(devices_of(compute)) | {"refinement": told}


def _coarsest(plan: Sweep, stride: int) -> Bool[np.ndarray, "row column"]:
    wanted = np.zeros(plan.shape, bool)
    wanted[_grid(plan.shape, stride)] = True
    return wanted


def _is_round(path: Path) -> bool:
    """Whether this may be the folder of a round, whose own manifest says to which sweep it belongs."""
    return path.is_dir() and _ROUND_NAME.fullmatch(path.name) is not None


def interpolated(
    plan: Sweep,
    values: Float[np.ndarray, "row column *rest"],
    known: Bool[np.ndarray, "row column"],
    stride: int,
) -> Float[np.ndarray, "row column *rest"]:
    """Known values unchanged, and all others bilinear between cells twice as far apart, from coarse to fine.

    Args:
        plan: the sweep, whose axes give the distances between cells.
        values: one or more numbers per cell; anything where they are unknown.
        known: which cells are known; those `stride` apart must be.
        stride: distance between the cells of the coarsest grid, a power of two.

    Returns:
        Values of all cells, shape of `values`.
    """
    from scipy.interpolate import RegularGridInterpolator  # takes longer to import than a small sweep to run

    filled = values.copy()
    axes = [np.asarray(axis.parameters[0].values, float) for axis in plan.axes]
    while stride > 1:
        coarse, finer = (_lines(plan.shape, item) for item in (stride, stride // 2))
        interpolator = RegularGridInterpolator(
            [axis[line] for axis, line in zip(axes, coarse, strict=True)], filled[np.ix_(*coarse)]
        )
        points = np.meshgrid(*(axis[line] for axis, line in zip(axes, finer, strict=True)), indexing="ij")
        place = np.ix_(*finer)
        held = known[place].reshape(*known[place].shape, *[1] * (values.ndim - 2))
        filled[place] = np.where(held, values[place], interpolator(np.stack(points, -1)))
        stride //= 2
    return filled


def _corners_that_disagree(
    values: Float[np.ndarray, "row column seed"], stride: int, level: float
) -> Bool[np.ndarray, "row column"]:
    """The corners, `stride` apart, of all squares through which the level may run."""
    lines = _lines(values.shape[:2], stride)
    corners = values[np.ix_(*lines)]
    mean, error = corners.mean(-1), STANDARD_ERRORS * _standard_error(corners)
    square = [(mean[a, b] - error[a, b], mean[a, b] + error[a, b]) for a in _ENDS for b in _ENDS]
    low, high = (np.stack(ends) for ends in zip(*square, strict=True))
    # A repetition that failed leaves NaN; a square with one says nothing, and must be run.
    disagrees = ~((low.min(0) > level) | (high.max(0) < level))
    found = np.zeros(mean.shape, bool)
    for a in _ENDS:
        for b in _ENDS:
            found[a, b] |= disagrees
    wanted = np.zeros(values.shape[:2], bool)
    wanted[np.ix_(*lines)] = found
    return wanted


_ENDS = (slice(None, -1), slice(1, None))


def _standard_error(values: Float[np.ndarray, "row column seed"]) -> Float[np.ndarray, "row column"]:
    number = values.shape[-1]
    return values.std(-1, ddof=1) / number**0.5 if number > 1 else np.zeros(values.shape[:-1])


def _lines(shape: tuple[int, ...], stride: int) -> list[np.ndarray]:
    """Every `stride`-th row and column, and the last one of each."""
    return [np.unique(np.append(np.arange(0, number, stride), number - 1)) for number in shape]


def _grid(shape: tuple[int, ...], stride: int) -> tuple[np.ndarray, ...]:
    return np.ix_(*_lines(shape, stride))


def _scored(part: xr.Dataset, score: str) -> np.ndarray:
    return part[score].where(part.result == 0).values


def _check(plan: Sweep, stride: int) -> None:
    plan.check_values()
    if len(plan.axes) != 2 or any(not _is_numeric(axis) or len(axis) < 2 for axis in plan.axes):
        shape = {axis.name: len(axis) for axis in plan.axes}
        raise ValueError(f"refinement needs two axes of at least two real numbers each; got {shape}.")
    if stride < 2 or stride & (stride - 1):
        raise ValueError(f"the first cells are {stride} apart; choose a power of two, 2 or more.")


def _is_numeric(axis: Axis | Zipped) -> bool:
    return all(isinstance(value, float | int) and not isinstance(value, bool) for value in axis.parameters[0].values)
