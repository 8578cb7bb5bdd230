"""How figure 5 is drawn."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_5 import numbers
from experiments.sandbrink_2024.figure_5.simulation import BLOCK_DURATIONS, GATE_TIME_CONSTANTS, STRENGTHS, gate_scale
from ntadyn.plotting.style import house_style
from ntadyn.specs import presets
from ntadyn.specs.configuration import Configuration
from ntadyn.verification.laws import MODE_ENERGY

NOMINAL_TAU_W = 0.1


def draw(data: Data) -> Figure:
    """Simulated maps, each above the table that it can be held against, and the control; true ratios on the axes."""
    published = numbers.pair(data, "published", BLOCK_DURATIONS)
    maps = {
        "simulated; best pairing of paths and teachers": _means(published, "last_alignment"),
        "another simulation, 40 seeds; best pairing: cells are held against these": (
            numbers.LEGACY_LEFT,
            numbers.LEGACY_RIGHT,
        ),
        "simulated; pairing by the published sorting": _means(published, "published_alignment"),
        "stored with the published figure; by that sorting: not demanded": (numbers.STORED_LEFT, numbers.STORED_RIGHT),
    }
    if "gate_speed_released" in data:
        released = numbers.pair(data, "released")
        maps["control: the same numbers, read by the released code; best pairing"] = _means(released, "last_alignment")
    with house_style():
        figure, axes = plt.subplots(len(maps), 2, figsize=(7.2, 0.6 + 2.4 * len(maps)))
        mesh = None
        for row, (title, pair) in enumerate(maps.items()):
            axes[row, 0].set_title(title, loc="left")
            # Fast gates stand on the right, as published.
            mesh = _heat_map(axes[row, 0], pair[0][:, ::-1])
            _heat_map(axes[row, 1], pair[1])
            if title.startswith("control"):
                _label(axes[row], TRUE_AXES["released"])
            else:
                _label(axes[row], TRUE_AXES["published"])
                _add_nominal_labels(axes[row])
        assert mesh is not None
        figure.colorbar(mesh, ax=axes, extend="min", label="total alignment at the end", aspect=45, pad=0.02)
        seeds = published.left.sizes["seed"]
        figure.suptitle(
            f"population flow, mean of {seeds} repetitions; grey: labels of the published axes; the published sorting "
            f"is no assignment:\nwhere networks do not specialise it gives less than the best pairing",
            fontsize=8,
        )
    return figure


def _heat_map(ax: Axes, values: np.ndarray):
    """Rows ascend from the bottom: long blocks on top."""
    image = ax.imshow(values, origin="lower", vmin=0.7, vmax=1.0, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        # Cividis is dark below and bright above the middle of the range.
        color = "black" if value > 0.87 else "white"
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=color, fontsize=7)
    return image


def _label(axes: Sequence[Axes], true: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Ratios and strengths as they are in the convention that the maps were run in."""
    rows, gates, strengths = true
    for ax in axes:
        ax.set_yticks(range(5), [f"{value:.3g}" for value in rows])
        ax.set_ylabel(r"$\tau_B/\tau_W$")
    axes[0].set_xticks(range(5), [f"{value:.3g}" for value in gates])
    axes[0].set_xlabel(r"$\tau_W/\tau_c$ (one effective mode)")
    axes[1].set_xticks(range(5), [f"{value:.3g}" for value in strengths])
    axes[1].set_xlabel(r"penalty strength $\lambda$")


def _add_nominal_labels(axes: Sequence[Axes]) -> None:
    """What the published axes say, in small print beside the true numbers."""
    small = {"color": "0.5", "fontsize": 6}
    rows, gates = (np.asarray(values) for values in (BLOCK_DURATIONS, GATE_TIME_CONSTANTS))
    for ax, labels in ((axes[0], NOMINAL_TAU_W / gates[::-1]), (axes[1], STRENGTHS)):
        for index in range(5):
            ax.text(
                index, -0.13, f"{labels[index]:.3g}", transform=ax.get_xaxis_transform(), ha="center", va="top", **small
            )
            beside = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "center"}
            ax.text(-0.03, index - 0.3, f"{rows[index] / NOMINAL_TAU_W:.3g}", **beside, **small)
        ax.xaxis.labelpad = 17


def _true_axes(configuration: Configuration) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of rows, of the left columns (fast gates last) and of the right columns."""
    scale, tau_w = gate_scale(configuration), configuration.time_constants.weights
    # Gates of one effective mode move as if tau_c were tau_c / (N s^2).
    gates = np.asarray(GATE_TIME_CONSTANTS)[::-1] * scale / MODE_ENERGY
    return np.asarray(BLOCK_DURATIONS) / tau_w, tau_w / gates, np.asarray(STRENGTHS) * scale


def _means(maps: numbers.Maps, variable: str) -> tuple[np.ndarray, np.ndarray]:
    left, right = (dataset[variable].mean("seed").values for dataset in (maps.left, maps.right))
    return left, right


TRUE_AXES = {
    "published": _true_axes(presets.figure_5_published()),
    "released": _true_axes(presets.figure_5_released()),
}
