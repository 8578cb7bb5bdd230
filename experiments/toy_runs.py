"""Runs of the toy with a smooth target, by the flow or in the published scheme, in the published coordinates.

A toy has two outputs y_1, y_2, and two tasks whose targets are (1, 0) and (0, 1), of which one comes first. Everything
here is labelled by outputs; path 1 counts as the one of output 1.
"""

from dataclasses import dataclass

import diffrax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn import observables
from ntadyn.dynamics import toy_flow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.results import RESULTS
from ntadyn.simulation import FixedSteps, simulate
from ntadyn.tasks import Smooth

PUBLISHED_STEP = 1e-3
FIGURE_2_STRENGTHS = (1 / 11, 10 / 11)  # nonnegativity and unit L1 norm, lambda = 0.1 and relative weights 1 and 10

Pair = tuple[float, float]


@dataclass(frozen=True)
class ToyRun:
    """What one run is made of, in toy units.

    Attributes:
        tau_c: time constant of the gates.
        tau_w: time constant of the weights.
        weights: (along output 1, along output 2) of path 1 and of path 2, at the start.
        gates: of path 1 and path 2, at the start.
        num_blocks: how many.
        block_duration: of each.
        first_output: 0 if the first target is (1, 0), 1 if it is (0, 1).
        hardness: of the smooth target.
        strengths: of the penalties on negative gates and on the distance of their L1 norm from one.
    """

    tau_c: float
    tau_w: float
    weights: tuple[Pair, Pair]
    gates: Pair = (0.5, 0.5)
    num_blocks: int = 1
    block_duration: float = 1.0
    first_output: int = 1
    hardness: float = 100.0
    strengths: Pair = FIGURE_2_STRENGTHS

    @property
    def total_time(self) -> float:
        """The end of the last block."""
        return self.num_blocks * self.block_duration


def published_scheme(step: float = PUBLISHED_STEP) -> FixedSteps:
    """Explicit Euler steps."""
    return FixedSteps(diffrax.Euler(), step)


def published_records(total_time: float, count: int, step: float = PUBLISHED_STEP) -> np.ndarray:
    """When the published code takes its records: at the first step that is not before j total_time / (count - 1).

    Where records are as dense as steps, all of them but the first come one step after the time that they stand for.

    Args:
        total_time: of the run.
        count: of records.
        step: of the scheme.

    Returns:
        Times, shape (count,), multiples of the step.
    """
    # Rounding must not make a time that is a multiple of the step wait for the next one.
    return np.ceil(np.linspace(0, total_time, count) / step - 1e-6) * step


def run_toy(run: ToyRun, method: FixedSteps, records_per_block: int = 0, times: np.ndarray | None = None) -> xr.Dataset:
    """Simulate.

    Args:
        run: what.
        method: how; runs that share its solver, the number of blocks and the number of records share a program.
        records_per_block: records strictly inside every block.
        times: further record times.

    Returns:
        Dataset over `record` with `loss`, `gates` (path), `weights` (path, output), `y` and `target` (output), `wbar`
        and `cbar`; NaN throughout if the run failed.
    """
    order = [0, 1] if run.first_output == 0 else [1, 0]  # teacher -> output, its own inverse
    weights = jnp.asarray(np.asarray(run.weights)[:, order, None])
    hinge, stiffness = (jnp.asarray(strength) for strength in run.strengths)
    system = toy_flow(
        {"gates": run.tau_c, "weights": run.tau_w}, {"gates": Nonnegativity(hinge) + UnitL1Norm(stiffness)}
    )
    trajectory = simulate(
        system,
        Smooth(run.hardness, run.block_duration, run.num_blocks),
        GatedLinear(jnp.asarray(run.gates), weights),
        method=method,
        observables={"loss": observables.loss, "state": observables.full_state, "target": _target},
        records_per_block=records_per_block,
        times=() if times is None else times,
    )
    state = trajectory.values["state"]
    weights = np.asarray(state.weights)[..., order, 0]
    gates = np.asarray(state.gates)
    failed = np.nan if bool(trajectory.result != RESULTS.successful) else 0.0
    dataset = xr.Dataset(
        {
            "loss": ("record", np.asarray(trajectory.values["loss"])),
            "gates": (("record", "path"), gates),
            "weights": (("record", "path", "output"), weights),
            "y": (("record", "output"), np.einsum("rp,rpo->ro", gates, weights)),
            "target": (("record", "output"), np.asarray(trajectory.values["target"])[:, order]),
            "wbar": ("record", specialisation(weights)),
            "cbar": ("record", gates[:, 0] - gates[:, 1]),
        },
        {"time": ("record", np.asarray(trajectory.times)), "block": ("record", np.asarray(trajectory.blocks))},
    )
    return dataset + failed


def specialisation(weights: np.ndarray) -> np.ndarray:
    """Wbar = ((w_1^1 - w_1^2) + (w_2^2 - w_2^1)) / 2, superscripts paths, of weights (..., path, output)."""
    return 0.5 * (weights[..., 0, 0] - weights[..., 1, 0] + weights[..., 1, 1] - weights[..., 0, 1])


def at_times(dataset: xr.Dataset, times: np.ndarray | list[float]) -> xr.Dataset:
    """The records nearest to some times; of two at a switch, the one before it."""
    nearest = np.argmin(np.abs(dataset.time.values[:, None] - np.asarray(times)[None, :]), axis=0)
    return dataset.isel(record=nearest)


def _target(system, state, task):
    """The mixture of the two targets in force."""
    del system, state
    return task
