"""The compiled loop over the intervals of a time grid: steps, hooks at the edges of blocks, records, checks of laws."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int, PyTree

from ntadyn.interface.system import AbstractSystem, BlockInfo, Observable, has_hooks
from ntadyn.simulation.invariants import Watch, energy_and_loss, float_leaves, is_possible, scale_of, within_bound
from ntadyn.simulation.method import AbstractMethod, Interval
from ntadyn.simulation.outcome import RESULTS, Trajectory
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum

# Lanes fill whole vectors of the processor: the last few of an odd number would be computed one by one, which made 110
# lanes a quarter slower than 112.
VECTOR_BYTES = 64

Lift = Callable[[Callable[..., Any]], Callable[..., Any]]


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
    found = _run(system, curriculum, state, method.fitted(system, state), grid, observables, lambda function: function)
    return Trajectory(grid.end, grid.block, *found)


def integrate_batch(
    systems: AbstractSystem,
    curriculum: AbstractCurriculum,
    states: PyTree,
    method: AbstractMethod,
    grid: TimeGrid,
    observables: Mapping[str, Observable],
) -> Trajectory:
    """`integrate` for a batch of trajectories.

    Args:
        systems: systems of one kind; all arrays have a leading axis over trajectories.
        curriculum: which task is in force when, common to all.
        states: initial states, leading axis = trajectory.
        method: how to step; `LaneSteps` if `lanes.lanes_can_run` accepts the systems, any other method in any case.
        grid: when to step and when to record, common to all.
        observables: name -> function (system, state, task) -> array.

    Returns:
        The trajectories, leading axis = trajectory on every array.
    """
    if not method.steps_batches:

        def one(system: AbstractSystem, state: PyTree) -> Trajectory:
            return integrate(system, curriculum, state, method, grid, observables)

        return jax.vmap(one)(systems, states)
    leaves = float_leaves(states)
    number = leaves[0].shape[0]
    systems, states = _padded((systems, states), number, VECTOR_BYTES // leaves[0].dtype.itemsize)
    values, final, result = _run(systems, curriculum, states, method, grid, observables, jax.vmap)

    def trajectory(values: dict[str, Any], final: PyTree, result: RESULTS) -> Trajectory:
        return Trajectory(grid.end, grid.block, values, final, result)

    every = jax.vmap(trajectory, in_axes=(1, 0, 0))(values, final, result)
    return jax.tree.map(lambda leaf: leaf[:number], every)


def _run(
    systems: AbstractSystem,
    curriculum: AbstractCurriculum,
    states: PyTree,
    method: AbstractMethod,
    grid: TimeGrid,
    observables: Mapping[str, Observable],
    lift: Lift,
) -> tuple[dict[str, Any], PyTree, RESULTS]:
    """The loop, of one trajectory or of a batch.

    Args:
        systems: the system, or a batch of them.
        curriculum: which task is in force when.
        states: the initial state, or a batch of them.
        method: how to step them.
        grid: when to step and when to record.
        observables: what to record.
        lift: turns a function of one trajectory into one of what is run: the identity, or `jax.vmap`.

    Returns:
        What was recorded, the final state and the result; the axis of records comes before that of the batch.
    """
    first = jax.tree.map(lambda leaf: leaf[0], grid)
    first_task = curriculum.task(first.block, first.start)
    memory = method.begin(systems, states, first_task)
    slack = method.slack(curriculum.durations.dtype)
    # The padding of a grid repeats the last block; a curriculum may be padded with further blocks.
    hooks, last_block = has_hooks(systems), grid.block[-1]

    def every(function: Callable[..., Any], *arrays: PyTree) -> Any:
        return lift(function)(systems, *arrays)

    choose = lift(RESULTS.where)
    fine, impossible, diverged = (
        every(lambda *_, code=code: code, states) for code in (RESULTS.successful, RESULTS.impossible, RESULTS.diverged)
    )

    def recorded(state: PyTree, watch: Watch, item: TimeGrid) -> tuple[dict[str, PyTree], Watch, Array]:
        task = curriculum.task(item.block, item.end)
        values = {
            name: every(lambda system, state, function=function: function(system, state, task), state)
            for name, function in observables.items()
        }
        energy, loss = every(lambda system, state: energy_and_loss(system, state, task), state)
        watch, broken = watch.look(item.block, task, energy, loss, slack)
        return values, watch, broken

    def crossed(state: PyTree, item: TimeGrid, watch: Watch) -> PyTree:
        """The state at the start of a block, through the hooks of the block before and of this one."""
        before, after = (_block(curriculum, index, last_block) for index in (watch.block, item.block))

        def cross(system: AbstractSystem, state: PyTree) -> PyTree:
            ended = lax.cond(after.is_first, lambda: state, lambda: system.at_block_end(state, before))
            return system.at_block_start(ended, after)

        return every(cross, state)

    def interval(carry, item: TimeGrid):
        state, result, watch, goes_on, begins, values = carry
        # The record at the start of a block is an interval of no length.
        new_block = item.block != watch.block

        def run():
            begins_now = begins | new_block
            start = lax.cond(new_block, lambda: crossed(state, item, watch), lambda: state) if hooks else state
            moved, outcome = method.advance(systems, curriculum, start, memory, Interval(item, begins_now, goes_on))
            found = choose(result == RESULTS.successful, outcome, result)
            values, looked, broken = recorded(moved, watch, item)
            broken &= (found == RESULTS.successful) & method.follows_a_flow
            found = choose(broken, impossible, found)
            going = goes_on & (outcome == RESULTS.successful)
            return moved, found, looked, going, begins_now & (item.num_steps == 0), values

        # The padding of a time grid repeats the last block without a step: nothing is done, and the record is the same.
        padding = (item.num_steps == 0) & ~new_block
        carry = lax.cond(padding, lambda: carry, run)
        return carry, carry[-1]

    watch = Watch.begin(first.block, first_task, every(scale_of, states))
    shapes = jax.eval_shape(lambda: recorded(states, watch, first)[0])
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    start = (states, fine, watch, fine == RESULTS.successful, jnp.asarray(True), nothing)
    (final, result, watch, *_), values = lax.scan(interval, start, grid)
    if hooks:
        last = _block(curriculum, watch.block, last_block)
        final = every(lambda system, state: system.at_block_end(state, last), final)
    if method.follows_a_flow:
        broken = ~every(lambda system, state: is_possible(system, state, slack), final)
        result = choose((result == RESULTS.successful) & broken, impossible, result)

    def bounded(system: AbstractSystem, state: PyTree, start: PyTree) -> Array:
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in float_leaves(state)]))
        return finite if method.follows_a_flow else finite & within_bound(system, state, start)

    result = choose(every(bounded, final, states), result, diverged)
    return values, final, result


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


def _padded(tree: PyTree, number: int, multiple: int) -> PyTree:
    """Arrays whose leading axis, of length `number`, is extended to a multiple by repeating the last entry."""
    extra = -number % multiple
    return jax.tree.map(lambda leaf: jnp.concatenate([leaf, jnp.repeat(leaf[-1:], extra, axis=0)]), tree)
