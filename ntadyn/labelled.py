"""Trajectories of an ensemble as one labelled dataset."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn.configuration import Configuration, to_json
from ntadyn.metrics import last_blocks_mask, specialisation
from ntadyn.results import RESULT_CODES, result_codes
from ntadyn.simulation import Trajectory
from ntadyn.tasks import AbstractCurriculum, TaskSet

DESCRIPTIONS = {
    "loss": "task loss, without penalties",
    "gates": "gates c",
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

    Args:
        configuration: what was run.
        trajectory: with a leading axis over repetitions, as `run_ensemble` returns it; "similarity" must be recorded.
        curriculum: its blocks.
        tasks: its teachers.

    Returns:
        Dataset with dimensions (seed, record, ...), coordinates time, block and task, and result codes.
    """
    values = {name: np.asarray(value) for name, value in trajectory.values.items()}
    order = _path_order(values["similarity"][:, :, : tasks.num_base], np.asarray(trajectory.blocks))
    dims = {
        "loss": ("seed", "record"),
        "gates": ("seed", "record", "path", "output"),
        "student_overlaps": ("seed", "record", "path", "path_2"),
        "teacher_overlaps": ("seed", "record", "path", "teacher"),
        "similarity": ("seed", "record", "teacher", "path"),
    }
    variables = {}
    for source, suffix in ((trajectory.values, ""), (trajectory.error or {}, "_error")):
        for name in dims.keys() & source.keys():
            array = np.asarray(source[name])
            names = dims[name][: array.ndim]
            for axis in (axis for axis, label in enumerate(names) if label.startswith("path")):
                index = order.reshape(order.shape[0], *(-1 if k == axis else 1 for k in range(1, array.ndim)))
                array = np.take_along_axis(array, index, axis)
            text = DESCRIPTIONS[name] if not suffix else f"change of {name} when all steps are halved"
            variables[name + suffix] = (names, array, {"long_name": text, "units": "1"})
    variables["result"] = (
        "seed",
        np.asarray(result_codes(trajectory.result)),
        {"long_name": RESULT_CODES, "units": "1"},
    )
    middles = 0.5 * (curriculum.edges[:-1] + curriculum.edges[1:])
    weights = jax.vmap(curriculum.weights)(jnp.arange(curriculum.num_blocks), middles)
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


def _path_order(similarity: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Paths in the order of the base teachers that they are assigned to, shape (seeds, paths)."""
    num_paths, num_teachers = similarity.shape[-1], similarity.shape[-2]
    if num_paths < num_teachers:
        return np.broadcast_to(np.arange(num_paths), (len(similarity), num_paths))
    window = last_blocks_mask(jnp.asarray(blocks), int(blocks[-1]) + 1, min(2, int(blocks[-1]) + 1))
    assignment = np.asarray(jax.vmap(lambda item: specialisation(item, window).assignment)(jnp.asarray(similarity)))
    rest = [np.setdiff1d(np.arange(num_paths), row) for row in assignment]
    return np.concatenate([assignment, np.stack(rest)], axis=1)
