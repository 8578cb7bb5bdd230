"""What is simulated for figure A9."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from experiments.sandbrink_2024.figure_a9.potential import BlockPotential, first_order_loss
from experiments.sandbrink_2024.runs import block_length
from experiments.sandbrink_2024.runs.toy import ToyRun, at_times, follow_flow

SLICES = (0.5, 1.5, 3.5, 5.5)
BLOCK_DURATIONS = tuple(np.geomspace(0.01, 10, 5).tolist())  # of the right panel
STARTS = (-0.1, 0.1)
EARLY = 0.04  # in units of tau_c: where the law of growth is tested
_WBAR_0 = 0.8  # as in the potential


@dataclass(frozen=True)
class Parameters:
    """What figure A9 is made of; there is no randomness in it.

    Attributes:
        max_step: of the solver.
    """

    max_step: float = 5e-3


def runs(parameters: Parameters) -> list[Run]:
    """The toy for both block lengths, the beginning of one block for the law of growth, and the potential.

    Args:
        parameters: what to run.

    Returns:
        Runs of "block_length", "early" and "potential".
    """
    return [
        block_length.run(parameters.max_step),
        Run("figure_a9_early", early, dataset="early"),
        Run("figure_a9_potential", potential, dataset="potential"),
    ]


def early() -> xr.Dataset:
    """The first moments of a block in the toy, where wbar grows quadratically."""
    constants = BlockPotential()
    tau_c = 1 / constants.gate_rate
    own, other = 0.5 * (1 + _WBAR_0), 0.5 * (1 - _WBAR_0)
    # A hard target, because the law is about a constant error.
    start = ToyRun(tau_c, 1 / constants.weight_rate, ((own, other), (other, own)), first_output=0, hardness=1e9)
    times = [0.0, EARLY * tau_c]
    return at_times(follow_flow(start, 0.1 * EARLY * tau_c, times=times[1:]), times)


def potential() -> xr.Dataset:
    """Slices of the potential, two descents in it, and the effective loss."""
    return _slices(BlockPotential())


def _slices(potential: BlockPotential) -> xr.Dataset:
    x = np.linspace(-1.2, 1.2, 481)
    angles = potential.angles(np.asarray(SLICES))
    along = x[None, :] * np.cos(angles)[:, None]
    linear, growth, wall = potential.linear(along), potential.growth(along), potential.wall(np.abs(x))
    positions = []
    for start in STARTS:
        times, path = potential.descend(start, SLICES[-1])
        positions.append(np.interp(SLICES, times, path))
    others = [BlockPotential(block_duration=duration) for duration in BLOCK_DURATIONS]
    return xr.Dataset(
        {
            "linear": (("slice", "x"), linear),
            "growth": (("slice", "x"), growth),
            "total": (("slice", "x"), linear + growth + wall[None, :]),
            "position": (("start", "slice"), np.asarray(positions)),
            "effective": (("block_duration", "x"), [one.effective(x) for one in others]),
            "first_order": ("x", first_order_loss(x)),
            "depth": ("block_duration", [one.well_depth() for one in others]),
        },
        {"slice": list(SLICES), "x": x, "start": list(STARTS), "block_duration": list(BLOCK_DURATIONS)},
    )
