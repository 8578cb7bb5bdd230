"""What figure A11 must show."""

import jax.numpy as jnp
import numpy as np

from experiments.harness.acceptance import Acceptance, at_least, at_most, near, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import CLAIM, EXACT, OURS, PICTURE
from experiments.sandbrink_2024.runs.specialisation import BLOCK_DURATION, curves_of
from ntadyn.metrics import growth_while_sliding

ACCURACY = 1e-3  # what the default step promises for gates


def accept(data: Data) -> list[Acceptance]:
    """The stored minimum of wbar, the conserved quantity, and how far the two assumptions are off."""
    flow = data["flow"]
    curves, last = curves_of(flow), -1
    late = curves.times >= curves.times[-1] - 2 * BLOCK_DURATION
    rows = [
        near(
            "wbar, smallest over the last two blocks, tau_c/tau_W = 1",
            0.82,
            0.01,
            single(curves.wbar[last, late].min()),
            PICTURE,
            "two digits",
        ),
        at_least(
            "distance from the one-block curve, tau_c/tau_W = 1",
            0.05,
            single(np.abs(curves.wbar - curves.exact)[last].max()),
            CLAIM,
            note="trajectories leave it",
        ),
    ]
    invariant = curves.wbar_rms**2 - 0.5 * curves.ratios[:, None] * curves.cbar**2
    for index, ratio in enumerate(curves.ratios):
        series = (jnp.asarray(values) for values in (curves.times, invariant[index], curves.gates[index]))
        growth = growth_while_sliding(*series)
        total = invariant[index, -1] - invariant[index, 0]
        sliding = total * float(growth.growth_share)
        rows += [
            at_most(
                f"conserved quantity, change with both gates positive, tau_c/tau_W = {ratio:.2g}",
                ACCURACY,
                single(abs(total - sliding)),
                EXACT,
                note="for the flow; wbar_rms^2 - (tau_c/tau_W) cbar^2 / 2",
            ),
            reported(f"the same, change with a gate at or below zero, tau_c/tau_W = {ratio:.2g}", single(sliding)),
        ]
    apart = np.abs(curves.wbar - curves.exact).max(axis=1)
    rows += [
        reported("distance from the one-block curve, tau_c/tau_W = 0.1", single(apart[0])),
        reported("largest |wbar_1 - wbar_2|, all ratios", single(np.abs(flow.wbar_1 - flow.wbar_2).max())),
        reported("largest |eps_1 + eps_2|, all ratios", single(np.abs(flow.error_1 + flow.error_2).max())),
        at_most("change of any gate when all steps are halved", ACCURACY, single(flow.gate_error.max()), OURS),
    ]
    return rows
