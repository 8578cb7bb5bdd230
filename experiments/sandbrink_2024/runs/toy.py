"""Runs of the toy with a smooth target, by the flow or in the published scheme, in the published coordinates.

A toy has two outputs y_1, y_2, and two tasks whose targets are (1, 0) and (0, 1), of which one comes first. Everything
here is labelled by outputs; path 1 counts as the one of output 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import diffrax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn.dynamics import toy_flow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, observables, simulate
from ntadyn.simulation.outcome import RESULTS
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


def switch_times(block_duration: float, num_blocks: int) -> np.ndarray:
    """When a smooth target passes from one task to the other: the published shift puts that just before the switch.

    The sharper the switch, the more a step that straddles it errs; record times are hit by steps exactly.

    Args:
        block_duration: of every block.
        num_blocks: how many.

    Returns:
        Times, shape (num_blocks,).
    """
    return block_duration * (np.arange(1, num_blocks + 1) - 0.5e-4)


def between_switches(dataset: xr.Dataset, switches: np.ndarray) -> xr.Dataset:
    """Without the records at `switch_times`, where the target is both or neither."""
    distance = np.abs(dataset.time.values[:, None] - switches[None, :]).min(axis=1)
    return dataset.isel(record=np.flatnonzero(distance > 1e-9))


def follow_flow(
    run: ToyRun,
    max_step: float,
    records_per_block: int = 0,
    times: Sequence[float] | np.ndarray = (),
    solver: diffrax.AbstractSolver | None = None,
) -> xr.Dataset:
    """The exact flow, to the accuracy of its steps.

    Args:
        run: what to simulate.
        max_step: of the solver.
        records_per_block: records strictly inside every block.
        times: further record times.
        solver: in place of the splitting solver.

    Returns:
        Dataset over `record` with `loss`, `gates` (path), `weights` (path, output), `y` and `target` (output), `wbar`
        and `cbar`; NaN throughout if the run failed.
    """
    switches = switch_times(run.block_duration, run.num_blocks)
    at = np.union1d(switches, np.asarray(times, float))
    return between_switches(_simulate(run, FixedSteps(solver, max_step), records_per_block, at), switches)


def follow_published_scheme(run: ToyRun, num_records: int, step: float = PUBLISHED_STEP) -> xr.Dataset:
    """Explicit Euler steps, recorded as the published code does.

    Args:
        run: what to simulate.
        num_records: of the published run.
        step: of the scheme.

    Returns:
        As `follow_flow`, over the published records only.
    """
    times = published_records(run.total_time, num_records, step)
    return at_times(_simulate(run, FixedSteps(diffrax.Euler(), step), 0, times), times)


def published_records(total_time: float, num_records: int, step: float = PUBLISHED_STEP) -> np.ndarray:
    """When the published code takes its records: at the first step that is not before j total_time / (n - 1).

    Where records are as dense as steps, all of them but the first come one step after the time that they stand for.

    Args:
        total_time: of the run.
        num_records: n.
        step: of the scheme.

    Returns:
        Times, shape (n,), multiples of the step.
    """
    # Rounding must not make a time that is a multiple of the step wait for the next one.
    return np.ceil(np.linspace(0, total_time, num_records) / step - 1e-6) * step


def _simulate(run: ToyRun, method: FixedSteps, records_per_block: int, times: np.ndarray) -> xr.Dataset:
    order = [0, 1] if run.first_output == 0 else [1, 0]  # teacher -> output, its own inverse
    hinge, stiffness = (jnp.asarray(strength) for strength in run.strengths)
    system = toy_flow(
        {"gates": run.tau_c, "weights": run.tau_w}, {"gates": Nonnegativity(hinge) + UnitL1Norm(stiffness)}
    )
    trajectory = simulate(
        system,
        Smooth(run.hardness, run.block_duration, run.num_blocks),
        GatedLinear(jnp.asarray(run.gates), jnp.asarray(np.asarray(run.weights)[:, order, None])),
        method=method,
        observables={"loss": observables.loss, "state": observables.full_state, "target": _target},
        records_per_block=records_per_block,
        times=times,
    )
    state = trajectory.values["state"]
    weights = np.asarray(state.weights)[..., order, 0]
    gates = np.asarray(state.gates)
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
    return dataset if bool(trajectory.result == RESULTS.successful) else dataset * np.nan


def specialisation(weights: np.ndarray) -> np.ndarray:
    """Wbar = ((w_1^1 - w_1^2) + (w_2^2 - w_2^1)) / 2, superscripts paths, of weights (..., path, output)."""
    return 0.5 * (weights[..., 0, 0] - weights[..., 1, 0] + weights[..., 1, 1] - weights[..., 0, 1])


def at_times(dataset: xr.Dataset, times: Sequence[float] | np.ndarray) -> xr.Dataset:
    """The records nearest to some times; of two at a switch, the one before it."""
    nearest = np.argmin(np.abs(dataset.time.values[:, None] - np.asarray(times)[None, :]), axis=0)
    return dataset.isel(record=nearest)


def _target(system, state, task):
    """The mixture of the two targets in force."""
    del system, state
    return task
