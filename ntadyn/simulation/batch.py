"""Many trajectories of one curriculum as one batch."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, PyTree

from ntadyn.dynamics.system import AbstractSplitSystem, AbstractSystem
from ntadyn.simulation.integration import integrate
from ntadyn.simulation.invariants import Watch, energy_and_loss, is_possible, scale_of
from ntadyn.simulation.methods import AbstractMethod, slack_of_exact_steps
from ntadyn.simulation.observables import Observable
from ntadyn.simulation.outcome import RESULTS, Trajectory
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.solvers import lanes
from ntadyn.solvers.dividing import SLACK, reference_rate
from ntadyn.solvers.lanes import LaneProblem, LaneState
from ntadyn.tasks.curricula import AbstractCurriculum

# Lanes come in whole vectors of the processor: the last few of an odd number would be computed one by one, which made
# 110 lanes a quarter slower than 112.
VECTOR_BYTES = 64


class Faults(NamedTuple):
    """What went wrong, lane by lane: a law of the flow was broken, or the state outran the steps."""

    broken: Bool[Array, " lane"]
    unresolved: Bool[Array, " lane"]


class LaneSteps(eqx.Module):
    """The splitting step on lanes, see `ntadyn.solvers.lanes`: t_k = start + length (k/n)^2 within an interval.

    Gates move fastest after a switch; steps that grow from there cut the largest gate error of figure 5's maps to a
    third or less of what as many equal steps leave. The last step is twice as long as the mean.

    Attributes:
        refinement: every interval gets so many times the steps of its time grid.
    """

    refinement: int = 1

    def __check_init__(self):
        if self.refinement < 1:
            raise ValueError(f"refinement is {self.refinement}; every interval needs at least its own steps.")

    def refined(self, dtype: DTypeLike) -> "LaneSteps":
        """Twice the steps."""
        del dtype
        return LaneSteps(2 * self.refinement)


def run_batch(
    systems: AbstractSystem,
    curriculum: AbstractCurriculum,
    states: PyTree,
    method: AbstractMethod | LaneSteps,
    grid: TimeGrid,
    observables: dict[str, Observable],
) -> Trajectory:
    """`integrate` for a batch: traceable in every argument, no checks.

    Args:
        systems: systems of one kind; all arrays have a leading axis over trajectories.
        curriculum: which task when, common to all.
        states: initial states, leading axis = trajectory.
        method: `LaneSteps` for systems that `lanes.lanes_can_run`, any other for any.
        grid: when to step and when to record, common to all.
        observables: name -> function (system, state, task) -> array.

    Returns:
        The trajectories, leading axis = trajectory on every array.
    """
    if isinstance(method, LaneSteps):
        return _run_lanes(systems, curriculum, states, grid.refined(method.refinement), observables)

    def one(system: AbstractSystem, state: PyTree) -> Trajectory:
        return integrate(system, curriculum, state, method, grid, observables)

    return jax.vmap(one)(systems, states)


def _run_lanes(systems, curriculum, states, grid, observables) -> Trajectory:
    number = states.gates.shape[0]
    systems, states = _padded((systems, states), number, VECTOR_BYTES // states.gates.dtype.itemsize)
    problem, state = lanes.to_lanes(systems, states)

    slack = slack_of_exact_steps(states.gates.dtype)
    first = jax.tree.map(lambda leaf: leaf[0], grid)
    begin = Watch.begin(first.block, curriculum.weights(first.block, first.start), jax.vmap(scale_of)(systems, states))
    reference = jax.vmap(_reference, in_axes=(0, 0, None))(systems, states, begin.task)

    def observed(state: LaneState, watch: Watch, item: TimeGrid) -> tuple[dict[str, PyTree], Watch, Faults]:
        task = curriculum.weights(item.block, item.end)
        whole = lanes.from_lanes(state)

        def every(function: Callable[[Any, PyTree, Array], Any]) -> Any:
            return jax.vmap(lambda system, state: function(system, state, task))(systems, whole)

        values = {name: every(function) for name, function in observables.items()}
        energy, loss = every(energy_and_loss)
        watch, broken = watch.look(item.block, task, energy, loss, slack)
        # The start sets the length of steps by an expectation, hence a factor of two.
        resolved = every(_exchange) <= 2 * SLACK * reference
        return values, watch, Faults(broken, ~resolved)

    def interval(carry, item: TimeGrid):
        state, watch, values, faults = carry
        # What pads a time grid repeats the last block without a step: nothing to do, and the same to record.
        padding = (item.num_steps == 0) & (item.block == watch.block)
        state = _through(problem, state, curriculum, item)
        seen = lax.cond(padding, lambda: (values, watch, faults), lambda: observed(state, watch, item))
        values, watch, now = seen
        return (state, watch, values, jax.tree.map(jnp.logical_or, faults, now)), values

    shapes = jax.eval_shape(observed, state, begin, first)[0]
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    fine = jnp.zeros(begin.scale.shape, bool)
    (state, _, _, faults), values = lax.scan(interval, (state, begin, nothing, Faults(fine, fine)), grid)
    final = lanes.from_lanes(state)
    possible = jax.vmap(lambda system, state: is_possible(system, state, slack))(systems, final)
    finite = jnp.all(jnp.stack([jnp.isfinite(leaf) for leaf in jax.tree.leaves(state)]), axis=0)

    def trajectory(finite: Bool[Array, ""], faults: Faults, values: dict[str, PyTree], final: PyTree) -> Trajectory:
        result = RESULTS.where(faults.unresolved, RESULTS.unresolved, RESULTS.successful)
        result = RESULTS.where(faults.broken, RESULTS.impossible, result)
        result = RESULTS.where(finite, result, RESULTS.diverged)
        return Trajectory(grid.end, grid.block, values, final, result)

    faults = Faults(faults.broken | ~possible, faults.unresolved)
    every = jax.vmap(trajectory, in_axes=(0, 0, 1, 0))(finite, faults, values, final)
    return jax.tree.map(lambda leaf: leaf[:number], every)


def _exchange(system: AbstractSplitSystem, state: PyTree, task: Array) -> Float[Array, ""]:
    return system.rates(state, task).exchange


def _reference(system: AbstractSplitSystem, state: PyTree, task: Array) -> Float[Array, ""]:
    """The rate that steps on lanes are chosen for, which unlike others are not divided after a large start."""
    return jnp.maximum(reference_rate(system, state, task), _exchange(system, state, task) / SLACK)


def _padded(tree: PyTree, number: int, multiple: int) -> PyTree:
    """Arrays whose leading axis is a multiple, by repeating the last entry."""
    extra = -number % multiple
    return jax.tree.map(lambda leaf: jnp.concatenate([leaf, jnp.repeat(leaf[-1:], extra, axis=0)]), tree)


def _through(problem: LaneProblem, state: LaneState, curriculum: AbstractCurriculum, item: TimeGrid) -> LaneState:
    """All steps of one interval."""
    number = item.num_steps
    unit = item.length / jnp.maximum(number, 1).astype(item.length.dtype) ** 2

    def length(k: Int[Array, ""]) -> Float[Array, ""]:
        """Of the k-th step of n, counted from 1: t_k - t_{k-1}; nothing before the first and after the last."""
        return jnp.where((k >= 1) & (k <= number), (2 * k - 1).astype(unit.dtype) * unit, jnp.zeros_like(unit))

    # Weights for no time, gates for half a step; weights, gates; ...; weights, gates for half a step: the second half
    # of a step of the gates and the first half of the next one are one.
    def step(k: Int[Array, ""] | int, state: LaneState) -> LaneState:
        k = jnp.asarray(k, number.dtype)  # where jit is disabled, it is Python's
        now, done = item.start + k.astype(unit.dtype) ** 2 * unit, length(k)
        state = lanes.relax_weights(problem, state, _task(curriculum, item, now - 0.5 * done), done)
        gates = lanes.flow_gates(problem, state, _task(curriculum, item, now), 0.5 * (done + length(k + 1)))
        return state._replace(gates=gates)

    rounds = jnp.where(number > 0, number + 1, 0)
    return lax.fori_loop(jnp.zeros_like(rounds), rounds, step, state)


def _task(curriculum: AbstractCurriculum, item: TimeGrid, t: Float[Array, ""]) -> list[Array]:
    weights = curriculum.weights(item.block, t)
    return [weights[m] for m in range(weights.shape[0])]
