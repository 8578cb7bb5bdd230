"""What is simulated for figure A16."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Data, Run
from experiments.sandbrink_2024.runs.toy import Pair, ToyRun, follow_flow
from ntadyn.metrics import last_blocks_mask, specialisation
from ntadyn.simulation import Trajectory, observables
from ntadyn.simulation.outcome import result_codes
from ntadyn.specs import building, presets
from ntadyn.specs.configuration import Configuration, Curriculum, Dynamics, RelativePenalties
from ntadyn.specs.ensemble import run_variants
from ntadyn.specs.paths import replaced
from ntadyn.verification.laws import MODE_ENERGY

STEP = 0.03
NUM_BLOCKS = 20
STRENGTH = 0.1
HARDNESS = 1000.0
TOY_STEP = 2.5e-3
# Initial weights of the reduced model in units of 0.01, one row per path: 45 degrees minus and plus 45 radians, and
# what was meant.
STARTS: dict[str, tuple[Pair, Pair]] = {
    "published": (
        (math.cos(math.pi / 4 - 45), math.sin(math.pi / 4 - 45)),
        (math.cos(math.pi / 4 + 45), math.sin(math.pi / 4 + 45)),
    ),
    "intended": ((1.0, 0.0), (0.0, 1.0)),
}


@dataclass(frozen=True)
class Parameters:
    """What figure A16 is made of.

    Attributes:
        num_seeds: repetitions in each ensemble.
        seed: the seed that all keys are derived from.
        records_per_unit: records of the reduced model per unit of time.
    """

    num_seeds: int = 100
    seed: int = 0
    records_per_unit: int = 50


def configuration() -> Configuration:
    """The full model on single samples."""
    whole = Configuration(
        curriculum=Curriculum(total_time=float(NUM_BLOCKS)),
        penalties=RelativePenalties(strength=STRENGTH, nonnegative=1.0, unit_l1=10.0, column_l2=0.0),
        dynamics=Dynamics.ONLINE,
        batch_size=1,
        max_step=STEP,
    )
    shorter = presets.as_published_grid(whole, STEP)
    return replaced(shorter, {"curriculum.total_time": NUM_BLOCKS * shorter.curriculum.block_duration})


def runs(parameters: Parameters) -> list[Run]:
    """Both ensembles of the full model, in one program, and both starts of the reduced one.

    Args:
        parameters: what to run.

    Returns:
        Runs of "one_start" and "varied_start", over (seed, record, ...), and of "reduced", over (start, record, ...):
        `loss`, `gates` and `size` of the paths (largest singular value over that of a teacher). The first two also have
        `population_loss`, and `alignment` at the end.
    """
    full = {"num_seeds": parameters.num_seeds, "seed": parameters.seed}
    return [
        Run("figure_a16_full", both_ensembles, full),
        Run("figure_a16_reduced", reduced, {"records_per_unit": parameters.records_per_unit}, "reduced"),
    ]


def both_ensembles(num_seeds: int, seed: int) -> Data:
    """The full model from one initial state, and from varied ones."""
    repetitions = range(num_seeds)
    keys = building.keys_of(seed, [(0, 0, k) for k in repetitions] + [(0, k, k) for k in repetitions])
    spec = configuration()
    steps = round(spec.curriculum.block_duration / STEP)
    recorded = {
        "loss": observables.batch_loss,
        "population_loss": observables.loss,
        "gates": observables.gates,
        "similarity": observables.similarity,
        "size": _size,
    }
    (trajectory,), curriculum = run_variants(spec, {"penalties.strength": [STRENGTH]}, keys, recorded, steps - 1)
    full = _dataset(trajectory, np.asarray(curriculum.edges))
    return {
        "one_start": full.isel(seed=slice(None, num_seeds)),
        "varied_start": full.isel(seed=slice(num_seeds, None)),
    }


def _size(system, state, task):
    """Largest singular value of every path in units of a teacher's, whose singular values are all 1/sqrt(d_in)."""
    weights = observables.network(system, state, task).weights
    return jnp.linalg.norm(weights, ord=2, axis=(1, 2)) * system.tasks.d_in**0.5


def _dataset(trajectory: Trajectory, edges: np.ndarray) -> xr.Dataset:
    """Paths in the order of the teachers that they are assigned to, by their similarity over the last two blocks."""
    block = np.asarray(trajectory.blocks)
    window = last_blocks_mask(trajectory.blocks, NUM_BLOCKS)
    assigned = jax.jit(jax.vmap(lambda one: specialisation(one, window)))(trajectory.values["similarity"])
    order = np.asarray(assigned.assignment)[:, None]
    values = {name: np.asarray(value) for name, value in trajectory.values.items()}
    series = ("seed", "record")
    variables: dict[str, Any] = {name: (series, values[name]) for name in ("loss", "population_loss")}
    for name in ("gates", "size"):
        variables[name] = ((*series, "path"), np.take_along_axis(values[name], order, axis=2))
    variables["alignment"] = ("seed", np.asarray(assigned.final))
    variables["result"] = ("seed", np.asarray(result_codes(trajectory.result)))
    coordinates = {"time": ("record", np.asarray(trajectory.times)), "block": ("record", block)}
    return xr.Dataset(variables, coordinates, _blocks(edges))


def reduced(records_per_unit: int) -> xr.Dataset:
    """The model of one effective mode with smooth switches, its penalty not rescaled, as published.

    Args:
        records_per_unit: records per unit of time.

    Returns:
        Dataset over (start, record, ...).
    """
    runs = [follow_flow(_toy(weights), TOY_STEP, records_per_unit - 1) for weights in STARTS.values()]
    return xr.concat(
        [_reduced(one) for one in runs], xr.DataArray(list(STARTS), dims="start", name="start")
    ).assign_attrs(_blocks(np.arange(NUM_BLOCKS + 1.0)))


def _toy(weights: tuple[Pair, Pair]) -> ToyRun:
    scaled = tuple((0.01 * along_1, 0.01 * along_2) for along_1, along_2 in weights)
    return ToyRun(
        tau_c=0.03 / MODE_ENERGY,
        tau_w=1.3,
        weights=(scaled[0], scaled[1]),
        num_blocks=NUM_BLOCKS,
        first_output=0,
        hardness=HARDNESS,
    )


def _reduced(run: xr.Dataset) -> xr.Dataset:
    """Loss in units of the full model; the path that is larger along the first task at the end is called the first."""
    last = run.weights.isel(record=-1, output=0).values
    ordered = run.isel(path=np.argsort(-last))
    size = np.linalg.norm(ordered.weights.values, axis=2)
    return xr.Dataset(
        {"loss": MODE_ENERGY * run.loss, "gates": ordered.gates, "size": (("record", "path"), size)}, run.coords
    )


def _blocks(edges: np.ndarray) -> dict[str, np.ndarray]:
    return {"edges": edges, "block_tasks": np.arange(NUM_BLOCKS) % 2}
