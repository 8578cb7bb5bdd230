"""What meta-learning with gates must show, and what the comparison with fast gates gives."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    Measurement,
    at_least,
    at_most,
    mean_of,
    near,
    reported,
)
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OURS

META = ("MAML, K = 1", "MAML, gates from 0", "meta-leader")
WORST = "largest over seeds"


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.learned`.

    Returns:
        What one step leaves, the subspace, its rotation, and the comparison of meta-learned and specialised paths.
    """
    learners = data["learners"]
    return [
        *(row for name in META for row in _meta(name, learners.sel(learner=name))),
        *_frozen(learners.sel(learner="MAML, gates from 0")),
        *_flexible(learners.sel(learner="flexible")),
        *_comparison(learners),
    ]


def _meta(name: str, one: xr.Dataset) -> list[Acceptance]:
    left, angle = one.loss.sel(inner_step=1), one.angle
    return [
        at_most(f"{name}: loss after one step", 1e-6, _largest(left), EXACT, note=WORST),
        at_most(f"{name}: angle to the span of the teachers (degrees)", 0.1, _largest(angle), EXACT, note=WORST),
        at_most(
            f"{name}: cosine of the worst matched path, mean over seeds",
            0.97,
            mean_of(one.cosines.min("path").values),
            OURS,
            note="1 would be a teacher; nothing in the loss prefers one rotation to another",
        ),
    ]


def _frozen(one: xr.Dataset) -> list[Acceptance]:
    apart = np.abs(one.gram.values - 1).max()
    return [at_most("MAML, gates from 0: |a G - 1|", 1e-3, Measurement(float(apart)), EXACT, note=WORST)]


def _flexible(one: xr.Dataset) -> list[Acceptance]:
    smallest = Measurement(float(one.cosines.min()), None, one.sizes["seed"])
    shrinks = (one.loss.sel(inner_step=1) / one.loss.sel(inner_step=0)).values
    expected = float(np.mean((1 - one.gram.values) ** 2))
    return [
        at_least("flexible: cosine of the worst matched path", 0.99, smallest, OURS, note="smallest over seeds"),
        near(
            "flexible: what one step leaves of the loss",
            expected,
            0.1 * expected,
            mean_of(shrinks),
            EXACT,
            "expected: the mean of (1 - a lambda)^2 over the eigenvalues lambda of G; errors weigh them unequally",
        ),
        at_most("flexible: loss after five steps", 1e-5, _largest(one.loss.sel(inner_step=5)), OURS, note=WORST),
    ]


def _comparison(learners: xr.Dataset) -> list[Acceptance]:
    rows = []
    for name in ("MAML, K = 1", "MAML, K = 5", "flexible", "forgetful", "initial"):
        one = learners.sel(learner=name)
        rows.append(reported(f"compared, one step of a, {name}: loss", mean_of(one.loss.sel(inner_step=1).values)))
        rows.append(reported(f"compared, one step of the best rate, {name}: loss", mean_of(one.best_one_step.values)))
    return rows


def _largest(values: xr.DataArray) -> Measurement:
    return Measurement(float(values.max()), None, values.size)
