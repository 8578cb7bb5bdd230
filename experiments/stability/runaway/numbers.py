"""What is known of the runaway, and what coefficients and graphs are along it."""

import numpy as np
import xarray as xr

from experiments.degeneracy.joint.measures import trusted
from experiments.harness.acceptance import Acceptance, at_most, furthest, near, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER

# Q / tau_c of event-exact runs of another program, by block.
Q = {4: 19.07, 504: 42.6}
LATER = {1004: 87.0, 1504: 130.0, 2004: 168.0, 2504: 202.0}
# M D / 2, with two tasks and two entries of a map.
FULL = 2.0
REPORTED = ("apart", "loss", "second_gate", "second_weight", "modularity", "neuron_modularity", "inequality",
            "neuron_inequality")  # fmt: skip


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.
    """
    found = data["runaway"]
    away, last = found.sel(case="runaway"), found.block.values[-1]
    at = {int(block): float(away.q.sel(block=block)) for block in found.block.values}
    rows = [
        no_failures(found),
        *(
            near(f"runaway: Q / tau_c after {b} blocks", q, 0.03 * q, single(at[b]), OTHER)
            for b, q in Q.items()
            if b in at
        ),
        *(
            reported(f"runaway: Q / tau_c after {b} blocks", single(at[b]), f"another simulation: {q:g}")
            for b, q in LATER.items()
            if b in at
        ),
        furthest("exact coefficient of runaway and S, all blocks", FULL, 0.0, found.exact.values[:2], EXACT),
        at_most("trusted estimates and effective dimensions: largest", FULL, _largest(found), EXACT, tolerance=0.1),
        reported(
            "estimates that were refused",
            single(float((~found.trusted.astype(bool)).sum())),
            f"of {found.trusted.size}",
        ),
    ]
    for case in found.case.values:
        for block in found.block.values:
            one = found.sel(case=case, block=block)
            gates = "; ".join(", ".join(f"{gate:.4f}" for gate in row) for row in one.gates.values)
            for cutoff in found.cutoff.values:
                here = one.sel(cutoff=cutoff)
                note = f"effective dimension {here.laplace.item():.4f}, standard error {here.error.item():.4f}"
                name = f"{case}, block {block}, cutoff {cutoff:g}: coefficient"
                rows.append(reported(name, single(trusted(here).item()), note))
            rows += [reported(f"{case}, block {block}: {name}", single(one[name].item())) for name in REPORTED]
            rows.append(reported(f"{case}, block {block}: smallest gate", single(one.gates.min().item()), gates))
    rows.append(reported(f"runaway over S, |W^1 - W^2| after {last} blocks", single(_ratio(found))))
    return rows


def _largest(found: xr.Dataset):
    return single(float(np.nanmax([trusted(found).values.max(), found.laplace.values.max()])))


def _ratio(found: xr.Dataset) -> float:
    return float(found.apart.sel(case="runaway")[-1] / found.apart.sel(case="at S")[0])
