"""What is simulated for figure A11."""

from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from experiments.harness.runs import Run
from experiments.sandbrink_2024.runs.specialisation import (
    BLOCK_DURATION,
    EARLY,
    FIGURE_A10,
    HARDNESS,
    dataset_of,
    with_published_times,
)
from experiments.sandbrink_2024.runs.toy import between_switches, switch_times
from ntadyn.dynamics import toy_flow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, observables, simulate
from ntadyn.tasks import Smooth
from ntadyn.verification.check import TIGHT, trusted
from ntadyn.verification.exact_curve import labelled_curves


@dataclass(frozen=True)
class Parameters:
    """What figure A11 is made of; there is no randomness in it.

    Attributes:
        num_blocks: after the restart.
        max_step: of the solver.
        records_per_block: records strictly inside every block.
    """

    num_blocks: int = 4
    max_step: float = 2e-3
    records_per_block: int = 249


def runs(parameters: Parameters) -> list[Run]:
    """One run, over all ratios of time constants."""
    return [Run("figure_a11", over_switches, {"parameters": parameters}, "flow")]


def over_switches(parameters: Parameters) -> xr.Dataset:
    """Start as in figure A10, go on over switches.

    Args:
        parameters: what to run.

    Returns:
        As figure A10 has it, with `gate_error`: how far any gate moved when all steps were halved.
    """
    start = with_published_times(TIGHT)
    record = int(np.argmin(np.abs(start.times - EARLY)))
    # Curves are labelled by outputs, runs by tasks, the first of which has the target (0, 1).
    gates, weights = jnp.asarray(start.gates[:, record]), jnp.asarray(start.weights[:, record, :, ::-1, None])
    hinge, stiffness = (jnp.asarray(strength) for strength in FIGURE_A10)
    curriculum = Smooth(HARDNESS, BLOCK_DURATION, parameters.num_blocks)
    switches = switch_times(BLOCK_DURATION, parameters.num_blocks)

    def one(tau_c: Array, gates: Array, weights: Array):
        system = toy_flow({"gates": tau_c, "weights": 1.0}, {"gates": Nonnegativity(hinge) + UnitL1Norm(stiffness)})
        return simulate(
            system,
            curriculum,
            GatedLinear(gates, weights),
            method=FixedSteps(max_step=parameters.max_step),
            observables={"state": observables.full_state},
            records_per_block=parameters.records_per_block,
            times=switches,
            estimate_error=True,
        )

    trajectory = eqx.filter_vmap(one)(jnp.asarray(start.ratios), gates, weights)
    network = trusted(trajectory)["state"]
    times = np.asarray(trajectory.times)[0]
    flow = dataset_of(labelled_curves(start.ratios, times, network.gates, network.weights[..., 0]))
    error = np.asarray(trajectory.error["state"].gates).max(axis=(1, 2)) if trajectory.error is not None else np.nan
    return between_switches(flow, switches).assign(gate_error=("ratio", error))
