"""Longer blocks specialise more: the students of the toy in the plane of its outputs, for two block lengths.

Panel E of figure 4 and the left of figure A9. Every run is made with both orders of the targets and averaged, as
published; the two runs mirror each other, so that the average is symmetric.
"""

from dataclasses import replace

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from experiments.harness.acceptance import Acceptance, at_least, at_most, furthest, reported, single
from experiments.sandbrink_2024.toy_runs import ToyRun, at_times, follow_flow, specialisation
from ntadyn.plotting.style import FORGETFUL

BLOCK_DURATIONS = (1.0, 2.0)
TOTAL_TIME = 16.0
START = ((0.15, 0.10), (0.10, 0.15))
_RECORDS_PER_TIME = 20
SHI_TIME = 10.0  # of the parallel pathways, in their unit of time
SHI_COLOR = "C3"
NUM_BLOCKS = 16  # of the shortest; as many of the others, which outlast the total time, make for one program
RECORDS_PER_BLOCK = 39


def block_length_runs(max_step: float) -> xr.Dataset:
    """All runs.

    Args:
        max_step: of the solver.

    Returns:
        Dataset over (block_duration, record) with `weights` (path, output) and `wbar`, averages of both orders of the
        targets, and `single_wbar`, that of the published first order.
    """
    grid = np.linspace(0, TOTAL_TIME, round(TOTAL_TIME * _RECORDS_PER_TIME) + 1)
    found: list[xr.Dataset] = []
    for duration in BLOCK_DURATIONS:
        run = ToyRun(0.05, 5.0, START, num_blocks=NUM_BLOCKS, block_duration=duration)
        both = [
            at_times(follow_flow(replace(run, first_output=first), max_step, RECORDS_PER_BLOCK), grid)
            for first in (1, 0)
        ]
        weights = 0.5 * (both[0].weights + both[1].weights).drop_vars("block")
        wbar = ("record", specialisation(weights.values))
        found.append(xr.Dataset({"weights": weights, "wbar": wbar, "single_wbar": both[0].wbar.drop_vars("block")}))
    return xr.concat(found, xr.DataArray(list(BLOCK_DURATIONS), dims="block_duration", name="block_duration"))


def parallel_pathways(start: tuple[float, float], times: np.ndarray) -> np.ndarray:
    """p_x(t), p_y(t) of dp_k/dt = S - p_x - p_y with S = 1: two pathways that learn one feature together.

    Args:
        start: strengths at t = 0.
        times: shape (points,).

    Returns:
        Both strengths, shape (points, 2): a line along the diagonal, on which their difference stays.

    Source: Shi, Shivakumar and Bahri 2022, pathways of depth one.
    """
    gain = 0.5 * (1 - sum(start)) * -np.expm1(-2 * np.asarray(times))
    return np.asarray(start) + gain[:, None]


def accept(runs: xr.Dataset) -> list[Acceptance]:
    """What the panel must show: longer blocks, more specialisation; parallel pathways, none."""
    wbar = runs.wbar.values
    end = parallel_pathways(START[0], np.array([SHI_TIME]))[0]
    early = [specialisation_gain(runs, duration, 8.0) for duration in BLOCK_DURATIONS]
    apart = np.abs(wbar - runs.single_wbar.values).max()
    return [
        furthest("E: parallel pathways end at", (0.525, 0.475), 1e-3, end),
        at_least(
            "E: wbar at t = 16, blocks of 2 over blocks of 1", 1.0, single(wbar[1, -1] / wbar[0, -1]), note="claim"
        ),
        *(
            reported(f"E: wbar at t = 16, blocks of {duration:g}", single(value), f"starts at {wbar[0, 0]:.3g}")
            for duration, value in zip(BLOCK_DURATIONS, wbar[:, -1], strict=True)
        ),
        *(
            reported(f"E: gain of wbar from t = 0 to 8, blocks of {duration:g}", single(value), _EARLY)
            for duration, value in zip(BLOCK_DURATIONS, early, strict=True)
        ),
        at_most(
            "E: wbar of both orders averaged minus that of one", 1e-12, single(apart), note="they are mirror images"
        ),
    ]


_EARLY = "the law gain ~ block length holds for blocks much shorter than tau_c; these last 20 and 40 tau_c"


def specialisation_gain(runs: xr.Dataset, block_duration: float, time: float) -> float:
    """Wbar at a time minus wbar at the start."""
    course = runs.wbar.sel(block_duration=block_duration)
    return float(course.isel(record=int(np.argmin(np.abs(runs.time.values - time)))) - course.isel(record=0))


def draw_block_length(ax: Axes, runs: xr.Dataset) -> None:
    """Students of both block lengths in the plane, the lines of parallel pathways, and a bracket that is wbar.

    Args:
        ax: where to draw.
        runs: from `block_length_runs`.
    """
    line = np.linspace(0, SHI_TIME, 200)
    for start in START:
        points = parallel_pathways(start, line)
        ax.plot(*points.T, color=SHI_COLOR, linewidth=1.2)
        ax.plot(*points[-1], "o", color=SHI_COLOR, markersize=3)
    for duration, alpha in zip(BLOCK_DURATIONS, (0.4, 1.0), strict=True):
        weights = runs.weights.sel(block_duration=duration).values
        for path in range(2):
            label = rf"$\tau_B = {duration:g}$" if path == 0 else None
            ax.plot(*weights[:, path].T, color=f"C{path}", alpha=alpha, linewidth=1.2, label=label)
            ax.plot(*weights[-1, path], "o", color=f"C{path}", alpha=alpha, markersize=3.5)
    ends = runs.weights.sel(block_duration=BLOCK_DURATIONS[-1]).values[-1]
    ax.annotate("", ends[0], ends[1], arrowprops={"arrowstyle": "|-|,widthA=0.25,widthB=0.25", "color": FORGETFUL})
    beside = 0.7 * ends[1] + 0.3 * ends[0]
    ax.annotate(r"$\sqrt{2}\,\bar w$", beside, (3, 3), textcoords="offset points", color="0.4", fontsize=8)
    ax.plot([0, 1], [1, 0], "*", color="black", markersize=8, clip_on=False)
    ax.plot([], [], color=SHI_COLOR, label="parallel\npathways")
    ax.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), aspect="equal", xlabel=r"$w_1$", ylabel=r"$w_2$")
    ax.legend(loc="upper right", fontsize=7, handlelength=1.2)
