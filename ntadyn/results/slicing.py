"""Slices of a sweep: which values its further axes are held at, so that what is left fits on paper."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ntadyn.results.dataset_axes import SEED, DatasetAxis, dataset_axes

# Axis -> value at which it is held.
At = Mapping[str, str | float | int]

# Axes of a picture.
MOST_AXES = 2
NAMED_VALUES = 12


@dataclass(frozen=True)
class HeldAxis:
    """An axis that is held at one of its values.

    Attributes:
        axis: the axis.
        place: index of that value.
        asked: the value that was asked for, as text; None where nobody asked, and the middle value is taken.
    """

    axis: DatasetAxis
    place: int
    asked: str | None = None

    def __str__(self) -> str:
        return f"{self.axis.label} = {self.axis.text(self.place)}"


@dataclass(frozen=True)
class Slice:
    """A part of a sweep over one or two axes.

    Attributes:
        dataset: that part, a sweep itself.
        held: the axes that are not among its own.
    """

    dataset: xr.Dataset
    held: tuple[HeldAxis, ...] = ()

    @property
    def title(self) -> str:
        """The values that axes are held at, in one line; empty for a whole sweep."""
        return ", ".join(map(str, self.held))


def slice_of(dataset: xr.Dataset, at: At | None = None) -> Slice:
    """The part of a sweep that fits on paper: at most two axes, the others held at a value.

    Args:
        dataset: a sweep.
        at: axis -> value at which to hold it; the nearest value that there is counts. An axis may go by its dimension,
            by the dotted path of a parameter that varies along it or the end of that path where only one has it, or by
            the name of another coordinate along it.

    Returns:
        A sweep over one or two axes. Axes that nobody asked to hold are kept, those of several values first, in their
        order; what is over after the second is held at its middle value. A single cell gets an axis "cell".

    Raises:
        ValueError: if the dataset is not a sweep, for an unknown axis, and for a value that is none of its names, no
            number or outside of its range.
    """
    axes = dataset_axes(dataset)
    held = _asked(dataset, axes, at or {})
    free = [axis for axis in axes if axis.name not in held]
    kept = [axis.name for axis in free if len(axis.values) > 1] or [axis.name for axis in free[:1]]
    for axis in free:
        if axis.name not in kept[:MOST_AXES]:
            held[axis.name] = HeldAxis(axis, len(axis.values) // 2)
    part = dataset.isel({name: item.place for name, item in held.items()})
    if len(held) == len(axes):
        cells = {str(key): item for key, item in part.data_vars.items() if SEED in item.dims}
        part = part.assign({key: item.expand_dims("cell") for key, item in cells.items()})
    return Slice(part, tuple(held[axis.name] for axis in axes if axis.name in held))


def parsed(texts: Sequence[str]) -> dict[str, str]:
    """`slice_of`'s axis -> value from texts "AXIS=VALUE".

    Raises:
        ValueError: for a text without an equals sign, and for an axis that is named twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, separator, value = (part.strip() for part in text.partition("="))
        if not (name and separator and value):
            raise ValueError(f"--at {text!r} names no value of an axis; write --at AXIS=VALUE.")
        if name in found:
            raise ValueError(f"--at holds {name!r} at {found[name]} and at {value}; give each axis one value.")
        found[name] = value
    return found


def _asked(dataset: xr.Dataset, axes: tuple[DatasetAxis, ...], at: At) -> dict[str, HeldAxis]:
    names = {axis.name: _names(dataset, axis) for axis in axes}
    shorts = Counter(_short(key) for known in names.values() for key in known if "." in key)
    for known in names.values():
        # The end of a path is enough where no other path has it, for example num_paths.
        known |= {_short(key): known[key] for key in [*known] if shorts[_short(key)] == 1 and _short(key) not in known}
    held: dict[str, HeldAxis] = {}
    for name, value in at.items():
        found = [axis for axis in axes if name in names[axis.name]]
        if not found:
            there = "; ".join(f"{axis.name}: {_listed(names[axis.name][axis.name])}" for axis in axes)
            raise ValueError(f"this sweep has no axis {name!r}; {f'it has {there}' if there else 'it is one cell'}.")
        axis = found[0]
        if axis.name in held:
            raise ValueError(f"{name!r} is the axis {axis.name!r}, which is held already; give each axis one value.")
        held[axis.name] = HeldAxis(axis, _nearest(name, names[axis.name][name], value), str(value))
    return held


def _names(dataset: xr.Dataset, axis: DatasetAxis) -> dict[str, np.ndarray]:
    """Everything that an axis goes by, and its values under that name."""
    along = [item for item in dataset.coords.values() if item.dims == (axis.name,)]
    # As for the positions on the axis, parameters come before what only counts the cells.
    along.sort(key=lambda item: ("parameter" not in item.attrs, item.name != axis.name))
    names = {axis.name: along[0].values if along else axis.values}
    for item in along:
        names.setdefault(str(item.name), item.values)
        for path in axis.parameters:
            if path == str(item.attrs.get("parameter", "")):
                names.setdefault(path, item.values)
    return names


def _short(path: str) -> str:
    return path.rpartition(".")[2]


def _nearest(name: str, values: np.ndarray, value: str | float | int) -> int:
    if not np.issubdtype(values.dtype, np.number):
        texts = [str(item) for item in values]
        if str(value) not in texts:
            raise ValueError(f"{name} is never {str(value)!r}; choose one of {_listed(values)}.")
        return texts.index(str(value))
    known = np.where(np.isfinite(values), values, np.nan)
    if np.all(np.isnan(known)):
        raise ValueError(f"{name} has no values to choose from.")
    low, high, number = float(np.nanmin(known)), float(np.nanmax(known)), _number(value)
    # Values are printed in four digits, and in these the ends must be found again.
    if not low - 1e-3 * abs(low) <= number <= high + 1e-3 * abs(high):
        raise ValueError(f"{name} is never near {value}; choose one of {_listed(values)}.")
    return int(np.nanargmin(np.abs(known - number)))


def _number(value: str | float | int) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _listed(values: np.ndarray) -> str:
    number = np.issubdtype(values.dtype, np.number)
    texts = [f"{value:.4g}" if number else str(value) for value in values]
    return ", ".join(texts if len(texts) <= NAMED_VALUES else [*texts[: NAMED_VALUES - 2], "...", texts[-1]])
