"""The fully connected two-layer network of figures 6 and A4 to A7: simulate it, match its units, measure its gating.

Units are matched with rows of the teachers by the published rule (the row that was most like it on average over all
records, from the unspecialised start on, which may take one unit several times) and, beside it, by the optimal
assignment over the last two blocks, which takes every unit once. "Path" m is what was matched with teacher m, by the
published rule unless a name begins with "optimal".
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.harness.runs import Data, Run
from experiments.harness.variants import seeded
from ntadyn import metrics
from ntadyn.simulation import AbstractMethod, FixedSteps, GradientDescent, Trajectory, Updates, observables
from ntadyn.simulation.outcome import RESULT_CODES, result_codes
from ntadyn.solvers import SlidingHeun
from ntadyn.specs import building, presets
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.ensemble import run_variants
from ntadyn.specs.paths import replaced, to_json
from ntadyn.tasks import AbstractCurriculum, TaskSet

REGIMES = ("flexible", "forgetful")
PUBLISHED_STEP = 0.01
# Of the flow.
FLOW_STEP = 2e-3

DESCRIPTIONS = {
    "loss": "task loss, on the batch of the next update where there are batches",
    "alignment": "mean cosine of matched rows, published matching",
    "optimal_alignment": "mean cosine of matched rows, optimal assignment",
    "similarity": "cosine of teacher and matched rows, published matching",
    "optimal_similarity": "cosine of teacher and matched rows, optimal assignment",
    "mean_gates": "mean of the second layer over the units matched to a teacher",
    "change_1": "movement of W1 per record, running maximum of two",
    "change_2": "movement of W2 per record, running maximum of two",
    "second_layer": "W2 at the last record of each task",
    "matching": "unit of every teacher row, published matching",
    "optimal_matching": "unit of every teacher row, optimal assignment",
    "own": "mean W2 between matched rows, at the last record of each task",
    "others": "mean of the other entries of W2, at the last record of each task",
    "optimal_own": "mean W2 between matched rows, at the last record of each task, optimal assignment",
    "optimal_others": "mean of the other entries of W2, at the last record of each task, optimal assignment",
    "distinct_units": "number of units in the published matching",
    "norm": "Frobenius norm of W2 at the end",
    "share": "share of the strongest unit in what an output listens to",
    "participation": "number of units that an output listens to",
    "winners": "number of units that some output listens to most in some task",
    "kept_winners": "number of outputs that listen most to the same unit in both tasks",
    "layer_1_change": "relative change of W1 between the last records of both tasks",
    "layer_2_change": "relative change of W2 between the last records of both tasks",
}
DIMS = {
    "loss": ("seed", "record"),
    "alignment": ("seed", "record"),
    "optimal_alignment": ("seed", "record"),
    "similarity": ("seed", "record", "teacher", "path"),
    "optimal_similarity": ("seed", "record", "teacher", "path"),
    "mean_gates": ("seed", "record", "path"),
    "change_1": ("seed", "record"),
    "change_2": ("seed", "record"),
    "second_layer": ("seed", "after", "output", "unit"),
    "matching": ("seed", "path", "output"),
    "optimal_matching": ("seed", "path", "output"),
    "own": ("seed", "after", "path"),
    "others": ("seed", "after", "path"),
    "optimal_own": ("seed", "after", "path"),
    "optimal_others": ("seed", "after", "path"),
}


@dataclasses.dataclass(frozen=True)
class Parameters:
    """What figures 6 and A4 to A6 are made of, besides the preset of figure 6.

    Attributes:
        num_seeds: repetitions on batches, with other initial weights and data, on one set of teachers.
        flow_seeds: repetitions without noise, in the published steps and, as a flow, in small ones; 0 leaves both out.
        total_time: length of the runs.
        seed: the seed that all keys are derived from.
    """

    num_seeds: int = 10
    flow_seeds: int = 5
    total_time: float = 30.0
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """Flexible and forgetful networks, from the same initial weights and on the same batches.

    Args:
        parameters: what to run.

    Returns:
        Runs of "flexible" and "forgetful" on batches in the published steps, and, unless left out, of both without
        noise in the published steps ("steps_...") and in small ones ("flow_...").
    """
    common = {"total_time": parameters.total_time, "seed": parameters.seed}
    found = [Run("two_layers_batches", on_batches, {"num_seeds": parameters.num_seeds, **common})]
    if parameters.flow_seeds:
        found += [
            Run(f"two_layers_{compute.__name__}", compute, {"num_seeds": parameters.flow_seeds, **common})
            for compute in (steps, flow)
        ]
    return found


def on_batches(num_seeds: int, total_time: float, seed: int) -> Data:
    """Batches in the published steps."""
    published = figure_6(total_time)
    return simulate(seeded(published, num_seeds, seed), Updates(published.max_step))


def steps(num_seeds: int, total_time: float, seed: int) -> Data:
    """The published steps without noise."""
    published = replaced(as_flow(figure_6(total_time)), {"max_step": PUBLISHED_STEP})
    return _prefixed("steps", simulate(seeded(published, num_seeds, seed), GradientDescent(PUBLISHED_STEP)))


def flow(num_seeds: int, total_time: float, seed: int) -> Data:
    """The flow that the steps stand for."""
    small = as_flow(figure_6(total_time))
    return _prefixed("flow", simulate(seeded(small, num_seeds, seed), FixedSteps(SlidingHeun(), small.max_step)))


def _prefixed(prefix: str, data: Data) -> Data:
    return {f"{prefix}_{name}": dataset for name, dataset in data.items()}


def batches_only(parameters: Parameters) -> Parameters:
    """Without the runs that have no noise."""
    return dataclasses.replace(parameters, flow_seeds=0)


def figure_6(total_time: float = 30.0) -> Configuration:
    """The flexible network on the published grid, whose blocks of 99 steps leave 30 of them for one more of task A."""
    return presets.as_published_grid(
        replaced(presets.figure_6_flexible(), {"curriculum.total_time": total_time}), PUBLISHED_STEP
    )


def as_flow(configuration: Configuration) -> Configuration:
    """Small steps and no noise in place of batches."""
    return replaced(configuration, {"dynamics": Dynamics.GRADIENT_FLOW, "max_step": FLOW_STEP})


def simulate(configuration: Configuration, method: AbstractMethod) -> Data:
    """A network with its penalty and one without, as one compiled program; recorded at every published step.

    Args:
        configuration: the flexible network, with an explicit largest step.
        method: how to step.

    Returns:
        One dataset for each of `REGIMES`, with the variables of `DESCRIPTIONS` and result codes.
    """
    online = configuration.dynamics is Dynamics.ONLINE
    recorded = {"loss": observables.batch_loss if online else observables.loss, "layers": layers}
    strengths = {"penalties.strength": (configuration.penalties.strength, 0.0)}
    keys = building.keys(configuration.randomness)
    inside = round(configuration.curriculum.block_duration / PUBLISHED_STEP) - 1
    trajectories, curriculum = run_variants(configuration, strengths, keys, recorded, inside, method)
    tasks = building.build_tasks(configuration.teachers, building.first(keys).teachers)
    return {
        name: measured(replaced(configuration, {"penalties.strength": strength}), trajectory, curriculum, tasks)
        for name, strength, trajectory in zip(REGIMES, strengths["penalties.strength"], trajectories, strict=True)
    }


def layers(system, state, task) -> tuple[Array, Array]:
    """Observable: W2^T and W1 in single precision, which is plenty for what is measured and half the memory."""
    network = observables.network(system, state, task)
    return network.gates.astype(jnp.float32), network.weights.astype(jnp.float32)


def measured(
    configuration: Configuration, trajectory: Trajectory, curriculum: AbstractCurriculum, tasks: TaskSet
) -> xr.Dataset:
    """Match, measure and label.

    Args:
        configuration: what was run.
        trajectory: with a leading axis over repetitions; "loss" and "layers" recorded at every step.
        curriculum: its blocks; more than one.
        tasks: two teachers.

    Returns:
        The variables of `DESCRIPTIONS` with dimensions `DIMS`, those not listed there one number per seed.
    """
    blocks = np.asarray(trajectory.blocks)
    # At a switch the state is recorded twice. The published records hold it under the task that begins.
    kept = np.append(blocks[1:] == blocks[:-1], True)
    blocks, times = blocks[kept], np.asarray(trajectory.times)[kept]
    middles = 0.5 * (curriculum.edges[:-1] + curriculum.edges[1:])
    weights = jax.vmap(curriculum.task)(jnp.arange(curriculum.num_blocks), middles)
    block_tasks = np.argmax(np.asarray(weights), axis=1)
    last = np.array([np.flatnonzero(block_tasks[blocks] == task)[-1] for task in range(tasks.num_tasks)])
    late = jnp.asarray(blocks >= blocks[-1] - 1)

    def one(recorded: tuple[Array, Array]) -> dict[str, Array]:
        gates, weights = (item.astype(tasks.teachers.dtype) for item in recorded)
        return _numbers(gates, weights, tasks.teachers, late, last)

    # One seed at a time: cosines of all rows at all records are large.
    everything = tuple(np.asarray(item)[:, kept] for item in trajectory.values["layers"])
    found: Mapping[str, Array] = jax.jit(lambda item: jax.lax.map(one, item))(everything)
    values = {name: np.asarray(value) for name, value in found.items()} | {
        "loss": np.asarray(trajectory.values["loss"])[:, kept]
    }
    variables = {
        name: (DIMS.get(name, ("seed",)), value, {"long_name": DESCRIPTIONS[name], "units": "1"})
        for name, value in values.items()
    }
    variables["result"] = (
        "seed",
        np.asarray(result_codes(trajectory.result)),
        {"long_name": RESULT_CODES, "units": "1"},
    )
    coordinates = {
        "time": ("record", times, {"units": "unit of the time constants"}),
        "block": ("record", blocks),
        "teacher": list(tasks.names),
        "after": list(tasks.names),
    }
    attributes = {
        "configuration": to_json(configuration),
        "edges": np.asarray(curriculum.edges),
        "block_tasks": block_tasks,
    }
    return xr.Dataset(variables, coordinates, attributes)


def _numbers(gates: Array, weights: Array, teachers: Array, late: Array, last: np.ndarray) -> dict[str, Array]:
    """All numbers of one repetition; the records `last` are those at the end of each task."""
    cosines = jax.vmap(metrics.row_cosines, in_axes=(None, 0))(teachers, weights)
    matching = metrics.published_row_matching(cosines)
    published = metrics.matched_rows(cosines, matching)
    best = metrics.assign_units(metrics.mean_over(cosines, late))
    optimal = metrics.matched_rows(cosines, best)

    def levels_of(layers: Array, of_units: Array) -> metrics.GateLevels:
        return jax.vmap(lambda item: metrics.gate_levels(metrics.sorted_second_layer(item, of_units)))(layers)

    levels, best_levels = levels_of(gates, matching), levels_of(gates[last], best)
    ends, first_layers = gates[last], weights[last]
    winners = jax.vmap(metrics.winning_units)(ends)
    return {
        "alignment": published.alignment,
        "optimal_alignment": optimal.alignment,
        "similarity": published.similarity,
        "optimal_similarity": optimal.similarity,
        "mean_gates": levels.whole,
        "change_1": metrics.running_maximum(metrics.row_change(weights)),
        "change_2": metrics.running_maximum(metrics.row_change(jnp.swapaxes(gates, 1, 2))),
        "second_layer": jnp.swapaxes(ends, 1, 2),
        "matching": matching,
        "optimal_matching": best,
        "own": levels.own[last],
        "others": levels.others[last],
        "optimal_own": best_levels.own,
        "optimal_others": best_levels.others,
        "distinct_units": published.num_distinct,
        "norm": jnp.linalg.norm(gates[-1]),
        "share": jnp.mean(jax.vmap(metrics.largest_share)(ends)),
        "participation": jnp.mean(jax.vmap(metrics.participation_ratio)(ends)),
        "winners": metrics.num_distinct(winners),
        "kept_winners": metrics.num_kept_winners(winners),
        "layer_1_change": metrics.relative_change(first_layers[0], first_layers[1]),
        "layer_2_change": metrics.relative_change(ends[0], ends[1]),
    }


def sorted_maps(dataset: xr.Dataset, matching: str = "matching") -> np.ndarray:
    """W2 with its columns sorted, those matched with A before those with B.

    Args:
        dataset: as `measured` returns it.
        matching: its variable to sort by, "matching" as published or "optimal_matching".

    Returns:
        Maps, shape (seed, after, output, 2 outputs).
    """
    columns = dataset[matching].values.reshape(dataset.sizes["seed"], 1, 1, -1)
    return np.take_along_axis(dataset.second_layer.values, columns, axis=3)


def at_time(series: xr.DataArray, time: float) -> np.ndarray:
    """What was recorded closest to a time, one number per seed."""
    return series.isel(record=int(np.argmin(np.abs(series.time.values - time)))).values
