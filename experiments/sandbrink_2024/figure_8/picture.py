"""How figure 8 is drawn."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_8.simulation import STRENGTHS, SWITCHES, TIMESTEPS
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Panel A where there are people, then the flexible and the forgetful network on inverted axes of loss."""
    model, human = data["model"], data.get("human", xr.Dataset())
    measures = [name for name in ("accuracy", "response_time") if name in human]
    with house_style():
        width = 2.9 * (len(measures) + 2)
        figure, axes = plt.subplots(1, len(measures) + 2, figsize=(width, 3.1), squeeze=False)
        for ax, measure in zip(axes[0], measures, strict=False):
            _draw_human(ax, human, measure)
        for ax, regime in zip(axes[0, -2:], STRENGTHS, strict=True):
            _draw_model(ax, model.sel(dynamics="batches", regime=regime))
            ax.set_title(f"{regime} network", loc="center")
        axes[0, -2].legend(title="blocks trained", ncols=2, loc="lower right")
        axes[0, -2].set_ylabel("loss (axis inverted)")
        letters = ["A", "", "B", ""] if len(measures) == 2 else ["A", "B", ""] if measures else ["B", ""]
        for ax, letter in zip(axes[0], letters, strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        absent = "; panel A, people, needs a file of trials" if not measures else ""
        figure.suptitle(
            f"mean of {model.sizes['seed']} networks, bars: standard error of the mean{absent}",
            fontsize=8,
        )
    return figure


def _draw_model(ax: Axes, model: xr.Dataset) -> None:
    times = np.arange(1, TIMESTEPS + 1)
    for switch in model.switch.values:
        loss = model.loss.sel(switch=switch, timestep=times).values
        _draw_curve(ax, times, loss.mean(axis=0), _sem(loss), switch / SWITCHES, str(switch))
    ax.set(ylim=(0.28, 0), xlabel="updates after the switch", xticks=times)


def _draw_human(ax: Axes, human: xr.Dataset, measure: str) -> None:
    bins = human.practice.values
    for place, name in enumerate(bins):
        at = human.isel(practice=place)
        _draw_curve(
            ax,
            human.position.values,
            at[measure].values,
            at[f"{measure}_sem"].values,
            (place + 1) / len(bins),
            str(name),
        )
    units = {"accuracy": "accuracy", "response_time": "response time (s, axis inverted)"}
    ax.set(xlabel="trials after the switch", ylabel=units[measure], xticks=human.position.values)
    if measure == "response_time":
        ax.invert_yaxis()
    else:
        ax.legend(title="games played", loc="lower right")
    ax.set_title("synthetic trials, no people" if human.attrs.get("synthetic") else "people", loc="center")


def _draw_curve(ax: Axes, x: np.ndarray, y: np.ndarray, error: np.ndarray, share: float, label: str) -> None:
    # The bright end of the published colours is too pale for a line on white.
    color = matplotlib.colormaps["viridis"](0.92 * share)
    ax.errorbar(x, y, error, color=color, marker="o", markersize=3.5, capsize=2, label=label)


def _sem(values: np.ndarray) -> np.ndarray:
    return np.std(values, axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros(values.shape[1:])
