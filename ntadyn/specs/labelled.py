"""The trajectories of an ensemble as one labelled dataset."""

import functools
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn.interface import AbstractSystem, Observable
from ntadyn.interface.observables import description_of
from ntadyn.metrics import (
    assign_units,
    last_blocks_mask,
    matched_rows,
    mean_over,
    published_row_matching,
    specialisation,
)
from ntadyn.results.quantities import DESCRIPTIONS, DIMS
from ntadyn.simulation.outcome import RESULT_CODES, Trajectory, result_codes
from ntadyn.specs.paths import to_json
from ntadyn.tasks import AbstractCurriculum, TaskSet
from ntadyn.tasks.side_by_side import SideBySide


def simulation_dataset(
    spec: Any,
    trajectory: Trajectory,
    curriculum: AbstractCurriculum,
    tasks: TaskSet | None,
    observables: Mapping[str, Observable] | None = None,
) -> xr.Dataset:
    """The recorded observables of an ensemble, with paths sorted by the teacher that each ends up with.

    The assignment is optimal for the similarity over the last two blocks, one permutation per repetition; paths beyond
    the number of base teachers follow in their old order. If no similarity was recorded, all paths keep their order.

    If the similarity of rows was recorded in place of that of paths, hidden units are matched with the rows of the base
    teachers, and "path" m consists of the units matched with teacher m: its gates lead from each matched unit to the
    output of its row. With too few units for an injective matching, every teacher row takes the unit most like it.

    Observables of your own keep their names. Their dimensions are those that they name (`Labelled`), or their name with
    a number; an axis named "path" is sorted like that of the gates.

    Args:
        spec: what was run.
        trajectory: the trajectory with a leading axis over repetitions, as `run_ensemble` returns it.
        curriculum: its curriculum.
        tasks: its teachers; None if there are none.
        observables: what was recorded, for the labels of observables of your own, which are left out if omitted.

    Returns:
        Dataset with dimensions (seed, record, ...), coordinates time, block and task, and result codes. Where
        repetitions have tasks of their own, "task" has the dimensions (seed, record).
    """
    labels = _Labels(observables or {})
    values, errors = (
        labels.flat({name: value for name, value in found.items() if observables is not None or name in KNOWN})
        for found in (trajectory.values, trajectory.error or {})
    )
    blocks = np.asarray(trajectory.blocks)
    window = _last_two_blocks(blocks)
    base = 0 if tasks is None else tasks.num_base
    sort = functools.partial(_sorted_by_path, labels=labels, order=None)
    if "row_similarity" in values:
        matching = _row_matching(values["row_similarity"][:, :, :base], window)
        sort = functools.partial(_sorted_by_row, matching=matching)
    elif "similarity" in values:
        order = _path_order(values["similarity"][:, :, :base], window)
        sort = functools.partial(_sorted_by_path, labels=labels, order=order)
    variables = {}
    for source, suffix in ((values, ""), (errors, "_error")):
        for name, array in sort(source).items():
            text = labels.text(name)
            text = f"estimated error of {name}, infinite where unresolved" if suffix else text
            dims = ("seed", "record", *labels.dims(name, array.ndim - 2))
            variables[name + suffix] = (dims, array, {"long_name": text, "units": labels.units(name)})
    codes = np.asarray(eqx.filter_jit(result_codes)(trajectory.result))
    variables["result"] = ("seed", codes, {"long_name": RESULT_CODES, "units": "1"})
    coordinates: dict[str, Any] = {
        "time": ("record", np.asarray(trajectory.times), {"units": "unit of the time constants"}),
        "block": ("record", blocks),
    }
    attributes = {"configuration": to_json(spec), "edges": np.asarray(curriculum.edges)}
    block_tasks = None if isinstance(curriculum, SideBySide) else _block_tasks(curriculum)
    if isinstance(curriculum, SideBySide):
        each = [own for k in range(len(codes)) if (own := _block_tasks(curriculum.of(k))) is not None]
        if each:
            coordinates["task"] = (("seed", "record"), np.stack(each)[:, blocks])
    if block_tasks is not None:
        coordinates["task"] = ("record", block_tasks[blocks])
        attributes["block_tasks"] = block_tasks
    if tasks is not None:
        coordinates["teacher"] = list(tasks.names)
        attributes |= {"task_names": list(tasks.names), "num_base": base}
    return xr.Dataset(variables, coordinates, attributes)


def teachers_of(system: AbstractSystem) -> TaskSet | None:
    """The teachers of a system by name; None where tasks are something else, such as digits or a committee's.

    Args:
        system: any system.
    """
    tasks = getattr(system, "tasks", None)
    return tasks if isinstance(tasks, TaskSet) else None


# Names that have a description without their observables.
KNOWN = frozenset({*DIMS, "row_similarity"})


class _Labels:
    """Dimensions and descriptions of what was recorded."""

    def __init__(self, observables: Mapping[str, Observable]):
        self._observables = observables

    def flat(self, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Name -> array; a tree of arrays becomes one variable per leaf."""
        found = {}
        for name, value in values.items():
            for path, leaf in jax.tree_util.tree_leaves_with_path(value):
                if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
                    continue  # a key is not a number
                found[name + jax.tree_util.keystr(path).replace("['", ".").replace("']", "")] = np.asarray(leaf)
        return found

    def dims(self, name: str, number: int) -> tuple[str, ...]:
        """Names of the dimensions of one record."""
        given = getattr(self._observables.get(name), "dims", None)
        known = DIMS[name][2:] if name in DIMS and given is None else (given or ())
        return (*known[:number], *(f"{name}_{k}" for k in range(len(known[:number]), number)))

    def text(self, name: str) -> str:
        """One line of description."""
        if name in DESCRIPTIONS:
            return DESCRIPTIONS[name]
        return description_of(name, self._observables.get(name))

    def units(self, name: str) -> str:
        """Units of its values."""
        return getattr(self._observables.get(name), "units", "1")


def _block_tasks(curriculum: AbstractCurriculum) -> np.ndarray | None:
    """The task of every block as a number: itself, or the index of its largest weight; None for any other task."""
    tasks = tasks_of_blocks(curriculum)
    if not isinstance(tasks, jax.Array) or tasks.ndim > 2:
        return None
    return np.asarray(tasks) if tasks.ndim == 1 else np.argmax(np.asarray(tasks), axis=1)


# Here and below as one program each: operation by operation, compiling takes longer than the simulation.
@eqx.filter_jit
def tasks_of_blocks(curriculum: AbstractCurriculum) -> Any:
    """The task in the middle of every block, stacked."""
    middles = 0.5 * (curriculum.edges[:-1] + curriculum.edges[1:])
    return jax.vmap(curriculum.task)(jnp.arange(curriculum.num_blocks), middles)


def _last_two_blocks(blocks: np.ndarray) -> np.ndarray:
    return np.asarray(last_blocks_mask(jnp.asarray(blocks), int(blocks[-1]) + 1, min(2, int(blocks[-1]) + 1)))


def _sorted_by_path(values: dict[str, np.ndarray], labels: _Labels, order: np.ndarray | None) -> dict[str, np.ndarray]:
    """Everything recorded, with its axes of paths in the given order."""
    found = {}
    for name, array in values.items():
        for axis, label in enumerate(labels.dims(name, array.ndim - 2), start=2):
            if order is not None and label.startswith("path"):
                index = order.reshape(order.shape[0], *(-1 if k == axis else 1 for k in range(1, array.ndim)))
                array = np.take_along_axis(array, index, axis)
        found[name] = array
    return found


def _sorted_by_row(values: dict[str, np.ndarray], matching: np.ndarray) -> dict[str, np.ndarray]:
    """Gates and similarity under a matching of rows (seed, path, output), and all else unchanged."""
    found = {name: value for name, value in values.items() if name not in ("gates", "row_similarity")}
    if "gates" in values:
        found["gates"] = np.take_along_axis(values["gates"], matching[:, None], axis=2)
    if "row_similarity" in values:
        series, index = jnp.asarray(values["row_similarity"]), jnp.asarray(matching)
        found["similarity"] = np.asarray(_similarity_of_matched(series, index))
    return found


def _row_matching(similarity: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The hidden unit of every row of every base teacher, shape (seeds, teachers, outputs)."""
    _, _, num_teachers, rows, units = similarity.shape
    if units < num_teachers * rows:
        return np.asarray(jax.jit(jax.vmap(published_row_matching))(jnp.asarray(similarity)))
    return np.asarray(_assigned_units(jnp.asarray(similarity), window))


def _path_order(similarity: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Paths in the order of the base teachers to which they are assigned, shape (seeds, paths)."""
    num_paths, num_teachers = similarity.shape[-1], similarity.shape[-2]
    if num_paths < num_teachers:
        return np.broadcast_to(np.arange(num_paths), (len(similarity), num_paths))
    assignment = np.asarray(_assigned_paths(jnp.asarray(similarity), window))
    rest = [np.setdiff1d(np.arange(num_paths), row) for row in assignment]
    return np.concatenate([assignment, np.stack(rest)], axis=1)


@jax.jit
def _assigned_paths(similarity: jax.Array, window: jax.Array) -> jax.Array:
    return jax.vmap(lambda item: specialisation(item, window).assignment)(similarity)


@jax.jit
def _assigned_units(similarity: jax.Array, window: jax.Array) -> jax.Array:
    return jax.vmap(lambda item: assign_units(mean_over(item, window)))(similarity)


@jax.jit
def _similarity_of_matched(series: jax.Array, matching: jax.Array) -> jax.Array:
    return jax.vmap(lambda one, index: matched_rows(one, index).similarity)(series, matching)
