"""The axes of a sweep: which dimensions its cells lie on, and where."""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

SEED = "seed"
# The largest gap between neighbouring values over the smallest, up to which cells of the smallest are still seen.
MOST_UNEVEN = 100.0


@dataclass(frozen=True)
class DatasetAxis:
    """One axis of a sweep.

    Attributes:
        name: its dimension.
        values: positions of the cells, strictly ascending or descending, shape (cells,); the index where the values
            themselves are names, or do not ascend.
        label: what the positions are.
        parameters: dotted paths of the parameters that vary along it, empty where the file does not say.
        names: the values as text where they are not the positions, else None.
    """

    name: str
    values: np.ndarray
    label: str
    parameters: tuple[str, ...]
    names: tuple[str, ...] | None = None

    def text(self, index: int) -> str:
        """One of the values, short."""
        return f"{self.values[index]:.4g}" if self.names is None else self.names[index]

    @property
    def logarithmic(self) -> bool:
        """Whether the values are positive, span a factor of five or more, and belong on a logarithmic scale.

        They do if they are evenly spaced there, or so unevenly on a linear scale that some would be drawn as nothing.
        """
        values = self.values
        if len(values) < 3 or np.any(values <= 0) or values.max() < 5 * values.min():
            return False
        steps = np.diff(np.log(values))
        uneven, uneven_logarithms = _unevenness(np.diff(values)), _unevenness(steps)
        return bool(np.allclose(steps, steps[0], rtol=1e-3)) or (uneven > MOST_UNEVEN and uneven_logarithms < uneven)

    @property
    def scaled(self) -> np.ndarray:
        """The values on the scale on which they are interpolated: their logarithms if they are spaced like that."""
        return np.log(self.values) if self.logarithmic else self.values

    def unscaled(self, positions: np.ndarray) -> np.ndarray:
        """Positions on that scale, turned back into values."""
        return np.exp(positions) if self.logarithmic else positions


def axis_names(dataset: xr.Dataset) -> tuple[str, ...]:
    """Dimensions of the cells, in order: those of the result codes, or of the failures of a summary, without seeds.

    Args:
        dataset: a sweep, or what `summarise` made of one.

    Returns:
        Their names; empty for a single cell.

    Raises:
        ValueError: if the dataset is neither.
    """
    for name in ("result", "failures"):
        if name in dataset:
            return tuple(str(dim) for dim in dataset[name].dims if dim != SEED)
    raise ValueError(
        f"this dataset is not a sweep: it has neither 'result' nor 'failures' among its variables "
        f"{sorted(map(str, dataset.data_vars))}. Pass what a sweep or `summarise` returned."
    )


def dataset_axes(dataset: xr.Dataset) -> tuple[DatasetAxis, ...]:
    """All axes with their values; a zipped axis, along which several parameters vary, takes the values of its first.

    Args:
        dataset: a sweep, or what `summarise` made of one.

    Returns:
        One entry for every dimension of the cells.

    Raises:
        ValueError: if the dataset is neither.
    """
    return tuple(dataset_axis(dataset, name) for name in axis_names(dataset))


def varied_parameters(dataset: xr.Dataset) -> frozenset[str]:
    """Dotted paths of all parameters that vary along an axis of a dataset, as far as it says so."""
    return frozenset(path for item in dataset.coords.values() for path in _paths(item.attrs.get("parameter", "")))


def dataset_axis(dataset: xr.Dataset, name: str) -> DatasetAxis:
    """One dimension of any dataset with its values.

    Args:
        dataset: any.
        name: the dimension.
    """
    along = [item for key, item in dataset.coords.items() if item.dims == (name,) and key == name]
    along += [item for key, item in dataset.coords.items() if item.dims == (name,) and key != name]
    # The index of a zipped axis counts its cells; the parameters are the other coordinates.
    along = [item for item in along if "parameter" in item.attrs] or along
    index = np.arange(dataset.sizes[name], dtype=float)
    if not along:
        return DatasetAxis(name, index, name, ())
    label = ", ".join(str(item.attrs.get("long_name", item.name)) for item in along)
    parameters = tuple(path for item in along for path in _paths(item.attrs.get("parameter", ())))
    values = along[0].values
    if np.issubdtype(values.dtype, np.number):
        positions = values.astype(float)
        steps = np.diff(positions) if np.all(np.isfinite(positions)) else np.zeros(1)
        if np.all(steps > 0) or np.all(steps < 0):
            return DatasetAxis(name, positions, label, parameters)
    return DatasetAxis(name, index, label, parameters, tuple(str(value) for value in values))


def _unevenness(steps: np.ndarray) -> float:
    return float(np.max(np.abs(steps)) / np.min(np.abs(steps)))


def by_index(axis: DatasetAxis) -> DatasetAxis:
    """An axis whose values are so uneven that they are drawn side by side, each with its name; else the axis itself."""
    if axis.names is not None or axis.logarithmic or len(axis.values) < 3:
        return axis
    if _unevenness(np.diff(axis.values)) <= MOST_UNEVEN:
        return axis
    names = tuple(f"{value:.3g}" for value in axis.values)
    return replace(axis, values=np.arange(len(names), dtype=float), names=names)


def in_order(dataset: xr.Dataset) -> xr.Dataset:
    """The same sweep with numeric axes ascending, as borders need them.

    Args:
        dataset: a sweep.

    Returns:
        The cells in another order; unchanged if they are in order, or have none, because values repeat or are not
        finite: such an axis counts its cells, and no border crosses it.
    """
    for name in axis_names(dataset):
        if name not in dataset.coords or not np.issubdtype(dataset[name].dtype, np.number):
            continue
        values = np.asarray(dataset[name].values, float)
        if not np.all(np.isfinite(values)) or len(np.unique(values)) < len(values):
            continue
        steps = np.diff(values)
        if not (np.all(steps > 0) or np.all(steps < 0)):
            dataset = dataset.sortby(name)
    return dataset


def _paths(attribute: object) -> tuple[str, ...]:
    if isinstance(attribute, str):
        return tuple(path.strip() for path in attribute.split(","))
    return tuple(str(path) for path in np.atleast_1d(np.asarray(attribute, dtype=object)))
