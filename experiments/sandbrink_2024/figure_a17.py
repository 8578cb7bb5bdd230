"""Figure A17: what the penalties on two gates prefer, drawn from their closed forms.

The article's figure is a sketch without code. Drawn here are the penalties of figure 2 (L1 norm) and of figure 3D (L2
norm), each with its slope on negative gates, in units of the coefficient of the norm; beside them the sum of both
norms, which no figure of the article uses. The convention does not matter, because contours do not depend on units.
Dots are the ends of the flow of the penalty alone from scattered open gates, and arrows point down it.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.sandbrink_2024 import figure_a17_numbers as numbers
from ntadyn.plotting.style import house_style
from ntadyn.regularizers import Nonnegativity, Sum, UnitL1Norm, UnitL2Norm

LOW, HIGH = -0.55, 1.55
STEP = 0.05  # of the flows, in units of the inverse coefficient of the norm

VERDICT: str = (
    "Drawn from closed form; the article's figure is a sketch and gives no numbers. It shows what it should: the "
    "zeros of the L1 penalty are the whole segment between (1, 0) and (0, 1), those of the L2 penalty the whole "
    "quarter circle, and the slope on negative gates changes nothing inside. From open gates few flows of one penalty "
    "alone end with one gate shut, none with the L2 norm, so neither penalty forces specialisation: it leaves a "
    "valley, and the gradients of the tasks decide where in it the gates settle. Both norms together, which we add, "
    "would be different: their common zeros are the two specialised states alone."
)


@dataclass(frozen=True)
class Parameters:
    """What figure A17 is made of.

    Attributes:
        l1: coefficients of the slope on negative gates and of the L1 norm, those of figure 2.
        l2: the same with the L2 norm, those of figure 3D.
        grid: number of points of the map along each gate.
        starts: number of scattered gates along each side of the square of starts.
        steps: number of steps until the ends are taken.
    """

    l1: tuple[float, float] = (1 / 11, 10 / 11)
    l2: tuple[float, float] = (0.25 / 11, 0.25 / 11)
    grid: int = 301
    starts: int = 9
    steps: int = 2000


PARAMETERS = Parameters()
FAST = Parameters(grid=61, starts=5)


def penalties(parameters: Parameters) -> dict[str, Sum]:
    """The three penalties in units of the coefficient of a norm."""
    hinge_1, norm_1 = parameters.l1
    hinge_2, norm_2 = parameters.l2
    slope_1, slope_2 = Nonnegativity(hinge_1 / norm_1), Nonnegativity(hinge_2 / norm_2)
    return {
        "L1": Sum((slope_1, UnitL1Norm(1.0))),
        "L2": Sum((slope_2, UnitL2Norm(1.0))),
        "both": Sum((slope_1, UnitL1Norm(1.0), UnitL2Norm(1.0))),
    }


def run(parameters: Parameters) -> Data:
    """Map the penalties, and follow their flow from scattered gates.

    Args:
        parameters: what to map.

    Returns:
        "penalties": `energy` over (penalty, c2, c1), the descent direction `downhill` on a coarse grid, and `start` and
        `end` of the flows over (penalty, flow, gate).
    """
    axis, coarse = np.linspace(LOW, HIGH, parameters.grid), np.linspace(LOW, HIGH, 16)[1:-1]
    # Both gates are open at first, and no flow starts on the line of symmetry.
    start = _pairs(np.linspace(0.06, HIGH - 0.1, parameters.starts)) + np.array([0.0, 0.005])
    parts: list[xr.Dataset] = []
    for penalty in penalties(parameters).values():
        parts.append(_mapped(penalty, axis, coarse, start, parameters.steps))
    names = list(penalties(parameters))
    return {"penalties": xr.concat(parts, xr.DataArray(names, dims="penalty", name="penalty"))}


def _mapped(penalty: Sum, axis: np.ndarray, coarse: np.ndarray, start: np.ndarray, steps: int) -> xr.Dataset:
    # A short implicit step of every term in turn, which does not chatter where a gate is held at zero.
    def one_step(gates, _):
        for term in penalty.terms:
            gates = jax.vmap(lambda one, term=term: term.proximal(one, STEP))(gates)
        return gates, None

    def flow(gates):
        return jax.lax.scan(one_step, gates, None, length=steps)[0]

    energy = jax.jit(jax.vmap(penalty.energy))(jnp.asarray(_pairs(axis)))
    downhill = -jax.jit(jax.vmap(penalty.gradient))(jnp.asarray(_pairs(coarse)))
    end = jax.jit(flow)(jnp.asarray(start))
    return xr.Dataset(
        {
            "energy": (("c2", "c1"), np.asarray(energy).reshape(len(axis), -1)),
            "downhill": (("y", "x", "gate"), np.asarray(downhill).reshape(len(coarse), len(coarse), 2)),
            "start": (("flow", "gate"), start),
            "end": (("flow", "gate"), np.asarray(end)),
        },
        {"c1": axis, "c2": axis, "x": coarse, "y": coarse},
    )


def _pairs(axis: np.ndarray) -> np.ndarray:
    """All pairs (c_1, c_2), the second slowest, shape (n^2, 2)."""
    second, first = np.meshgrid(axis, axis, indexing="ij")
    return np.stack([first.ravel(), second.ravel()], axis=1)


def accept(data: Data) -> list[Acceptance]:
    """That neither norm alone forces specialisation."""
    return numbers.accept(data["penalties"])


def plot(data: Data) -> Figure:
    """One map per penalty."""
    dataset = data["penalties"]
    titles = {
        "L1": r"$\frac{1}{2}(\Vert c\Vert_1-1)^2$ + slope",
        "L2": r"$\frac{1}{2}(\Vert c\Vert_2-1)^2$ + slope",
        "both": "both norms + slope (ours)",
    }
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(9.2, 3.3), sharey=True)
        for ax, (name, title), letter in zip(axes, titles.items(), "ABC", strict=True):
            mesh = _draw(ax, dataset.sel(penalty=name))
            ax.set_title(title, loc="center")
            ax.set_title(letter, loc="left", fontweight="bold")
        axes[0].set_ylabel("gate $c_2$")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        figure.colorbar(mesh, ax=axes, label="penalty / coefficient of the norm", extend="max", shrink=0.8)
    return figure


def _draw(ax: Axes, dataset: xr.Dataset):
    axis, energy = dataset.c1.values, dataset.energy.values
    mesh = ax.pcolormesh(axis, axis, energy, norm=PowerNorm(0.5, 0, 1.0), cmap="Blues", rasterized=True)
    ax.contour(axis, axis, energy, levels=[0.01, 0.05, 0.15, 0.3, 0.6, 1.0], colors="0.45", linewidths=0.5)
    down = dataset.downhill.values
    length = np.maximum(np.linalg.norm(down, axis=2), 1e-9)
    shown = down / np.sqrt(length)[..., None]  # so that weak pulls stay visible
    ax.quiver(dataset.x, dataset.y, shown[..., 0], shown[..., 1], color="0.3", width=0.004, scale=14)
    end = dataset.end.values
    specialised = numbers.is_specialised(end)
    ax.plot(*end[~specialised].T, ".", color="C5", markersize=5, label="flow ends with both gates on")
    ax.plot(*end[specialised].T, "o", color="black", markersize=4, label="flow ends with one gate")
    for line in (ax.axhline, ax.axvline):
        line(0, color="0.3", linewidth=0.6)
    ax.set(xlabel="gate $c_1$", aspect="equal", xlim=(LOW, HIGH), ylim=(LOW, HIGH))
    return mesh
