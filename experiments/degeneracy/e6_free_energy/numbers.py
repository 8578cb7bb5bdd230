"""What E6 predicts of free energies."""

import numpy as np
import xarray as xr

from experiments.degeneracy.joint.measures import trusted
from experiments.degeneracy.joint.predictions import frozen
from experiments.degeneracy.joint.verdicts import verdict_rows
from experiments.harness.acceptance import Acceptance, mean_of, reported, single
from experiments.harness.runs import Data


def accept(data: Data) -> list[Acceptance]:
    """Verdicts, and what else to know.

    Args:
        data: the estimates.
    """
    found = data["free energies"]
    rows = verdict_rows(frozen(), "E6", results(data))
    for localisation, one in found.groupby("localisation"):
        refused = ~one.trusted.astype(bool)
        statuses = sorted(set(one.status.values[refused.values].tolist()))
        note = f"of {refused.size}; {', '.join(statuses)}"
        rows.append(reported(f"localisation {localisation:g}: refused", single(float(refused.sum())), note))
        near = one.sel(samples=300)
        rows += [
            reported(f"localisation {localisation:g}, n = 300: {name}", mean_of(near.value.sel(solution=name).values))
            for name in one.solution.values
        ]
    return rows


def results(data: Data) -> dict[str, np.ndarray]:
    """The numbers of all predictions, by their id."""
    found = data["free energies"]
    advantage = advantages(found, trusted(found)).transpose("localisation", "seed", "samples")
    sampled = [[crossing(found.samples.values, row) for row in rows] for rows in advantage.values]
    return {
        "E6.a": found.crossing.values[:1],
        "E6.b": found.crossing.values[1:],
        "E6.c": np.array(sampled),
        "E6.d": advantage.isel(samples=0).values,
        "E6.e": advantage.isel(samples=-1).values,
    }


def advantages(found: xr.Dataset, coefficient: xr.DataArray) -> xr.DataArray:
    """Free energy of the forgetful solution less that of the flexible one."""
    energy = found.samples * found.loss + coefficient * np.log(found.samples)
    return energy.sel(solution="forgetful") - energy.sel(solution="flexible")


def crossing(samples: np.ndarray, advantage: np.ndarray) -> float:
    """Where the difference turns positive, linear in log n; not a number where a refused estimate is next to it."""
    left = np.flatnonzero(np.isfinite(advantage))
    below = [at for at in left if advantage[at] < 0]
    if not below or below[-1] == len(samples) - 1:
        return float("nan")
    at = below[-1]
    share = -advantage[at] / (advantage[at + 1] - advantage[at])
    return float(np.exp(np.log(samples[at]) + share * np.log(samples[at + 1] / samples[at])))
