"""Three tasks and combinations of them: what figures 3, A12 and A14 simulate, and whose path is whose.

Configurations hold the literal parameters of the released code. `as_published` reads the same numbers in the older
state of that code in which figures A12 and A14 were made; losses of that state are larger by `loss_scale`.
"""

import dataclasses
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.harness.recorded import weights as recorded_weights
from experiments.harness.variants import run_variants, seeded as seeded
from ntadyn.interface.observables import Observable
from ntadyn.metrics import (
    apply_published_sorting,
    assign_paths_by_row,
    matched_rows,
    mean_over,
    published_row_matching,
    published_sorting,
    row_cosines,
)
from ntadyn.simulation import FixedSteps, Trajectory, Updates, observables
from ntadyn.solvers import SlidingHeun
from ntadyn.specs import building, presets
from ntadyn.specs.configuration import (
    Composites,
    Configuration,
    Curriculum,
    Dynamics,
    Gating,
    Network,
    RelativePenalties,
    Teachers,
    TimeConstants,
    replaced,
    value_at,
)
from ntadyn.specs.labelled import simulation_dataset
from ntadyn.tasks import AbstractCurriculum, TaskSet, curricula

# The published code counts 31 blocks in 30 units of time and changes to composites after three quarters of them. It
# shows the first 30.
COUNTED_TIME, SHOWN_BLOCKS, FIRST_COMPOSITE = 31.0, 30, 23

# Step of the flow. Halving it moves mean losses by less than one part in a hundred wherever they exceed 1e-5.
FLOW_STEP = 2e-3

# What variants of one program may differ in.
NUMBERS = ("penalties.strength", "time_constants.gates", "time_constants.weights", "network.initial_scale")

# What tells whose path is whose, and how large paths are.
_OF_PATHS: dict[str, Observable] = {
    "similarity": observables.similarity,
    "student_overlaps": observables.student_overlaps,
}


def task_composition() -> Configuration:
    """Figure 3C: one gate per path; a composite is the mean of two teachers.

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
    """Figure 3D: one gate per path and output; a composite alternates between the rows of two teachers.

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
    """Figure A14: the composites of figure 3C throughout, their base tasks never.

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
    flow = Dynamics.GRADIENT_FLOW if _by_row(configuration) else Dynamics.ORDER_PARAMETERS
    return replaced(configuration, {"dynamics": flow, "max_step": FLOW_STEP})


def on_batches(configuration: Configuration) -> Configuration:
    """Batches of 200 in the published steps in place of the population flow."""
    step = 1e-2 if _by_row(configuration) else 1e-3
    return replaced(configuration, {"dynamics": Dynamics.ONLINE, "max_step": step})


def as_published(configuration: Configuration) -> Configuration:
    """The literal numbers as the older state of the code read them: loss averaged over outputs, rows of norm one."""
    return presets.translated_from_legacy(configuration)


def loss_scale(configuration: Configuration) -> float:
    """How much larger losses are in the older state of the code: d_in / d_out."""
    return configuration.teachers.d_in / configuration.teachers.d_out


def simulate(variants: Mapping[str, Configuration], records_per_block: int) -> dict[str, xr.Dataset]:
    """Simulate configurations that differ in `NUMBERS` only as one compiled program.

    Args:
        variants: what to simulate, each with an explicit largest step.
        records_per_block: records strictly inside every block.

    Returns:
        By variant what `simulation_dataset` returns, with `alignment`, the mean cosine of teachers with their paths,
        over (seed, record). With one gate per path also `weight_norm` and `published_gates`, those under the
        published sorting rule; with gates per output see `_sorted_by_row`.
    """
    first = next(iter(variants.values()))
    online = first.dynamics is Dynamics.ONLINE
    recorded: dict[str, Observable] = {
        "loss": observables.batch_loss if online else observables.loss,
        "gates": observables.gates,
    }
    recorded |= {"weights": recorded_weights} if _by_row(first) else _OF_PATHS
    keys = building.keys(first.randomness)
    tasks = building.build_tasks(first.teachers, building.first(keys).teachers)
    changes = {path: [value_at(item, path) for item in variants.values()] for path in NUMBERS}
    method = Updates(first.max_step) if online else FixedSteps(SlidingHeun(), first.max_step)
    trajectories, curriculum = run_variants(first, changes, keys, recorded, records_per_block, method)
    if first.curriculum.total_time == COUNTED_TIME:
        curriculum = curricula.until(curriculum, float(curriculum.edges[SHOWN_BLOCKS]))
        trajectories = [_cut(trajectory, SHOWN_BLOCKS) for trajectory in trajectories]
    label = _sorted_by_row if _by_row(first) else _sorted_by_path
    return {
        name: label(configuration, trajectory, curriculum, tasks)
        for (name, configuration), trajectory in zip(variants.items(), trajectories, strict=True)
    }


def _by_row(configuration: Configuration) -> bool:
    return configuration.network.gating is Gating.NEURON


def _cut(trajectory: Trajectory, num_blocks: int) -> Trajectory:
    """The records of the first blocks."""
    kept = np.asarray(trajectory.blocks) < num_blocks
    values = jax.tree.map(lambda leaf: leaf[:, kept], trajectory.values)
    parts = (trajectory.times[kept], trajectory.blocks[kept], values)
    return eqx.tree_at(lambda tr: (tr.times, tr.blocks, tr.values), trajectory, parts)


def _sorted_by_path(
    configuration: Configuration, trajectory: Trajectory, curriculum: AbstractCurriculum, tasks: TaskSet
) -> xr.Dataset:
    """Paths sorted by their teachers, as one permutation; beside them gates under the published rule."""
    dataset = simulation_dataset(configuration, trajectory, curriculum, tasks)
    size = np.sqrt(np.einsum("stpp->st", dataset.student_overlaps.values))
    dataset = dataset.drop_vars("student_overlaps").assign(
        weight_norm=(("seed", "record"), size, {"long_name": "Frobenius norm of all weights"})
    )
    of_base = dataset.similarity.values[:, :, : tasks.num_base]

    def by_published_rule(similarity: Array, gates: Array) -> Array:
        return apply_published_sorting(published_sorting(similarity), gates)

    unsorted = trajectory.values["similarity"][:, :, : tasks.num_base]
    gates = np.asarray(jax.vmap(by_published_rule)(unsorted, trajectory.values["gates"]))
    alignment = np.einsum("stmm->st", of_base) / tasks.num_base
    return dataset.assign(
        alignment=(("seed", "record"), alignment, {"long_name": "mean cosine of teachers with their paths"}),
        published_gates=(("seed", "record", "path"), gates, {"long_name": "gates under the published sorting rule"}),
    )


def _sorted_by_row(
    configuration: Configuration, trajectory: Trajectory, curriculum: AbstractCurriculum, tasks: TaskSet
) -> xr.Dataset:
    """Every output sorts its rows for itself, optimally over the last two blocks; "path" m is what teacher m got.

    Returns:
        What `simulation_dataset` returns, with `alignment`, the mean cosine of all matched rows, `momentary_alignment`,
        the same for rows matched anew at every record, and, under the published matching of rows,
        `published_alignment` and `distinct_rows`, the number of student rows it uses.
    """
    blocks, base = trajectory.blocks, tasks.num_base
    late = blocks >= blocks[-1] - 1

    def momentary(cosines: Array) -> Array:
        return matched_rows(cosines[None], assign_paths_by_row(cosines[:base])).alignment[0]

    def one(weights: Array) -> dict[str, Array]:
        weights = weights.astype(tasks.teachers.dtype)
        rows = weights.reshape(len(weights), -1, tasks.d_in)
        cosines = jax.vmap(row_cosines, in_axes=(None, 0))(tasks.teachers, rows)
        # Entry (m, o, p): row o of teacher m with the row that path p feeds into the same output.
        by_path = cosines.reshape(*cosines.shape[:-1], -1, tasks.d_out)
        same_output = jnp.diagonal(by_path, axis1=2, axis2=4).swapaxes(2, 3)
        matching = assign_paths_by_row(mean_over(same_output[:, :base], late))
        matched = matched_rows(same_output, matching)
        published = matched_rows(cosines, published_row_matching(cosines[:, :base]))
        return {
            "matching": matching,
            "similarity": matched.similarity,
            "alignment": matched.alignment,
            "momentary_alignment": jax.vmap(momentary)(same_output),
            "published_alignment": published.alignment,
            "distinct_rows": published.num_distinct,
        }

    # One seed at a time: cosines of all rows at all records are large.
    found = jax.jit(lambda weights: jax.lax.map(one, weights))(trajectory.values["weights"])
    gates = jnp.take_along_axis(trajectory.values["gates"], found["matching"][:, None], axis=2)
    # Sorted already: the assignment that labelling looks for is the identity.
    values = {"loss": trajectory.values["loss"], "gates": gates, "similarity": found["similarity"]}
    relabelled = eqx.tree_at(lambda tr: tr.values, trajectory, values)
    dataset = simulation_dataset(configuration, relabelled, curriculum, tasks)
    names = {
        "alignment": "mean cosine of matched rows",
        "momentary_alignment": "mean cosine of rows matched at that record",
        "published_alignment": "mean cosine of rows under the published matching",
        "distinct_rows": "student rows that the published matching uses",
    }
    dims = {name: ("seed", "record")[: found[name].ndim] for name in names}
    return dataset.assign(
        {name: (dims[name], np.asarray(found[name]), {"long_name": text}) for name, text in names.items()}
    )
