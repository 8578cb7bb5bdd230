"""What forgetting against similarity must show: two laws."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    at_least,
    at_most,
    between,
    mean_of,
    near,
    reported,
    single,
)
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER, OURS

# Another simulation, ten seeds: similarity -> rise of loss 1 and its spread, after 10 and after 300.
TABLE = {
    0.0: (0.000, 0.0, 0.025, 0.040),
    0.1: (0.021, 0.0, 0.136, 0.107),
    0.2: (0.054, 0.0, 0.182, 0.080),
    0.3: (0.079, 0.0, 0.203, 0.053),
    0.4: (0.091, 0.021, 0.198, 0.031),
    0.5: (0.092, 0.019, 0.176, 0.018),
    0.7: (0.070, 0.0, 0.110, 0.006),
    0.9: (0.028, 0.0, 0.038, 0.0),
    1.0: (0.001, 0.0, 0.000, 0.0),
}
TOLERANCE = 0.01


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.
    """
    units, gates = data["units"], data["gates"]
    return [no_failures(units, gates), *_of_units(units), *_of_gates(gates)]


def _of_units(units: xr.Dataset) -> list[Acceptance]:
    rows, similarity = [], units.similarity.values
    for name, place in (("early", 0), ("late", 2)):
        mean = units[name].mean("seed").values
        where = float(similarity[np.argmax(mean)])
        rows += [
            between(f"hidden units, {name}: similarity of most forgetting", (0.2, 0.6), single(where), OURS),
            at_most(f"hidden units, {name}: forgetting of orthogonal tasks", 0.05, single(mean[0]), OURS),
            at_most(f"hidden units, {name}: forgetting of one and the same task", 0.01, single(mean[-1]), OURS),
        ]
        for value, told in TABLE.items():
            if not np.any(np.isclose(similarity, value)):
                continue
            found = mean_of(units[name].sel(similarity=value, method="nearest").values)
            spread = max(told[place + 1], found.spread or 0.0)
            slack = max(TOLERANCE, 3 * spread * (1 / 10 + 1 / units.sizes["seed"]) ** 0.5)
            rows.append(near(f"hidden units, {name}: rise at V = {value:g}", told[place], slack, found, OTHER))
    for value in similarity[similarity <= 0.31]:
        at = units.sel(similarity=value)
        reused = at.reused.values.astype(bool)
        what = f"hidden units, V = {value:g}"
        rows.append(reported(f"{what}: share of seeds whose unit of task 1 is used again", mean_of(reused * 1.0)))
        for kind, chosen in (("is used again", reused), ("is left alone", ~reused)):
            if chosen.any():
                rows.append(reported(f"{what}: rise where the unit of task 1 {kind}", mean_of(at.late.values[chosen])))
    return rows


def _of_gates(gates: xr.Dataset) -> list[Acceptance]:
    similarity = gates.similarity.values
    law = 1 - similarity
    rise = gates.rise.mean("seed")
    latent = gates.latent_rise.sel(network="flexible").mean("seed")
    return [
        at_most(
            "flexible gates: largest excess of the rise as they stand over that of an overwritten map, 1 - V",
            0.05,
            single(float(np.max(rise.sel(network="flexible").values - law))),
            EXACT,
        ),
        near(
            "flexible gates, V = 0: rise of loss 1 as they stand",
            1.0,
            0.05,
            mean_of(gates.rise.sel(network="flexible", similarity=0.0).values),
            EXACT,
        ),
        at_most("flexible gates: largest rise with the best gates, over V", 0.05, single(float(latent.max())), OURS),
        at_least(
            "forgetful gates, V = 0: rise of loss 1 with the best gates",
            0.1,
            mean_of(gates.latent_rise.sel(network="forgetful", similarity=0.0).values),
            OURS,
        ),
        at_most(
            "flexible gates: largest step up of forgetting with similarity",
            0.02,
            single(float(np.max(np.diff(rise.sel(network="flexible").values)))),
            OURS,
        ),
    ]
