"""Which source of randomness an outcome depends on: teachers, initial state, data, or their combination."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from ntadyn.maps.repetitions import STREAMS, Factor, factors, not_varied, successful_values
from ntadyn.results.dataset_axes import axis_names

# Subsets of the factors, as sorted tuples of their places: () is the mean, the full set what is left over.
Subset = tuple[int, ...]


@dataclass(frozen=True)
class VarianceShare:
    """One source of variance.

    Attributes:
        source: in words, for example "initial state" or "teachers x data".
        degrees_of_freedom: of its mean square.
        share: its component over the sum of all components. Estimates are unbiased, so a source without effect comes
            out slightly negative as often as positive. NaN if nothing varies.
        standard_error: of the share, by a jackknife over the draws of every factor; some 20 % too large for five draws
            of each. NaN if a factor has two draws.
    """

    source: str
    degrees_of_freedom: int
    share: float
    standard_error: float


@dataclass(frozen=True)
class VarianceTable:
    """Shares of the variance over repetitions.

    Attributes:
        score: which score.
        shares: one entry per source; the last one is the interaction of all sources, which a design with one
            trajectory per combination cannot tell from anything else that is left over.
        not_varied: streams that were held fixed, in words.
        num_cells: cells that were averaged.
        num_left_out: cells with a failed repetition, which would unbalance the design.
        variance: sum of all components, averaged over cells.
        components: unbiased components of every cell, dimensions (axes..., "source"); NaN in cells left out.
    """

    score: str
    shares: tuple[VarianceShare, ...]
    not_varied: tuple[str, ...]
    num_cells: int
    num_left_out: int
    variance: float
    components: xr.Dataset


def variance_components(values: Float[np.ndarray, "cells ..."]) -> dict[Subset, Float[np.ndarray, " cells"]]:
    """sigma^2_u = sum_{v >= u} (-1)^{|v - u|} MS_v/prod_{w not in u} n_w: random effects, crossed, one per combination.

    MS_v = SS_v/prod_{w in v} (n_w - 1), and SS_v is the sum of squares of the interaction v, which is the mean over all
    factors outside v minus all interactions within v.

    Args:
        values: one number per cell and combination of draws, one axis per factor, each of at least two draws.

    Returns:
        Unbiased components of every non-empty set of factors; those of the full set hold what is left over.

    Raises:
        ValueError: if there is no factor, or one has a single draw.

    Source: Searle, Casella and McCulloch, Variance Components (1992), balanced random models.
    """
    sizes = values.shape[1:]
    if not sizes or min(sizes) < 2:
        raise ValueError(f"components of variance need at least two draws of every factor; got {sizes}.")
    subsets = _subsets(len(sizes))
    effects: dict[Subset, np.ndarray] = {}
    squares: dict[Subset, np.ndarray] = {}
    for subset in ((), *subsets):
        outside = tuple(axis + 1 for axis in range(len(sizes)) if axis not in subset)
        mean = values.mean(axis=outside, keepdims=True)
        effects[subset] = mean - sum(effects[part] for part in effects if set(part) < set(subset))
        repeats = math.prod(sizes[axis - 1] for axis in outside)
        squares[subset] = repeats * np.sum(effects[subset] ** 2, axis=tuple(range(1, values.ndim)))
    mean_squares = {subset: squares[subset] / _degrees_of_freedom(subset, sizes) for subset in subsets}
    components = {}
    for subset in subsets:
        above = [other for other in subsets if set(subset) <= set(other)]
        signed = sum((-1) ** (len(other) - len(subset)) * mean_squares[other] for other in above)
        components[subset] = signed / math.prod(n for axis, n in enumerate(sizes) if axis not in subset)
    return components


def variance_table(dataset: xr.Dataset, score: str = "alignment") -> VarianceTable:
    """Shares of the variance over repetitions that go with each random stream, pooled over all cells.

    Components are averaged over cells before shares are taken, so that cells in which much varies count for much.

    Args:
        dataset: a sweep in which every combination of the draws of teachers, initial state and data was run once.
            Streams that were held fixed are reported as such; streams that vary in lock-step count as one factor.
        score: which score.

    Returns:
        The table, with all cells behind it.

    Raises:
        ValueError: if combinations are missing or repeated, if all that varies does so in lock-step, or if every cell
            has a failed repetition.
    """
    design = factors(dataset)
    _check(design, dataset.sizes["seed"])
    names = axis_names(dataset)
    flat = successful_values(dataset, score)
    shape = flat.shape[:-1]
    # Repetitions in the order of their draws, the first factor slowest.
    order = np.lexsort([factor.levels for factor in reversed(design)])
    values = flat.reshape(-1, flat.shape[-1])[:, order].reshape(-1, *(factor.num_levels for factor in design))
    whole = np.all(np.isfinite(values), axis=tuple(range(1, values.ndim)))
    if not whole.any():
        raise ValueError(
            f"every cell has a repetition without {score!r}, so that no cell is balanced. Repair the failures, for "
            f"example with a smaller step, or select cells without any."
        )
    components = variance_components(values[whole])
    pooled = _pooled(components)
    share, error = _shares(pooled), _jackknife(values[whole])
    sources = {subset: " x ".join(design[place].name for place in subset) for subset in components}
    sources[tuple(range(len(design)))] += " and the rest" if len(design) > 1 else ""
    sizes = tuple(factor.num_levels for factor in design)
    table = [
        VarianceShare(source, _degrees_of_freedom(subset, sizes), float(share[place]), float(error[place]))
        for place, (subset, source) in enumerate(sources.items())
    ]
    return VarianceTable(
        score,
        tuple(table),
        tuple(STREAMS[stream] for stream in not_varied(dataset)),
        int(whole.sum()),
        int((~whole).sum()),
        float(pooled.sum()),
        _per_cell(dataset, names, shape, whole, components, list(sources.values()), score),
    )


def _check(design: tuple[Factor, ...], num_repetitions: int) -> None:
    every = "every combination of the draws of teachers, initial state and data exactly once"
    advice = f"run a crossed design (`Streams`): {every}"
    if len(design) == 1 and len(design[0].streams) != 1:
        together = design[0].name if design[0].streams else "streams that the file does not name"
        raise ValueError(f"the repetitions vary {together} in lock-step, which cannot be told apart; {advice}.")
    sizes = [factor.num_levels for factor in design]
    combinations = np.unique(np.stack([factor.levels for factor in design]), axis=1).shape[1]
    if not combinations == num_repetitions == math.prod(sizes):
        drawn = " and ".join(f"{factor.num_levels} of {factor.name}" for factor in design)
        raise ValueError(
            f"{drawn} make {math.prod(sizes)} combinations, but there are {num_repetitions} repetitions with "
            f"{combinations} different ones; {advice}."
        )


def _subsets(number: int) -> list[Subset]:
    return [subset for size in range(1, number + 1) for subset in itertools.combinations(range(number), size)]


def _degrees_of_freedom(subset: Subset, sizes: tuple[int, ...]) -> int:
    return math.prod(sizes[axis] - 1 for axis in subset)


def _pooled(components: dict[Subset, np.ndarray]) -> Float[np.ndarray, " sources"]:
    return np.asarray([item.mean() for item in components.values()])


def _shares(pooled: Float[np.ndarray, " sources"]) -> Float[np.ndarray, " sources"]:
    total = pooled.sum()
    return pooled / total if total > 0 else np.full(pooled.shape, np.nan)


def _jackknife(values: Float[np.ndarray, "cells ..."]) -> Float[np.ndarray, " sources"]:
    """sqrt(sum_f (n_f - 1)/n_f sum_l (s_(f,l) - mean_l s_(f,l))^2), s_(f,l) the shares without draw l of factor f."""
    variance = 0.0
    for axis in range(1, values.ndim):
        number = values.shape[axis]
        if number < 3:
            return np.full(2 ** (values.ndim - 1) - 1, np.nan)
        left = [_shares(_pooled(variance_components(np.delete(values, level, axis)))) for level in range(number)]
        variance = variance + (number - 1) * np.var(left, axis=0)
    return np.sqrt(variance)


def _per_cell(
    dataset: xr.Dataset,
    names: tuple[str, ...],
    shape: tuple[int, ...],
    whole: np.ndarray,
    components: dict[Subset, np.ndarray],
    sources: list[str],
    score: str,
) -> xr.Dataset:
    array = np.full((whole.size, len(sources)), np.nan)
    array[whole] = np.stack(list(components.values()), axis=-1)
    coordinates = {name: item for name, item in dataset.coords.items() if set(item.dims) <= set(names)}
    attributes = {"long_name": f"unbiased component of the variance of {score}", "units": "1"}
    return xr.Dataset(
        {"component": ((*names, "source"), array.reshape(*shape, len(sources)), attributes)},
        coordinates | {"source": sources},
    )
