"""What is simulated for figure A17."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from ntadyn.regularizers import Nonnegativity, Sum, UnitL1Norm, UnitL2Norm

LOW, HIGH = -0.55, 1.55
STEP = 0.05  # of the flows, in units of the inverse coefficient of the norm


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


def runs(parameters: Parameters) -> list[Run]:
    """One run of "penalties"."""
    return [Run("figure_a17", maps_and_flows, {"parameters": parameters}, "penalties")]


def maps_and_flows(parameters: Parameters) -> xr.Dataset:
    """Map the penalties, and follow their flow from scattered gates.

    Args:
        parameters: what to map.

    Returns:
        `energy` over (penalty, c2, c1), the descent direction `downhill` on a coarse grid, and `start` and
        `end` of the flows over (penalty, flow, gate).
    """
    axis, coarse = np.linspace(LOW, HIGH, parameters.grid), np.linspace(LOW, HIGH, 16)[1:-1]
    # Both gates are open at first, and no flow starts on the line of symmetry.
    start = _pairs(np.linspace(0.06, HIGH - 0.1, parameters.starts)) + np.array([0.0, 0.005])
    parts: list[xr.Dataset] = []
    for penalty in penalties(parameters).values():
        parts.append(_mapped(penalty, axis, coarse, start, parameters.steps))
    names = list(penalties(parameters))
    return xr.concat(parts, xr.DataArray(names, dims="penalty", name="penalty"))


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
