"""What the theory in the plane predicts of a phase map, before any of it is run."""

import numpy as np
import xarray as xr

from ntadyn.results.dataset_axes import axis_names
from ntadyn.results.quantities import CONTACT, FOLD, HINGE, NEGATIVE, PREDICTED
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.specs.teacher_plane import cell_of, check_in_plane, plane_of, spread_of
from ntadyn.stability import band_fold, contact_probability, hinge_bound, negative_probability, time_to_specialise
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH, Axis, Sweep

# Of predicted rows of contact; its probabilities are smooth, and interpolated between them.
MOST_ROWS = 12


def check_predictable(plan: Sweep) -> None:
    """Refuse a map that is not one of block durations by gate time constants or penalty strengths in the plane.

    Raises:
        ValueError: for such a map.
    """
    paths = [axis.parameters[0].path for axis in plan.axes]
    if len(paths) != 2 or paths[0] != BLOCK_DURATION or paths[1] not in (GATE_TIME_CONSTANT, STRENGTH):
        raise ValueError(
            f"predictions are for maps of {BLOCK_DURATION} by {GATE_TIME_CONSTANT} or {STRENGTH}; this one has {paths}."
        )
    check_in_plane(plan.configuration)


def predict(plan: Sweep) -> xr.Dataset:
    """The share of runs that will have specialised, and two lines.

    Args:
        plan: the map; its rows are block durations.

    Returns:
        `predicted_share` and `contact_probability` over both axes; `band_fold`, over block durations, the gate time
        constant above which no orbit of specialised paths reaches zero, on a map of gate time constants; on one of
        strengths `negative_probability`, the share of runs with a negative gate at the end, and `hinge_strength`, the
        penalty strength from which on no hinge of frozen weights gives way.

    Raises:
        ValueError: as `check_predictable`.
    """
    check_predictable(plan)
    rows, columns = (axis.parameters[0] for axis in plan.axes)
    durations = np.asarray(rows.values, float)
    chosen = np.unique(np.round(np.linspace(0, len(durations) - 1, min(MOST_ROWS, len(durations)))).astype(int))
    training_time, spread = float(plan.configuration.curriculum.end), spread_of(plan.configuration)
    shares, contacts = [], []
    for duration in durations[chosen]:
        cells = [_cell(plan.configuration, float(duration), columns, value) for value in columns.values]
        twice = plane_of(cells * 2)  # until the end, and until contact would be too late, in one run
        until = training_time - np.where(np.arange(2 * len(cells)) < len(cells), 0, time_to_specialise(twice))
        contact, share = np.split(np.asarray(contact_probability(twice, until, spread)), 2)
        contacts.append(contact)
        shares.append(share)
    dims = (rows.name, columns.name)
    found = {PREDICTED: _between(durations, chosen, shares), CONTACT: _between(durations, chosen, contacts)}
    dataset = xr.Dataset(
        {name: (dims, values) for name, values in found.items()},
        coords={rows.name: durations, columns.name: np.asarray(columns.values, float)},
    )
    dataset[PREDICTED].attrs["long_name"] = "predicted share of specialised runs, contact and a fitted time after it"
    dataset[CONTACT].attrs["long_name"] = "predicted share of runs in which a gate reaches zero"
    if columns.path == GATE_TIME_CONSTANT:
        any_gates = columns.values[0]
        cells = [cell_of(_cell(plan.configuration, float(duration), columns, any_gates)) for duration in durations]
        dataset[FOLD] = (rows.name, [band_fold(cell).gates for cell in cells])
        dataset[FOLD].attrs["long_name"] = "gate time constant at which the contact band closes"
    else:
        cell = cell_of(_cell(plan.configuration, float(durations[0]), columns, 1.0))
        strength = float(hinge_bound(cell)) / float(cell.nonnegative) if cell.nonnegative > 0 else np.nan
        dataset[HINGE] = ((), strength)
        dataset[HINGE].attrs["long_name"] = "penalty strength above which the hinge holds gates, a sufficient bound"
        cells = [
            _cell(plan.configuration, float(duration), columns, value)
            for duration in durations
            for value in columns.values
        ]
        negative = np.asarray(negative_probability(plane_of(cells), training_time, spread))
        dataset[NEGATIVE] = (dims, negative.reshape(len(durations), -1))
        dataset[NEGATIVE].attrs["long_name"] = "predicted share of runs with a negative gate at the end of training"
    return dataset


def with_prediction(dataset: xr.Dataset, plan: Sweep) -> xr.Dataset:
    """A map with what was predicted of it.

    Args:
        dataset: the map, as `run_sweep` returns it.
        plan: what was run.
    """
    predicted = predict(plan)
    assert axis_names(dataset) == predicted[PREDICTED].dims
    return dataset.assign({name: (item.dims, item.values, item.attrs) for name, item in predicted.data_vars.items()})


def agreement(dataset: xr.Dataset, contrast: float = 0.5) -> tuple[int, int]:
    """In how many cells prediction and map agree on whether most runs specialise, and how many cells there are.

    Args:
        dataset: from `with_prediction`, with the contrast among its scores.
        contrast: above which a run counts as specialised.
    """
    ran = dataset.result == 0
    share = ((dataset.contrast > contrast) & ran).sum("seed") / ran.sum("seed")
    known = ran.any("seed")
    same = ((share >= 0.5) == (dataset[PREDICTED] >= 0.5)) & known
    return int(same.sum()), int(known.sum())


def _cell(base: Configuration, duration: float, columns: Axis, value: float) -> Configuration:
    return replaced(base, {BLOCK_DURATION: duration, columns.path: value})


def _between(durations: np.ndarray, chosen: np.ndarray, rows: list[np.ndarray]) -> np.ndarray:
    """Values of all rows from those of some, linear in the logarithm of the block duration."""
    known = np.log(durations[chosen])
    columns = np.stack(rows).T
    return np.stack([np.interp(np.log(durations), known, column) for column in columns], axis=1)
