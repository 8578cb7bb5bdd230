"""Parameters cell by cell, and cells sorted by them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ntadyn.specs.paths import is_real, value_at
from ntadyn.sweeps.plan import Sweep


def real_values(sweep: Sweep, configuration: Any, cells: np.ndarray, path: str) -> np.ndarray:
    """A real parameter in every cell, swept or not; NaN for None."""
    for axis, index in zip(sweep.axes, np.unravel_index(cells, sweep.shape), strict=True):
        for item in axis.parameters:
            if item.path == path:
                return np.asarray(item.values, float)[index]
    value = value_at(configuration, path)
    return np.full(len(cells), math.nan if value is None else value)


def as_number(sweep: Sweep, spec: Any, cells: np.ndarray, path: str) -> np.ndarray:
    """A swept parameter in every cell, as a number: itself, or its place among the values of its axis."""
    if is_real(spec, path):
        return real_values(sweep, spec, cells, path)
    for axis, index in zip(sweep.axes, np.unravel_index(cells, sweep.shape), strict=True):
        if any(item.path == path for item in axis.parameters):
            return index.astype(float)
    raise AssertionError(f"{path} is no axis")


def from_number(sweep: Sweep, path: str, number: float) -> Any:
    """The value of a swept parameter whose number is `as_number`."""
    if is_real(sweep.configuration, path):
        return number
    return next(item.values[int(number)] for item in sweep.parameters if item.path == path)


def grouped(columns: Sequence[np.ndarray], cells: np.ndarray) -> dict[tuple[Any, ...], np.ndarray]:
    """Distinct rows of some columns -> the cells that have them, ascending."""
    rows, group = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(group.ravel()))[:-1]
    return dict(zip(map(tuple, rows.tolist()), np.split(cells[order], ends), strict=True))
