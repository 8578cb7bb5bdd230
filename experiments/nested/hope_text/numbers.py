"""What the tables of characters must show, and what they report."""

import sys

import numpy as np

from experiments.harness.acceptance import Acceptance, at_most, mean_of, near, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import OTHER, OURS
from experiments.nested.hope_text.simulation import EQUAL_STEPS, WITHOUT
from experiments.nested.rates import TEXT, chosen_otherwise
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

MEASURE = "bits"
N_GRAMS = {1: 4.785, 2: 3.606, 3: 2.742, 5: 2.196, 7: 2.357}
"""Bits per character of another program on the documentation of Python 3.11.7."""


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        N-grams, bits per character of prototypes, which tuned models must not exceed, whether the best of the n-grams
        is beaten, and all tables.
    """
    rows_of_steps = rows_of(data, EQUAL_STEPS)
    bits = rows_of_steps[BASELINE].ngram_bits.isel(part=0)
    sizes = parameters_differ_by(rows_of_steps, *(rows_of(data, table) for table in tables_of(data)))
    otherwise = chosen_otherwise(rows_of_steps, TEXT)
    rows = [
        no_failures(*data.values()),
        once_trained(
            at_most("models of which the other tables have another rate", 0.0, otherwise, OURS),
            *rows_of_steps.values(),
        ),
        at_most("largest share by which parameters differ", 0.02, sizes, OURS),
    ]
    for order in bits.order.values.tolist():
        name, found = f"{order}-grams: {MEASURE}", single(float(bits.sel(order=order)))
        # The text comes with Python, and another version has another one.
        is_ours = sys.version_info[:3] == (3, 11, 7) and order in N_GRAMS
        rows.append(near(name, N_GRAMS[order], 0.005, found, OTHER) if is_ours else reported(name, found))
    best = min(float(np.mean(measured(dataset, MEASURE))) for dataset in rows_of_steps.values())
    margin = single(best - float(bits.min()))
    for model, value in {BASELINE: 2.559, "linear-attention": 2.661}.items():
        if model in rows_of_steps:
            found = mean_of(measured(rows_of_steps[model], MEASURE))
            row = at_most(f"{EQUAL_STEPS}, {model}: {MEASURE}", value, found, OTHER, note="untuned, one seed")
            rows.append(once_trained(row, rows_of_steps[model]))
    rows.append(reported("bits of the best model over those of the best n-gram", margin))
    rows += [
        reported(
            f"{WITHOUT}, {model}: {MEASURE} over those of hope", difference(dataset, rows_of_steps["hope"], MEASURE)
        )
        for model, dataset in rows_of(data, WITHOUT).items()
    ]
    return rows + [row for table in tables_of(data) for row in described(data, table, MEASURE)]
