"""The compiled loop over the intervals of a time grid."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PyTree

from ntadyn.dynamics.system import AbstractSystem, AbstractUpdatingSystem
from ntadyn.simulation.invariants import Watch, energy_and_loss, is_possible, scale_of, within_bound
from ntadyn.simulation.methods import AbstractMethod, FixedSteps
from ntadyn.simulation.observables import Observable
from ntadyn.simulation.outcome import RESULTS, Trajectory
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.solvers import Descent, LearningTerm
from ntadyn.solvers.dividing import reference_rate
from ntadyn.tasks.curricula import AbstractCurriculum


@eqx.filter_jit
def integrate(
    system: AbstractSystem,
    curriculum: AbstractCurriculum,
    state: PyTree,
    method: AbstractMethod,
    grid: TimeGrid,
    observables: dict[str, Observable],
) -> Trajectory:
    """The compiled core of `simulate`: no checks, traceable in every argument, one program per shape.

    Args:
        system: the rule.
        curriculum: which task when.
        state: the initial state.
        method: how to step; a `max_step` in it has been spent on the grid already.
        grid: when to step and when to record.
        observables: name -> function (system, state, task) -> array.

    Returns:
        The trajectory without an error estimate.
    """
    term = LearningTerm(system, curriculum)
    first = jax.tree.map(lambda leaf: leaf[0], grid)
    reference = reference_rate(system, state, term.task(first.start, first.block))

    slack = method.slack(curriculum.durations.dtype)
    flows = not (_makes_updates(method) or isinstance(system, AbstractUpdatingSystem))
    watch = Watch.begin(first.block, term.task(first.start, first.block), scale_of(system, state))

    def interval(carry, item):
        state, result, watch, goes_on, begins = carry
        # The record at the start of a block is an interval of no length.
        begins |= item.block != watch.block
        # What a solver gave up stays where it is: to go on from there would take long and mean nothing.
        length, num_steps = (jnp.where(goes_on, span, 0) for span in (item.length, item.num_steps))
        item = eqx.tree_at(lambda item: (item.length, item.num_steps), item, (length, num_steps))
        state, outcome = method.advance(term, state, item, reference, begins)
        goes_on &= outcome == RESULTS.successful
        result = RESULTS.where(result == RESULTS.successful, outcome, result)
        task = term.task(item.end, item.block)
        watch, broken = watch.look(item.block, task, *energy_and_loss(system, state, task), slack)
        result = RESULTS.where((result == RESULTS.successful) & broken & flows, RESULTS.impossible, result)
        values = {name: function(system, state, task) for name, function in observables.items()}
        return (state, result, watch, goes_on, begins & (item.num_steps == 0)), values

    start = (state, RESULTS.successful, watch, jnp.asarray(True), jnp.asarray(True))
    (final, result, *_), values = lax.scan(interval, start, grid)
    broken = ~is_possible(system, final, slack)
    result = RESULTS.where((result == RESULTS.successful) & broken & flows, RESULTS.impossible, result)
    finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in _float_leaves(final)]))
    bounded = finite & (flows | within_bound(system, final, state))
    result = RESULTS.where(bounded, result, RESULTS.diverged)
    return Trajectory(grid.end, grid.block, values, final, result)


def _makes_updates(method: AbstractMethod) -> bool:
    return isinstance(method, FixedSteps) and isinstance(method.solver, Descent)


def _float_leaves(tree: PyTree) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(tree) if eqx.is_inexact_array(leaf)]
