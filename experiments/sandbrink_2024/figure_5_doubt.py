"""Figure 5, supplement of ours: how far its maps can be trusted.

The same two maps in finer cells and with more repetitions: how much of a cell is chance (spread of the repetitions),
how much is the time step (every trajectory again with halved steps), which trajectories a jitter of their start throws
elsewhere, and which of the stored cells of the article lie further from ours than chance allows. The parameters are the
published ones, translated exactly into the present convention as in figure 5.
"""

import dataclasses
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.harness.outcomes import no_failures
from experiments.sandbrink_2024 import figure_5, figure_5_doubt_numbers as numbers
from experiments.sandbrink_2024.variants import seeded
from ntadyn.maps.border import INTERVAL, border
from ntadyn.maps.summary import summarise
from ntadyn.plotting.border import draw_band, draw_border
from ntadyn.plotting.cells import title_of
from ntadyn.plotting.style import house_style
from ntadyn.plotting.summary_maps import draw_average, draw_error, draw_spread, mark_separatrix
from ntadyn.sweeps import Sweep, phase_maps, run_sweep
from ntadyn.sweeps.plan import BLOCK_DURATION, Axis

MAPS = ("gate_speed", "penalty")

VERDICT = (
    "A supplement, without counterpart in the article. The time step does not matter: halving it changes the "
    "alignment by less than 1e-4 in 99 of 100 trajectories and the mean of no cell by more than 7e-4; in 98 of 100 "
    "cells of the penalty map, and nearly all of the other one, that is less than a tenth of the standard error "
    "that ten repetitions leave. Chance matters: on a third of the gate-speed map the repetitions end in different "
    "states, with standard deviations up to 0.14 (0.31 on the penalty map, at weak penalties and long blocks), so "
    "that ten of them leave a cell near the border uncertain by up to 0.04 (0.1). Fewer than one trajectory in two "
    "hundred sits on a separatrix. On the penalty map nearly all of these lie where every repetition specialises: a "
    "gate goes another way, and the alignment does not see it; it moves by 0.011 at most when steps are halved. "
    "Chance does not explain all stored cells. Eleven of the 25 of the gate-speed map differ by more than two draws "
    "of ten repetitions may: the stored network specialises with slower gates than ours, and where neither does it "
    "lies up to 0.08 below. In the penalty map all but two are explained; the low stored values of the shortest "
    "blocks are what the published sorting leaves to chance."
)


@dataclass(frozen=True)
class Parameters:
    """What the supplement is made of, besides the published parameters of figure 5.

    Attributes:
        size: columns and rows of either map; those that are four (columns) or nine (rows) times a whole number and one
            hold the cells of the article.
        num_seeds: repetitions with other initial weights, on one set of teachers.
        seed: the seed that all keys are derived from.
    """

    size: tuple[int, int] = (33, 37)
    num_seeds: int = 20
    seed: int = 0


PARAMETERS = Parameters()
FAST = Parameters(size=(5, 10), num_seeds=3)


def run(parameters: Parameters) -> Data:
    """Both maps, every trajectory checked; and both at the cells of the article, on its time grid.

    Args:
        parameters: what to run.

    Returns:
        "gate_speed" and "penalty", and the same with "_stored" for the cells of the article.
    """
    ranges = dataclasses.replace(phase_maps.published(), size=parameters.size)
    ranges = dataclasses.replace(ranges, base=seeded(ranges.base, parameters.num_seeds, parameters.seed))
    fine = phase_maps.figure_5_maps(ranges, check=1.0)
    return {plan.name: run_sweep(plan) for plan in fine} | {
        f"{plan.name}_stored": run_sweep(_at_stored_cells(plan)) for plan in fine
    }


def accept(data: Data) -> list[Acceptance]:
    """What the maps are worth, in numbers."""
    return [
        no_failures(*data.values()),
        *(row for name in MAPS for row in numbers.resolution(title_of(data[name]).lower(), data[name])),
        *(row for name in MAPS for row in numbers.stored(title_of(data[name]).lower(), data[f"{name}_stored"], name)),
    ]


def plot(data: Data) -> Figure:
    """One row per map: mean with its border, spread, error of the step, distance of the stored cells."""
    with house_style():
        figure, axes = plt.subplots(2, 4, figsize=(12.5, 5.6))
        for row, name in zip(axes, MAPS, strict=True):
            _draw_map(row[:3], data[name])
            _draw_distance(row[3], data[f"{name}_stored"], name)
        seeds = data[MAPS[0]].sizes["seed"]
        low, high = (f"{100 * end:.0f}" for end in INTERVAL)
        figure.suptitle(
            f"population flow, published parameters, {seeds} repetitions per cell; white: alignment 0.9, band: "
            f"{low} to {high} % of resamples; dots: cells of the article; rings: jittered starts end elsewhere",
            fontsize=8,
        )
    return figure


def _draw_map(axes: np.ndarray, dataset: xr.Dataset) -> None:
    summary, edge = summarise(dataset), border(dataset)
    mean, spread, error = axes
    _bar(mean, draw_average(mean, summary), "mean alignment", extend="min")
    draw_band(mean, summary, edge)
    _bar(spread, draw_spread(spread, summary), "standard deviation")
    _bar(error, draw_error(error, summary, "alignment_error_max"), "largest change, steps halved")
    for ax in axes:
        draw_border(ax, summary, edge)
    for ax in (mean, error):
        mark_separatrix(ax, summary)
    _mark_stored_cells(spread, dataset)
    mean.set_title(f"{title_of(dataset)}: mean")
    spread.set_title("spread of the repetitions")
    error.set_title("error of the time step")


def _mark_stored_cells(ax: Axes, dataset: xr.Dataset) -> None:
    unit = numbers.weights_time_constant(dataset)
    rows, columns = numbers.stored_axes(dataset)
    x, y = np.meshgrid(columns, rows)
    ax.plot(x.ravel() / (unit if "gate_time_constant" in dataset.dims else 1), y.ravel() / unit, "w.", markersize=3)


def _draw_distance(ax: Axes, dataset: xr.Dataset, name: str) -> None:
    """Stored minus ours, cell by cell; framed where repetitions do not explain it."""
    distance, allowed = numbers.distances(dataset, name)
    mesh = ax.imshow(distance, origin="lower", vmin=-0.3, vmax=0.3, cmap="RdBu_r", aspect="auto")
    for (row, column), value in np.ndenumerate(distance):
        color = "white" if abs(value) > 0.2 else "black"
        ax.text(column, row, f"{value:+.2f}", ha="center", va="center", fontsize=7, color=color)
        if abs(value) > allowed[row, column]:
            ax.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, linewidth=1.6))
    rows, columns = numbers.stored_axes(dataset)
    ax.set_xticks(range(5), [f"{value:g}" for value in columns])
    ax.set_yticks(range(5), [f"{value:g}" for value in rows])
    label = r"gate time constant $\tau_c/\tau_W$" if name == "gate_speed" else "penalty strength λ"
    ax.set(xlabel=label, ylabel=r"block duration $\tau_B/\tau_W$")
    ax.set_title("stored minus ours; frame: more than chance")
    assert ax.figure is not None
    ax.figure.colorbar(mesh, ax=ax, label="difference of means", extend="both")


def _bar(ax: Axes, mesh: QuadMesh, label: str, extend: str = "neither") -> None:
    assert ax.figure is not None
    ax.figure.colorbar(mesh, ax=ax, label=label, extend=extend)


def _at_stored_cells(plan: Sweep) -> Sweep:
    """The same map at the cells of the article alone, with the block lengths of its time grid, without a check."""
    _, columns = plan.axes
    assert isinstance(columns, Axis)
    low, high = columns.values[0], columns.values[-1]
    durations = Axis(BLOCK_DURATION, figure_5.on_published_grid(figure_5.BLOCK_DURATIONS))
    values = Axis(columns.path, phase_maps.spaced(low, high, 5))
    return dataclasses.replace(plan, axes=(durations, values), check=0.0)
