"""The compiled loop over the intervals of a time grid: steps, hooks at the edges of blocks, records, checks of laws."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int, PyTree

from ntadyn.interface.system import AbstractSystem, BlockInfo, Observable, can_run_out, has_hooks
from ntadyn.simulation.invariants import Watch, energy_and_loss, float_leaves, is_possible, scale_of, within_bound
from ntadyn.simulation.lane_records import lifted
from ntadyn.simulation.method import AbstractMethod, Interval
from ntadyn.simulation.outcome import RESULTS, Trajectory
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum
from ntadyn.tasks.side_by_side import SideBySide, with_given_durations

# Lanes fill whole vectors of the processor: the last few of an odd number would be computed one by one, which made 110
# lanes a quarter slower than 112.
VECTOR_BYTES = 64

Lift = Callable[..., Callable[..., Any]]
Step = Callable[[PyTree, TimeGrid], tuple[PyTree, PyTree]]


@eqx.filter_jit
def integrate(
    system: AbstractSystem,
    curriculum: AbstractCurriculum,
    state: PyTree,
    method: AbstractMethod,
    grid: TimeGrid,
    observables: Mapping[str, Observable],
) -> Trajectory:
    """The compiled core of `simulate`: no checks, traceable in every argument, one program per shape.

    Args:
        system: the rule.
        curriculum: which task is in force when.
        state: the initial state.
        method: how to step one trajectory; a `max_step` in it has no effect, because the grid holds the steps.
        grid: when to step and when to record.
        observables: name -> function (system, state, task) -> array.

    Returns:
        The trajectory without an error estimate.
    """
    found = _run(system, curriculum, state, method.fitted(system, state), grid, observables, _of_one)
    return Trajectory(grid.end, grid.block, *found)


def integrate_batch(
    systems: AbstractSystem,
    curriculum: AbstractCurriculum,
    states: PyTree,
    method: AbstractMethod,
    grid: TimeGrid,
    observables: Mapping[str, Observable],
    read: Callable[[Trajectory], Any] = lambda trajectory: trajectory,
    memory: PyTree = None,
) -> Any:
    """`integrate` for a batch of trajectories.

    Args:
        systems: systems of one kind; all arrays have a leading axis over trajectories.
        curriculum: which task is in force when, common to all; or `SideBySide`, with the tasks of every trajectory.
        states: initial states, leading axis = trajectory.
        method: how to step; `LaneSteps` if `lanes.lanes_can_run` accepts the systems, any other method in any case.
        grid: when to step and when to record, common to all.
        observables: name -> function (system, state, task) -> array.
        read: what is kept of every trajectory, all of it if omitted.
        memory: what `start_batch` returned for the same batch, if it has been called.

    Returns:
        What `read` returns, leading axis = trajectory on every array.
    """
    if not method.steps_batches:

        def one(system: AbstractSystem, state: PyTree, own: AbstractCurriculum | None = None) -> Any:
            its = curriculum if own is None else with_given_durations(own, curriculum.durations)
            return read(integrate(system, its, state, method, grid, observables))

        return jax.vmap(one)(systems, states, *([curriculum.own] if isinstance(curriculum, SideBySide) else []))
    number = float_leaves(states)[0].shape[0]
    systems, curriculum, states = _batch_on_lanes(systems, curriculum, states)
    found = _run(systems, curriculum, states, method, grid, observables, lifted(systems), memory)

    def trajectory(*found: Any) -> Any:
        return read(Trajectory(grid.end, grid.block, *found))

    every = jax.vmap(trajectory, in_axes=-1)(*found)
    return jax.tree.map(lambda leaf: leaf[:number], every)


def start_batch(
    systems: AbstractSystem, curriculum: AbstractCurriculum, states: PyTree, method: AbstractMethod, grid: TimeGrid
) -> PyTree:
    """What a method that steps batches makes of one before it is recorded, for `integrate_batch`.

    Under `jax.vmap` many batches, each on its own time grid, start at once: see `AbstractMethod.starts_together`.

    Args: see `integrate_batch`.
    """
    return method.start(*_batch_on_lanes(systems, curriculum, states), grid)


def _batch_on_lanes(
    systems: AbstractSystem, curriculum: AbstractCurriculum, states: PyTree
) -> tuple[AbstractSystem, AbstractCurriculum, PyTree]:
    """A batch with trajectories along the last axis, which is extended to whole vectors of the processor."""
    leaves = float_leaves(states)
    number, width = leaves[0].shape[0], VECTOR_BYTES // leaves[0].dtype.itemsize
    systems, states = _on_lanes((systems, states), number, width)
    if isinstance(curriculum, SideBySide):
        curriculum = SideBySide.of_all(_on_lanes(curriculum.own, number, width), curriculum.durations, axis=-1)
    return systems, curriculum, states


def _run(
    systems: AbstractSystem,
    curriculum: AbstractCurriculum,
    states: PyTree,
    method: AbstractMethod,
    grid: TimeGrid,
    observables: Mapping[str, Observable],
    lift: Lift,
    memory: PyTree = None,
) -> tuple[dict[str, Any], PyTree, RESULTS, dict[str, Any] | None]:
    """The loop, of one trajectory or of a batch.

    Args:
        systems: the system, or a batch of them.
        curriculum: which task is in force when; `SideBySide` for a batch whose tasks differ.
        states: the initial state, or a batch of them.
        method: how to step them.
        grid: when to step and when to record.
        observables: what to record.
        lift: turns a function of one trajectory into one of what is run: `_of_one`, or that of `lifted`.
        memory: what `method.start` returned, if it has been called.

    Returns:
        What was recorded, with a leading axis over records, the final state, the result, and the errors of the records
        that the method knows.
    """
    first = jax.tree.map(lambda leaf: leaf[0], grid)
    first_task = curriculum.task(first.block, first.start)
    memory = method.start(systems, curriculum, states, grid) if memory is None else memory
    slack = method.slack(curriculum.durations.dtype)
    # The padding of a grid repeats the last block; a curriculum may be padded with further blocks.
    hooks, last_block = has_hooks(systems), grid.block[-1]

    def every(function: Callable[..., Any], *arrays: PyTree) -> Any:
        return lift(function)(systems, *arrays)

    # With (system, state, task) for arguments, of which the task may be common to a batch.
    of_tasks = (-1, -1, curriculum.axis if isinstance(curriculum, SideBySide) else None)

    def at_task(function: Callable[..., Any], state: PyTree, task: PyTree) -> Any:
        return lift(function, of_tasks)(systems, state, task)

    choose = lift(RESULTS.where)
    fine, impossible, diverged = (
        every(lambda *_, code=code: code, states) for code in (RESULTS.successful, RESULTS.impossible, RESULTS.diverged)
    )

    def recorded(state: PyTree, watch: Watch, item: TimeGrid) -> tuple[dict[str, PyTree], Watch, Array]:
        task = curriculum.task(item.block, item.end)
        values = {name: at_task(function, state, task) for name, function in observables.items()}
        energy, loss = at_task(energy_and_loss, state, task)
        watch, broken = watch.look(item.block, task, energy, loss, slack)
        return values, watch, broken

    def crossed(state: PyTree, item: TimeGrid, watch: Watch) -> PyTree:
        """The state at the start of a block, through the hooks of the block before and of this one."""
        before, after = (_block(curriculum, index, last_block) for index in (watch.block, item.block))

        def cross(system: AbstractSystem, state: PyTree) -> PyTree:
            ended = lax.cond(after.is_first, lambda: state, lambda: system.at_block_end(state, before))
            return system.at_block_start(ended, after)

        return every(cross, state)

    def interval(carry: PyTree, item: TimeGrid) -> tuple[PyTree, dict[str, PyTree]]:
        state, result, watch, goes_on, begins, number = carry
        # The record at the start of a block is an interval of no length.
        new_block = item.block != watch.block
        begins_now = begins | new_block
        start = lax.cond(new_block, lambda: crossed(state, item, watch), lambda: state) if hooks else state
        moved, outcome = method.advance(systems, curriculum, start, memory, Interval(item, begins_now, goes_on, number))
        found = choose(result == RESULTS.successful, outcome, result)
        values, looked, broken = recorded(moved, watch, item)
        broken &= (found == RESULTS.successful) & method.follows_a_flow
        found = choose(broken, impossible, found)
        going = goes_on & (outcome == RESULTS.successful)
        return (moved, found, looked, going, begins_now & (item.num_steps == 0), number + 1), values

    watch = Watch.begin(first.block, first_task, every(scale_of, states))
    start = (states, fine, watch, fine == RESULTS.successful, jnp.asarray(True), jnp.zeros_like(first.block))
    # Batches are stepped in loops that reverse mode cannot follow in any case.
    over_intervals = _over_real_intervals if method.steps_batches else _over_all_intervals
    # The shapes of a record are those at the start: a look at a whole interval would trace every step twice.
    record = jax.eval_shape(lambda: recorded(states, watch, first)[0])
    (final, result, watch, *_), values = over_intervals(interval, start, record, grid)
    if hooks:
        last = _block(curriculum, watch.block, last_block)
        final = every(lambda system, state: system.at_block_end(state, last), final)
    if method.follows_a_flow:
        broken = ~every(lambda system, state: is_possible(system, state, slack), final)
        result = choose((result == RESULTS.successful) & broken, impossible, result)
    if can_run_out(systems):
        short = every(lambda system, state: system.ran_out(state), final)
        full = every(lambda *_: RESULTS.full, final)
        result = choose((result == RESULTS.successful) & short, full, result)

    def bounded(system: AbstractSystem, state: PyTree, start: PyTree) -> Array:
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in float_leaves(state)]))
        return finite if method.follows_a_flow else finite & within_bound(system, state, start)

    result = choose(every(bounded, final, states), result, diverged)
    return values, final, result, method.errors(memory, grid)


def _of_one(function: Callable[..., Any], in_axes: Any = None) -> Callable[..., Any]:
    """The function itself."""
    del in_axes
    return function


def _over_all_intervals(interval: Step, start: PyTree, record: PyTree, grid: TimeGrid) -> tuple[PyTree, PyTree]:
    """`lax.scan` over a time grid, through whose padding carry and records stay as they are.

    Args:
        interval: function (carry, interval) -> (carry, record).
        start: the carry before the first interval.
        record: shapes and dtypes of one record.
        grid: the intervals.

    Returns:
        The last carry, and the records, with a leading axis over intervals.
    """
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), record)

    def unless_padding(before: tuple[PyTree, PyTree], item: tuple[TimeGrid, Array]):
        after = lax.cond(item[1], lambda: interval(before[0], item[0]), lambda: before)
        return after, after[1]

    is_real = jnp.arange(grid.block.size) < grid.num_real()
    (carry, _), records = lax.scan(unless_padding, (start, blank), (grid, is_real))
    return carry, records


def _over_real_intervals(interval: Step, start: PyTree, record: PyTree, grid: TimeGrid) -> tuple[PyTree, PyTree]:
    """`_over_all_intervals` in a loop that ends before the padding: faster, but without reverse mode."""
    number, length = grid.num_real(), grid.block.size
    blank = jax.tree.map(lambda leaf: jnp.zeros((length, *leaf.shape), leaf.dtype), record)

    def one(k: Int[Array, ""], state: tuple[PyTree, PyTree]) -> tuple[PyTree, PyTree]:
        carry, records = state
        carry, record = interval(carry, jax.tree.map(lambda leaf: leaf[k], grid))
        return carry, jax.tree.map(lambda every, new: every.at[k].set(new), records, record)

    carry, records = lax.fori_loop(jnp.zeros_like(number), number, one, (start, blank))
    repeated = jnp.minimum(jnp.arange(length), number - 1)
    return carry, jax.tree.map(lambda leaf: leaf[repeated], records)


def _block(curriculum: AbstractCurriculum, index: Int[Array, ""], last: Int[Array, ""]) -> BlockInfo:
    """A block and its neighbours, where `last` is the last block that is run."""
    edges = curriculum.edges

    def task(index: Int[Array, ""]) -> PyTree:
        within = jnp.clip(index, 0, last)
        return curriculum.task(within, 0.5 * (edges[within] + edges[within + 1]))

    index = jnp.clip(index, 0, last)
    return BlockInfo(
        index=index,
        start=edges[index],
        end=edges[index + 1],
        ended=task(index - 1),
        task=task(index),
        begins=task(index + 1),
        is_first=index == 0,
        is_last=index == last,
    )


def _on_lanes(tree: PyTree, number: int, multiple: int) -> PyTree:
    """Arrays of `number` trajectories along their last axis, to a multiple extended by repeating the last trajectory.

    Along the last axis numbers of neighbouring trajectories lie side by side, as vectors of a processor take them.
    """
    extra = -number % multiple

    def moved(leaf: Array) -> Array:
        lanes = jnp.moveaxis(leaf, 0, -1)
        return jnp.concatenate([lanes, jnp.repeat(lanes[..., -1:], extra, axis=-1)], axis=-1)

    return jax.tree.map(moved, tree)
