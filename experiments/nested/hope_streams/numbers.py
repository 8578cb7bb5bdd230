"""What streams that switch must show, and what they report."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, at_most, mean_of, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import OURS
from experiments.nested.hope_streams.simulation import FRESH, REGRESSIONS, SAME, TEXTS
from experiments.nested.rates import SWITCHING, chosen_otherwise
from experiments.nested.trainings import described, once_trained, parameters_differ_by, rows_of

LATE = 8  # positions at the end of a block that count as adapted


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        Whether errors fall after a switch within a sequence, beside gated networks; what texts lose; all tables.
    """
    tables = {table: rows_of(data, table) for table in (*REGRESSIONS, TEXTS)}
    otherwise = chosen_otherwise(tables[SAME], SWITCHING)
    rows = [
        no_failures(*data.values()),
        once_trained(
            at_most(f"models of which {FRESH} have another rate", 0.0, otherwise, OURS), *tables[SAME].values()
        ),
    ]
    rows += [
        at_most(f"{table}: largest share by which parameters differ", 0.02, parameters_differ_by(found, found), OURS)
        for table, found in tables.items()
    ]
    for table in REGRESSIONS:
        for model, dataset in tables[table].items():
            early, late = adaptation(dataset)
            rows += [
                reported(f"{table}, {model}: loss at the switch", mean_of(early)),
                reported(f"{table}, {model}: loss at the end of a block", mean_of(late)),
                reported(f"{table}, {model}: positions to half of what adaptation gains", mean_of(half_life(dataset))),
            ]
        hope = tables[table]["hope"]
        early, late = adaptation(hope)
        name = f"{table}, hope: loss at the switch over that at the end of a block"
        rows.append(once_trained(at_least(name, 1.5, mean_of(early / late), OURS), hope))
    # Gates of fresh teachers in every sequence there are none: theirs are those of the same teachers.
    rows += _of_gated(next(iter(tables[SAME].values())), SAME)
    for model, dataset in tables[TEXTS].items():
        for part in dataset.part.values.tolist():
            at = dataset.sel(part=part)
            rows += [
                reported(f"{TEXTS}, {model}: bits of {part}", mean_of(at.test_bits.values)),
                reported(f"{TEXTS}, {model}: bits forgotten of {part}", mean_of(at.forgetting.values / np.log(2))),
            ]
    for table in REGRESSIONS:
        rows += described(data, table, "loss")
    return rows + described(data, TEXTS, "bits")


def adaptation(dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The loss right after a switch, and the mean at the end of a block; one per seed."""
    curve = dataset.test_adaptation.isel(part=0)
    return curve.isel(since_switch=0).values, curve.isel(since_switch=slice(-LATE, None)).mean("since_switch").values


def half_life(dataset: xr.Dataset) -> np.ndarray:
    """Positions after a switch until half of the way from the loss at the switch to that at the end is gone."""
    early, late = adaptation(dataset)
    curve = dataset.test_adaptation.isel(part=0).values
    return np.argmax(curve <= ((early + late) / 2)[:, None], axis=1)


def _of_gated(dataset: xr.Dataset, table: str) -> list[Acceptance]:
    found = []
    for learner in dataset.learner.values.tolist():
        curve = dataset.gated_adaptation.sel(learner=learner).values
        half = int(np.argmax(curve <= (curve[0] + curve[-LATE:].mean()) / 2))
        found += [
            reported(f"{table}, {learner} gated network: loss at the switch", single(curve[0])),
            reported(f"{table}, {learner} gated network: loss at the end of a block", single(curve[-LATE:].mean())),
            reported(f"{table}, {learner} gated network: positions to half of what adaptation gains", single(half)),
        ]
    return found
