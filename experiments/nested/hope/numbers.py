"""What the tables of recall must show, and what they report."""

import xarray as xr

from experiments.harness.acceptance import Acceptance, Measurement, at_least, at_most, mean_of, near, reported
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import OTHER, OURS
from experiments.nested.hope.simulation import ANEW, FOUR, ONE_CLOCK, WITHOUT
from experiments.nested.rates import RECALL, chosen_otherwise
from experiments.nested.trainings import (
    BASELINE,
    described,
    difference,
    measured,
    once_trained,
    parameters_differ_by,
    rows_of,
    tables_of,
)

MEASURE = "accuracy"
HEBBIAN = "linear-attention"  # which adds up whatever was bound to a key
CORRECTING = ("delta-net", "gated-delta", "hope")


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The prototype's accuracies, what writes that correct must gain where keys are bound anew, and all tables.
    """
    four, anew = rows_of(data, FOUR), rows_of(data, ANEW)
    sizes = parameters_differ_by(four, *(rows_of(data, table) for table in tables_of(data)))
    base, hebbian, hope = (four[model] for model in (BASELINE, HEBBIAN, "hope"))
    beside = difference(hope, base, MEASURE)
    otherwise = at_most("models of which the other tables have another rate", 0.0, chosen_otherwise(four, RECALL), OURS)
    rows = [
        no_failures(*data.values()),
        once_trained(otherwise, *four.values()),
        at_most("largest share by which parameters differ", 0.02, sizes, OURS),
        once_trained(at_least(f"{FOUR}, {BASELINE}: {MEASURE}", 0.99, _of(base), OTHER), base),
        once_trained(near(f"{FOUR}, {HEBBIAN}: {MEASURE}", 0.952, 0.05, _of(hebbian), OTHER), hebbian),
        once_trained(at_most(f"{FOUR}: hope over {BASELINE}", 0.0, beside, OTHER, note="no win expected"), hope),
    ]
    for model in CORRECTING:
        if model in anew:
            gain = difference(anew[model], anew[HEBBIAN], MEASURE)
            rows.append(once_trained(at_least(f"{ANEW}: {model} over {HEBBIAN}", 0.0, gain, OURS), anew[model]))
    rows += [
        reported(f"{ONE_CLOCK}, {model}: {MEASURE} over that with three", difference(dataset, four[model], MEASURE))
        for model, dataset in rows_of(data, ONE_CLOCK).items()
    ]
    rows += [
        reported(f"{WITHOUT}, {model}: {MEASURE} over that of hope", difference(dataset, four["hope"], MEASURE))
        for model, dataset in rows_of(data, WITHOUT).items()
    ]
    return rows + [row for table in tables_of(data) for row in described(data, table, MEASURE)]


def _of(dataset: xr.Dataset) -> Measurement:
    return mean_of(measured(dataset, MEASURE))
