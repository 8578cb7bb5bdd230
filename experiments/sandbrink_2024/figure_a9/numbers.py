"""What figure A9 must show."""

import numpy as np

from experiments.harness.acceptance import Acceptance, at_most, furthest, near, single
from experiments.harness.runs import Data
from experiments.harness.sources import CLAIM, EXACT, PICTURE
from experiments.sandbrink_2024.figure_a9.simulation import (
    BLOCK_DURATIONS,
)
from experiments.sandbrink_2024.numbers.block_length import accept as block_length

PANEL = 1.05  # |wbar| at the ends of the right panel
# Its lowest values and those at its ends, by the index of the block length, as read from it; a pixel is 0.06.
LOWEST, AT_ENDS, READING = {2: -0.18, 3: -1.2, 4: -7.2}, {0: 4.40, 1: 4.34, 2: 4.10, 3: 2.83}, 0.07


def accept(data: Data) -> list[Acceptance]:
    """Panel E, the law that the potential is made of, and its two wells."""
    early, potential = data["early"], data["potential"]
    gain = float(early.wbar[1] - early.wbar[0])
    curvature = 2 * gain / float(early.time[1]) ** 2
    decades = np.log(potential.block_duration.values)
    exponent = np.polyfit(decades, np.log(potential.depth.values), 1)[0]
    sides = potential.sel(x=[-PANEL, PANEL], method="nearest")
    ends = potential.position.values[:, -1]
    return [
        *block_length(data["block_length"]),
        near(
            "curvature C_q of wbar early in a block, wbar_0 = 0.8",
            1.6,
            0.05,
            single(curvature),
            EXACT,
            "wbar_0 / (2 tau_c tau_W); the next order takes 0.04 off at t = 0.04 tau_c",
        ),
        *(
            near(
                f"C: lowest effective loss, tau_B = {BLOCK_DURATIONS[index]:.2g}",
                value,
                READING,
                single(lowest),
                PICTURE,
            )
            for index, value in LOWEST.items()
            for lowest in [potential.effective[index].min()]
        ),
        *(
            furthest(
                f"C: effective loss at wbar = -1.05 and 1.05, tau_B = {BLOCK_DURATIONS[index]:.2g}",
                value,
                READING,
                sides.effective[index].values,
                PICTURE,
            )
            for index, value in AT_ENDS.items()
        ),
        furthest(
            "C: first order at wbar = -1.05 and 1.05", 4 * PANEL**2, 1e-9, sides.first_order.values, EXACT, "4 wbar^2"
        ),
        near("C: power of the block length with which wells deepen", 1, 0.05, single(exponent), CLAIM, "linear"),
        at_most("product of both positions at t = 5.5", 0.0, single(ends.prod()), PICTURE, note="one in each well"),
    ]
