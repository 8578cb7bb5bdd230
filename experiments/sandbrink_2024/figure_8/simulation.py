"""What is simulated for figure 8."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from experiments.harness.variants import run_variants
from experiments.sandbrink_2024.figure_8 import people
from ntadyn.simulation import AbstractMethod, observables
from ntadyn.specs import building, presets
from ntadyn.specs.configuration import (
    Configuration,
    Curriculum,
    Dynamics,
    Randomness,
    RelativePenalties,
    TimeConstants,
    replaced,
)
from ntadyn.specs.labelled import simulation_dataset

STEP = 0.01
NUM_BLOCKS = 8
SWITCHES, TIMESTEPS = 4, 5
STRENGTHS = {"flexible": 0.09, "forgetful": 0.0}
# Stepping in batches is the figure; the other two say how much of it is noise, and how much the length of the step.
DYNAMICS = {
    "batches": Dynamics.ONLINE,
    "population": Dynamics.GRADIENT_FLOW,
    "flow": Dynamics.ORDER_PARAMETERS,
}


@dataclass(frozen=True)
class Parameters:
    """What figure 8 is made of.

    Attributes:
        dynamics: names in DYNAMICS of what is run; "batches" is the figure.
        num_seeds: repetitions with other initial weights and batches, on one set of teachers.
        seed: the seed that all keys are derived from.
        human: a CSV file of people's trials, or None; see `experiments.sandbrink_2024.figure_8.people`.
        first_games: the first game of every practice bin of these people; four bins of equal size if empty.
    """

    dynamics: tuple[str, ...] = tuple(DYNAMICS)
    num_seeds: int = 40
    seed: int = 0
    human: Path | None = None
    first_games: tuple[int, ...] = ()


def configuration(parameters: Parameters, dynamics: Dynamics) -> Configuration:
    """The flexible network."""
    whole = Configuration(
        curriculum=Curriculum(total_time=float(NUM_BLOCKS)),
        time_constants=TimeConstants(gates=0.01, weights=0.07),
        penalties=RelativePenalties(strength=STRENGTHS["flexible"], nonnegative=1.0, unit_l1=4.0),
        dynamics=dynamics,
        max_step=STEP if dynamics is Dynamics.ONLINE else None,
        randomness=Randomness(seed=parameters.seed, num_seeds=parameters.num_seeds),
    )
    shorter = presets.as_published_grid(whole, STEP)
    return replaced(shorter, {"curriculum.total_time": NUM_BLOCKS * shorter.curriculum.block_duration})


def runs(parameters: Parameters) -> list[Run]:
    """Both networks in every way that is asked for, and what people did, if there is a file of it.

    Args:
        parameters: what to run.

    Returns:
        Runs of "model": loss after switches, loss at block ends, and final alignment, over (dynamics, regime, seed,
        ...); and of "human", where a file was given.
    """
    model = dataclasses.replace(parameters, human=None, first_games=())
    found = [Run("figure_8_model", in_every_way, {"parameters": model}, "model")]
    if parameters.human is not None:
        arguments = {"file": parameters.human, "first_games": parameters.first_games}
        found.append(Run("figure_8_people", people_of, arguments, "human", (parameters.human,)))
    return found


def in_every_way(parameters: Parameters) -> xr.Dataset:
    """Both networks under every kind of dynamics that is asked for."""
    parts: list[xr.Dataset] = [simulate(configuration(parameters, DYNAMICS[name])) for name in parameters.dynamics]
    names = xr.DataArray(list(parameters.dynamics), dims="dynamics", name="dynamics")
    return xr.concat(parts, names)


def people_of(file: Path, first_games: tuple[int, ...]) -> xr.Dataset:
    """Accuracy of people by trials after the switch and by practice.

    Raises:
        ValueError: for a file of trials that does not serve.
    """
    return people.after_switch(people.read_trials(file), TIMESTEPS, first_games)


def simulate(configuration: Configuration) -> xr.Dataset:
    """Both networks under one kind of dynamics.

    Args:
        configuration: the flexible one.

    Returns:
        Dataset over (regime, seed): `loss` by switch and update after it (0 is the first of the new block), `block_end`
        by block, `gates` at block ends, and `alignment` at the end.
    """
    keys = building.keys(configuration.randomness)
    steps = round(configuration.curriculum.block_duration / STEP)
    euler = configuration.dynamics is Dynamics.GRADIENT_FLOW
    method: AbstractMethod | None = building.explicit_euler(STEP) if euler else None
    recorded = {
        "loss": observables.loss,
        "gates": observables.gates,
        "similarity": observables.similarity,
    }
    changes = {"penalties.strength": list(STRENGTHS.values())}
    trajectories, curriculum = run_variants(configuration, changes, keys, recorded, steps - 1, method)
    tasks = building.build_tasks(configuration.teachers, building.first(keys).teachers)
    parts: list[xr.Dataset] = []
    for name, trajectory in zip(STRENGTHS, trajectories, strict=True):
        one = replaced(configuration, {"penalties.strength": STRENGTHS[name]})
        parts.append(_by_switch(simulation_dataset(one, trajectory, curriculum, tasks), steps))
    return xr.concat(parts, xr.DataArray(list(STRENGTHS), dims="regime", name="regime"), combine_attrs="override")


def _by_switch(dataset: xr.Dataset, steps: int) -> xr.Dataset:
    """One record per update, and the state after the last update, in every block."""
    shape = (dataset.sizes["seed"], NUM_BLOCKS, steps + 1)
    loss = dataset.loss.values.reshape(shape)
    gates = dataset.gates.values.reshape(*shape, -1)[:, :, -1]
    alignment = np.einsum("smm->s", dataset.similarity.values[:, -1]) / dataset.sizes["teacher"]
    return xr.Dataset(
        {
            "loss": (("seed", "switch", "timestep"), loss[:, 1 : SWITCHES + 1, : TIMESTEPS + 1]),
            "block_end": (("seed", "block"), loss[:, :, -1], {"long_name": "loss after the last update of the block"}),
            "gates": (("seed", "block", "path"), gates),
            "alignment": ("seed", alignment),
            "result": dataset.result,
        },
        {"switch": np.arange(1, SWITCHES + 1), "timestep": np.arange(TIMESTEPS + 1)},
        {"configuration": dataset.attrs["configuration"]},
    )
