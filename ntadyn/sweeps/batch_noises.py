"""How much the noise of batches matters in the cells of a sweep. Nothing here imports JAX."""

import itertools

import numpy as np

from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.extent import batch_noise
from ntadyn.specs.paths import replaced
from ntadyn.sweeps.plan import Sweep

_ATTRIBUTES = {
    "long_name": "noise of batches, kappa = (h / tau_W) (d_in + 1) / B; below .02 they are as good as the population",
    "units": "1",
}
_PARAMETERS = ("batch_size", "max_step", "time_constants.weights", "teachers.d_in", "dynamics")


def batch_noises(sweep: Sweep) -> tuple[tuple[str, ...], np.ndarray, dict[str, str]] | None:
    """Kappa along the axes on which it depends: names of axes, values (NaN without batches), and attributes.

    Args:
        sweep: any sweep.

    Returns:
        None if no cell draws batches.
    """
    first = replaced(sweep.configuration, sweep.changes(0))
    if not isinstance(first, Configuration):
        return None
    axes = [axis for axis in sweep.axes if any(item.path in _PARAMETERS for item in axis.parameters)]
    values = []
    for place in itertools.product(*(range(len(axis)) for axis in axes)):
        changes = {path: value for axis, k in zip(axes, place, strict=True) for path, value in axis.at(k).items()}
        cell = replaced(first, changes)
        values.append(batch_noise(cell) if cell.dynamics is Dynamics.ONLINE else np.nan)
    found = np.reshape(np.asarray(values, float), [len(axis) for axis in axes])
    return None if np.all(np.isnan(found)) else (tuple(axis.name for axis in axes), found, _ATTRIBUTES)


def spread(noises: np.ndarray) -> tuple[float, float]:
    """The least and the most noise of the cells that draw batches."""
    return float(np.nanmin(noises)), float(np.nanmax(noises))
