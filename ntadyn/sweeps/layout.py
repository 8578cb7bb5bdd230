"""Cells of a sweep, sorted into groups that run as one, and groups into tiles."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PyTree

from ntadyn.interface import AbstractGatedLinear
from ntadyn.simulation.checks import check
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.lane_steps import LaneSteps
from ntadyn.simulation.lanes import lanes_can_run
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.time_grid import TimeGrid, lay_out
from ntadyn.solvers.dividing import SLACK
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics, is_real, replaced, value_at
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, TOTAL_TIME, WEIGHT_TIME_CONSTANT, Sweep
from ntadyn.tasks import Blocked

# Steps on lanes are 0.07 tau_c^(3/4) tau_W^(1/4) / |W*|. On the maps of figure 5 gates are then off by less than 1e-3
# in 99 of 100 trajectories that do not amplify a jitter of their start a thousandfold (95 of 100 do not), and
# alignments in nearly all, for gates between 20 and 400 times faster than weights (experiments/figure_5_doubt.py).
LANE_STEP = 0.07
# Other systems are swept in steps that keep alignments, which move less than gates, to 1e-3 away from the border.
COARSENING = 2.5
# Steps come in few lengths, each 2^(-1/3) of the one before, so that cells that differ little share their time grid.
STEPS_PER_OCTAVE = 3
# Steps of all trajectories of a tile together: some tenths of a second on lanes, little to lose when killed.
TILE_STEPS = 8_000_000
# XLA runs a loop over arrays of up to this size in the thread that calls it. Larger ones it hands to a pool of threads,
# operation by operation, which for some hundred lanes takes several times longer than the arithmetic.
CPU_GROUP_BYTES = 512
# Trajectories of a group of systems that do not run on lanes, and of any system on an accelerator.
CPU_LANES = 512
ACCELERATOR_LANES = 2**17
# What a step costs whatever its lanes, in units of what it costs per lane.
OVERHEAD_LANES = 250
# Initial states of all trajectories of a tile together.
TILE_BYTES = 2**28

# Spent on the time grid, which is data of its own.
_LAID_OUT = (BLOCK_DURATION, TOTAL_TIME, "max_step")
_TIME_CONSTANTS = (GATE_TIME_CONSTANT, WEIGHT_TIME_CONSTANT)
_OF_THE_START = ("network.initial_gate", "network.initial_gate_scale", "network.initial_scale")


@dataclass(frozen=True)
class Structure:
    """Cells that one compiled program can run: they differ in real numbers only.

    Attributes:
        configuration: all parameters that are compiled in, and those that no axis changes.
        paths: parameters that are data of the program.
        method: how to step.
        num_blocks: number of blocks that all schedules are padded to, with two intervals each.
        num_cells: cells of a group.
        num_groups: groups of a tile.
    """

    configuration: Configuration
    paths: tuple[str, ...]
    method: AbstractMethod | LaneSteps
    num_blocks: int
    num_cells: int
    num_groups: int


class Schedule(eqx.Module):
    """The time grid of a group as data: padded intervals, the task of every block, and how many intervals are real."""

    grid: TimeGrid
    tasks: Int[Array, " b"]
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
        raise ValueError(f"num_seeds is {sweep.configuration.randomness.num_seeds}; at least one repetition is needed.")
    chosen = np.full(sweep.num_cells, cells is None)
    if cells is not None:
        chosen[list(cells)] = True
    fixed = [axis.path for axis in sweep.parameters if not is_real(sweep.configuration, axis.path)]
    tiles: list[Tile] = []
    for members in _alike(sweep, fixed):
        changes = {path: value for path, value in sweep.changes(int(members[0])).items() if path in fixed}
        tiles += _Part(sweep, replaced(sweep.configuration, changes), members).tiles(chosen, repetitions)
    return tuple(tiles)


def _best_group_size(work: Sequence[tuple[int, int]], repetitions: int, lanes: int) -> int:
    """Cells per group that take the least time for given (numbers of cells, steps): full groups, but few of them."""
    sizes = np.arange(1, max(1, lanes // repetitions) + 1)
    steps = sum(-(-number // sizes) * steps for number, steps in work)
    return int(sizes[np.argmin(steps * (OVERHEAD_LANES + sizes * repetitions))])


def _alike(sweep: Sweep, paths: Sequence[str]) -> list[np.ndarray]:
    """All cells, those with equal values of some parameters together."""
    cells = np.arange(sweep.num_cells)
    indices = zip(sweep.axes, np.unravel_index(cells, sweep.shape), strict=True)
    chosen = [index for axis, index in indices if any(item.path in paths for item in axis.parameters)]
    return list(_grouped(chosen, cells).values()) if chosen else [cells]


class _Part:
    """The cells of one structure, in groups of equal time grids.

    Attributes:
        groups: (block duration, total time, largest step) -> cells.
        schedules: the same -> the time grid, padded to the length that all share.
        num_steps: the same -> steps of one trajectory.
        num_blocks: number of blocks that all time grids are padded to.
        state_bytes: memory of one system with its initial state.
    """

    def __init__(self, sweep: Sweep, configuration: Configuration, cells: np.ndarray):
        self.configuration = configuration
        self.precision = sweep.precision
        real = [axis.path for axis in sweep.parameters if is_real(configuration, axis.path)]
        self.paths = tuple(path for path in real if path not in _LAID_OUT)
        key = building.first(building.keys_of(sweep.configuration.randomness.seed, sweep.repetitions()))

        def build(changes: dict[str, Any]) -> tuple[AbstractGatedLinear, PyTree]:
            return building.build(replaced(configuration, changes), key)

        corners = self._corners(sweep)
        # Numbers are known here, and checked; what depends on the key is not computed.
        systems, (state, *_) = zip(*[jax.eval_shape(partial(build, corner)) for corner in corners], strict=True)
        held = [leaf for leaf in jax.tree.leaves((systems[0], state)) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        self.state_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in held)
        if lanes_can_run(systems[0], state):
            specs = {replaced(configuration, corner).teachers for corner in corners}
            teachers = [np.asarray(building.build_tasks(spec, key.teachers).teachers) for spec in specs]
            size = max(float(np.max(np.linalg.norm(item, axis=(-2, -1)))) for item in teachers)
            gates, weights, *start = (
                _values(sweep, configuration, path, cells) for path in (*_TIME_CONSTANTS, *_OF_THE_START)
            )
            largest = np.maximum(size, _exchange_at_start(configuration, start, size) / SLACK)
            self.method, step = LaneSteps(), _lane_steps(gates, weights, largest)
        else:
            built = jax.jit(build)
            self.method, step = _other_steps(configuration, [built(corner) for corner in corners])
        *ends, given = (_values(sweep, configuration, path, cells) for path in _LAID_OUT)
        self.groups = _grouped((*ends, np.where(np.isnan(given), step, given)), cells)
        curricula = {ends: self._curriculum(ends, systems[0]) for ends in {key[:2] for key in self.groups}}
        self.num_blocks = max(curriculum.num_blocks for curriculum in curricula.values())
        self.schedules = {key: self._schedule(curricula[key[:2]], key[2]) for key in self.groups}
        self.num_steps = {key: schedule.num_steps for key, schedule in self.schedules.items()}
        method = FixedSteps() if isinstance(self.method, LaneSteps) else self.method
        check(systems[0], next(iter(curricula.values())), state, method, sweep.check > 0)
        if configuration.network.num_paths < systems[0].tasks.num_tasks:
            raise ValueError(
                f"a sweep matches every task to a path of its own; got {systems[0].tasks.num_tasks} tasks, composites "
                f"included, and {configuration.network.num_paths} paths. Use more paths."
            )

    def _corners(self, sweep: Sweep) -> list[dict[str, float]]:
        """Both ends of every swept parameter."""
        axes = {axis.path: axis for axis in sweep.parameters if axis.path in self.paths}
        first = {path: axis.values[0] for path, axis in axes.items()}
        corners = [first]
        for path, axis in axes.items():
            corners += [first | {path: value} for value in {min(axis.values), max(axis.values)} - {first[path]}]
        return corners

    def _curriculum(self, ends: tuple[float, ...], system: AbstractGatedLinear) -> Blocked:
        block_duration, total_time = ends
        spec = dataclasses.replace(self.configuration.curriculum, block_duration=block_duration, total_time=total_time)
        curriculum = building.build_curriculum(spec, system.tasks)
        assert isinstance(curriculum, Blocked)  # named curricula are
        return curriculum

    def tiles(self, chosen: np.ndarray, repetitions: int) -> list[Tile]:
        """The cells that are True in `chosen`, which has an entry for every cell of the sweep."""
        work = [(len(members), self.num_steps[key]) for key, members in self.groups.items()]
        size = _best_group_size(work, repetitions, self._lanes())
        mean_steps = sum(number * steps for number, steps in work) / sum(number for number, _ in work)
        lanes = size * repetitions
        structure = Structure(
            self.configuration,
            self.paths,
            self.method,
            self.num_blocks,
            size,
            max(1, int(min(TILE_STEPS / (mean_steps * lanes), TILE_BYTES / (self.state_bytes * lanes)))),
        )
        groups: list[tuple[int, tuple[int, ...], Schedule]] = []
        for key, members in self.groups.items():
            found = members[chosen[members]]
            parts = (found[start : start + size] for start in range(0, found.size, size))
            groups += [(self.num_steps[key], tuple(part.tolist()), self.schedules[key]) for part in parts]
        groups.sort(key=lambda group: (-group[0], group[1]))
        number = structure.num_groups
        tiles = (groups[start : start + number] for start in range(0, len(groups), number))
        return [Tile(structure, *(tuple(item) for item in list(zip(*tile, strict=True))[1:])) for tile in tiles]

    def _schedule(self, curriculum: Blocked, step: float) -> Schedule:
        grid = lay_out(curriculum, step)
        tasks = np.pad(np.asarray(curriculum.tasks), (0, self.num_blocks - curriculum.num_blocks))
        number = np.asarray(grid.start.shape[0])
        return Schedule(grid.padded(2 * self.num_blocks), *jax.device_put((tasks, number)))

    def _lanes(self) -> int:
        if jax.default_backend() != "cpu":
            return ACCELERATOR_LANES
        if isinstance(self.method, LaneSteps):
            return CPU_GROUP_BYTES // self.precision.itemsize
        return CPU_LANES


def _other_steps(
    configuration: Configuration, built: list[tuple[AbstractGatedLinear, PyTree]]
) -> tuple[AbstractMethod, float]:
    """How to step systems that do not run on lanes, and the largest step."""
    default = replaced(configuration, {"max_step": None})
    methods = [building.build_method(default, system, state) for system, state in built]
    first = methods[0]
    if not isinstance(first, FixedSteps):
        return first, math.inf
    steps = [method.max_step for method in methods if isinstance(method, FixedSteps) and method.max_step is not None]
    coarsening = 1.0 if configuration.dynamics is Dynamics.ONLINE else COARSENING
    return FixedSteps(first.solver), min(steps) * coarsening


def _exchange_at_start(configuration: Configuration, start: list[np.ndarray], teacher_norm: float) -> np.ndarray:
    """|W*| + 2 |c| |W|, in expectation: `Rates.exchange` at the start, times sqrt(tau_c tau_W).

    Its drive is at most |W*| + |c| |W|, and the mean of the other rates |c| |W|.
    """
    gate, gate_scale, weight_scale = start
    paths, d_out, d_in = configuration.network.num_paths, configuration.teachers.d_out, configuration.teachers.d_in
    gates = np.sqrt(paths * (gate**2 + gate_scale**2 / d_in))
    weights = weight_scale * np.sqrt(paths * d_out)
    return teacher_norm + 2 * gates * weights


def _lane_steps(gates: np.ndarray, weights: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The largest steps for some time constants, and sizes of teachers or starts."""
    fast, slow = np.minimum(gates, weights), np.maximum(gates, weights)
    longest = LANE_STEP * fast**0.75 * slow**0.25 / np.maximum(size, 1e-12)
    return 2.0 ** (np.round(STEPS_PER_OCTAVE * np.log2(longest)) / STEPS_PER_OCTAVE)


def _values(sweep: Sweep, configuration: Configuration, path: str, cells: np.ndarray) -> np.ndarray:
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
