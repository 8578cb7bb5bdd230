"""What forgetting against similarity must show: two laws."""

import numpy as np
import xarray as xr

from experiments.beyond.committee.simulation import BLOCKS
from experiments.harness.acceptance import (
    Acceptance,
    at_least,
    at_most,
    between,
    furthest,
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
    few = units.sel(similarity=similarity[similarity <= 0.31])
    for value in few.similarity.values:
        at = few.sel(similarity=value)
        rows.append(
            reported(f"hidden units, V = {value:g}: cosine of the unit of task 1 with teacher 2", mean_of(at.turned))
        )
    if few.late.values.std() > 0:
        together = float(np.corrcoef(few.turned.values.ravel(), few.late.values.ravel())[0, 1])
        name = "hidden units, V up to .3: correlation of that cosine with the rise, late"
        rows.append(reported(name, single(together)))
    return rows


def short_block_law(gates: xr.Dataset, network: str) -> np.ndarray:
    """(1 - V) tanh(|c|^2 T / (2 tau_W)): one map, in blocks of length T that it goes back and forth in.

    With |c|^2 nearly constant the map relaxes to one teacher and the other in turn, by exp(-|c|^2 T / tau_W) a block.
    """
    length = BLOCKS[network.split(", ")[1]][0]
    square = gates.squared_gates.sel(network=network).mean("seed").values
    return (1 - gates.similarity.values) * np.tanh(square * length / (2 * float(gates.time_constant)))


def _of_gates(gates: xr.Dataset) -> list[Acceptance]:
    """What is overwritten forgets |T|^2 (1 - V), less where blocks are short; what is kept by shut gates nothing."""
    law = 1 - gates.similarity.values
    rise, latent = gates.rise.mean("seed"), gates.latent_rise.mean("seed")
    short = short_block_law(gates, "forgetful, short")
    flexible = rise.sel(network="flexible, short")
    kept = float(latent.sel(network="flexible, short").max())
    return [
        furthest(
            "long blocks, flexible: rise of loss 1 over |T|^2", law, 0.01, rise.sel(network="flexible, long"), EXACT
        ),
        furthest("long blocks, forgetful: the same", law, 0.01, rise.sel(network="forgetful, long"), EXACT),
        furthest("short blocks, forgetful: the same", short, 0.01, rise.sel(network="forgetful, short"), EXACT),
        near(
            "short blocks, flexible, V = 0: the same",
            1.0,
            0.05,
            single(float(rise.sel(network="flexible, short")[0])),
            EXACT,
        ),
        reported(
            "short blocks, flexible, V = .5: the same",
            single(float(flexible.sel(similarity=0.5))),
        ),
        at_most("short blocks, flexible: largest rise with the best gates, over V", 0.05, single(kept), OURS),
        at_least(
            "short blocks, forgetful, V = 0: rise with the best gates",
            0.1,
            mean_of(gates.latent_rise.sel(network="forgetful, short", similarity=0.0).values),
            OURS,
        ),
    ]
