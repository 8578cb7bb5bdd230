"""The border between regimes: where an average over repetitions crosses a level, and how sure that place is."""

from dataclasses import dataclass, replace

import contourpy
import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from ntadyn.maps.averages import weighted_mean
from ntadyn.maps.repetitions import successful_values
from ntadyn.maps.uncertainty import CHUNK, INTERVAL as INTERVAL, NUM_RESAMPLES, Average, spread, weights_of
from ntadyn.results.dataset_axes import dataset_axes, in_order
from ntadyn.sweeps.plan import BORDER as BORDER


@dataclass(frozen=True)
class Crossing:
    """One place where a row of a map crosses the level.

    Attributes:
        row: index of the row; 0 in a sweep over one axis.
        position: where, linear between cells, on the axis of the columns.
        low: lower end of its bootstrap interval; minus infinity where that lies beyond the first column, NaN for one
            repetition.
        high: the same of the upper end, plus infinity beyond the last column.
        rising: whether the average rises through the level along the columns.
    """

    row: int
    position: float
    low: float
    high: float
    rising: bool


@dataclass(frozen=True)
class Border:
    """The border of a map with rows and columns; of a sweep over one axis, with one row.

    Attributes:
        level: the level that is crossed.
        average: average over repetitions, shape (rows, columns); NaN where all failed.
        probability: share of the resamples in which the cell is above the level, same shape.
        lower: quantile INTERVAL[0] of the average over resamples, same shape.
        upper: quantile INTERVAL[1], same shape. The border lies where `lower` is below the level and `upper` above
            it, which is where `probability` is between the two ends of the interval.
        crossings: of all rows, in order. Where the border runs along a row instead of across it, there are none: use
            the maps.
        num_resamples: how many resamples; 0 where one repetition leaves nothing to resample, and `probability`,
            `lower` and `upper` are NaN.
    """

    level: float
    average: np.ndarray
    probability: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    crossings: tuple[Crossing, ...]
    num_resamples: int


def contour_lines(
    columns: Float[np.ndarray, " columns"],
    rows: Float[np.ndarray, " rows"],
    values: Float[np.ndarray, "rows columns"],
    level: float,
) -> list[Float[np.ndarray, "points 2"]]:
    """Lines along which values = level, linear between cells; cells that are NaN are left out.

    Args:
        columns: positions of the columns.
        rows: positions of the rows.
        values: one number per cell.
        level: the level.

    Returns:
        Points (column, row) of every line; none for a map with a single row or column.
    """
    if min(values.shape) < 2:
        return []
    generator = contourpy.contour_generator(columns, rows, np.ma.masked_invalid(values.astype(np.float64)))
    return [np.asarray(line) for line in generator.lines(level)]


def crossings(
    columns: Float[np.ndarray, " columns"], values: Float[np.ndarray, "*rows columns"], level: float
) -> tuple[Float[np.ndarray, "*rows gaps"], Bool[np.ndarray, "*rows gaps"]]:
    """x_j + (level - v_j)/(v_{j+1} - v_j) (x_{j+1} - x_j) wherever v_j and v_{j+1} are on different sides.

    Args:
        columns: positions x of the columns.
        values: one number per cell.
        level: the level; a value equal to it counts as above.

    Returns:
        For every gap between neighbouring columns, the position of a crossing or NaN, and whether the values rise
        there. Gaps beside a NaN have no crossing.
    """
    left, right = values[..., :-1], values[..., 1:]
    differs = ((left >= level) != (right >= level)) & np.isfinite(left) & np.isfinite(right)
    share = np.divide(level - left, right - left, out=np.full(left.shape, np.nan), where=differs)
    return columns[:-1] + share * np.diff(columns), differs & (right >= level)


def bootstrap_border(
    columns: Float[np.ndarray, " columns"],
    values: Float[np.ndarray, "rows columns seeds"],
    weights: Float[np.ndarray, "resamples seeds"],
    level: float = BORDER,
    average: Average = weighted_mean,
) -> Border:
    """The border of an average over repetitions, with its interval from resampled repetitions.

    All cells are resampled alike, because repetition k starts from the same weights in every cell: the border moves
    as a whole. A crossing of the plain average is followed to the nearest one in the same direction in every resample;
    where a resample has none, its border has left the row, at the end that the value at the old place points to.
    Percentile intervals from few repetitions are somewhat too narrow: with ten, "90 %" covers some 85 %.

    Args:
        columns: positions of the columns, ascending or descending.
        values: one number per trajectory, NaN where it failed.
        weights: how often each repetition occurs in each resample, from `repetitions.resampled_weights`.
        level: the level.
        average: `weighted_mean` or `weighted_median`.

    Returns:
        Border and interval.
    """
    num_rows, num_columns, num_seeds = values.shape
    plain = average(values, np.ones((1, num_seeds)))[0]
    unknown = np.full(plain.shape, np.nan)
    probability, lower, upper = unknown.copy(), unknown.copy(), unknown.copy()
    found: list[Crossing] = []
    num_resamples = len(weights) if num_seeds > 1 else 0
    step = max(1, CHUNK // max(1, len(weights) * num_columns * num_seeds))
    for start in range(0, num_rows, step):
        part = slice(start, start + step)
        resamples = average(values[part], weights) if num_resamples else np.full((0, *plain[part].shape), np.nan)
        if num_resamples:
            probability[part], lower[part], upper[part] = spread(resamples, level)
        for row in range(start, min(start + step, num_rows)):
            found += _crossings_of_row(columns, row, plain[row], resamples[:, row - start], level)
    return Border(level, plain, probability, lower, upper, tuple(found), num_resamples)


def border(
    dataset: xr.Dataset,
    score: str = "alignment",
    level: float = BORDER,
    average: Average = weighted_mean,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Border:
    """The border of a sweep over one or two axes, `bootstrap_border` of a score; the second axis gives the columns.

    Failed repetitions are left out. Between columns the average is linear in their value, or in its logarithm where
    they are spaced like that; columns that are names have nothing between them, and no crossings. Where teachers,
    initial states and data were varied separately, their draws are resampled separately.

    Args:
        dataset: a sweep.
        score: which score.
        level: its level.
        average: `weighted_mean` or `weighted_median`.
        num_resamples: how many resamples.
        seed: of the resampling.

    Returns:
        Border and interval.

    Raises:
        ValueError: if the sweep has no such score, or other than one or two axes.
    """
    dataset = in_order(dataset)
    values = successful_values(dataset, score)
    axes = dataset_axes(dataset)
    if len(axes) not in (1, 2):
        raise ValueError(
            f"a border needs a sweep over one or two axes; this one has {[axis.name for axis in axes]}. Hold "
            f"the others at one value with `ntadyn.results.slicing.slice_of`."
        )
    weights = weights_of(dataset, num_resamples, seed)
    column = axes[-1]
    found = bootstrap_border(column.scaled, values if len(axes) == 2 else values[None], weights, level, average)
    if column.names is not None:
        return replace(found, crossings=())
    return found if not column.logarithmic else replace(found, crossings=tuple(map(_exponential, found.crossings)))


def _exponential(crossing: Crossing) -> Crossing:
    # An end beyond the first column has no logarithm to come back from.
    low, high = (-np.inf if end == -np.inf else float(np.exp(end)) for end in (crossing.low, crossing.high))
    return replace(crossing, position=float(np.exp(crossing.position)), low=low, high=high)


def _crossings_of_row(
    columns: Float[np.ndarray, " columns"],
    row: int,
    plain: Float[np.ndarray, " columns"],
    resamples: Float[np.ndarray, "resamples columns"],
    level: float,
) -> list[Crossing]:
    positions, rising = crossings(columns, plain, level)
    moved, moved_rising = crossings(columns, resamples, level)
    found = []
    for gap in np.flatnonzero(np.isfinite(positions)):
        place, up = float(positions[gap]), bool(rising[gap])
        same = np.where(moved_rising == up, moved, np.nan)
        distance = np.where(np.isfinite(same), np.abs(same - place), np.inf)
        nearest = np.take_along_axis(same, np.argmin(distance, axis=1)[:, None], axis=1)[:, 0]
        share = (place - columns[gap]) / (columns[gap + 1] - columns[gap])
        here = resamples[:, gap] + share * (resamples[:, gap + 1] - resamples[:, gap])
        # Above the level where it should rise through it, a resample has crossed before the first column.
        toward_first = (here >= level) == up
        away = np.where(toward_first == (columns[-1] > columns[0]), -np.inf, np.inf)
        away = np.where(np.isfinite(here), away, np.nan)
        ends = np.sort(np.where(np.isfinite(nearest), nearest, away))
        ends = ends[~np.isnan(ends)]
        low, high = np.nan, np.nan
        if len(ends):
            low = float(ends[int(np.floor(INTERVAL[0] * (len(ends) - 1)))])
            high = float(ends[int(np.ceil(INTERVAL[1] * (len(ends) - 1)))])
        found.append(Crossing(row, place, low, high, up))
    return found
