"""What is known of the runaway, and what coefficients and graphs are along it."""

import numpy as np

from experiments.degeneracy.joint.measures import trusted
from experiments.harness.acceptance import Acceptance, at_most, furthest, near, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER, OURS

# Q / tau_c of event-exact runs of another program, by block.
Q = {4: 19.07, 504: 42.6, 1004: 87.0, 1504: 130.0, 2004: 168.0, 2504: 202.0}
# M D / 2, with two tasks and two entries of a map.
FULL = 2.0
REPORTED = {
    "apart": "|W^1 - W^2|",
    "second_gate": "second singular value of gates",
    "softest": "smallest curvature that is not zero",
    "stiffest": "largest curvature",
    "modularity": "modularity of tasks, Interaction Basis",
    "neuron_modularity": "modularity of tasks, paths",
    "inequality": "Gini coefficient of edges, Interaction Basis",
    "neuron_inequality": "Gini coefficient of edges, paths",
}


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.
    """
    found = data["runaway"]
    away, apart = found.sel(case="runaway"), found.sel(case=["runaway", "at S"])
    off = abs(trusted(apart) - apart.laplace) / apart.error
    refused = ~found.trusted.astype(bool)
    rows = [
        no_failures(found),
        *(
            near(f"runaway: Q / tau_c after {block} blocks", q, 0.03 * q, single(away.q.sel(block=block).item()), OTHER)
            for block, q in Q.items()
            if block in found.block.values
        ),
        furthest("exact coefficient, runaway and S, all blocks", FULL, 0.0, apart.exact.values, EXACT),
        at_most("their estimates less effective dimensions, largest, in standard errors", 4, single(off.max()), OURS),
        reported("estimates that were refused", single(refused.sum().item()), f"of {refused.size}"),
    ]
    for case in found.case.values:
        for block in found.block.values:
            one = found.sel(case=case, block=block)
            gates = "gates of A and B: " + "; ".join(
                ", ".join(f"{gate:.4f}" for gate in row) for row in one.gates.values
            )
            rows += [
                reported(f"{case}, block {block}: {words}", single(one[name].item()), gates)
                for name, words in REPORTED.items()
            ]
            for cutoff in found.cutoff.values[[0, -1]]:
                here = one.sel(cutoff=cutoff)
                note = f"effective dimension {here.laplace.item():.4f}, standard error {here.error.item():.4f}"
                name = f"{case}, block {block}: coefficient at a cutoff of {cutoff:g}"
                rows.append(reported(name, single(np.float64(trusted(here).item())), note))
    return rows
