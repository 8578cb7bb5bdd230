"""Figure A8: what gates and weights contribute to the speed of adaptation, in closed form.

Two outputs, one input, two paths on the family of solutions w^1 = (a, b), w^2 = (1 - a, 1 - b) with gates c = (a, b):
in the middle all is shared, in the corners gates and weights are specialised. The error points from one task to the
other. How fast it shrinks is a quadratic form of the tangent kernel, whose two terms are the motion of the gates, which
needs weights that differ, and that of the weights, which needs gates that are open. Nothing is simulated; all panels
follow from algebra, and the acceptance numbers compare the kernel of the network itself with that algebra.

The published panels assume equal time constants. D, our addition, shows the sum along the line of solutions for gates
that are faster than weights.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from jaxtyping import Array
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.sandbrink_2024 import figure_a8_numbers as numbers
from ntadyn.networks import GatedLinear
from ntadyn.plotting.style import house_style

VERDICT = (
    "Reproduced exactly. The three surfaces are algebra, and the tangent kernel of the network itself, differentiated "
    "on the whole grid, agrees with it to rounding: along the line of solutions specialisation quadruples the speed of "
    "adaptation, from 1 in the middle to 4 in the corners. Half of the final speed comes from weights that differ and "
    "half from gates that are open. The published panels hold for equal time constants; panel D adds other ratios, for "
    "which the gain from specialisation grows as gates become faster than weights."
)

SEPARATIONS = (0.1, 0.25, 0.4)  # of the published arrows
TERMS = {
    "both": "both",
    "through_gates": r"gates: $\Sigma_p\, w^p w^{p\top}$",
    "through_weights": r"weights: $\Sigma_p\, c_p^2$",
}


@dataclass(frozen=True)
class Parameters:
    """What figure A8 is made of.

    Attributes:
        num_points: of the grid along either coordinate.
        speed_ratios: tau_W / tau_c of panel D.
    """

    num_points: int = 100
    speed_ratios: tuple[float, ...] = (1.0, 4.0, 16.0)


PARAMETERS = Parameters()
FAST = Parameters(num_points=20)


def run(parameters: Parameters) -> Data:
    """The kernel of the network, term by term.

    Args:
        parameters: what to evaluate.

    Returns:
        "grid", over (b, a), and "solutions", over the separation (b - a) / 2 on the line a + b = 1.
    """
    axis = np.linspace(0, 1, parameters.num_points)
    a, b = np.meshgrid(axis, axis)
    separation = np.linspace(0, 0.5, parameters.num_points)
    on_line = terms(0.5 - separation, 0.5 + separation)
    ratios = np.asarray(parameters.speed_ratios)
    total = ratios[:, None] * on_line["through_gates"] + on_line["through_weights"]
    grid = {name: (("b", "a"), values) for name, values in terms(a, b).items()}
    line = {name: ("separation", values) for name, values in on_line.items()}
    return {
        "grid": xr.Dataset(grid, {"a": axis, "b": axis}),
        "solutions": xr.Dataset(
            {**line, "total": (("ratio", "separation"), total)}, {"separation": separation, "ratio": ratios}
        ),
    }


def terms(a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """eps^T K eps with eps = (-1, 1) and K = J J^T, J the Jacobian of the outputs by gates or by weights.

    Args:
        a: first coordinate, any shape.
        b: second coordinate, same shape.

    Returns:
        "through_gates", "through_weights" and their sum "both", shaped like the coordinates.
    """

    def one(pair: Array) -> tuple[Array, Array]:
        network = GatedLinear(pair, jnp.stack([pair, 1 - pair])[:, :, None])
        gradient = jax.grad(_towards_other_task)(network)
        return jnp.sum(gradient.gates**2), jnp.sum(gradient.weights**2)

    pairs = jnp.stack([jnp.asarray(np.ravel(a), float), jnp.asarray(np.ravel(b), float)], axis=1)
    gates, weights = (np.asarray(item).reshape(np.shape(a)) for item in jax.jit(jax.vmap(one))(pairs))
    return {"through_gates": gates, "through_weights": weights, "both": gates + weights}


def _towards_other_task(network: GatedLinear) -> Array:
    """eps . y for a unit input: the squared norm of its gradient is eps^T K eps."""
    first, second = network(jnp.ones(1, network.weights.dtype))
    return second - first


def accept(data: Data) -> list[Acceptance]:
    """The closed form, and what it says on the line of solutions."""
    return numbers.accept(data)


def plot(data: Data) -> Figure:
    """Both terms and their sum over the plane, and our panel along the line of solutions."""
    grid = data["grid"]
    with house_style():
        figure, axes = plt.subplots(1, 4, figsize=(10.4, 2.9))
        for ax, (name, title), letter in zip(axes, TERMS.items(), "ABC", strict=False):
            mesh = _draw_plane(ax, grid, name)
            ax.set_title(title)
            ax.set_title(letter, loc="left", fontweight="bold")
        axes[0].set_ylabel("$w_2$")
        figure.colorbar(mesh, ax=list(axes[:3]), label="rate of adaptation", ticks=range(5), shrink=0.9)
        _draw_line(axes[3], data["solutions"])
        axes[3].set_title("D", loc="left", fontweight="bold")
        axes[3].set_title("faster gates (ours)")
    return figure


def _draw_plane(ax: Axes, grid: xr.Dataset, name: str):
    a, b = np.meshgrid(grid.a.values, grid.b.values)
    shown = np.ma.masked_array(grid[name].values, a + b > 1 + 1e-9)
    mesh = ax.pcolormesh(
        grid.a.values, grid.b.values, shown, norm=PowerNorm(0.5, 0, 4), cmap="coolwarm", alpha=0.5, rasterized=True
    )
    ax.plot([0, 1], [1, 0], "--", color="black", linewidth=0.8)
    for separation in SEPARATIONS:
        for sign, color in ((-1, "C0"), (1, "C1")):
            tip = (0.5 + sign * separation, 0.5 - sign * separation)
            ax.annotate(
                "", xy=tip, xytext=(0, 0), arrowprops={"arrowstyle": "->", "color": color, "shrinkA": 0, "shrinkB": 0}
            )
    ax.set(xlabel="$w_1$", aspect="equal", xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    return mesh


def _draw_line(ax: Axes, solutions: xr.Dataset) -> None:
    for ratio in solutions.ratio.values:
        total = solutions.total.sel(ratio=ratio).values
        ax.plot(solutions.separation, total / total[0], label=rf"$\tau_W/\tau_c = {ratio:g}$")
    ax.set(xlabel=r"specialisation $\bar{w}$", ylabel="rate, relative to the middle", yscale="log", xlim=(0, 0.5))
    ax.legend()
