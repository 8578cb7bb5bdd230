"""Tiles merged into one dataset: cells on their axes, with names, units and the configuration."""

import inspect
import json
from collections.abc import Sequence

import numpy as np
import xarray as xr

from ntadyn.interface.observables import description_of
from ntadyn.specs.paths import plain, to_json
from ntadyn.sweeps.batch_noises import batch_noises
from ntadyn.sweeps.doubt import checks_of
from ntadyn.sweeps.plan import Axis, Sweep
from ntadyn.sweeps.scores import OUTCOME, Final, Measures, Score

# Names of the further dimensions of scores, if they have any.
_FURTHER = {"gates": ("path", "output")}


def merged(plan: Sweep, measures: Measures, parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """One dataset from tiles that together hold every cell once.

    Args:
        plan: the sweep.
        measures: what was kept.
        parts: the tiles in any order, with the numbers of their cells as the coordinate "cell". Cells that none of them
            holds become NaN, or -1 for integers.

    Returns:
        Dataset with one dimension per axis, then "seed", then the dimensions of the scores.
    """
    names = tuple(axis.name for axis in plan.axes)
    variables = {}
    kept = sorted({str(name) for part in parts for name in part.data_vars})
    descriptions = _descriptions(kept, measures)
    for name in kept:
        held = [part for part in parts if name in part]
        values = _collected(plan, [(part.cell.values, part[name].values) for part in held])
        further = _FURTHER.get(name, ())[: values.ndim - 2]
        further += tuple(f"{name}_{k}" for k in range(len(further), values.ndim - 2))
        attributes = {"long_name": descriptions[name], "units": "1"}
        variables[name] = ((*names, "seed", *further), values.reshape(*plan.shape, *values.shape[1:]), attributes)
    return xr.Dataset(
        variables,
        _coordinates(plan),
        {
            "name": plan.name,
            "configuration": to_json(plan.configuration),
            "axes": json.dumps(plan.identity()["axes"]),
            "precision": plan.precision.value,
        },
    )


def unfilled(plan: Sweep) -> xr.Dataset:
    """The dataset of a sweep of which nothing has been run yet: its axes and attributes, and result codes of -1.

    Args:
        plan: the sweep.
    """
    nothing = np.zeros((0, len(plan.repetitions())), np.int32)
    part = xr.Dataset({"result": (("cell", "seed"), nothing)}, {"cell": np.zeros(0, np.int32)})
    return merged(plan, OUTCOME, [part])


def _collected(plan: Sweep, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The values of all cells in the order of their numbers; rows that are shorter than others end in NaN."""
    shape = tuple(max(values.shape[k] for _, values in parts) for k in range(1, parts[0][1].ndim))
    kind = parts[0][1].dtype
    whole = np.full((plan.num_cells, *shape), -1 if kind.kind == "i" else np.nan, kind)
    for cells, values in parts:
        whole[(cells, *(slice(0, length) for length in values.shape[1:]))] = values
    return whole


def _coordinates(plan: Sweep) -> dict:
    found = {}
    for axis in plan.axes:
        if isinstance(axis, Axis):
            found[axis.name] = _coordinate(axis, axis.name)
        else:
            found |= {item.name: _coordinate(item, axis.name) for item in axis.parameters}
    if (kappa := batch_noises(plan)) is not None:
        found["kappa"] = kappa
    repetitions = np.asarray(plan.repetitions(), np.int32)
    found["seed"] = np.arange(len(repetitions), dtype=np.int32)
    for column, stream in enumerate(("teachers", "initial", "data")):
        found[f"{stream}_seed"] = ("seed", repetitions[:, column], {"long_name": f"random stream of {stream}"})
    return found


def _coordinate(axis: Axis, dimension: str):
    values = np.asarray([plain(value) for value in axis.values])
    return (dimension, values, {"long_name": axis.label, "parameter": axis.path})


def _descriptions(names: Sequence[str], measures: Measures) -> dict[str, str]:
    scores = {name: _description(name, score, measures) for name, score in measures.scores.items()}
    by_gates, by_scores = (checks_of(measures, kind).descriptions for kind in (True, False))
    # What both have is that of gates where there are some.
    checks = by_scores | by_gates if "gate_error" in names else by_gates | by_scores
    return {name: (checks | scores)[name].rstrip(".") for name in names}


def _description(name: str, score: Score, measures: Measures) -> str:
    """The first line of what a score says about itself, or of the observable whose last record it is."""
    if isinstance(score, Final):
        return f"{description_of(score.name, measures.observables[score.name])}, at the end"
    return (inspect.getdoc(score) or name).splitlines()[0].rstrip(".")
