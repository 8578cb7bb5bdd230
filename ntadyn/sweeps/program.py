"""Tiles of a sweep as compiled programs."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.interface import AbstractSystem
from ntadyn.interface.observables import Observable
from ntadyn.simulation.integration import integrate_batch, start_batch
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.outcome import Trajectory
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.specs import building
from ntadyn.specs.building import Keys
from ntadyn.specs.paths import replaced, value_at
from ntadyn.specs.spec import curriculum_of, draws_curricula
from ntadyn.sweeps.doubt import NUDGE, checks_of, nudged
from ntadyn.sweeps.plan import Precision, Sweep
from ntadyn.sweeps.scores import Measures, recorded
from ntadyn.sweeps.structure import Schedule, Structure
from ntadyn.sweeps.surroundings import Device
from ntadyn.tasks import AbstractCurriculum
from ntadyn.tasks.dependence import depends_on_first
from ntadyn.tasks.side_by_side import SideBySide, without_durations

Values = dict[str, Float[Array, "group cell"]]
Results = dict[str, Array]
Program = Callable[["Work", Keys], Results]


class Work(eqx.Module):
    """What one call of a program runs.

    Attributes:
        values: parameter -> its value in every cell of every group.
        schedules: the time grids, leading axis = group.
        num_groups: how many of the groups are not padding.
    """

    values: Values
    schedules: Schedule
    num_groups: Int[Array, ""]

    @classmethod
    def of(
        cls,
        sweep: Sweep,
        structure: Structure,
        groups: Sequence[Sequence[int]],
        schedules: Sequence[Schedule],
        device: Device | None = None,
    ) -> "Work":
        """Groups of cells and time grids on a device, padded to the numbers of the structure by repeating the last."""
        cells = np.asarray([_padded(group, structure.num_cells) for group in _padded(groups, structure.num_groups)])
        values = {path: np.full(cells.shape, value_at(sweep.configuration, path), float) for path in structure.paths}
        for axis, index in zip(sweep.axes, np.unravel_index(cells, sweep.shape), strict=True):
            for item in axis.parameters:
                if item.path in structure.paths:
                    values[item.path] = np.asarray(item.values, float)[index]
        stacked = _stacked(_padded(schedules, structure.num_groups))
        return cls(*jax.device_put((values, stacked, np.asarray(len(groups), np.int32)), device))


def run_program(structure: Structure, measures: Measures, precision: Precision) -> Program:
    """Scores of a tile as a function of its work and of the keys of all repetitions, to be compiled.

    Args:
        structure: what all groups share.
        measures: what to keep.
        precision: of everything after the random numbers.

    Returns:
        Function that returns name -> array with leading axes (groups, cells, repetitions).
    """

    def one_group(group: "_Group", schedule: Schedule, memory: PyTree) -> Results:
        real = jnp.arange(schedule.grid.start.shape[0]) < schedule.num_records

        def scores(trajectory: Trajectory) -> Results:
            record = recorded(trajectory, real)
            return {name: score(record) for name, score in measures.scores.items()}

        batch = (group.systems, group.curriculum, group.states, structure.method, group.grid)
        return integrate_batch(*batch, measures.observables, scores, memory)

    return _over_groups(structure, precision, one_group)


def check_program(structure: Structure, measures: Measures, precision: Precision) -> Program:
    """What a tile says of its own doubt: its cells run again with finer steps, and from a start that is moved a little.

    Args and returned function: see `run_program`; the names are those of `ntadyn.sweeps.doubt.checks_of`.
    """
    checks = checks_of(measures, structure.by_gates)

    def one_group(group: "_Group", schedule: Schedule, memory: PyTree) -> Results:
        del memory  # checks are of few cells: their runs start one by one
        real = jnp.arange(schedule.grid.start.shape[0]) < schedule.num_records
        # Single precision does not resolve the nudge; it gets a larger one and both are reported per NUDGE.
        nudge = max(NUDGE, 64 * float(jnp.finfo(group.grid.end.dtype).eps))
        states = jax.vmap(lambda system, state: nudged(system, state, nudge))(group.systems, group.states)
        plain = group.run(group.grid, checks.observables, group.states)
        finer = group.run(group.grid, checks.observables, group.states, structure.method.refined(precision.value))
        moved = group.run(group.grid, checks.observables, states)
        return jax.vmap(lambda plain, finer, moved: checks.compare(plain, finer, moved, real, nudge))(
            plain, finer, moved
        )

    return _over_groups(structure, precision, one_group)


class _Group(eqx.Module):
    """One group, leading axis = trajectory."""

    systems: AbstractSystem
    states: PyTree
    curriculum: AbstractCurriculum
    grid: TimeGrid
    structure: Structure = eqx.field(static=True)

    def run(
        self,
        grid: TimeGrid,
        observables: dict[str, Observable],
        states: PyTree,
        method: AbstractMethod | None = None,
    ) -> Trajectory:
        method = self.structure.method if method is None else method
        return integrate_batch(self.systems, self.curriculum, states, method, grid, observables)


def _over_groups(
    structure: Structure, precision: Precision, one_group: Callable[[_Group, Schedule, PyTree], Results]
) -> Program:
    def program(work: Work, keys: Keys) -> Results:
        dtype = jnp.dtype(precision.value)
        shape = (structure.num_cells, keys.data.shape[0])
        built = _Built(structure.spec, work.values, keys, dtype)

        def made(index: Int[Array, ""]) -> tuple[_Group, Schedule]:
            system, state = built.group(index, shape)
            schedule = jax.tree.map(lambda leaf: leaf[index], work.schedules)
            curriculum, grid = _rounded((schedule.curriculum, schedule.grid), dtype)
            if draws_curricula(structure.spec):
                values = {path: value[index] for path, value in work.values.items()}
                curriculum = _side_by_side(structure.spec, values, keys, curriculum, shape[0])
            return _Group(system, state, curriculum, grid, structure), schedule

        def started(index: Int[Array, ""]) -> PyTree:
            item, _ = made(index)
            return start_batch(item.systems, item.curriculum, item.states, structure.method, item.grid)

        every = jnp.arange(structure.num_groups, dtype=jnp.int32)
        memories = jax.vmap(started)(every) if structure.method.starts_together else None

        def group(index: Int[Array, ""]) -> Results:
            memory = jax.tree.map(lambda leaf: leaf[index], memories)
            results = one_group(*made(index), memory)
            return jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), results)

        empty = jax.tree.map(
            lambda leaf: jnp.zeros((structure.num_groups, *leaf.shape), leaf.dtype),
            jax.eval_shape(group, jnp.asarray(0, jnp.int32)),
        )

        def store(index: Int[Array, ""], results: Results) -> Results:
            return jax.tree.map(lambda every, one: every.at[index].set(one), results, group(index))

        return lax.fori_loop(jnp.zeros_like(work.num_groups), work.num_groups, store, empty)

    return program


def _side_by_side(
    spec: Any, values: dict[str, Float[Array, " cell"]], keys: Keys, curriculum: AbstractCurriculum, num_cells: int
) -> SideBySide:
    """The curricula of a group whose repetitions have tasks of their own, along cells times repetitions."""

    def own(values: dict[str, Array], key: Keys) -> AbstractCurriculum:
        return without_durations(curriculum_of(replaced(spec, values), curriculum, key))

    over_repetitions = jax.vmap(own, in_axes=(None, 0))
    every = jax.vmap(over_repetitions, in_axes=(0, None), axis_size=num_cells)(values, keys)
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), every)
    return SideBySide.of_all(flat, curriculum.durations)


class _Built:
    """Systems and initial states of all groups.

    Parts that no swept parameter enters, teachers and initial weights as a rule, exist once per repetition: drawn once,
    and never stored for every cell.
    """

    def __init__(self, spec: Any, values: Values, keys: Keys, dtype: jnp.dtype):
        def built(values: dict[str, Array], key: Keys) -> tuple[AbstractSystem, PyTree]:
            return replaced(spec, values).build(key)

        def leaves(values: dict[str, Array], key: Keys) -> list[Array]:
            held = jax.tree.leaves(eqx.filter(built(values, key), _is_number))
            return _rounded([jnp.asarray(leaf) for leaf in held], dtype)

        first_cell, first_key = jax.tree.map(lambda leaf: leaf[0, 0], values), building.first(keys)
        whole = eqx.filter_eval_shape(built, first_cell, first_key)
        numbers, self._rest = eqx.partition(whole, lambda leaf: hasattr(leaf, "dtype") or isinstance(leaf, float))
        self._structure = jax.tree.structure(numbers)
        self._is_swept = depends_on_first(leaves, first_cell, first_key)

        def swept(values: dict[str, Array], key: Keys) -> list[Array]:
            return [leaf for leaf, is_swept in zip(leaves(values, key), self._is_swept, strict=True) if is_swept]

        def common(key: Keys) -> list[Array]:
            every = zip(leaves(first_cell, key), self._is_swept, strict=True)
            return [leaf for leaf, is_swept in every if not is_swept]

        over_repetitions = jax.vmap(swept, in_axes=(None, 0))
        over_groups = jax.vmap(jax.vmap(over_repetitions, in_axes=(0, None)), in_axes=(0, None))
        # Where only block lengths are swept, nothing that is built depends on the cell.
        self._swept = over_groups(values, keys) if values else []
        self._common = jax.vmap(common)(keys)

    def group(self, index: Int[Array, ""], shape: tuple[int, int]) -> tuple[AbstractSystem, PyTree]:
        """One group, all arrays with a leading axis over cells times repetitions."""
        swept = iter([leaf[index] for leaf in self._swept])
        common = iter([jnp.broadcast_to(leaf[None], (shape[0], *leaf.shape)) for leaf in self._common])
        leaves = [next(swept) if is_swept else next(common) for is_swept in self._is_swept]
        numbers = jax.tree.unflatten(self._structure, [leaf.reshape(-1, *leaf.shape[2:]) for leaf in leaves])
        return eqx.combine(numbers, self._rest)


def _is_number(leaf: Any) -> bool:
    """Whether a part of what is built differs from cell to cell as data: arrays, and real numbers of Python."""
    return eqx.is_array(leaf) or isinstance(leaf, float)


def _stacked(schedules: Sequence[Schedule]) -> Schedule:
    """All of them with a leading axis, of which only those are looked at that are not the same one again."""
    place: dict[int, int] = {}
    index = np.asarray([place.setdefault(id(schedule), len(place)) for schedule in schedules])
    own = [schedules[first] for first in np.unique(index, return_index=True)[1]]
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves])[index], *own)


def _padded(items: Sequence, number: int) -> list:
    return [*items, *[items[-1]] * (number - len(items))]


def _rounded(tree: PyTree, dtype: jnp.dtype) -> PyTree:
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree)
