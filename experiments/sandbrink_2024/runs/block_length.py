"""Longer blocks specialise more: the students of the toy in the plane of its outputs, for two block lengths.

Panel E of figure 4 and the left of figure A9. Every run is made with both orders of the targets and averaged, as
published; the two runs mirror each other, so that the average is symmetric.
"""

from dataclasses import replace

import diffrax
import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from experiments.sandbrink_2024.runs.toy import ToyRun, at_times, follow_flow, specialisation

BLOCK_DURATIONS = (1.0, 2.0)
TOTAL_TIME = 16.0
START = ((0.15, 0.10), (0.10, 0.15))
_RECORDS_PER_TIME = 20
SHI_TIME = 10.0  # of the parallel pathways, in their unit of time
NUM_BLOCKS = 16  # of the shortest; as many of the others, which outlast the total time, make for one program
RECORDS_PER_BLOCK = 39


def run(max_step: float) -> Run:
    """The run of "block_length", see `students`."""
    return Run("block_length", students, {"max_step": max_step}, "block_length")


def students(max_step: float, solver: diffrax.AbstractSolver | None = None) -> xr.Dataset:
    """Both block lengths.

    Args:
        max_step: of the solver.
        solver: in place of the splitting solver.

    Returns:
        Dataset over (block_duration, record) with `weights` (path, output) and `wbar`, averages of both orders of the
        targets, and `single_wbar`, that of the published first order.
    """
    grid = np.linspace(0, TOTAL_TIME, round(TOTAL_TIME * _RECORDS_PER_TIME) + 1)
    found: list[xr.Dataset] = []
    for duration in BLOCK_DURATIONS:
        run = ToyRun(0.05, 5.0, START, num_blocks=NUM_BLOCKS, block_duration=duration)
        both = [
            at_times(follow_flow(replace(run, first_output=first), max_step, RECORDS_PER_BLOCK, solver=solver), grid)
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


def specialisation_gain(runs: xr.Dataset, block_duration: float, time: float) -> float:
    """Wbar at a time minus wbar at the start."""
    course = runs.wbar.sel(block_duration=block_duration)
    return float(course.isel(record=int(np.argmin(np.abs(runs.time.values - time)))) - course.isel(record=0))
