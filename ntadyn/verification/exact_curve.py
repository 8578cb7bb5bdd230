"""Specialisation over gates within one block, against the exact solution wbar(cbar)."""

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array

from ntadyn.dynamics import exact_weight_difference, toy_flow
from ntadyn.metrics import TwoPathCoordinates, two_path_coordinates
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import observables
from ntadyn.simulation.adaptive import Adaptive
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.trajectory import simulate
from ntadyn.tasks import Smooth
from ntadyn.verification.check import Check, compare, trusted

RATIOS = np.logspace(-1, 0, 5)  # tau_c / tau_W in toy units
STRENGTHS = (0.05, 0.05)  # of the nonnegativity and of the L1 norm


@dataclass(frozen=True)
class Curves:
    """Specialisation over gates for some ratios of time constants; arrays of shape (ratios, records).

    Labels of the article: the target in force is (0, 1), the one before it (1, 0). Path 1 suits the target in force.

    Attributes:
        ratios: tau_c / tau_W, shape (ratios,).
        times: in units of tau_W, shape (records,).
        gates: c, shape (ratios, records, 2).
        weights: w, paths by outputs, shape (ratios, records, 2, 2).
        cbar: c_1 - c_2.
        wbar: arithmetic mean of the paths' differences along both outputs, as in the article.
        wbar_rms: their root mean square.
        exact: the exact solution at these cbar.
    """

    ratios: np.ndarray
    times: np.ndarray
    gates: np.ndarray
    weights: np.ndarray
    cbar: np.ndarray
    wbar: np.ndarray
    wbar_rms: np.ndarray
    exact: np.ndarray


def specialisation_curves(
    method: FixedSteps | Adaptive,
    strengths: tuple[float, float] = STRENGTHS,
    dtype: DTypeLike = jnp.float64,
    times: Sequence[float] = (),
) -> Curves:
    """One block at every ratio of `RATIOS`: path 1 is right for the task in force, but path 2 holds the gate.

    Toy units with tau_W = 1, smooth target with g = 100 and block length 5.

    Args:
        method: how to integrate; `FixedSteps` needs a `max_step`.
        strengths: coefficients of the gate penalties `Nonnegativity` and `UnitL1Norm`.
        dtype: floating dtype.
        times: further times to record, in units of tau_W, between 0 and 5.

    Returns:
        The curves from cbar = -1, with NaN where a run did not succeed.
    """
    curriculum = Smooth(jnp.asarray(100.0, dtype), jnp.asarray(5.0, dtype), 1)
    network = GatedLinear(jnp.asarray([0.0, 1.0], dtype), jnp.eye(2, dtype=dtype)[:, :, None])
    # Fast gates cross most of the range at once, and get more records there; none falls on another.
    at = (*np.arange(0.0025, 0.5, 0.005), *times)
    # As arrays they are data, and other strengths reuse the compiled program.
    hinge, stiffness = jnp.asarray(strengths, dtype)
    penalties = {"gates": Nonnegativity(hinge) + UnitL1Norm(stiffness)}

    def integrate(tau_c):
        system = toy_flow({"gates": tau_c, "weights": 1.0}, penalties, dtype=dtype)
        recorded = {"state": observables.full_state}
        return simulate(
            system, curriculum, network, method=method, observables=recorded, records_per_block=99, times=at
        )

    trajectory = eqx.filter_vmap(integrate)(jnp.asarray(RATIOS, dtype))
    state = trusted(trajectory)["state"]
    return labelled_curves(RATIOS, np.asarray(trajectory.times)[0], state.gates, state.weights[..., 0])


def labelled_curves(ratios: np.ndarray, times: np.ndarray, gates: np.ndarray, weights: np.ndarray) -> Curves:
    """Curves with the labels of the article, of runs that count tasks from the one in force in the first block.

    Args:
        ratios: tau_c / tau_W, shape (ratios,).
        times: shape (records,).
        gates: c, shape (ratios, records, 2).
        weights: w, paths by tasks, shape (ratios, records, 2, 2).

    Returns:
        The same states, by outputs, and what the figures show of them.
    """
    at, exact = jax.device_get(_coordinates(gates, weights, ratios.astype(gates.dtype)))
    by_output = weights[..., ::-1]  # the first task has the target (0, 1)
    return Curves(ratios, times, gates, by_output, at.cbar, at.wbar, at.wbar_rms, exact)


def exact_solution(curves: Curves, rms_bar: float) -> list[Check]:
    """Wbar(cbar) over a whole block: the mean within 3e-4, the root mean square within `rms_bar`.

    Args:
        curves: from `specialisation_curves`.
        rms_bar: the accuracy of the integrator, since this form is exact.

    Returns:
        Two rows per ratio.
    """
    rows = []
    for form, values, bar in (("mean", curves.wbar, 3e-4), ("rms", curves.wbar_rms, rms_bar)):
        for index, ratio in enumerate(curves.ratios):
            name = f"wbar ({form}), tau_c/tau_W = {ratio:.4g}"
            rows.append(compare(name, curves.exact[index], values[index], bar))
    return rows


@jax.jit
def _coordinates(gates: Array, weights: Array, ratios: Array) -> tuple[TwoPathCoordinates, Array]:
    at = jax.vmap(jax.vmap(two_path_coordinates))(gates, weights)
    return at, exact_weight_difference(at.cbar, ratios[:, None])
