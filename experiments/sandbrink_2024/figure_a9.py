"""Figure A9: block length and specialisation. Panel E of figure 4, and a heuristic potential with a double well.

Toy units, released convention. The slices of the potential are the published ones. The right panel is their sum over
both tasks, an effective loss over wbar, for the five published block lengths, with 4 wbar^2, what two tasks do to a
network without gates, dotted. The claim is that the wells deepen in proportion to the block length.
"""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.acceptance import Acceptance, at_most, furthest, near, single
from experiments.harness.figure_run import Data
from experiments.sandbrink_2024 import block_length
from experiments.sandbrink_2024.block_potential import BlockPotential, first_order_loss
from experiments.sandbrink_2024.toy_runs import ToyRun, at_times, follow_flow
from ntadyn.plotting.style import FORGETFUL, house_style

SLICES = (0.5, 1.5, 3.5, 5.5)
BLOCK_DURATIONS = tuple(np.geomspace(0.01, 10, 5).tolist())  # of the right panel
PANEL = 1.05  # |wbar| at the ends of the right panel
# Its lowest values and those at its ends, by the index of the block length, as read from it; a pixel is 0.06.
LOWEST, AT_ENDS, READING = {2: -0.18, 3: -1.2, 4: -7.2}, {0: 4.40, 1: 4.34, 2: 4.10, 3: 2.83}, 0.07
STARTS = (-0.1, 0.1)
EARLY = 0.04  # in units of tau_c: where the law of growth is tested
_WBAR_0 = 0.8  # as in the potential

VERDICT = (
    "Reproduced. Panel A is panel E of figure 4. The slices of the potential are computed from the published "
    "constants, and the law behind them, that wbar starts a block with curvature wbar_0 / (2 tau_c tau_W), holds in "
    "the toy up to the next order. Both balls end up in wells of their own. The effective loss of panel C, the sum "
    "over both tasks, agrees with the published picture within the width of its lines. Over three decades of block "
    "lengths the depth of its wells grows with the power 1.03 of the block length: in proportion, but for the wall, "
    "against which longer blocks press harder. The potential is a heuristic: nothing in the model descends in it, and "
    "its growth term is a law of the first moments of a block, taken for a whole one."
)


@dataclass(frozen=True)
class Parameters:
    """What figure A9 is made of; there is no randomness in it.

    Attributes:
        max_step: of the solver.
    """

    max_step: float = 5e-3


PARAMETERS = Parameters()
FAST = Parameters(max_step=2e-2)


def run(parameters: Parameters) -> Data:
    """The toy for both block lengths, the beginning of one block for the law of growth, and the potential.

    Args:
        parameters: what to run.

    Returns:
        "block_length", "early" and "potential".
    """
    potential = BlockPotential()
    tau_c = 1 / potential.gate_rate
    own, other = 0.5 * (1 + _WBAR_0), 0.5 * (1 - _WBAR_0)
    # A hard target, because the law is about a constant error.
    start = ToyRun(tau_c, 1 / potential.weight_rate, ((own, other), (other, own)), first_output=0, hardness=1e9)
    early = at_times(follow_flow(start, 0.1 * EARLY * tau_c, times=[EARLY * tau_c]), [0.0, EARLY * tau_c])
    runs = block_length.block_length_runs(parameters.max_step)
    return {"block_length": runs, "early": early, "potential": _slices(potential)}


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
        *block_length.accept(data["block_length"]),
        near(
            "curvature C_q of wbar early in a block, wbar_0 = 0.8",
            1.6,
            0.05,
            single(curvature),
            "wbar_0 / (2 tau_c tau_W); the next order takes 0.04 off at t = 0.04 tau_c",
        ),
        *(
            near(
                f"C: lowest effective loss, tau_B = {BLOCK_DURATIONS[index]:.2g}", value, READING, single(lowest), _READ
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
                _READ,
            )
            for index, value in AT_ENDS.items()
        ),
        furthest("C: first order at wbar = -1.05 and 1.05", 4 * PANEL**2, 1e-9, sides.first_order.values, "4 wbar^2"),
        near("C: power of the block length with which wells deepen", 1, 0.05, single(exponent), "claim: linear"),
        at_most("product of both positions at t = 5.5", 0.0, single(ends.prod()), note="one in each well"),
    ]


_READ = "read from the published picture"


def plot(data: Data) -> Figure:
    """Panel E; four slices with two descents; the effective loss."""
    potential = data["potential"]
    with house_style():
        figure = plt.figure(figsize=(9.8, 3.7))
        grid = figure.add_gridspec(2, 4, width_ratios=(1.5, 0.85, 0.85, 1.1))
        left, right = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[:, 3])
        block_length.draw_block_length(left, data["block_length"])
        first = None
        for index, time in enumerate(potential.slice.values):
            row, column = divmod(index, 2)
            ax = figure.add_subplot(grid[row, 1 + column], sharex=first, sharey=first)
            first = first or ax
            _draw_slice(ax, potential.isel(slice=index))
            ax.set_title(f"$t = {time:g}$")
            ax.tick_params(labelleft=column == 0, labelbottom=row == 1)
            ax.set(xlabel=r"$x$" if row == 1 else "", ylabel="potential" if column == 0 else "")
            if index == 0:
                ax.legend(fontsize=6.5, loc="upper center", ncols=3, handlelength=1.3, columnspacing=0.8)
        _draw_effective_loss(right, potential)
        for ax, letter in ((left, "A"), (first, "B"), (right, "C")):
            if ax is not None:
                ax.set_title(letter, loc="left", fontweight="bold")
    return figure


def _draw_slice(ax: Axes, potential: xr.Dataset) -> None:
    x = potential.x.values
    ax.plot(x, potential.linear.values, color="0.5", linestyle=":", label=r"$V_\mathrm{lin}$")
    ax.plot(x, potential.growth.values, color="0.5", linestyle="--", label=r"$V_2$")
    ax.plot(x, potential.total.values, color="black", label=r"$V$")
    for start, color in zip(potential.start.values, ("C1", "C0"), strict=True):
        at = float(potential.position.sel(start=start))
        ax.plot(at, np.interp(at, x, potential.total.values), "o", color=color, markersize=5, zorder=5)
    ax.set(xlim=(-1.15, 1.15), ylim=(-0.75, 0.65))


def _draw_effective_loss(ax: Axes, potential: xr.Dataset) -> None:
    shown = potential.isel(x=np.flatnonzero(np.abs(potential.x.values) <= PANEL + 1e-9))
    ax.plot(shown.x.values, shown.first_order.values, color="black", linestyle=":", label="first order")
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, shown.sizes["block_duration"]))
    for (duration, loss), color in zip(shown.effective.groupby("block_duration"), colors, strict=True):
        ax.plot(shown.x.values, loss.squeeze(), color=color, linestyle="--", label=rf"$\tau_B = {duration:.2g}$")
    ax.axvline(0, color=FORGETFUL, linewidth=0.6, zorder=-1)
    ax.set(xlabel=r"$\bar w$", ylabel="effective loss (sum over both tasks)")
    ax.legend(loc="lower center", fontsize=6.5)


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
