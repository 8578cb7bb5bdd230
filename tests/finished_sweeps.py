"""Finished sweeps made of formulas, whose borders, regimes and sources of variance are known."""

import numpy as np
import xarray as xr

from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced, to_json

AXES = {
    "block_duration": ("curriculum.block_duration", "block duration"),
    "gate_time_constant": ("time_constants.gates", "gate time constant"),
    "strength": ("penalties.strength", "penalty strength"),
    "kind": ("teachers.kind", "kind of teachers"),
}


def sweep(alignment, streams=None, tau_w=1.0, name="made", **axes):
    """A sweep with the given alignment, shape (axes..., seeds), in which everything else follows from it.

    The contrast is the distance of the alignment from 0.5, doubled, so that 0.75 is the threshold of specialised
    trajectories and 0.55 that of forgetful ones.
    """
    alignment = np.asarray(alignment, float)
    dims = (*axes, "seed")
    configuration = replaced(Configuration(), {"time_constants.weights": tau_w})
    dataset = xr.Dataset(
        {
            "alignment": (dims, alignment, {"long_name": "total alignment, optimal assignment", "units": "1"}),
            "contrast": (dims, 2 * (alignment - 0.5), {"long_name": "contrast", "units": "1"}),
            "gates": ((*dims, "path"), np.zeros((*alignment.shape, 2)), {"long_name": "gates at the end"}),
            "result": (dims, np.zeros(alignment.shape, int), {"long_name": "result code"}),
        },
        {
            axis: (axis, np.asarray(values), {"long_name": AXES[axis][1], "parameter": AXES[axis][0]})
            for axis, values in axes.items()
        },
        {"name": name, "configuration": to_json(configuration)},
    )
    return dataset.assign_coords({stream: ("seed", np.asarray(draws)) for stream, draws in (streams or {}).items()})


def ramp(places, columns, slope=1.0, level=0.9):
    """Rising lines through `level` at the given places, one place per repetition; shape (columns, seeds)."""
    return level + slope * (np.asarray(columns)[:, None] - np.asarray(places))


def crossed(*sizes):
    """The draws of every combination of the levels of some streams, shape (streams, combinations)."""
    return np.stack([grid.ravel() for grid in np.meshgrid(*map(np.arange, sizes), indexing="ij")])
