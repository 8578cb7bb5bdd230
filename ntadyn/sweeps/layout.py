"""Cells of a sweep, sorted into groups that run as one, and groups into tiles."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.interface import AbstractSystem
from ntadyn.simulation.checks import check
from ntadyn.simulation.lane_method import AbstractLaneMethod
from ntadyn.simulation.lanes import lanes_can_run
from ntadyn.simulation.time_grid import lay_out, lay_out_whole_steps
from ntadyn.simulation.whole_steps import AbstractWholeSteps
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Inputs, Randomness, Teachers
from ntadyn.specs.paths import is_real, replaced, value_at
from ntadyn.sweeps.cell_values import as_number, from_number, grouped, real_values
from ntadyn.sweeps.doubt import check_can_be_checked, is_checked_by_gates
from ntadyn.sweeps.group_sizes import group_size, groups_together, on_cpu_lanes
from ntadyn.sweeps.lane_methods import method_on_lanes, wants_bars
from ntadyn.sweeps.plan import (
    BLOCK_DURATION,
    GATE_TIME_CONSTANT,
    STRENGTH,
    TOTAL_TIME,
    WEIGHT_TIME_CONSTANT,
    Axis,
    Sweep,
)
from ntadyn.sweeps.steps import other_steps, step_on_lanes, steps_of_configurations
from ntadyn.sweeps.structure import Schedule, Structure, Tile
from ntadyn.tasks import AbstractCurriculum
from ntadyn.tasks.dependence import depends_on_first

# Steps of all trajectories of a tile together, on lanes and of other systems: some tenths of a second, little to lose
# when killed, and work for several threads.
TILE_STEPS, OTHER_TILE_STEPS = 8_000_000, 2**15
# Groups on the lanes of a CPU that a program is compiled for, unless a tile needs more of them.
MOST_GROUPS = 128
# Initial states of all trajectories of a tile together.
TILE_BYTES = 2**28

# Spent on the time grid, which is data of its own.
_LAID_OUT = (BLOCK_DURATION, TOTAL_TIME, "max_step")
# Data of every program of a `Configuration`, swept or not, so that sweeps that differ in them share it: the maps of a
# command, and commands whose programs are kept. With those of teachers and networks, each cell would draw its own.
_ALWAYS_DATA = (GATE_TIME_CONSTANT, WEIGHT_TIME_CONSTANT, STRENGTH)


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
    if wants_bars(sweep, [part.method for part in parts]):
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
    return list(grouped(chosen, cells).values()) if chosen else [cells]


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
        columns = [as_number(sweep, spec, cells, path) for path in self.on_schedule]
        ends = {tuple(row) for row in np.unique(np.stack(columns, axis=1), axis=0).tolist()} if columns else {()}
        curricula = {end: self._curriculum(sweep, end, system) for end in ends}
        any_curriculum = next(iter(curricula.values()))
        # Lanes know how long a step may be from plain values; others are asked, with all their numbers.
        if steps_are_given and lanes_can_run(system, state):
            specs = {replaced(spec, corner) for corner in corners}
            specs = {(item.teachers, item.inputs) for item in specs}
            size = max(float(_largest_teacher(*item, key.teachers)) for item in specs)
            values = partial(real_values, sweep, spec, cells)
            step = steps_of_configurations(spec, values, size)
            self.method, coarsening = method_on_lanes(sweep, system, state, any_curriculum)
            step = coarsening * step
        else:
            # Built with numbers, a spec of somebody's own refuses starts that it has no system for; a configuration has
            # been checked by its plain values.
            build_one = eqx.filter_jit(build) if steps_are_given else build
            built = [build_one(corner) for corner in corners]
            if lanes_can_run(system, state):
                step = min(step_on_lanes(*one, any_curriculum) for one in built)
                self.method, coarsening = method_on_lanes(sweep, system, state, any_curriculum)
                step = coarsening * step
            else:
                self.method, step = other_steps(spec, built, any_curriculum)
        given = real_values(sweep, spec, cells, "max_step") if steps_are_given else np.full(len(cells), math.nan)
        self.groups = grouped((*columns, np.where(np.isnan(given), step, given)), cells)
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
        changes = {path: from_number(sweep, path, end) for path, end in zip(self.on_schedule, ends, strict=True)}
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
        most_steps = TILE_STEPS if isinstance(self.method, AbstractLaneMethod) else OTHER_TILE_STEPS
        most = int(min(most_steps / (mean_steps * lanes), TILE_BYTES / (self.state_bytes * lanes)))
        return max(1, most)


@partial(jax.jit, static_argnums=(0, 1))
def _largest_teacher(spec: Teachers, inputs: Inputs, key: PRNGKeyArray) -> Float[Array, ""]:
    """max_m |W*^m Sigma|_F."""
    tasks = building.build_tasks(spec, key)
    covariance = building.build_inputs(inputs, tasks)
    seen = tasks.teachers if covariance is None else tasks.teachers @ covariance.matrix()
    return jnp.max(jnp.linalg.norm(seen, axis=(-2, -1)))


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


def _bytes(tree: PyTree) -> int:
    """Memory of the real numbers in a tree."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree) if _is_floating(leaf))


def _is_floating(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)
