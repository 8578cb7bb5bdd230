"""What panel E of figure 4 and the left of figure A9 must show."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, at_most, furthest, reported, single
from experiments.harness.sources import CLAIM, EXACT
from experiments.sandbrink_2024.runs.block_length import (
    BLOCK_DURATIONS,
    SHI_TIME,
    START,
    parallel_pathways,
    specialisation_gain,
)


def accept(runs: xr.Dataset) -> list[Acceptance]:
    """What the panel must show: longer blocks, more specialisation; parallel pathways, none."""
    wbar = runs.wbar.values
    end = parallel_pathways(START[0], np.array([SHI_TIME]))[0]
    early = [specialisation_gain(runs, duration, 8.0) for duration in BLOCK_DURATIONS]
    apart = np.abs(wbar - runs.single_wbar.values).max()
    return [
        furthest("E: parallel pathways end at", (0.525, 0.475), 1e-3, end, EXACT),
        at_least("E: wbar at t = 16, blocks of 2 over blocks of 1", 1.0, single(wbar[1, -1] / wbar[0, -1]), CLAIM),
        *(
            reported(f"E: wbar at t = 16, blocks of {duration:g}", single(value), f"starts at {wbar[0, 0]:.3g}")
            for duration, value in zip(BLOCK_DURATIONS, wbar[:, -1], strict=True)
        ),
        *(
            reported(f"E: gain of wbar from t = 0 to 8, blocks of {duration:g}", single(value), _EARLY)
            for duration, value in zip(BLOCK_DURATIONS, early, strict=True)
        ),
        at_most(
            "E: wbar of both orders averaged minus that of one",
            1e-12,
            single(apart),
            EXACT,
            note="they are mirror images",
        ),
    ]


_EARLY = "the law gain ~ block length holds for blocks much shorter than tau_c; these last 20 and 40 tau_c"
