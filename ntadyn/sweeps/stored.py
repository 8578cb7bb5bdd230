"""The plan of a sweep from its result file, so that its cells can be run again. Nothing here imports JAX."""

import dataclasses
import json

import numpy as np
import xarray as xr

from ntadyn.results.dataset_axes import SEED, axis_names
from ntadyn.specs.configuration import Configuration, Randomness
from ntadyn.specs.kinds import is_choice, members
from ntadyn.specs.paths import declared, replaced
from ntadyn.specs.reading import spec_of
from ntadyn.sweeps.plan import Axis, Backend, Precision, Streams, Sweep, Zipped


def plan_of(dataset: xr.Dataset) -> Sweep:
    """The plan that a sweep was run from, without its checks.

    Args:
        dataset: a sweep, as `run_sweep` returns it or a file holds it.

    Returns:
        A plan with the same cells, repetitions, precision and kind of steps.

    Raises:
        ValueError: if the dataset does not say, or says something that makes no sweep.
    """
    spec = spec_of(dataset.attrs)
    seeds = dataset.sizes.get(SEED, 1)
    own = getattr(spec, "randomness", None)
    try:
        axes = tuple(_axis(dataset, name, spec) for name in axis_names(dataset))
        precision = Precision(dataset.attrs.get("precision", Precision.DOUBLE.value))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"the file does not say what its axes are ({error}), so its cells cannot be run again."
        ) from None
    stepped_by = str(dataset.attrs.get("stepped_by", ""))
    plan = Sweep(
        spec,
        axes,
        name=str(dataset.attrs.get("name", "sweep")),
        precision=precision,
        num_seeds=None if isinstance(own, Randomness) else seeds,
        backend=Backend.XLA if stepped_by.startswith("XLA") and isinstance(spec, Configuration) else None,
    )
    plan = _with_streams(plan, dataset)
    plan.check_values()
    return plan


def _axis(dataset: xr.Dataset, name: str, spec) -> Axis | Zipped:
    along = [item for item in dataset.coords.values() if item.dims == (name,) and "parameter" in item.attrs]
    parameters = []
    for item in along:
        path = str(item.attrs["parameter"])
        kind = declared(spec, path)
        values = tuple(_value(kind, value) for value in item.values.tolist())
        parameters.append(Axis(path, values, name=str(item.name), label=str(item.attrs.get("long_name", path))))
    if not parameters:
        raise ValueError(f"the axis {name!r} of the file says no parameter, so its cells cannot be run again.")
    return parameters[0] if len(parameters) == 1 and parameters[0].name == name else Zipped(name, tuple(parameters))


def _value(kind, value):
    """A value of an axis as its parameter has it: enumerations are stored by name."""
    for member in members(kind):
        if is_choice(member) and isinstance(value, str):
            return member[value]
        if member is int and isinstance(value, float) and float not in members(kind):
            return int(value)
        if member is type(None) and value == "None":
            return None
    if isinstance(value, str) and value.startswith("["):
        return tuple(json.loads(value))
    return value


def _with_streams(plan: Sweep, dataset: xr.Dataset) -> Sweep:
    """The plan with the repetitions that the dataset names, where they are not those that it has anyhow."""
    names = [f"{stream}_seed" for stream in ("teachers", "initial", "data")]
    if not all(name in dataset.coords for name in names):
        return plan
    told = np.stack([np.asarray(dataset[name].values) for name in names], axis=1)
    crossed = Streams(*(int(column.max()) + 1 for column in told.T))
    others = [{}, {"streams": crossed, "num_seeds": None}]
    if plan.num_seeds is None:
        given = {"randomness.num_seeds": len(told)}
        changes = (given, given | {"randomness.vary_teachers": True})
        others[1:1] = [{"configuration": replaced(plan.configuration, change)} for change in changes]
    for other in others:
        found = dataclasses.replace(plan, **other)
        if np.array_equal(told, np.asarray(found.repetitions())):
            return found
    raise ValueError("the repetitions in the file are none that a sweep makes, so its cells cannot be run again.")
