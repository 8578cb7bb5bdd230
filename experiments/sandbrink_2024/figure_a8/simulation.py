"""What is simulated for figure A8."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.harness.runs import Data, Run
from ntadyn.networks import GatedLinear


@dataclass(frozen=True)
class Parameters:
    """What figure A8 is made of.

    Attributes:
        num_points: of the grid along either coordinate.
        speed_ratios: tau_W / tau_c of panel D.
    """

    num_points: int = 100
    speed_ratios: tuple[float, ...] = (1.0, 4.0, 16.0)


def runs(parameters: Parameters) -> list[Run]:
    """The kernel of the network, term by term."""
    return [Run("figure_a8", kernel, {"parameters": parameters})]


def kernel(parameters: Parameters) -> Data:
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
