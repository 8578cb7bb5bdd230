"""Cells of a sweep, sorted into groups that run as one, and groups into tiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ntadyn.interface import AbstractGatedLinear, AbstractSystem
from ntadyn.simulation.checks import check
from ntadyn.simulation.integration import VECTOR_BYTES
from ntadyn.simulation.lane_steps import LaneSteps
from ntadyn.simulation.lanes import lanes_can_run
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid, lay_out, lay_out_whole_steps
from ntadyn.simulation.whole_steps import AbstractWholeSteps
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Randomness, Teachers
from ntadyn.specs.paths import is_real, replaced, value_at
from ntadyn.sweeps.doubt import check_can_be_checked, is_checked_by_gates
from ntadyn.sweeps.plan import (
    BLOCK_DURATION,
    GATE_TIME_CONSTANT,
    STRENGTH,
    TOTAL_TIME,
    WEIGHT_TIME_CONSTANT,
    Axis,
    Sweep,
)
from ntadyn.sweeps.scores import OUTCOME, Final, Measures, Recorded
from ntadyn.sweeps.steps import other_steps, step_on_lanes, steps_of_configurations
from ntadyn.tasks import AbstractCurriculum
from ntadyn.tasks.dependence import depends_on_first

# Steps of all trajectories of a tile together, on lanes and of other systems: some tenths of a second, little to lose
# when killed, and work for several threads.
TILE_STEPS, OTHER_TILE_STEPS = 8_000_000, 2**15
# The arrays of lanes of a group of this size stay in the nearest cache of a processor. It is also the largest for which
# XLA, without the options of `ntadyn.xla_options`, runs a loop in the thread that calls it.
CPU_GROUP_BYTES = 512
# A step of fewer lanes takes as long as one of these, and records and scores add what these take, see `cells_on_lanes`.
CPU_LEAST_LANES, BETWEEN_STEPS, LITTLE_MORE = 64, 8, 1.1
# Groups on the lanes of a CPU that a program is compiled for, unless a tile needs more of them.
MOST_GROUPS = 128
# Trajectories of a group of systems that do not run on lanes, whose states stay in the caches, and of any system on an
# accelerator; and what a step of these costs whatever their number, in units of what it costs per trajectory.
CPU_LANES, CPU_OVERHEAD = 64, 16
ACCELERATOR_LANES, ACCELERATOR_OVERHEAD = 2**17, 250
# Initial states of all trajectories of a tile together.
TILE_BYTES = 2**28

# Spent on the time grid, which is data of its own.
_LAID_OUT = (BLOCK_DURATION, TOTAL_TIME, "max_step")
# Data of every program of a `Configuration`, swept or not, so that sweeps that differ in them share it: the maps of a
# command, and commands whose programs are kept. With those of teachers and networks, each cell would draw its own.
_ALWAYS_DATA = (GATE_TIME_CONSTANT, WEIGHT_TIME_CONSTANT, STRENGTH)


@dataclass(frozen=True)
class Structure:
    """Cells that one compiled program can run: they differ in real numbers only.

    Attributes:
        spec: all parameters that are compiled in; what is data has the value 1 here.
        paths: parameters that are data of the program.
        method: how to step.
        by_gates: whether checks look at gates and alignments, see `ntadyn.sweeps.doubt`, or at what is kept.
        num_blocks: number of blocks that all schedules are padded to, with two intervals each.
        num_cells: cells of a group.
        num_groups: groups that a tile may have.
    """

    spec: Any
    paths: tuple[str, ...]
    method: AbstractMethod
    by_gates: bool
    num_blocks: int
    num_cells: int
    num_groups: int


class Schedule(eqx.Module):
    """The time grid of a group as data: padded intervals, the padded curriculum, and how many intervals are real."""

    grid: TimeGrid
    curriculum: AbstractCurriculum
    num_records: Int[Array, ""]

    @property
    def num_steps(self) -> int:
        """Steps of one trajectory."""
        return int(np.sum(np.asarray(self.grid.num_steps)))

    @property
    def longest_step(self) -> float:
        """The longest mean step of an interval."""
        number = np.maximum(np.asarray(self.grid.num_steps), 1)
        return float(np.max(np.asarray(self.grid.length) / number))


@dataclass(frozen=True)
class Tile:
    """Groups that run in one call, one after the other; the cells of a group run side by side on one time grid.

    Attributes:
        structure: what the program is made of.
        groups: numbers of the cells of every group, see `Sweep.changes`.
        schedules: the time grid of every group.
    """

    structure: Structure
    groups: tuple[tuple[int, ...], ...]
    schedules: tuple[Schedule, ...]

    @property
    def cells(self) -> tuple[int, ...]:
        """Numbers of all cells, group by group."""
        return tuple(cell for group in self.groups for cell in group)


def lay_out_sweep(sweep: Sweep, cells: Sequence[int] | None = None) -> tuple[Tile, ...]:
    """Check a sweep and cut it into tiles, the same ones whenever and wherever that is done.

    How a cell is run (program, steps, time grid) depends on its own parameters and on the sweep, never on which other
    cells are run with it.

    Args:
        sweep: what to run.
        cells: some of its cells; all if omitted.

    Returns:
        The tiles, those with most steps first.

    Raises:
        ValueError: before any compilation, for anything that cannot be built or run.
    """
    if not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "sweeps draw random numbers in double precision, but 64-bit floats are off; call "
            "jax.config.update('jax_enable_x64', True) first."
        )
    sweep.check_values()
    repetitions = len(sweep.repetitions())
    if repetitions == 0:
        raise ValueError(f"num_seeds is {sweep.num_repetitions}; at least one repetition is needed.")
    chosen = np.full(sweep.num_cells, cells is None)
    if cells is not None:
        chosen[list(cells)] = True
    fixed = _compiled_in(sweep)
    tiles: list[Tile] = []
    for members in _alike(sweep, fixed):
        changes = {path: value for path, value in sweep.changes(int(members[0])).items() if path in fixed}
        tiles += _Part(sweep, replaced(sweep.configuration, changes), members, fixed).tiles(chosen, repetitions)
    return tuple(tiles)


def best_group_size(work: Sequence[tuple[int, int]], repetitions: int, most: int, overhead: int) -> int:
    """Cells per group that take the least time: full groups, but few of them.

    Args:
        work: number of cells with equal time grids, and steps of one trajectory, of every time grid.
        repetitions: trajectories of a cell.
        most: trajectories of a group, unless a single cell has more.
        overhead: what a step of a group costs whatever its trajectories, in units of what it costs per trajectory.
    """
    sizes = np.arange(1, max(1, most // repetitions) + 1)
    rounds = sum(-(-number // sizes) * steps for number, steps in work)
    return int(sizes[np.argmin(rounds * (overhead + sizes * repetitions))])


def cells_on_lanes(repetitions: int, itemsize: int) -> int:
    """Cells per group on the lanes of a CPU: the fewest of those that take the least time per cell, or little more.

    Fewer cells in a group leave fewer lanes empty where few cells share a time grid.

    Args:
        repetitions: lanes of a cell.
        itemsize: bytes of a number.
    """
    cells = np.arange(1, max(1, CPU_GROUP_BYTES // itemsize // repetitions) + 1)
    vector = VECTOR_BYTES // itemsize
    # Fewer lanes take as long, because operations wait for each other instead of for their turn.
    lanes = np.maximum(-(-cells * repetitions // vector) * vector, CPU_LEAST_LANES)
    costs = (BETWEEN_STEPS + lanes) / cells
    return int(cells[np.argmax(costs <= LITTLE_MORE * np.min(costs))])


def _compiled_in(sweep: Sweep) -> list[str]:
    """Parameters by which programs differ: all but real numbers, and those that say how to step."""
    spec = sweep.configuration
    fixed = [axis.path for axis in sweep.parameters if not is_real(spec, axis.path)]
    # The step of a configuration is part of its time grid.
    if isinstance(spec, Configuration) or not hasattr(spec, "build_method"):
        return fixed
    first = replaced(spec, sweep.changes(0))
    built = first.build(building.first(building.keys_of(sweep.seeds, sweep.repetitions())))

    def says_how(axis: Axis) -> bool:
        ends = (replaced(first, {axis.path: end(axis.values)}) for end in (min, max))
        one, other = (end.build_method(*built) for end in ends)
        return not eqx.tree_equal(one, other)

    return fixed + [axis.path for axis in sweep.parameters if axis.path not in fixed and says_how(axis)]


def _alike(sweep: Sweep, paths: Sequence[str]) -> list[np.ndarray]:
    """All cells, those with equal values of some parameters together."""
    cells = np.arange(sweep.num_cells)
    indices = zip(sweep.axes, np.unravel_index(cells, sweep.shape), strict=True)
    chosen = [index for axis, index in indices if any(item.path in paths for item in axis.parameters)]
    return list(_grouped(chosen, cells).values()) if chosen else [cells]


class _Part:
    """The cells of one structure, in groups of equal time grids.

    Attributes:
        spec: the parameters that all have in common.
        paths: see `Structure`, as `method`, `by_gates` and `num_blocks`.
        groups: (block duration, total time, largest step) -> cells.
        schedules: the same -> the time grid, padded to the length that all share.
        num_steps: the same -> steps of one trajectory.
        state_bytes: memory of one system with its initial state.
    """

    def __init__(self, sweep: Sweep, spec: Any, cells: np.ndarray, fixed: Sequence[str]):
        self.spec = spec
        self.precision = sweep.precision
        real = [axis.path for axis in sweep.parameters if axis.path not in fixed]
        steps_are_given = isinstance(spec, Configuration)
        data = {path for path in real if path not in _LAID_OUT} | set(_ALWAYS_DATA) if steps_are_given else real
        self.paths = tuple(sorted(data))
        key = building.first(building.keys_of(sweep.seeds, sweep.repetitions()))

        def build(changes: dict[str, Any]) -> tuple[AbstractSystem, PyTree]:
            return replaced(spec, changes).build(key)

        corners = self._corners(sweep)
        # Numbers are known here, and checked; what depends on the key is not computed.
        shapes = [eqx.filter_eval_shape(partial(build, corner)) for corner in corners]
        system, state = shapes[0]
        held = [leaf for leaf in jax.tree.leaves((system, state)) if _is_floating(leaf)]
        self.state_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in held)
        self.on_schedule = _on_schedule(spec, real, system)
        columns = [_values(sweep, spec, cells, path) for path in self.on_schedule]
        ends = {tuple(row) for row in np.unique(np.stack(columns, axis=1), axis=0).tolist()} if columns else {()}
        curricula = {end: self._curriculum(end, system) for end in ends}
        any_curriculum = next(iter(curricula.values()))
        # Lanes know how long a step may be from plain values; others are asked, with all their numbers.
        if steps_are_given and lanes_can_run(system, state):
            specs = {replaced(spec, corner).teachers for corner in corners}
            size = max(float(_largest_teacher(item, key.teachers)) for item in specs)
            values = partial(_values, sweep, spec, cells)
            self.method, step = LaneSteps(), steps_of_configurations(spec, values, size)
        else:
            # Built with numbers, a spec of somebody's own refuses starts that it has no system for; a configuration has
            # been checked by its plain values.
            build_one = eqx.filter_jit(build) if steps_are_given else build
            built = [build_one(corner) for corner in corners]
            if lanes_can_run(system, state):
                self.method, step = LaneSteps(), min(step_on_lanes(*one, any_curriculum) for one in built)
            else:
                self.method, step = other_steps(spec, built, any_curriculum)
        given = _values(sweep, spec, cells, "max_step") if steps_are_given else np.full(len(cells), math.nan)
        self.groups = _grouped((*columns, np.where(np.isnan(given), step, given)), cells)
        self.num_blocks = max(curriculum.num_blocks for curriculum in curricula.values())
        self.schedules = {key: self._schedule(curricula[key[:-1]], key[-1]) for key in self.groups}
        self.num_steps = {key: schedule.num_steps for key, schedule in self.schedules.items()}
        if sweep.check > 0:
            check_can_be_checked(system, self.method)
        check(system, any_curriculum, state, self.method, sweep.check > 0)
        self.by_gates = is_checked_by_gates(system, state)
        if steps_are_given and spec.network.num_paths < system.num_tasks:
            raise ValueError(
                f"a sweep matches every task to a path of its own; got {system.num_tasks} tasks, composites "
                f"included, and {spec.network.num_paths} paths. Use more paths."
            )

    def _corners(self, sweep: Sweep) -> list[dict[str, float]]:
        """Both ends of every swept parameter."""
        axes = {axis.path: axis for axis in sweep.parameters if axis.path in self.paths}
        first = {path: axis.values[0] for path, axis in axes.items()}
        corners = [first]
        for path, axis in axes.items():
            corners += [first | {path: value} for value in {min(axis.values), max(axis.values)} - {first[path]}]
        return corners

    def _curriculum(self, ends: tuple[float, ...], system: AbstractSystem) -> AbstractCurriculum:
        return replaced(self.spec, dict(zip(self.on_schedule, ends, strict=True))).build_curriculum(system)

    def tiles(self, chosen: np.ndarray, repetitions: int) -> list[Tile]:
        """The cells that are True in `chosen`, which has an entry for every cell of the sweep."""
        work = [(len(members), self.num_steps[key]) for key, members in self.groups.items()]
        size = self._group_size(work, repetitions)
        wanted = min(self._groups_per_tile(work, size * repetitions), sum(-(-number // size) for number, _ in work))
        most = max(MOST_GROUPS, wanted) if self._on_cpu_lanes() else wanted
        structure = Structure(self._compiled_in(), self.paths, self.method, self.by_gates, self.num_blocks, size, most)
        groups: list[tuple[int, tuple[int, ...], Schedule]] = []
        for key, members in self.groups.items():
            found = members[chosen[members]]
            parts = (found[start : start + size] for start in range(0, found.size, size))
            groups += [(self.num_steps[key], tuple(part.tolist()), self.schedules[key]) for part in parts]
        groups.sort(key=lambda group: (-group[0], group[1]))
        tiles = (groups[start : start + wanted] for start in range(0, len(groups), wanted))
        return [Tile(structure, *(tuple(item) for item in list(zip(*tile, strict=True))[1:])) for tile in tiles]

    def _schedule(self, curriculum: AbstractCurriculum, step: float) -> Schedule:
        place = lay_out_whole_steps if isinstance(self.method, AbstractWholeSteps) else lay_out
        grid = place(curriculum, step)
        number = np.asarray(grid.start.shape[0])
        return Schedule(grid.padded(2 * self.num_blocks), curriculum.padded(self.num_blocks), jax.device_put(number))

    def _compiled_in(self) -> Any:
        """The specification without what is data, and without seeds."""
        if not isinstance(self.spec, Configuration):
            return self.spec
        data = (path for path in (*self.paths, *_LAID_OUT) if value_at(self.spec, path) is not None)
        return replaced(self.spec, {path: 1.0 for path in data} | {"randomness": Randomness()})

    def _on_cpu_lanes(self) -> bool:
        return jax.default_backend() == "cpu" and isinstance(self.method, LaneSteps)

    def _group_size(self, work: Sequence[tuple[int, int]], repetitions: int) -> int:
        """Cells per group; on lanes whatever the work is, so that sweeps of the same kind share a program."""
        if self._on_cpu_lanes():
            return cells_on_lanes(repetitions, self.precision.itemsize)
        if jax.default_backend() != "cpu":
            return best_group_size(work, repetitions, ACCELERATOR_LANES, ACCELERATOR_OVERHEAD)
        return best_group_size(work, repetitions, CPU_LANES, CPU_OVERHEAD)

    def _groups_per_tile(self, work: Sequence[tuple[int, int]], lanes: int) -> int:
        """As many as make a tile of the wanted number of steps."""
        mean_steps = sum(number * steps for number, steps in work) / sum(number for number, _ in work)
        most_steps = TILE_STEPS if isinstance(self.method, LaneSteps) else OTHER_TILE_STEPS
        most = int(min(most_steps / (mean_steps * lanes), TILE_BYTES / (self.state_bytes * lanes)))
        return max(1, most)


@partial(jax.jit, static_argnums=0)
def _largest_teacher(spec: Teachers, key: PRNGKeyArray) -> Float[Array, ""]:
    """max_m |W*^m|_F."""
    return jnp.max(jnp.linalg.norm(building.build_tasks(spec, key).teachers, axis=(-2, -1)))


def measures_for(sweep: Sweep) -> Measures:
    """What is kept of a sweep by default: its outcome, or where paths cannot be matched with tasks the last records.

    Args:
        sweep: a sweep whose values have been checked.

    Returns:
        `OUTCOME` for gated linear systems with a path for every task; else all observables of the system at the end.
    """
    spec = replaced(sweep.configuration, sweep.changes(0))
    if isinstance(spec, Configuration):
        return OUTCOME
    key = building.first(building.keys_of(sweep.seeds, sweep.repetitions()))
    system, state = eqx.filter_eval_shape(spec.build, key)
    if isinstance(system, AbstractGatedLinear):
        gates = eqx.filter_eval_shape(lambda system, state: system.gates(state), system, state)
        if gates.shape[0] >= system.num_tasks:
            return OUTCOME
    observables = system.observables()
    return Measures(observables, {name: Final(name) for name in observables} | {"result": OUTCOME.scores["result"]})


def check_measures(sweep: Sweep, measures: Measures) -> None:
    """Refuse observables that a spec's system does not have, such as the gates of one without any.

    Args:
        sweep: a sweep whose values have been checked.
        measures: what it is to keep.

    Raises:
        ValueError: if so, with the name of the observable.
    """
    if isinstance(sweep.configuration, Configuration):
        return
    system, state, task = _shapes(sweep)
    for name, observable in measures.observables.items():
        try:
            eqx.filter_eval_shape(observable, system, state, task)
        except AttributeError as error:
            kind = type(system).__name__
            raise ValueError(
                f"{name!r} cannot be observed in a {kind} ({error}). Leave `measures` out to keep what it observes "
                f"itself, {list(system.observables())}, or pass `Measures` of others."
            ) from error


def scores_of_one_number(sweep: Sweep, measures: Measures) -> tuple[str, ...]:
    """The scores by which cells can be drawn and compared: one number per trajectory, and not its result code.

    Args:
        sweep: a sweep whose values have been checked.
        measures: what it is to keep.
    """

    def of_two_records(system: AbstractSystem, state: PyTree, task: PyTree) -> dict[str, Any]:
        seen = {name: jnp.asarray(observable(system, state, task)) for name, observable in measures.observables.items()}
        values = {name: jnp.stack([value, value]) for name, value in seen.items()}
        record = Recorded(jnp.zeros(2), jnp.zeros(2, int), values, jnp.ones(2, bool), RESULTS.successful)
        return {name: score(record) for name, score in measures.scores.items() if name != "result"}

    scores = eqx.filter_eval_shape(of_two_records, *_shapes(sweep))
    return tuple(name for name in measures.scores if name in scores and scores[name].shape == ())


def _shapes(sweep: Sweep) -> tuple[AbstractSystem, PyTree, PyTree]:
    """System, state and task of the first cell, of whose arrays only the shapes are known."""
    spec = replaced(sweep.configuration, sweep.changes(0))
    key = building.first(building.keys_of(sweep.seeds, sweep.repetitions()))
    system, state = eqx.filter_eval_shape(spec.build, key)
    curriculum = spec.build_curriculum(system)
    return system, state, jax.eval_shape(curriculum.task, 0, curriculum.durations[0])


def _on_schedule(spec: Any, paths: Sequence[str], system: AbstractSystem) -> tuple[str, ...]:
    """The parameters that blocks depend on: all of those by which the curriculum cannot be traced, or changes."""

    def depends(path: str) -> bool:
        def leaves(value: Array) -> list[Array]:
            curriculum = replaced(spec, {path: value}).build_curriculum(system)
            return [jnp.asarray(leaf) for leaf in jax.tree.leaves(curriculum)]

        try:
            return any(depends_on_first(leaves, jnp.asarray(1.0)))
        except Exception:  # numbers of blocks, comparisons: whatever asks for the number itself
            return True

    if isinstance(spec, Configuration):
        return tuple(path for path in paths if path in (BLOCK_DURATION, TOTAL_TIME))
    return tuple(path for path in paths if depends(path))


def _is_floating(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)


def _values(sweep: Sweep, configuration: Any, cells: np.ndarray, path: str) -> np.ndarray:
    """A real parameter in every cell, swept or not; NaN for None."""
    for axis, index in zip(sweep.axes, np.unravel_index(cells, sweep.shape), strict=True):
        for item in axis.parameters:
            if item.path == path:
                return np.asarray(item.values, float)[index]
    value = value_at(configuration, path)
    return np.full(len(cells), math.nan if value is None else value)


def _grouped(columns: Sequence[np.ndarray], cells: np.ndarray) -> dict[tuple[Any, ...], np.ndarray]:
    """Distinct rows of some columns -> the cells that have them, ascending."""
    rows, group = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(group.ravel()))[:-1]
    return dict(zip(map(tuple, rows.tolist()), np.split(cells[order], ends), strict=True))
