"""system + curriculum + solver -> trajectory."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PyTree

from ntadyn import observables as observable_functions
from ntadyn.dynamics.system import AbstractGatedSystem, AbstractSplitSystem, AbstractSystem, AbstractUpdatingSystem
from ntadyn.error_estimate import estimated_error, steps_resolve
from ntadyn.invariants import Watch, energy_and_loss, is_possible, scale_of, within_bound
from ntadyn.methods import (
    AbstractMethod,
    Adaptive as Adaptive,
    FixedSteps as FixedSteps,
    default_step as default_step,
    method_for,
)
from ntadyn.observables import Observable
from ntadyn.results import RESULTS
from ntadyn.solvers import Descent, LearningTerm
from ntadyn.solvers.dividing import reference_rate
from ntadyn.tasks.curricula import AbstractCurriculum
from ntadyn.time_grid import TimeGrid, lay_out, lay_out_whole_steps


class Trajectory(eqx.Module):
    """What was recorded, and how far it can be trusted.

    Attributes:
        times: t of every record, shape (records,).
        blocks: the block whose task each record refers to; a switch time has a record before and one after.
        values: name -> recorded array, leading axis = record.
        final_state: the state at the end.
        result: result code, one per trajectory; compare with `RESULTS.successful`.
        error: None, or like `values`: the estimated absolute error, infinite where it cannot be told.
    """

    times: Float[Array, " record"]
    blocks: Int[Array, " record"]
    values: dict[str, Any]
    final_state: PyTree
    result: RESULTS
    error: dict[str, Any] | None = None

    def at_block_ends(self, values: PyTree) -> PyTree:
        """The last record of every block, for unbatched times."""
        blocks = np.asarray(self.blocks)
        last = np.flatnonzero(np.append(blocks[1:] != blocks[:-1], True))
        return jax.tree.map(lambda leaf: leaf[last], values)


def simulate(
    system: AbstractSystem,
    curriculum: AbstractCurriculum,
    state: PyTree,
    *,
    method: AbstractMethod | None = None,
    observables: Mapping[str, Observable] = observable_functions.STANDARD,
    records_per_block: int = 0,
    times: Sequence[float] | np.ndarray = (),
    estimate_error: bool = False,
) -> Trajectory:
    """Integrate tau_g dx_g/dt = rule_g(x, task(t)) through all blocks of a curriculum.

    Records are taken at the start and the end of every block, `records_per_block` times inside each, and at `times`;
    all of them and all switches are hit exactly (online rules, whose step is a learning rate, record inside blocks at
    the nearest end of a step). Nothing else is kept, so long runs cost no memory.

    Args:
        system: the rule.
        curriculum: which task when; must provide the tasks that the system knows.
        state: the initial state, from `system.initial_state(network)`. To run a batch, `jax.vmap` over states or over
            leaves of the system, the curriculum being common.
        method: `FixedSteps` or `Adaptive`; fixed steps with the solver that fits the system when omitted. For an online
            system pass `FixedSteps(Descent(), max_step)`: its learning rates are the step over the time constants.
        observables: name -> function (system, state, task) -> array.
        records_per_block: records strictly inside every block.
        times: further record times.
        estimate_error: run once more with all steps halved (tolerances divided by 100; multiplied, where rounding
            leaves no room for that) and report, for every recorded number, three times as much as it moved: at order
            two 9/4 of the error, where kinks spoil the order 3/2. It is infinite where the two runs say nothing about
            each other: one of them failed, the number is none, or the steps are longer than the time in which gates
            and weights exchange their errors.

    Returns:
        The trajectory, with a result code; nothing is raised for one that diverges.

    Raises:
        ValueError: before any compilation, for a state that does not fit the system or holds NaN, a curriculum with
            another number of tasks, steps or times out of range, or a solver that does not fit.
    """
    if method is None:
        method = method_for(system, state)
    check(system, curriculum, state, method, estimate_error)
    max_step = math.inf
    if isinstance(method, FixedSteps):
        max_step = default_step(system, state) if method.max_step is None else method.max_step
    # The learning rate of an online rule is its step, which must not depend on what is recorded.
    place = lay_out_whole_steps if _makes_updates(method) else lay_out
    grid = place(curriculum, max_step, records_per_block, times)
    observables = dict(observables)
    # Python numbers would be compiled into the program: it serves all strengths and steps as long as they are data.
    system = _numbers_as_arrays(system)
    if isinstance(method, FixedSteps):
        method = FixedSteps(method.solver, None, jnp.asarray(method.refinement), method.graded)
    trajectory = run(system, curriculum, state, method, grid, observables)
    if not estimate_error:
        return trajectory
    finer = run(system, curriculum, state, method.refined(grid.start.dtype), grid, observables)
    both = (trajectory.result == RESULTS.successful) & (finer.result == RESULTS.successful)
    fixed = isinstance(method, FixedSteps)
    resolved = both & _steps_resolve(system, curriculum, state, grid) if fixed else both
    error = estimated_error(trajectory.values, finer.values, resolved)
    return eqx.tree_at(lambda tr: tr.error, trajectory, error, is_leaf=lambda leaf: leaf is None)


@eqx.filter_jit
def run(
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


def _steps_resolve(system: AbstractSystem, curriculum: AbstractCurriculum, state: PyTree, grid: TimeGrid) -> Array:
    reference = reference_rate(system, state, curriculum.weights(grid.block[0], grid.start[0]))
    longest = jnp.max(grid.length / jnp.maximum(grid.num_steps, 1).astype(grid.length.dtype))
    return steps_resolve(longest, reference) if isinstance(system, AbstractSplitSystem) else jnp.asarray(True)


def _makes_updates(method: AbstractMethod) -> bool:
    return isinstance(method, FixedSteps) and isinstance(method.solver, Descent)


def check(
    system: AbstractSystem,
    curriculum: AbstractCurriculum,
    state: PyTree,
    method: AbstractMethod,
    estimate_error: bool,
) -> None:
    """Refuse what `simulate` cannot run, before anything is compiled; the arguments are those of `simulate`.

    Raises:
        ValueError: see `simulate`.
    """
    if curriculum.num_tasks != system.tasks.num_tasks:
        raise ValueError(
            f"the curriculum has {curriculum.num_tasks} tasks, the system {system.tasks.num_tasks} teachers; "
            f"build both from the same task set."
        )
    if estimate_error and _makes_updates(method):
        raise ValueError(
            "estimate_error halves the steps, which here are learning rates, and an online system then draws other "
            "batches: what it would show is no error. Compare with the population flow instead."
        )
    for leaf in _float_leaves(state):
        if not isinstance(leaf, Tracer) and not np.all(np.isfinite(np.asarray(leaf))):
            raise ValueError("the initial state holds NaN or infinity; pass finite values.")
    dtypes = {leaf.dtype for leaf in _float_leaves(state)} | {system.tasks.teachers.dtype, curriculum.durations.dtype}
    if len(dtypes) > 1:
        raise ValueError(
            f"state, teachers and curriculum mix the dtypes {sorted(map(str, dtypes))}; build all with one dtype."
        )
    task = jax.ShapeDtypeStruct((curriculum.num_tasks,), system.tasks.teachers.dtype)
    try:
        field = eqx.filter_eval_shape(lambda system, s, a: system.vector_field(0.0, s, a), system, state, task)
    except Exception as error:
        raise ValueError(
            f"the initial state does not fit the system: {error}. Make it with system.initial_state(network)."
        ) from error
    if isinstance(system, AbstractGatedSystem):
        gates = eqx.filter_eval_shape(lambda system, s: system.gates(s), system, state)
        needed = eqx.filter_eval_shape(lambda system, s, a: system.gate_quadratic(s, a), system, state, task)[0]
        if gates.size != needed.size:
            raise ValueError(
                f"the initial state has {gates.size} gates where its weights need {needed.size}; make it with "
                f"system.initial_state(network)."
            )
    if jax.tree.structure(field) != jax.tree.structure(state) and not _makes_updates(method):
        raise ValueError(
            f"the state of {type(system).__name__} holds more than what flows, which {type(method).__name__} "
            f"cannot step. Leave `method` out, or pass FixedSteps(Descent(), max_step=...)."
        )


def _numbers_as_arrays(system: AbstractSystem) -> AbstractSystem:
    dtype = system.tasks.teachers.dtype
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype) if isinstance(leaf, float) else leaf, system)


def _float_leaves(tree: PyTree) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(tree) if eqx.is_inexact_array(leaf)]
