"""What is simulated for the supplement on conservation to figure 2."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import numpy as np
import xarray as xr

from experiments.harness.runs import Data, Run
from experiments.sandbrink_2024.runs.two_tasks import two_regimes
from ntadyn.metrics import difference_invariant
from ntadyn.simulation import Trajectory, observables
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.ensemble import run_variants
from ntadyn.specs.labelled import simulation_dataset
from ntadyn.specs.paths import value_at

CHATTER = 0.003  # step / tau_c times the slope of the nonnegativity penalty
DIFFERENT = ("time_constants.gates", "penalties.strength")


@dataclass(frozen=True)
class Parameters:
    """What the supplement is made of, besides the two presets of figure 2.

    Attributes:
        dynamics: exact order parameters, or batches.
        num_seeds: repetitions with other initial weights (and batches), on one set of teachers.
        seed: the seed that all keys are derived from.
        records_per_block: records strictly inside every block; a step between two of them counts as one with a shut
            gate if a gate is at or below zero at either end.
    """

    dynamics: Dynamics = Dynamics.ORDER_PARAMETERS
    num_seeds: int = 20
    seed: int = 0
    records_per_block: int = 249


def runs(parameters: Parameters) -> list[Run]:
    """Both regimes, in one program."""
    regimes = two_regimes(parameters.dynamics, parameters.num_seeds, parameters.seed)
    arguments = {"regimes": regimes, "records_per_block": parameters.records_per_block}
    return [Run("figure_2_conservation", simulate, arguments)]


def simulate(regimes: Mapping[str, Configuration], records_per_block: int) -> Data:
    """Both regimes as one program, their paths sorted by the teacher that they end up with.

    Args:
        regimes: "flexible", and "forgetful", which differs from it in the time constant of the gates and in having no
            penalty.
        records_per_block: records strictly inside every block.

    Returns:
        For each `gates`, `similarity`, `invariant` (Q), `apart` (|W^1 - W^2|^2), `shut` (whether a gate is at or below
        zero at either end of the step before a record) and `growth_inside` and `growth_outside`, what Q gained in such
        steps and in the others up to each record.
    """
    flexible = regimes["flexible"]
    keys = building.keys(flexible.randomness)
    recorded = {
        "gates": observables.gates,
        "similarity": observables.similarity,
        "students": observables.student_overlaps,
    }
    changes = {path: [value_at(one, path) for one in regimes.values()] for path in DIFFERENT}
    trajectories, curriculum = run_variants(flexible, changes, keys, recorded, records_per_block)
    tasks = building.build_tasks(flexible.teachers, building.first(keys).teachers)
    data = {}
    for (name, configuration), trajectory in zip(regimes.items(), trajectories, strict=True):
        dataset = simulation_dataset(configuration, trajectory, curriculum, tasks)
        data[name] = _with_invariant(configuration, trajectory, dataset)
    return data


def _with_invariant(configuration: Configuration, trajectory: Trajectory, dataset: xr.Dataset) -> xr.Dataset:
    taus = configuration.time_constants
    gates = np.asarray(trajectory.values["gates"])
    students = np.asarray(trajectory.values["students"])
    apart = students[..., 0, 0] + students[..., 1, 1] - 2 * students[..., 0, 1]
    q = np.asarray(_invariants(trajectory.values["gates"], trajectory.values["students"], taus.gates, taus.weights))
    # Explicit steps make a shut gate chatter around zero, the splitting step holds it there.
    tolerance = CHATTER if configuration.dynamics is Dynamics.ONLINE else 0.0
    shut = np.any(gates <= tolerance, axis=2)
    shut = np.concatenate([shut[:, :1], shut[:, 1:] | shut[:, :-1]], axis=1)
    steps = np.diff(q, axis=1, prepend=q[:, :1])
    series = ("seed", "record")
    return dataset.assign(
        invariant=(series, q, {"long_name": "Q"}),
        apart=(series, apart, {"long_name": "|W^1 - W^2|^2"}),
        shut=(series, shut),
        growth_inside=(series, np.cumsum(np.where(shut, steps, 0), axis=1)),
        growth_outside=(series, np.cumsum(np.where(shut, 0, steps), axis=1)),
    )


# Over seeds and records.
_invariants = jax.jit(jax.vmap(jax.vmap(difference_invariant, (0, 0, None, None)), (0, 0, None, None)))
