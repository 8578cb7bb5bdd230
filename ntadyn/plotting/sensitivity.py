"""Pictures of sensitivities: the derivatives of every repetition, whose mean alone says little near a border."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ntadyn.plotting.labels import settings_title
from ntadyn.plotting.style import WIDTH, house_style

SYMBOLS = {"gates": r"$\tau_c$", "weights": r"$\tau_W$", "block_duration": r"$\tau_B$", "strength": r"$\lambda$"}
# Beyond this distance of zero, where there is something, the axis is logarithmic: near a border some runs have
# derivatives a hundred times as large as others.
LINEAR, JITTER = 3.0, 0.28


def draw_gradients(ax: Axes, dataset: xr.Dataset, name: str, title: str) -> None:
    """Derivatives of all runs, one column per parameter, with their mean, its standard error, and the median.

    Args:
        ax: where to draw.
        dataset: from `specs.sensitivity.sensitivity_over_seeds`.
        name: of the score.
        title: of the axes.
    """
    gradients = dataset[f"{name}_gradient"].dropna("seed").values
    places = np.arange(dataset.sizes["parameter"])
    if gradients.size:
        jitter = JITTER * (2 * np.random.default_rng(0).random(gradients.shape) - 1)
        ax.plot((places + jitter).ravel(), gradients.ravel(), ".", color="C0", alpha=0.35, markersize=4)
        error = gradients.std(axis=0, ddof=1) / np.sqrt(len(gradients)) if len(gradients) > 1 else None
        ax.errorbar(
            places, gradients.mean(axis=0), error, fmt="D", color="black", markersize=4, capsize=3, label="mean"
        )
        ax.plot(places, np.median(gradients, axis=0), "_", color="C1", markersize=16, markeredgewidth=2, label="median")
        ax.legend(fontsize=7)
    ax.axhline(0.0, color="0.4", linewidth=0.8, zorder=0)
    if np.max(np.abs(gradients), initial=0) > 3 * LINEAR:
        ax.set_yscale("symlog", linthresh=LINEAR)
    ax.set_xticks(places, [SYMBOLS.get(str(each), str(each)) for each in dataset.parameter.values])
    ax.set(
        xlabel="logarithm of", ylabel="derivative", title=f"{title}: {len(gradients)} of {dataset.sizes['seed']} runs"
    )


def sensitivity_figure(dataset: xr.Dataset) -> Figure:
    """Derivatives of the final contrast and of the time to the threshold.

    Args:
        dataset: from `specs.sensitivity.sensitivity_over_seeds`.
    """
    with house_style():
        figure, axes = plt.subplots(1, 2, figsize=(1.5 * WIDTH, 3.2), layout="constrained")
        draw_gradients(axes[0], dataset, "contrast", "Final contrast")
        draw_gradients(axes[1], dataset, "time_to_threshold", f"Time to a contrast of {dataset.attrs['threshold']:g}")
        figure.suptitle(settings_title(dataset), fontsize=8)
    return figure
