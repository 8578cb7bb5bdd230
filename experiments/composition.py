"""Three tasks and combinations of them: what figures 3, A12 and A14 simulate, and how their paths are sorted.

Configurations hold the literal parameters of the released code. `as_published` reads the same numbers in the older
state of that code in which some figures were made; losses of that state are larger by `loss_scale`.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from ntadyn import building, observables, presets
from ntadyn.configuration import (
    Composites,
    Configuration,
    Curriculum,
    Dynamics,
    Gating,
    Network,
    Randomness,
    RelativePenalties,
    Teachers,
    TimeConstants,
    replaced,
    value_at,
)
from ntadyn.dynamics.online import OnlineState
from ntadyn.dynamics.system import AbstractSystem
from ntadyn.labelled import simulation_dataset
from ntadyn.metrics import (
    apply_published_sorting,
    assign_paths_by_row,
    matched_rows,
    published_row_matching,
    published_sorting,
    row_cosines,
)
from ntadyn.simulation import FixedSteps, Trajectory, simulate
from ntadyn.solvers import Descent, SlidingHeun
from ntadyn.tasks import AbstractCurriculum, TaskSet, curricula

# The published code counts 31 blocks in 30 units of time and changes to composites at three quarters of them.
COUNTED_TIME, SHOWN_TIME, FIRST_COMPOSITE = 31.0, 30.0, 23
# Steps of the flow; halving them moves mean losses by less than one part in a hundred.
FLOW_STEP = 2e-3

# What variants of one program may differ in.
NUMBERS = ("penalties.strength", "time_constants.gates", "time_constants.weights", "network.initial_scale")


def task_composition() -> Configuration:
    """Figure 3C: one gate per path, composites are means of two teachers.

    Source: arXiv 2411.03840, figure 3 and its published configuration.
    """
    return Configuration(
        teachers=Teachers(num_tasks=3, d_out=6, composites=Composites.SUM),
        network=Network(num_paths=3),
        curriculum=Curriculum("A_B_C__AB_BC_CA__", total_time=COUNTED_TIME),
        time_constants=TimeConstants(gates=0.03, weights=0.2),
        penalties=RelativePenalties(strength=0.3, nonnegative=1.0, unit_l1=5.0),
        max_step=FLOW_STEP,
    )


def subtask_composition() -> Configuration:
    """Figure 3D: one gate per path and output, composites alternate between the rows of two teachers.

    On batches, in the published steps, which are twice as long as the time constant of the gates.

    Source: arXiv 2411.03840, figure 3 and its published configuration.
    """
    return dataclasses.replace(
        task_composition(),
        teachers=Teachers(num_tasks=3, d_out=6, composites=Composites.INTERLEAVED),
        network=Network(num_paths=3, gating=Gating.NEURON),
        time_constants=TimeConstants(gates=0.005, weights=0.2),
        penalties=RelativePenalties(strength=0.025, nonnegative=1.0, unit_l1=None, unit_l2=10.0),
        dynamics=Dynamics.ONLINE,
        max_step=0.01,
    )


def composites_only() -> Configuration:
    """Figure A14: the composites of figure 3C throughout, the base tasks never.

    Source: arXiv 2411.03840, figure A14 and its published configuration.
    """
    return dataclasses.replace(
        task_composition(),
        curriculum=Curriculum("AB_BC_CA__", total_time=50.0),
        time_constants=TimeConstants(gates=0.03, weights=0.05),
        penalties=RelativePenalties(strength=0.2, nonnegative=1.0, unit_l1=5.0),
    )


def forgetful(configuration: Configuration) -> Configuration:
    """The same network without penalties; its gates stay as fast."""
    return replaced(configuration, {"penalties.strength": 0.0})


def as_flow(configuration: Configuration) -> Configuration:
    """The population flow in place of batches."""
    # Rows are compared across outputs, for which overlaps within outputs do not suffice.
    flow = Dynamics.GRADIENT_FLOW if configuration.network.gating is Gating.NEURON else Dynamics.ORDER_PARAMETERS
    return replaced(configuration, {"dynamics": flow, "max_step": FLOW_STEP})


def on_batches(configuration: Configuration) -> Configuration:
    """Batches of 200 in the published steps, in place of the population flow."""
    step = 0.01 if configuration.network.gating is Gating.NEURON else 1e-3
    return replaced(configuration, {"dynamics": Dynamics.ONLINE, "max_step": step})


def as_published(configuration: Configuration) -> Configuration:
    """The literal numbers read in the older state of the code (loss averaged over outputs, rows of norm one)."""
    return presets.translated_from_legacy(configuration)


def loss_scale(configuration: Configuration) -> float:
    """How much larger losses are in the older state of the code: d_in / d_out."""
    return configuration.teachers.d_in / configuration.teachers.d_out


def seeded(configuration: Configuration, num_seeds: int, seed: int) -> Configuration:
    """The configuration with so many repetitions of that seed."""
    return dataclasses.replace(configuration, randomness=Randomness(seed=seed, num_seeds=num_seeds))


def run_variants(
    variants: Mapping[str, Configuration], records_per_block: int, times: Sequence[float] | np.ndarray = ()
) -> dict[str, xr.Dataset]:
    """Simulate configurations that differ in `NUMBERS` only, in one compiled program.

    Args:
        variants: what to simulate; each with an explicit largest step, which is common.
        records_per_block: records strictly inside every block.
        times: further record times.

    Returns:
        By variant what `simulation_dataset` returns, with `published_gates` under the published sorting rule, or, for
        gates per output, what `_rows_dataset` returns.
    """
    first = next(iter(variants.values()))
    keys = building.keys(first.randomness)
    system, _ = building.build(first, building.first(keys))
    curriculum = building.build_curriculum(first.curriculum, system.tasks)
    if first.curriculum.total_time == COUNTED_TIME:
        curriculum = curricula.until(curriculum, SHOWN_TIME)
    by_row = first.network.gating is Gating.NEURON
    online = first.dynamics is Dynamics.ONLINE
    method = FixedSteps(Descent() if online else SlidingHeun(), first.max_step)
    recorded = {
        "loss": observables.batch_loss if online else observables.loss,
        "gates": observables.gates,
        "cosines" if by_row else "similarity": _all_cosines if by_row else observables.similarity,
    }

    def one(numbers: list[Array], key: building.Keys) -> Trajectory:
        system, state = building.build(replaced(first, dict(zip(NUMBERS, numbers, strict=True))), key)
        return simulate(
            system,
            curriculum,
            state,
            method=method,
            observables=recorded,
            records_per_block=records_per_block,
            times=times,
        )

    numbers = [jnp.asarray([value_at(item, path) for item in variants.values()]) for path in NUMBERS]
    over_seeds = eqx.filter_vmap(one, in_axes=(None, 0))
    trajectories = eqx.filter_jit(eqx.filter_vmap(over_seeds, in_axes=(0, None)))(numbers, keys)
    data = {}
    for index, (name, configuration) in enumerate(variants.items()):
        trajectory = jax.tree.map(lambda leaf, index=index: leaf[index], trajectories)
        trajectory = eqx.tree_at(lambda tr: (tr.times, tr.blocks), trajectory, replace_fn=lambda leaf: leaf[0])
        label = _rows_dataset if by_row else _paths_dataset
        data[name] = label(configuration, trajectory, curriculum, system.tasks)
    return data


def _paths_dataset(
    configuration: Configuration, trajectory: Trajectory, curriculum: AbstractCurriculum, tasks: TaskSet
) -> xr.Dataset:
    """Paths sorted by their teachers, as one permutation; beside them the gates under the published rule."""
    dataset = simulation_dataset(configuration, trajectory, curriculum, tasks)
    base = trajectory.values["similarity"][:, :, : tasks.num_base]

    def as_published_code_sorts(similarity, gates):
        return apply_published_sorting(published_sorting(similarity), gates)

    gates = np.asarray(jax.vmap(as_published_code_sorts)(base, trajectory.values["gates"]))
    alignment = np.einsum("stmm->st", dataset.similarity.values[:, :, : tasks.num_base]) / tasks.num_base
    return dataset.assign(
        alignment=(("seed", "record"), alignment, {"long_name": "mean cosine of paths with their teachers"}),
        published_gates=(("seed", "record", "path"), gates, {"long_name": "gates under the published sorting rule"})
    )


def _rows_dataset(
    configuration: Configuration, trajectory: Trajectory, curriculum: AbstractCurriculum, tasks: TaskSet
) -> xr.Dataset:
    """Every output sorts its rows for itself, optimally over the last two blocks; "path" m is what teacher m got.

    Returns:
        What `simulation_dataset` returns, with `alignment`, the mean cosine of all matched rows, and, under the
        published matching of rows, `published_alignment` and `distinct_rows`, the number of rows that it uses.
    """
    cosines = trajectory.values["cosines"].astype(tasks.teachers.dtype)
    seeds, records, teachers, outputs, rows = cosines.shape
    # Entry (m, o, p): the row that path p feeds into the output that row o of teacher m is for.
    same_output = jnp.einsum("stmopo->stmop", cosines.reshape(seeds, records, teachers, outputs, -1, outputs))
    late = np.asarray(trajectory.blocks) >= int(trajectory.blocks[-1]) - 1
    matching = jax.vmap(assign_paths_by_row)(same_output[:, late, : tasks.num_base].mean(axis=1))
    matched = jax.vmap(matched_rows)(same_output, matching)
    published = jax.vmap(published_row_matching)(cosines[:, :, : tasks.num_base])
    as_published = jax.vmap(matched_rows)(cosines, published)
    gates = jnp.take_along_axis(trajectory.values["gates"], matching[:, None], axis=2)
    # Sorted already, so that labelling finds the paths in order.
    values = {"loss": trajectory.values["loss"], "gates": gates, "similarity": matched.similarity}
    dataset = simulation_dataset(
        configuration, eqx.tree_at(lambda tr: tr.values, trajectory, values), curriculum, tasks
    )
    series = ("seed", "record")
    return dataset.assign(
        alignment=(series, np.asarray(matched.alignment), {"long_name": "mean cosine of matched rows"}),
        published_alignment=(
            series,
            np.asarray(as_published.alignment),
            {"long_name": "mean cosine of rows under the published matching"},
        ),
        distinct_rows=(
            "seed",
            np.asarray(as_published.num_distinct),
            {"long_name": f"of {rows} rows, those that the published matching uses"},
        ),
    )


def _all_cosines(system: AbstractSystem, state, task: Array) -> Array:
    """Cosine of every teacher row with every student row, in single precision, which halves the memory."""
    del task
    network = state.network if isinstance(state, OnlineState) else state
    rows = network.weights.reshape(-1, network.weights.shape[-1])
    return row_cosines(system.tasks.teachers, rows).astype(jnp.float32)
