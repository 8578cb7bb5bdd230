"""What is simulated for figure A3."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Data, Run
from ntadyn.metrics import optimal_assignment
from ntadyn.simulation import Trajectory, observables
from ntadyn.simulation.outcome import result_codes
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Curriculum, Dynamics, Network, Randomness, RelativePenalties
from ntadyn.specs.ensemble import run_variants

# Relative weight of the penalty on columns of the weights, beside 1 for nonnegative gates and 10 for their norm.
COLUMN_WEIGHTS = {"without": 0.0, "with": 20.0}
NUM_BLOCKS = 25
RECORDS_PER_BLOCK = 39


@dataclass(frozen=True)
class Parameters:
    """What figure A3 is made of.

    Attributes:
        dynamics: population flow in weight space, or batches.
        num_seeds: repetitions with other initial weights (and batches), on one set of teachers.
        seed: the seed that all keys are derived from.
    """

    dynamics: Dynamics = Dynamics.GRADIENT_FLOW
    num_seeds: int = 30
    seed: int = 0


def configuration(parameters: Parameters) -> Configuration:
    """The network without the penalty on weights."""
    return Configuration(
        network=Network(num_paths=4),
        curriculum=Curriculum(total_time=float(NUM_BLOCKS)),
        penalties=RelativePenalties(strength=0.6, nonnegative=1.0, unit_l1=10.0, column_l2=COLUMN_WEIGHTS["without"]),
        dynamics=parameters.dynamics,
        randomness=Randomness(seed=parameters.seed, num_seeds=parameters.num_seeds),
    )


def runs(parameters: Parameters) -> list[Run]:
    """With and without the penalty on the weights, from the same initial weights, in one program.

    Args:
        parameters: what to run.

    Returns:
        One run of both, see `simulate`.
    """
    arguments = {"configuration": configuration(parameters), "records_per_block": RECORDS_PER_BLOCK}
    return [Run("figure_a3", simulate, arguments)]


def simulate(configuration: Configuration, records_per_block: int) -> Data:
    """Both variants of a configuration.

    Args:
        configuration: what both share.
        records_per_block: records strictly inside every block.

    Returns:
        "without" and "with": `loss`, `gates`, `norms` of the paths' weights and `column_norm`, over (seed, record,
        ...), the paths in the order of the tasks they answer, then those that answer none.
    """
    keys = building.keys(configuration.randomness)
    recorded = {
        "loss": observables.loss,
        "gates": observables.gates,
        "norms": _norms,
        "column_norm": _column_norm,
    }
    changes = {"penalties.column_l2": list(COLUMN_WEIGHTS.values())}
    trajectories, curriculum = run_variants(configuration, changes, keys, recorded, records_per_block)
    edges, tasks = np.asarray(curriculum.edges), np.arange(curriculum.num_blocks) % configuration.teachers.num_tasks
    attributes = {"edges": edges, "block_tasks": tasks, "online": int(configuration.dynamics is Dynamics.ONLINE)}
    return {
        name: _dataset(trajectory, tasks).assign_attrs(attributes)
        for name, trajectory in zip(COLUMN_WEIGHTS, trajectories, strict=True)
    }


def _dataset(trajectory: Trajectory, block_tasks: np.ndarray) -> xr.Dataset:
    values = {name: np.asarray(value) for name, value in trajectory.values.items()}
    block = np.asarray(trajectory.blocks)
    order = _order(values["gates"], block, block_tasks)
    series = ("seed", "record")
    variables: dict[str, Any] = {name: (series, values[name]) for name in ("loss", "column_norm")}
    for name in ("gates", "norms"):
        variables[name] = ((*series, "path"), np.take_along_axis(values[name], order[:, None], axis=2))
    variables["result"] = ("seed", np.asarray(result_codes(trajectory.result)))
    coordinates = {
        "time": ("record", np.asarray(trajectory.times), {"units": "unit of the time constants"}),
        "block": ("record", block),
        "task": ("record", block_tasks[block]),
    }
    return xr.Dataset(variables, coordinates)


def _order(gates: np.ndarray, block: np.ndarray, block_tasks: np.ndarray) -> np.ndarray:
    """Paths by the task in which they are most open, as one assignment over the last block of each, then the rest."""
    num_tasks = int(block_tasks.max()) + 1
    last = [np.flatnonzero(block_tasks == task)[-1] for task in range(num_tasks)]
    opening = np.stack([gates[:, block == index].mean(axis=1) for index in last], axis=1)
    assigned = np.asarray(jax.jit(jax.vmap(optimal_assignment))(jnp.asarray(opening)))
    rest = [np.setdiff1d(np.arange(gates.shape[2]), row) for row in assigned]
    return np.concatenate([assigned, np.stack(rest)], axis=1)


def _norms(system, state, task):
    """|W^p|_F of every path."""
    return jnp.linalg.norm(observables.network(system, state, task).weights, axis=(1, 2))


def _column_norm(system, state, task):
    """|W^p_j|_2, averaged over paths and inputs: what the penalty on the weights counts."""
    return jnp.mean(jnp.linalg.norm(observables.network(system, state, task).weights, axis=1))
