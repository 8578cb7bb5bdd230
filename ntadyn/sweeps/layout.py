"""Cells of a sweep, sorted into groups that run as one, and groups into tiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ntadyn.dynamics.order_parameters import OrderParameters
from ntadyn.interface import AbstractSystem
from ntadyn.simulation.checks import check
from ntadyn.simulation.lane_steps import LaneSteps
from ntadyn.simulation.lanes import lanes_can_run
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.native.cuda_steps import CudaSteps
from ntadyn.simulation.native.steps import NativeSteps, native_can_run
from ntadyn.simulation.time_grid import TimeGrid, lay_out, lay_out_whole_steps
from ntadyn.simulation.whole_steps import AbstractWholeSteps
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Inputs, Randomness, Teachers
from ntadyn.specs.paths import is_real, replaced, value_at
from ntadyn.sweeps.doubt import check_can_be_checked, is_checked_by_gates
from ntadyn.sweeps.group_sizes import group_size, groups_together, on_cpu_lanes
from ntadyn.sweeps.plan import (
    BLOCK_DURATION,
    GATE_TIME_CONSTANT,
    STRENGTH,
    TOTAL_TIME,
    WEIGHT_TIME_CONSTANT,
    Axis,
    Backend,
    Sweep,
)
from ntadyn.sweeps.steps import IMPROVED, other_steps, step_on_lanes, steps_of_configurations
from ntadyn.tasks import AbstractCurriculum
from ntadyn.tasks.dependence import depends_on_first

# Steps of all trajectories of a tile together, on lanes and of other systems: some tenths of a second, little to lose
# when killed, and work for several threads.
TILE_STEPS, OTHER_TILE_STEPS = 8_000_000, 2**15
# Of a sweep that gets error bars without asking: half as many steps again take some tenths of a second.
TRAJECTORIES_WITH_BARS = 20_000
# Groups on the lanes of a CPU that a program is compiled for, unless a tile needs more of them.
MOST_GROUPS = 128
# Initial states of all trajectories of a tile together.
TILE_BYTES = 2**28

# What takes the steps where it is asked for.
_KERNELS = {Backend.NATIVE: NativeSteps(), Backend.CUDA: CudaSteps()}
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

    Where a method starts groups together, their steps are taken side by side, and they are recorded one by one.

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
    parts: list[_Part] = []
    for members in _alike(sweep, fixed):
        changes = {path: value for path, value in sweep.changes(int(members[0])).items() if path in fixed}
        parts.append(_Part(sweep, replaced(sweep.configuration, changes), members, fixed))
    if _want_bars(sweep, [part.method for part in parts]):
        for part in parts:
            part.method = replace(part.method, barred=True)
    return tuple(tile for part in parts for tile in part.tiles(chosen, repetitions))


def _compiled_in(sweep: Sweep) -> list[str]:
    """Parameters by which programs differ: all but real numbers, and those that say how to step."""
    spec = sweep.configuration
    fixed = [a.path for a in sweep.parameters if not is_real(spec, a.path) and a.path not in _laid_out(spec)]
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
        record_bytes: memory of all records of a state.
    """

    def __init__(self, sweep: Sweep, spec: Any, cells: np.ndarray, fixed: Sequence[str]):
        self.spec = spec
        self.precision = sweep.precision
        real = [axis.path for axis in sweep.parameters if axis.path not in fixed]
        steps_are_given = isinstance(spec, Configuration)
        data = set(real) - {*_LAID_OUT} | {*_ALWAYS_DATA} if steps_are_given else set(real)
        self.paths = tuple(sorted(data - {*_laid_out(spec)}))
        key = building.first(building.keys_of(sweep.seeds, sweep.repetitions()))

        def build(changes: dict[str, Any]) -> tuple[AbstractSystem, PyTree]:
            return replaced(spec, changes).build(key)

        corners = self._corners(sweep)
        # Numbers are known here, and checked; what depends on the key is not computed.
        for corner in corners:
            eqx.filter_eval_shape(partial(build, corner))
        # A value that stands for itself, as an exponent of zero, may build what needs less than a swept one does.
        swept = {path: jnp.asarray(value, sweep.precision.value) for path, value in corners[0].items()}
        system, state = eqx.filter_eval_shape(build, swept)
        self.state_bytes = _bytes((system, state))
        self.on_schedule = _on_schedule(spec, real, system)
        columns = [_numbered(sweep, spec, cells, path) for path in self.on_schedule]
        ends = {tuple(row) for row in np.unique(np.stack(columns, axis=1), axis=0).tolist()} if columns else {()}
        curricula = {end: self._curriculum(sweep, end, system) for end in ends}
        any_curriculum = next(iter(curricula.values()))
        # Lanes know how long a step may be from plain values; others are asked, with all their numbers.
        if steps_are_given and lanes_can_run(system, state):
            specs = {replaced(spec, corner) for corner in corners}
            specs = {(item.teachers, item.inputs) for item in specs}
            size = max(float(_largest_teacher(*item, key.teachers)) for item in specs)
            values = partial(_values, sweep, spec, cells)
            step = steps_of_configurations(spec, values, size)
            self.method, coarsening = _on_lanes(sweep, system, state, any_curriculum)
            step = coarsening * step
        else:
            # Built with numbers, a spec of somebody's own refuses starts that it has no system for; a configuration has
            # been checked by its plain values.
            build_one = eqx.filter_jit(build) if steps_are_given else build
            built = [build_one(corner) for corner in corners]
            if lanes_can_run(system, state):
                step = min(step_on_lanes(*one, any_curriculum) for one in built)
                self.method, coarsening = _on_lanes(sweep, system, state, any_curriculum)
                step = coarsening * step
            else:
                self.method, step = other_steps(spec, built, any_curriculum)
        given = _values(sweep, spec, cells, "max_step") if steps_are_given else np.full(len(cells), math.nan)
        self.groups = _grouped((*columns, np.where(np.isnan(given), step, given)), cells)
        self.num_blocks = max(curriculum.num_blocks for curriculum in curricula.values())
        self.record_bytes = 2 * self.num_blocks * _bytes(state)
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

    def _curriculum(self, sweep: Sweep, ends: tuple[float, ...], system: AbstractSystem) -> AbstractCurriculum:
        changes = {path: _meant(sweep, path, end) for path, end in zip(self.on_schedule, ends, strict=True)}
        return replaced(self.spec, changes).build_curriculum(system)

    def tiles(self, chosen: np.ndarray, repetitions: int) -> list[Tile]:
        """The cells that are True in `chosen`, which has an entry for every cell of the sweep."""
        work = [(len(members), self.num_steps[key]) for key, members in self.groups.items()]
        size = group_size(self.method, work, repetitions, self.precision.itemsize)
        wanted = min(self._groups_per_tile(work, size * repetitions), sum(-(-number // size) for number, _ in work))
        few = on_cpu_lanes(self.method) and not self.method.starts_together
        most = max(MOST_GROUPS, wanted) if few else wanted
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
        number = jax.device_put(np.asarray(grid.start.shape[0]))
        schedule = Schedule(grid.padded(2 * self.num_blocks), curriculum.padded(self.num_blocks), number)
        # In NumPy, because every tile stacks those of its groups.
        return jax.tree.map(np.asarray, schedule)

    def _compiled_in(self) -> Any:
        """The specification without what is data, and without seeds."""
        if not isinstance(self.spec, Configuration):
            return self.spec
        given = (*self.paths, *_LAID_OUT, *_laid_out(self.spec))
        data = (path for path in given if value_at(self.spec, path) is not None)
        return replaced(self.spec, {path: 1.0 for path in data} | {"randomness": Randomness()})

    def _groups_per_tile(self, work: Sequence[tuple[int, int]], lanes: int) -> int:
        """As many as make a tile of the wanted number of steps."""
        if self.method.starts_together:
            return groups_together(lanes, self.record_bytes)
        mean_steps = sum(number * steps for number, steps in work) / sum(number for number, _ in work)
        most_steps = TILE_STEPS if isinstance(self.method, LaneSteps | NativeSteps) else OTHER_TILE_STEPS
        most = int(min(most_steps / (mean_steps * lanes), TILE_BYTES / (self.state_bytes * lanes)))
        return max(1, most)


@partial(jax.jit, static_argnums=(0, 1))
def _largest_teacher(spec: Teachers, inputs: Inputs, key: PRNGKeyArray) -> Float[Array, ""]:
    """max_m |W*^m Sigma|_F."""
    tasks = building.build_tasks(spec, key)
    covariance = building.build_inputs(inputs, tasks)
    seen = tasks.teachers if covariance is None else tasks.teachers @ covariance.matrix()
    return jnp.max(jnp.linalg.norm(seen, axis=(-2, -1)))


def _on_lanes(
    sweep: Sweep, system: AbstractSystem, state: PyTree, curriculum: AbstractCurriculum
) -> tuple[AbstractMethod, float]:
    """How to step a system that runs on lanes, and how much longer the steps may be than those of `LaneSteps`.

    Raises:
        ValueError: if kernels are asked for that are not there, or not written for the system.
    """
    varies = curriculum.varies_within_blocks()
    if sweep.backend in _KERNELS:
        asked = _KERNELS[sweep.backend]
        asked.check(system, state)
        if varies:
            raise ValueError(
                f"backend is {sweep.backend.name}, but kernels take no tasks that vary within a block; leave it out."
            )
        assert isinstance(system, OrderParameters)  # what kernels are written for
        return asked.fitted(system, state), IMPROVED
    if sweep.backend is Backend.XLA or varies or not native_can_run(system, state):
        return LaneSteps(), 1.0
    assert isinstance(system, OrderParameters)  # what kernels are written for
    return NativeSteps().fitted(system, state), IMPROVED


def _want_bars(sweep: Sweep, methods: Sequence[AbstractMethod]) -> bool:
    """Whether every trajectory of a sweep gets an error bar.

    Raises:
        ValueError: if bars are asked for and not all steps are those of kernels.
    """
    able = all(isinstance(method, NativeSteps) for method in methods)
    if sweep.bars and not able:
        raise ValueError(
            'bars is True, but error bars are made by kernels only, which need Numba (`pip install "ntadyn[fast]"`) '
            "and a system that they are written for. Leave it out, and let `check` run cells again with finer steps."
        )
    few = sweep.num_cells * len(sweep.repetitions()) <= TRAJECTORIES_WITH_BARS
    return able and (few if sweep.bars is None else sweep.bars)


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
        return tuple(path for path in paths if path in (BLOCK_DURATION, TOTAL_TIME, *_laid_out(spec)))
    return tuple(path for path in paths if depends(path))


def _laid_out(spec: Any) -> tuple[str, ...]:
    """Parameters of any type of which a spec says that only its blocks depend on them."""
    return getattr(spec, "laid_out", ())


def _numbered(sweep: Sweep, spec: Any, cells: np.ndarray, path: str) -> np.ndarray:
    """A swept parameter in every cell, as a number: itself, or its place among the values of its axis."""
    if is_real(spec, path):
        return _values(sweep, spec, cells, path)
    for axis, index in zip(sweep.axes, np.unravel_index(cells, sweep.shape), strict=True):
        if any(item.path == path for item in axis.parameters):
            return index.astype(float)
    raise AssertionError(f"{path} is no axis")


def _meant(sweep: Sweep, path: str, number: float) -> Any:
    """The value of a swept parameter whose number is `_numbered`."""
    if is_real(sweep.configuration, path):
        return number
    return next(item.values[int(number)] for item in sweep.parameters if item.path == path)


def _bytes(tree: PyTree) -> int:
    """Memory of the real numbers in a tree."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree) if _is_floating(leaf))


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
