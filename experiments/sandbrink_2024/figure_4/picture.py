"""How figure 4 is drawn."""

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.sandbrink_2024.figure_4.numbers import DROPPED, equal_phases, published_blocks
from experiments.sandbrink_2024.panels.block_length import draw_block_length
from experiments.sandbrink_2024.panels.specialisation import add_ratio_bar, draw_exact_panel
from ntadyn.metrics import block_distance
from ntadyn.plotting.output_plane import draw_error_direction, draw_gated_path, draw_targets, draw_teachers
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, house_style

ERROR_COLOR = "C5"


def draw(data: dict[str, xr.Dataset]) -> Figure:
    """Panels A to H, and G again with blocks two apart.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The figure.
    """
    runs = data["one_block"]
    # At the very end the smooth target has begun to switch.
    runs = runs.isel(record=np.flatnonzero(runs.time.values < 1 - 1e-4))
    with house_style():
        figure, axes = plt.subplots(3, 3, figsize=(8.8, 8.4))
        _draw_outputs(axes[0, 0], runs)
        for ax, network in zip(axes[0, 1:], runs.network.values, strict=True):
            _draw_students(ax, runs.sel(network=network))
            ax.set_title(str(network))
        _draw_gate_gradient(axes[1, 0])
        draw_block_length(axes[1, 1], data["block_length"])
        _draw_cycle(axes[1, 2], data["cycle"])
        _draw_convergence(axes[2, 0], data, 1)
        _draw_convergence(axes[2, 1], data, 2)
        flow = data["specialisation"]
        colors = draw_exact_panel(axes[2, 2], flow)
        axes[2, 2].set(xlabel=r"$\bar c$", ylabel=r"$\bar w$")
        add_ratio_bar(figure, [axes[2, 2]], flow.ratio.values, colors)
        for ax, letter in zip(axes.flat, ("A", "B", "C", "D", "E", "F", "G", "G, two apart", "H"), strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        figure.suptitle("toy, exact flow; grey under B, C: how far the gate is open; dots: ends of runs", fontsize=8)
    return figure


def _draw_outputs(ax: Axes, runs: xr.Dataset) -> None:
    draw_error_direction(ax, ERROR_COLOR)
    for network, color, style in (("forgetful", FORGETFUL, "--"), ("flexible", FLEXIBLE, "-")):
        ax.plot(*runs.y.sel(network=network).values.T, color=color, linestyle=style, label=network)
    draw_targets(ax)
    ax.legend(loc="upper right", fontsize=7)
    _plane(ax, r"$y_1$", r"$y_2$")


def _draw_students(ax: Axes, run: xr.Dataset) -> None:
    draw_teachers(ax)
    equal = bool(np.allclose(run.weights.values[:, 0], run.weights.values[:, 1]))
    for path in range(2):
        offset = (0.5 - path) * (0.07 if equal else 0.0)
        line = draw_gated_path(ax, run.weights.values[:, path], run.gates.values[:, path], f"C{path}", offset)
        line.set_label(rf"$w^{path + 1}$")
    draw_targets(ax)
    ax.legend(loc=(0.24, 0.2), fontsize=8)
    _plane(ax, r"$w_1$", r"$w_2$")
    inset = ax.inset_axes((0.66, 0.66, 0.34, 0.3))
    inset.plot(run.time.values, run.loss.values, color="black", linewidth=1)
    inset.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 1], yticks=[0, 1], xlabel="time", ylabel="loss")
    inset.tick_params(labelsize=6)
    for label in (inset.xaxis.label, inset.yaxis.label):
        label.set_fontsize(6)
    inset.xaxis.labelpad = inset.yaxis.labelpad = -6


def _draw_gate_gradient(ax: Axes) -> None:
    """What a gate gains per unit of time, w . eps, for the error (-1, 1) after a switch."""
    axis = np.linspace(-0.5, 1.5, 201)
    gradient = axis[:, None] - axis[None, :]
    extent = (-0.5, 1.5, -0.5, 1.5)
    ax.imshow(gradient, origin="lower", extent=extent, cmap="RdBu_r", vmin=-1.5, vmax=1.5, aspect="equal", zorder=-5)
    lines = ax.contour(
        axis, axis, gradient, levels=(-1, -0.5, 0, 0.5, 1), colors="0.25", linewidths=0.6, linestyles="-"
    )
    ax.clabel(lines, fontsize=7)
    ax.set_title(r"$w\cdot\epsilon = \tau_c\,\dot c$")
    draw_error_direction(ax, "black")
    draw_targets(ax)
    ax.set(xlabel=r"$w_1$", ylabel=r"$w_2$", xticks=[0, 1], yticks=[0, 1])


def _draw_cycle(ax: Axes, cycle: xr.Dataset) -> None:
    whole = cycle.isel(record=slice(0, -1))
    last = whole.block.values >= whole.block.values[-1] - 1
    # Which path takes which task is up to the smallest difference at the start.
    sign = np.sign(whole.wbar.values[-1])
    cbar, wbar = sign * whole.cbar.values, sign * whole.wbar.values
    ax.plot(cbar, wbar, color="0.72", linewidth=0.5)
    ax.plot(cbar[last], wbar[last], color="black", label="last two blocks")
    ax.set(xlabel=r"$\bar c$", ylabel=r"$\bar w$", xlim=(-1.25, 1.25), ylim=(0, 1.05))
    ax.legend(loc="lower center", fontsize=7)


def _draw_convergence(ax: Axes, data: dict[str, xr.Dataset], lag: int) -> None:
    published = data.get("cycle_published")
    if published is not None:
        found = np.asarray(block_distance(jnp.asarray(published_blocks(published)), lag))
        ax.plot(
            DROPPED + np.arange(len(found)),
            found,
            color=FORGETFUL,
            linewidth=2.5,
            label="published records" if lag == 1 else "published records, which\ndrift through the blocks",
        )
    found = np.asarray(block_distance(jnp.asarray(equal_phases(data["cycle"])), lag))
    ax.plot(DROPPED + np.arange(len(found)), found, color="black", label="equal phases")
    ax.set_xlabel("block")
    if lag == 1:
        ax.axhline(2**0.5, color="C5", linewidth=0.9, linestyle=(0, (4, 3)), label=r"$\sqrt{2}$: gates swap", zorder=-1)
        ax.set(ylim=(1.3, 1.8), ylabel=r"$\max_s\,|\theta_{i+1}(s) - \theta_i(s)|$")
    else:
        ax.set_yscale("log")
        ax.set(ylim=(1e-7, 3), ylabel=r"$\max_s\,|\theta_{i+2}(s) - \theta_i(s)|$")
    ax.legend(loc="upper right", fontsize=7)


def _plane(ax: Axes, x: str, y: str) -> None:
    ax.set(xlim=(-0.3, 1.35), ylim=(-0.15, 1.35), aspect="equal", xlabel=x, ylabel=y, xticks=[0, 1], yticks=[0, 1])
