"""Learning rates that one table has chosen and the others take, so that their rows need one training per seed.

Every model had the same grid, 0.002, 0.004, 0.008 and 0.016, tried on the first seed of a table.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import xarray as xr

from experiments.harness.acceptance import Measurement, single
from experiments.harness.runs import Run

RECALL: Mapping[str, float] = {
    "transformer": 1.6e-2,
    "linear-attention": 8e-3,
    "delta-net": 1.6e-2,
    "gated-delta": 1.6e-2,
    "titans": 1.6e-2,
    "hope-attention": 1.6e-2,
    "self-modifying": 1.6e-2,
    "hope": 8e-3,
}
"""What the table of four pairs chose; HOPE without one of its ideas takes that of HOPE."""

TEXT: Mapping[str, float] = dict.fromkeys(RECALL, 1.6e-2) | {"self-modifying": 8e-3}
"""What the table of equal steps on characters chose, for equal time and for HOPE without one of its ideas."""

SWITCHING: Mapping[str, float] = dict.fromkeys(RECALL, 1.6e-2) | {"transformer": 8e-3}
"""What the table of teachers that are the same in all sequences chose, for fresh ones."""


def at_chosen_rates(runs: Sequence[Run], chosen: Mapping[str, float]) -> list[Run]:
    """The same trainings, each at the rate of its model alone.

    Args:
        runs: of `trainings.training_runs`.
        chosen: rate by model; models that are not in it are variants of "hope".
    """

    def one(run: Run) -> Run:
        spec = run.arguments["spec"]
        rate = chosen.get(spec.model, chosen["hope"])
        return dataclasses.replace(run, arguments={"spec": dataclasses.replace(spec, rates=(rate,))})

    return [one(run) for run in runs]


def chosen_otherwise(rows: Mapping[str, xr.Dataset], chosen: Mapping[str, float]) -> Measurement:
    """How many models of a table that tried the whole grid have chosen another rate than is written here.

    Args:
        rows: of the table, by model.
        chosen: rate by model.
    """
    return single(float(sum(dataset.attrs["rate"] != chosen[model] for model, dataset in rows.items())))
