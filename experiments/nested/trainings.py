"""Trainings of sequence models that several experiments tabulate: one run each, so that a table goes on where it ended.

All models of a table have the parameters of its transformer, as nearly as whole feed-forward units allow, and the same
grid of learning rates, which are chosen on the first seed.
"""

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from experiments.harness.acceptance import Acceptance, Measurement, mean_of, reported, single
from experiments.harness.runs import Data, Run
from ntadyn.nested.sequence_models import parameter_count
from ntadyn.training import TrainingSpec, train
from ntadyn.training.program import maker_of

BASELINE = "transformer"
MODELS = (
    BASELINE, "linear-attention", "delta-net", "gated-delta", "titans", "hope-attention", "self-modifying", "hope",
)  # fmt: skip
"""The rows of every table; `self-modifying` is HOPE without the continuum memory system."""
ABLATIONS = (
    "hope-no-dgd", "hope-fixed-keys", "hope-fixed-values", "hope-frozen-projections", "hope-given-values",
)  # fmt: skip
"""HOPE without one of its ideas."""
LONG_ENOUGH = 400
"""Steps of training from which on a number says something about a model."""
COLORS = {
    "transformer": "black", "linear-attention": "C0", "delta-net": "C2", "gated-delta": "C5", "titans": "C1",
    "hope-attention": "0.55", "self-modifying": "C4", "hope": "C3",
}  # fmt: skip


def at_equal_parameters(spec: TrainingSpec, models: Sequence[str]) -> list[TrainingSpec]:
    """The same training of several models, all with the parameters of the baseline.

    Args:
        spec: task, sizes and schedule.
        models: names.
    """
    # Clocks of levels have nothing to do with its size, and the baseline has but one level.
    baseline = dataclasses.replace(spec, model=BASELINE, chunks=None, shares=None)
    shapes = eqx.filter_eval_shape(maker_of(baseline, spec.data.build()), jax.random.key(0))
    number = parameter_count(shapes)
    return [dataclasses.replace(spec, model=model, hidden=None, parameters=number) for model in models]


def training_runs(table: str, spec: TrainingSpec, models: Sequence[str]) -> list[Run]:
    """A run per model.

    Args:
        table: begins the names of the datasets: "<table> <model>".
        spec: of all rows.
        models: names.
    """
    place = table.replace(" ", "_").replace(",", "")
    return [
        Run(f"training_{place}_{one.model}", trained, {"spec": one}, f"{table} {one.model}")
        for one in at_equal_parameters(spec, models)
    ]


def trained(spec: TrainingSpec) -> xr.Dataset:
    """One row: all seeds of a model."""
    return train(spec, tell=lambda line: print(f"{spec.model}: {line}", flush=True))


def rows_of(data: Data, table: str) -> dict[str, xr.Dataset]:
    """The datasets of one table by model."""
    start = f"{table} "
    return {name.removeprefix(start): dataset for name, dataset in data.items() if name.startswith(start)}


def tables_of(data: Data) -> list[str]:
    """The names of the tables of an experiment, in order."""
    return list(dict.fromkeys(name.rsplit(" ", 1)[0] for name in data))


def measured(dataset: xr.Dataset, name: str) -> np.ndarray:
    """A measure of the test, mean over parts; one number per seed."""
    values = dataset[f"test_{name}"]
    return (values.mean("part") if "part" in values.dims else values).values


def difference(one: xr.Dataset, other: xr.Dataset, name: str) -> Measurement:
    """How far a measure of one model is above that of another, seed by seed."""
    return mean_of(measured(one, name) - measured(other, name))


def described(data: Data, table: str, name: str) -> list[Acceptance]:
    """What is reported of every row: a measure, the chosen rate, parameters, what is carried, and time.

    Args:
        data: of the experiment.
        table: begins the names of the datasets.
        name: of the measure.
    """
    rows = []
    for model, dataset in rows_of(data, table).items():
        steps, seconds = dataset.sizes["step"], dataset.seconds.values
        note = (
            f"rate {dataset.attrs['rate']:g}, {int(dataset.parameters):,} parameters, "
            f"{int(dataset.state_floats):,} numbers carried, {steps:,} steps"
        )
        rows += [
            reported(f"{table}, {model}: {name}", mean_of(measured(dataset, name)), note),
            reported(f"{table}, {model}: ms per step", mean_of(1e3 * seconds / steps)),
        ]
    return rows


def once_trained(row: Acceptance, *datasets: xr.Dataset) -> Acceptance:
    """A row that demands something of models which were trained long enough; of others it only reports.

    Args:
        row: the demand.
        datasets: of the models.
    """
    is_trained = all(dataset.sizes["step"] >= LONG_ENOUGH for dataset in datasets)
    return row if is_trained else reported(row.name, row.measured, "a quick look: too few steps to demand anything")


def parameters_differ_by(baseline_table: dict[str, xr.Dataset], *tables: dict[str, xr.Dataset]) -> Measurement:
    """The largest share by which the parameters of a model differ from those of the baseline.

    Args:
        baseline_table: rows of the table that has the baseline.
        tables: rows of tables of the same sizes.
    """
    number = float(baseline_table[BASELINE].parameters)
    return single(max(abs(float(dataset.parameters) / number - 1) for rows in tables for dataset in rows.values()))


def draw_curves(ax: Axes, rows: dict[str, xr.Dataset], per_unit: float = 1.0) -> None:
    """Loss on held-out examples over the steps of training, mean over seeds and parts, with its range.

    Args:
        ax: is drawn into.
        rows: of one table.
        per_unit: what losses are divided by.
    """
    for model, dataset in rows.items():
        values = dataset.held_out_loss.mean("part") / per_unit
        steps, color = dataset.evaluation_step.values, COLORS.get(model)
        ax.plot(steps, values.mean("seed"), color=color, label=model)
        ax.fill_between(steps, values.min("seed"), values.max("seed"), color=color, alpha=0.15, linewidth=0)
    ax.set(xlabel="steps of training", xlim=(0, None))


def draw_measure(ax: Axes, rows: dict[str, xr.Dataset], name: str, shift: float = 0.0, marker: str = "o") -> None:
    """One measure of the test, a row per model and a mark per seed.

    Args:
        ax: is drawn into.
        rows: of one table.
        name: of the measure.
        shift: of the marks, downwards, where several tables share the axes.
        marker: of the seeds.
    """
    for place, (model, dataset) in enumerate(rows.items()):
        values = measured(dataset, name)
        ax.plot(values, [place + shift] * len(values), marker, color=COLORS.get(model, "C0"), markersize=4)
    ax.set(yticks=range(len(rows)), yticklabels=list(rows), ylim=(len(rows) - 0.5, -0.5))
