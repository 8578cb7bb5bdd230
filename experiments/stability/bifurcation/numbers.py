"""What the diagram must show: where the fold is, and what runs on both sides of it do."""

import math

import numpy as np

from experiments.harness.acceptance import Acceptance, at_least, at_most, near, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER, OURS
from ntadyn.stability import TeacherPlane, contact_band

# Gate time constants of the fold over block durations; in blocks of 200 that of blocks without an end.
FOLDS = {4.0: 0.188739, 2.0: 0.164116, 1.0: 0.110299, 0.4: 0.052285, 0.1: 0.014182}
ENDLESS = 1 / (math.asinh(1) + math.sqrt(2)) ** 2
# Relative gain of Q in 600 blocks from the orbit of the fold, blocks of 1.
GAINS = {0.9: 0.610, 0.96: 0.348, 0.98: 0.235, 1.02: 0.0, 1.04: 0.0, 1.1: 0.0}
NUMBER_OF_BLOCKS = 600


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.
    """
    rows = []
    for name, curve in data.items():
        if not name.startswith("grazing"):
            continue
        duration, (fold,) = float(name.split()[1]), curve.fold.values
        if duration in FOLDS:
            rows.append(near(f"fold, blocks of {duration:g}", FOLDS[duration], 1e-5, single(fold), OTHER))
        elif duration >= 200:
            rows.append(near(f"fold, blocks of {duration:g}", ENDLESS, 1e-8, single(fold), EXACT))
        else:
            rows.append(reported(f"fold, blocks of {duration:g}", single(fold)))
        rows.append(
            at_most(f"blocks of {duration:g}: largest residual", 1e-9, single(curve.grazing_residual.max()), OURS)
        )
    return rows + _around(data) + _whole(data)


def _around(data: Data) -> list[Acceptance]:
    """Below the fold Q climbs to the upper end of the band; above it no gate reaches zero, and Q stays."""
    around, rows = data["around"], []
    gains = around.q[:, -1] / around.q[:, 0] - 1
    for factor, gain in zip(around.factor.values, gains.values, strict=True):
        name = f"gates of {factor:g} of the fold's: relative gain of Q"
        note = f"another simulation: {GAINS[float(factor)]:g}"
        if factor > 1:
            rows.append(near(name, 0.0, 1e-9, single(gain), OURS, note))
            continue
        climbed = contact_band(TeacherPlane(around.attrs["duration"], factor * around.attrs["fold"])).high
        if int(around.block[-1]) == NUMBER_OF_BLOCKS:
            rows.append(near(name, climbed / around.attrs["q"] - 1, 5e-3, single(gain), EXACT, note))
        else:
            rows.append(at_least(name, 0.01, single(gain), OURS, note=note))
    return rows


def _whole(data: Data) -> list[Acceptance]:
    if "specialised" not in data:
        return []
    found, equal = data["specialised"], data["unspecialised"]
    apart = abs(found.specialised_distance - found.specialised_predicted).max()
    growth = np.abs(equal.growth_per_block - equal.predicted_growth).max()
    half = np.mean([np.any(row == "half-stable") for row in found.side_label.values[:, 0]])
    neutral = np.mean([np.any(row == "neutral") for row in found.side_label.values[:, 1]])
    return [
        at_most("specialised orbit: |W^1 - W^2| against the plane, largest", 3e-3, single(apart), OURS),
        at_most("specialised orbit: largest residual", 1e-9, single(found.specialised_residual.max()), OURS),
        near("specialised orbit: share with a half-stable direction", 1.0, 0.0, single(half), OURS),
        near("without contact beside it: share with a neutral direction", 1.0, 0.0, single(neutral), OURS),
        reported("specialised orbit: largest multiplier, slowest gates", single(_end(found, -1))),
        reported("specialised orbit: largest multiplier, fastest gates", single(_end(found, 0))),
        reported("specialised orbit: slowest gates of the branch", single(found.specialised.max())),
        at_most("unspecialised orbit: growth against the plane, largest", 1e-6, single(growth), OURS),
    ]


def _end(found, place: int) -> float:
    return float(found.specialised_largest_multiplier.sortby("specialised")[place])
