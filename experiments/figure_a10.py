"""Figure A10: specialisation over gates within one block, against the exact solution, and how its assumptions hold.

The runs and their comparison with published numbers are those of `ntadyn verify`; here they get the published layout.
"""

import dataclasses
from dataclasses import dataclass

import diffrax
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.acceptance import Acceptance, near, reported, single
from experiments.runner import Data
from ntadyn.plotting.specialisation import specialisation_curves as draw_specialisation
from ntadyn.plotting.style import house_style
from ntadyn.simulation import FixedSteps
from ntadyn.tasks import Smooth
from ntadyn.verification import Check, Curves, exact_solution, specialisation_curves, stored_values
from ntadyn.verification.check import TIGHT
from ntadyn.verification.figure_a10 import FIGURE_A10

HARDNESS, BLOCK_DURATION = 100.0, 5.0  # of the smooth target in these runs


@dataclass(frozen=True)
class Parameters:
    """What figure A10 is made of; there is no randomness in it.

    Attributes:
        strengths: coefficients of the gate penalties, nonnegativity and unit L1 norm.
        euler_step: step of the published scheme, which is compared with stored numbers; None leaves it out.
    """

    strengths: tuple[float, float] = FIGURE_A10
    euler_step: float | None = 1e-4


PARAMETERS = Parameters()
FAST = Parameters(euler_step=None)


def run(parameters: Parameters) -> Data:
    """The flow by an adaptive solver, and the published scheme: Euler steps in single precision.

    Args:
        parameters: what to run.

    Returns:
        "flow", and "published_scheme" unless it is left out.
    """
    data = {"flow": _dataset(specialisation_curves(TIGHT, parameters.strengths))}
    if parameters.euler_step is not None:
        euler = FixedSteps(diffrax.Euler(), parameters.euler_step)
        data["published_scheme"] = _dataset(specialisation_curves(euler, parameters.strengths, jnp.float32))
    return data


def accept(data: Data) -> list[Acceptance]:
    """The exact curve everywhere, and the stored numbers early and late in the block."""
    flow = _curves(data["flow"])
    rows = [_row(check, "exact solution, largest distance over the block") for check in exact_solution(flow, 1e-4)]
    stored = stored_values(flow)
    for when in ("1.2507", "4.9975"):
        error = max(check.error for check in stored if when in check.name)
        note = "not demanded of the flow: stored numbers carry the rounding of Euler steps in single precision"
        rows.append(reported(f"flow, largest distance from stored numbers at t = {when}", single(error), note))
    if "published_scheme" in data:
        note = "stored with the published figure; same scheme, furthest of the group"
        rows += [_row(check, note) for check in stored_values(_curves(data["published_scheme"]))]
    return rows


def plot(data: Data) -> Figure:
    """Specialisation over gates; the two symmetry assumptions; time courses."""
    flow = data["flow"]
    # At the very end the smooth target has begun to switch.
    flow = flow.isel(record=flow.time.values < BLOCK_DURATION)
    ratios = flow.ratio.values
    own, other = _errors(flow)
    with house_style():
        figure, axes = plt.subplots(2, 3, figsize=(8.4, 5.0))
        lines = draw_specialisation(axes[0, 0], flow.cbar.values, flow.wbar.values, flow.exact.values, ratios)
        colors = [line.get_color() for line in lines]
        exact = next(handle for handle in axes[0, 0].get_legend().legend_handles if handle.get_label() == "exact")
        axes[0, 0].legend(handles=[exact], loc="lower right")
        axes[0, 0].set(xlim=(-1.02, 1.02), ylim=(0.65, 1.02), xlabel=r"$\bar c = c_1 - c_2$", ylabel=r"$\bar w$")
        _draw_assumption(axes[0, 1], flow.wbar_1.values, flow.wbar_2.values, colors)
        axes[0, 1].set(xlabel=r"$\bar w_1$", ylabel=r"$\bar w_2$")
        _draw_assumption(axes[0, 2], own, -other, colors)
        axes[0, 2].set(xlabel=r"$\epsilon_1$ (task in force)", ylabel=r"$-\epsilon_2$ (other task)")
        _draw_course(axes[1, 0], flow, {r"$\epsilon_1$": own, r"$-\epsilon_2$": -other}, colors)
        outside = {r"$\bar w$": flow.wbar.values, r"$\bar w_\mathrm{d}$": flow.wdbar.values}
        _draw_course(axes[1, 1], flow, outside, colors)
        _draw_course(axes[1, 2], flow, {r"$\bar c$": flow.cbar.values}, colors)
        for ax, letter in zip(axes.flat, "ABCDEF", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        step = np.sqrt(ratios[1] / ratios[0])
        norm = BoundaryNorm([*(ratios / step), ratios[-1] * step], len(ratios))
        bar = figure.colorbar(ScalarMappable(norm, ListedColormap(colors)), ax=axes, ticks=ratios, aspect=40)
        bar.ax.set_yscale("log")
        bar.ax.set_yticks(ratios, [f"{ratio:.2g}" for ratio in ratios])
        bar.ax.minorticks_off()
        bar.set_label(r"$\tau_c/\tau_W$")
        figure.suptitle("weights in units of the teacher; dashed: exact solution (A), equality (B, C)", fontsize=8)
    return figure


def _draw_assumption(ax: Axes, x: np.ndarray, y: np.ndarray, colors: list) -> None:
    """Two quantities that the exact solution takes for equal, with the diagonal."""
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    ax.plot([low, high], [low, high], color="0.6", linewidth=0.9, linestyle=(0, (4, 3)))
    for one, two, color in zip(x, y, colors, strict=True):
        ax.plot(one, two, color=color)
    margin = 0.03 * (high - low)
    ax.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")


def _draw_course(ax: Axes, flow: xr.Dataset, courses: dict[str, np.ndarray], colors: list) -> None:
    """Up to two quantities over time, the first solid, the second dashed."""
    handles = []
    for (label, values), style in zip(courses.items(), ("-", "--"), strict=False):
        for one, color in zip(values, colors, strict=True):
            ax.plot(flow.time.values, one, color=color, linestyle=style)
        handles.append(Line2D([], [], color="black", linestyle=style, label=label))
    if len(handles) > 1:
        ax.set_ylim(top=1.22)
        ax.legend(handles=handles, loc="upper right", ncols=2)
    ax.set(xlabel=r"time ($\tau_W$)", ylabel=", ".join(courses), xlim=(0, BLOCK_DURATION))


def _errors(flow: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Target minus sum_p c_p w^p along the task in force and the other one, each of shape (ratios, records)."""
    curriculum = Smooth(jnp.asarray(HARDNESS), jnp.asarray(BLOCK_DURATION), 1)
    target = np.asarray(jax.vmap(lambda t: curriculum.weights(0, t))(jnp.asarray(flow.time.values)))
    error = target[None] - np.einsum("rtp,rtpm->rtm", flow.gates.values, flow.weights.values)
    return error[..., 0], error[..., 1]


def _dataset(curves: Curves) -> xr.Dataset:
    weights = curves.weights
    series = ("ratio", "record")
    shapes = {"gates": (*series, "path"), "weights": (*series, "path", "teacher")}
    fields = {item.name: getattr(curves, item.name) for item in dataclasses.fields(curves)}
    ratios, times = fields.pop("ratios"), fields.pop("times")
    dataset = xr.Dataset(
        {name: (shapes.get(name, series), np.asarray(values)) for name, values in fields.items()},
        {"ratio": ratios, "time": ("record", times, {"units": "tau_W"})},
    )
    return dataset.assign(
        wbar_1=(series, weights[..., 0, 0] - weights[..., 1, 0]),
        wbar_2=(series, weights[..., 1, 1] - weights[..., 0, 1]),
        wdbar=(series, 0.5 * (weights[..., 0].sum(-1) - weights[..., 1].sum(-1))),
    )


def _curves(dataset: xr.Dataset) -> Curves:
    names = {item.name for item in dataclasses.fields(Curves)} - {"ratios", "times"}
    fields = {name: dataset[name].values for name in names}
    return Curves(ratios=dataset.ratio.values, times=dataset.time.values, **fields)


def _row(check: Check, note: str) -> Acceptance:
    return near(check.name, check.expected, check.bar, single(check.measured), note)
