"""What E2 predicts of coefficients along training."""

import numpy as np
import xarray as xr

from experiments.degeneracy.e2_development.simulation import CHECKED, CHECKED_BLOCK
from experiments.degeneracy.joint.curves import SATURATED, first_at, rank_correlation
from experiments.degeneracy.joint.measures import trusted
from experiments.degeneracy.joint.predictions import frozen
from experiments.degeneracy.joint.verdicts import measured, verdict_rows
from experiments.harness.acceptance import Acceptance, reported, single
from experiments.harness.runs import Data

TASKS = 2
EARLY = 4  # blocks


def accept(data: Data) -> list[Acceptance]:
    """Verdicts, and what else to know.

    Args:
        data: by condition.
    """
    rows = verdict_rows(frozen(), "E2", results(data))
    for name, found in data.items():
        refused = ~found.trusted.astype(bool)
        statuses = sorted(set(found.status.values[refused.values].tolist()))
        rows.append(reported(f"{name}: estimates that were refused", single(float(refused.sum())), ", ".join(statuses)))
        rows.append(reported(f"{name}: of so many", single(float(refused.size))))
        for block in found.block.values:
            at = trusted(found.sel(block=block, cutoff=CHECKED))
            rows.append(reported(f"{name}, block {block}: coefficient at a cutoff of 0.01", measured(at.values)))
    return rows


def results(data: Data) -> dict[str, np.ndarray]:
    """The numbers of all predictions, by their id."""
    flexible, forgetful = data["flexible"], data["forgetful"]
    last = flexible.isel(block=-1)
    checked = flexible.sel(block=CHECKED_BLOCK, cutoff=CHECKED)
    apart = np.abs(checked.value - checked.nuts) / np.hypot(checked.error, checked.nuts_error)
    early = flexible.where(flexible.block <= EARLY, drop=True)
    below = (trusted(early) - early.effective_dimension).min("block")
    at_end = forgetful.isel(block=-1)
    return {
        "E2.a": over_seeds(flexible, gate_lag),
        "E2.b": over_seeds(flexible, cosine_lag),
        "E2.c": below.transpose("cutoff", "seed").values,
        "E2.d": apart.values,
        "E2.e": (trusted(at_end) - at_end.effective_dimension).transpose("cutoff", "seed").values,
        "E2.f": trusted(last).transpose("cutoff", "seed").values,
        "E2.g": over_seeds(flexible, correlation),
        "E2.h": trusted(at_end).transpose("cutoff", "seed").values,
    }


def over_seeds(found: xr.Dataset, number) -> np.ndarray:
    """A number of every seed at every cutoff, shape (cutoffs, seeds)."""
    return np.array(
        [[number(found.sel(cutoff=cutoff, seed=seed)) for seed in found.seed] for cutoff in found.cutoff.values]
    )


def gate_lag(one: xr.Dataset) -> float:
    """Blocks from where sigma_2(C) crosses sqrt(M cutoff) to where the coefficient crosses the middle of plateaus."""
    entries = one.attrs["entries"]
    middle = ((entries + 2) / 2 + TASKS * entries / 2) / 2
    gates = first_at(one.block.values, one.second_gate.values, float(np.sqrt(TASKS * one.cutoff)))
    return first_at(one.block.values, trusted(one).values, middle) - gates


def cosine_lag(one: xr.Dataset) -> float:
    """Blocks from where the cosine is at 90 % of its end to where the coefficient is at 90 % of its rise."""
    found, low = trusted(one).values, (one.attrs["entries"] + 2) / 2
    cosine = first_at(one.block.values, one.alignment.values, SATURATED * float(one.alignment[-1]))
    return first_at(one.block.values, found, low + SATURATED * (found[-1] - low)) - cosine


def correlation(one: xr.Dataset) -> float:
    """Rank correlation of coefficient and cosine over checkpoints."""
    return rank_correlation(trusted(one).values, one.alignment.values)
