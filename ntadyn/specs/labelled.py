"""Trajectories of an ensemble as one labelled dataset."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn.metrics import (
    assign_units,
    last_blocks_mask,
    matched_rows,
    mean_over,
    published_row_matching,
    specialisation,
)
from ntadyn.results.result_format import DIMS
from ntadyn.simulation.outcome import RESULT_CODES, Trajectory, result_codes
from ntadyn.specs.configuration import Configuration, to_json
from ntadyn.tasks import AbstractCurriculum, TaskSet

DESCRIPTIONS = {
    "loss": "task loss, without penalties",
    "gates": "gates c, paths in the order of the teachers that they end up with",
    "student_overlaps": "overlaps of students K_pq",
    "teacher_overlaps": "overlaps of students and teachers S_pm",
    "similarity": "cosine of teacher and student",
}


def simulation_dataset(
    configuration: Configuration, trajectory: Trajectory, curriculum: AbstractCurriculum, tasks: TaskSet
) -> xr.Dataset:
    """Label an ensemble's recorded observables; paths are sorted by the teacher that they end up with.

    The assignment is optimal for the similarity over the last two blocks, one permutation per repetition; paths beyond
    the number of base teachers follow in their old order. Observables that were not recorded are left out.

    Where the similarity of rows was recorded in place of that of paths, hidden units are matched with the rows of the
    base teachers, and "path" m is what is matched with teacher m: its gates are those of each matched unit to the
    output of its row. With too few units for an injective matching every teacher row takes the unit most like it.

    Args:
        configuration: what was run.
        trajectory: with a leading axis over repetitions, as `run_ensemble` returns it; "similarity" or
            "row_similarity" must be recorded.
        curriculum: its blocks.
        tasks: its teachers.

    Returns:
        Dataset with dimensions (seed, record, ...), coordinates time, block and task, and result codes.
    """
    values = {name: np.asarray(value) for name, value in trajectory.values.items()}
    errors = {name: np.asarray(value) for name, value in (trajectory.error or {}).items()}
    window = _last_two_blocks(np.asarray(trajectory.blocks))
    if "row_similarity" in values:
        matching = _row_matching(values["row_similarity"][:, :, : tasks.num_base], window)
        sort = functools.partial(_sorted_by_row, matching=matching)
    else:
        order = _path_order(values["similarity"][:, :, : tasks.num_base], window)
        sort = functools.partial(_sorted_by_path, order=order)
    variables = {}
    for source, suffix in ((values, ""), (errors, "_error")):
        for name, array in sort(source).items():
            text = DESCRIPTIONS[name] if not suffix else f"estimated error of {name}, infinite where unresolved"
            variables[name + suffix] = (DIMS[name][: array.ndim], array, {"long_name": text, "units": "1"})
    variables["result"] = (
        "seed",
        np.asarray(result_codes(trajectory.result)),
        {"long_name": RESULT_CODES, "units": "1"},
    )
    middles = 0.5 * (curriculum.edges[:-1] + curriculum.edges[1:])
    weights = jax.vmap(curriculum.task)(jnp.arange(curriculum.num_blocks), middles)
    block_tasks = np.argmax(np.asarray(weights), axis=1)
    blocks = np.asarray(trajectory.blocks)
    coordinates = {
        "time": ("record", np.asarray(trajectory.times), {"units": "unit of the time constants"}),
        "block": ("record", blocks),
        "task": ("record", block_tasks[blocks]),
        "teacher": list(tasks.names),
    }
    attributes = {
        "configuration": to_json(configuration),
        "edges": np.asarray(curriculum.edges),
        "block_tasks": block_tasks,
        "task_names": list(tasks.names),
        "num_base": tasks.num_base,
    }
    return xr.Dataset(variables, coordinates, attributes)


def _last_two_blocks(blocks: np.ndarray) -> jax.Array:
    return last_blocks_mask(jnp.asarray(blocks), int(blocks[-1]) + 1, min(2, int(blocks[-1]) + 1))


def _sorted_by_path(values: dict[str, np.ndarray], order: np.ndarray) -> dict[str, np.ndarray]:
    """Everything recorded with a name in `DIMS`, the axes of paths in the given order."""
    found = {}
    for name in DIMS.keys() & values.keys():
        array = values[name]
        for axis in (axis for axis, label in enumerate(DIMS[name][: array.ndim]) if label.startswith("path")):
            index = order.reshape(order.shape[0], *(-1 if k == axis else 1 for k in range(1, array.ndim)))
            array = np.take_along_axis(array, index, axis)
        found[name] = array
    return found


def _sorted_by_row(values: dict[str, np.ndarray], matching: np.ndarray) -> dict[str, np.ndarray]:
    """Loss, gates (seed, record, path, output) and similarity under a matching of rows (seed, path, output)."""
    found = {name: values[name] for name in ("loss",) if name in values}
    if "gates" in values:
        found["gates"] = np.take_along_axis(values["gates"], matching[:, None], axis=2)
    if "row_similarity" in values:
        series, index = jnp.asarray(values["row_similarity"]), jnp.asarray(matching)
        found["similarity"] = np.asarray(jax.vmap(lambda a, b: matched_rows(a, b).similarity)(series, index))
    return found


def _row_matching(similarity: np.ndarray, window: jax.Array) -> np.ndarray:
    """The hidden unit of every row of every base teacher, shape (seeds, teachers, outputs)."""
    _, _, num_teachers, rows, units = similarity.shape
    if units < num_teachers * rows:
        return np.asarray(jax.vmap(published_row_matching)(jnp.asarray(similarity)))
    return np.asarray(jax.vmap(lambda item: assign_units(mean_over(item, window)))(jnp.asarray(similarity)))


def _path_order(similarity: np.ndarray, window: jax.Array) -> np.ndarray:
    """Paths in the order of the base teachers that they are assigned to, shape (seeds, paths)."""
    num_paths, num_teachers = similarity.shape[-1], similarity.shape[-2]
    if num_paths < num_teachers:
        return np.broadcast_to(np.arange(num_paths), (len(similarity), num_paths))
    assignment = np.asarray(jax.vmap(lambda item: specialisation(item, window).assignment)(jnp.asarray(similarity)))
    rest = [np.setdiff1d(np.arange(num_paths), row) for row in assignment]
    return np.concatenate([assignment, np.stack(rest)], axis=1)
