"""Many trajectories of one curriculum as one batch."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PyTree

from ntadyn import simulation
from ntadyn.dynamics.system import AbstractSystem
from ntadyn.observables import Observable
from ntadyn.results import RESULTS
from ntadyn.simulation import FixedSteps, Trajectory
from ntadyn.solvers import lanes
from ntadyn.solvers.lanes import LaneProblem, LaneState
from ntadyn.tasks.curricula import AbstractCurriculum
from ntadyn.time_grid import TimeGrid

# Lanes come in whole vectors of the processor: the last few of an odd number would be computed one by one, which made
# 110 lanes a quarter slower than 112.
VECTOR_BYTES = 64


class LaneSteps(eqx.Module):
    """The splitting step on lanes, see `ntadyn.solvers.lanes`: t_k = start + length (k/n)^2 within an interval.

    Gates move fastest after a switch; steps that grow from there cut the largest gate error of figure 5's maps to a
    third or less of what as many equal steps leave. The last step is twice as long as the mean.
    """


def run_batch(
    systems: AbstractSystem,
    curriculum: AbstractCurriculum,
    states: PyTree,
    method: FixedSteps | LaneSteps,
    grid: TimeGrid,
    observables: dict[str, Observable],
) -> Trajectory:
    """`simulation.run` for a batch: traceable in every argument, no checks.

    Args:
        systems: systems of one kind; all arrays have a leading axis over trajectories.
        curriculum: which task when, common to all.
        states: initial states, leading axis = trajectory.
        method: `LaneSteps` for systems that `lanes.lanes_can_run`, `FixedSteps` for any.
        grid: when to step and when to record, common to all.
        observables: name -> function (system, state, task) -> array.

    Returns:
        The trajectories, leading axis = trajectory on every array.
    """
    if isinstance(method, LaneSteps):
        return _run_lanes(systems, curriculum, states, grid, observables)

    def one(system: AbstractSystem, state: PyTree) -> Trajectory:
        return simulation.run(system, curriculum, state, method, grid, observables)

    return jax.vmap(one)(systems, states)


def _run_lanes(systems, curriculum, states, grid, observables) -> Trajectory:
    number = states.gates.shape[0]
    systems, states = _padded((systems, states), number, VECTOR_BYTES // states.gates.dtype.itemsize)
    problem, state = lanes.to_lanes(systems, states)

    def observed(state: LaneState, item: TimeGrid) -> dict[str, PyTree]:
        task = curriculum.weights(item.block, item.end)
        whole = lanes.from_lanes(state)

        def one(function: Observable) -> PyTree:
            return jax.vmap(lambda system, state: function(system, state, task))(systems, whole)

        return {name: one(function) for name, function in observables.items()}

    def interval(carry, item: TimeGrid):
        state, block, values = carry
        # What pads a time grid repeats the last block without a step: nothing to do, and the same to record.
        padding = (item.num_steps == 0) & (item.block == block)
        state = _through(problem, state, curriculum, item)
        values = lax.cond(padding, lambda: values, lambda: observed(state, item))
        return (state, item.block, values), values

    first = jax.tree.map(lambda leaf: leaf[0], grid)
    shapes = jax.eval_shape(observed, state, first)
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    (state, _, _), values = lax.scan(interval, (state, jnp.full_like(first.block, -1), nothing), grid)
    finite = jnp.all(jnp.stack([jnp.isfinite(leaf) for leaf in jax.tree.leaves(state)]), axis=0)

    def trajectory(fine: Bool[Array, ""], values: dict[str, PyTree], final: PyTree) -> Trajectory:
        result = RESULTS.where(fine, RESULTS.successful, RESULTS.diverged)
        return Trajectory(grid.end, grid.block, values, final, result)

    every = jax.vmap(trajectory, in_axes=(0, 1, 0))(finite, values, lanes.from_lanes(state))
    return jax.tree.map(lambda leaf: leaf[:number], every)


def _padded(tree: PyTree, number: int, multiple: int) -> PyTree:
    """Arrays whose leading axis is a multiple, by repeating the last entry."""
    extra = -number % multiple
    return jax.tree.map(lambda leaf: jnp.concatenate([leaf, jnp.repeat(leaf[-1:], extra, axis=0)]), tree)


def _through(problem: LaneProblem, state: LaneState, curriculum: AbstractCurriculum, item: TimeGrid) -> LaneState:
    """All steps of one interval."""
    number = item.num_steps
    unit = (item.end - item.start) / jnp.maximum(number, 1).astype(item.end.dtype) ** 2

    def length(k: Int[Array, ""]) -> Float[Array, ""]:
        """Of the k-th step of n, counted from 1: t_k - t_{k-1}; nothing before the first and after the last."""
        return jnp.where((k >= 1) & (k <= number), (2 * k - 1).astype(unit.dtype) * unit, jnp.zeros_like(unit))

    # Weights for no time, gates for half a step; weights, gates; ...; weights, gates for half a step: the second half
    # of a step of the gates and the first half of the next one are one.
    def step(k: Int[Array, ""], state: LaneState) -> LaneState:
        now, done = item.start + k.astype(unit.dtype) ** 2 * unit, length(k)
        state = lanes.relax_weights(problem, state, _task(curriculum, item, now - 0.5 * done), done)
        gates = lanes.flow_gates(problem, state, _task(curriculum, item, now), 0.5 * (done + length(k + 1)))
        return state._replace(gates=gates)

    rounds = jnp.where(number > 0, number + 1, 0)
    return lax.fori_loop(jnp.zeros_like(rounds), rounds, step, state)


def _task(curriculum: AbstractCurriculum, item: TimeGrid, t: Float[Array, ""]) -> list[Array]:
    weights = curriculum.weights(item.block, t)
    return [weights[m] for m in range(weights.shape[0])]
