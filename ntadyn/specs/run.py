"""From a preset to labelled time series in one line."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import xarray as xr

from ntadyn.interface import Observable
from ntadyn.results.provenance import provenance
from ntadyn.specs.building import first
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.ensemble import keys_for, observables_for, run_ensemble
from ntadyn.specs.extent import batch_noise
from ntadyn.specs.families import PRESETS
from ntadyn.specs.labelled import simulation_dataset, teachers_of
from ntadyn.specs.names import known_as
from ntadyn.specs.paths import replaced
from ntadyn.specs.spec import check_spec
from ntadyn.specs.warnings import warnings_of


def run(
    spec: Any,
    seeds: int | None = None,
    *,
    observables: Mapping[str, Observable] | None = None,
    records_per_block: int = 40,
    estimate_error: bool = False,
) -> xr.Dataset:
    """Simulate all repetitions of a preset, a configuration, or a spec of your own.

    The result is what `ntadyn simulate` writes, in the precision to which JAX is set (the command sets double).

    Args:
        spec: name of a preset such as "figure-2-flexible", a `Configuration`, or any other spec.
        seeds: number of repetitions; if omitted, that of the configuration, or one.
        observables: name -> function (system, state, task) -> array, recorded beside what suits the system, or in place
            of what has the same name.
        records_per_block: records inside every block, besides those at its start and end.
        estimate_error: run again with all steps halved, and add the estimated error of every recorded number.

    Returns:
        Dataset with the dimensions (seed, record, ...): loss, gates and similarity over time, with paths sorted by the
        teacher that each ends up with, observables of your own under their names, errors as "..._error", and result
        codes; coordinates time, block and task; configuration, versions and warnings as attributes.

    Raises:
        ValueError: before any compilation, for an unknown preset or anything that cannot be built or run.
    """
    name = None
    if isinstance(spec, str):
        name = known_as(spec, PRESETS, "preset")
        spec = PRESETS[name]()
    if seeds is not None and isinstance(spec, Configuration):
        spec = replaced(spec, {"randomness.num_seeds": seeds})
    keys = keys_for(spec, seeds)
    check_spec(spec)
    system, _ = eqx.filter_eval_shape(spec.build, first(keys))  # for its names and sizes alone
    recorded = observables_for(spec, system) | dict(observables or {})
    trajectory, curriculum = run_ensemble(spec, recorded, records_per_block, estimate_error=estimate_error, keys=keys)
    dataset = simulation_dataset(spec, trajectory, curriculum, teachers_of(system), recorded)
    doubts = warnings_of(spec) if isinstance(spec, Configuration) else []
    attributes: dict[str, Any] = provenance() | ({"warnings": "\n".join(doubts)} if doubts else {})
    if isinstance(spec, Configuration) and (kappa := batch_noise(spec)) is not None:
        attributes["kappa"] = float(kappa)
    return dataset.assign_attrs(attributes | ({} if name is None else {"preset": name}))
