"""One trajectory: system + curriculum + method -> what was recorded."""

import math
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ntadyn.dynamics.system import AbstractSplitSystem, AbstractSystem
from ntadyn.simulation import observables as observable_functions
from ntadyn.simulation.checks import check
from ntadyn.simulation.error_estimate import estimated_error, steps_resolve
from ntadyn.simulation.integration import integrate
from ntadyn.simulation.methods import AbstractMethod, FixedSteps, default_step, method_for
from ntadyn.simulation.observables import Observable
from ntadyn.simulation.outcome import RESULTS, Trajectory
from ntadyn.simulation.time_grid import TimeGrid, lay_out, lay_out_whole_steps
from ntadyn.solvers import Descent
from ntadyn.solvers.dividing import reference_rate
from ntadyn.tasks.curricula import AbstractCurriculum


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
    trajectory = integrate(system, curriculum, state, method, grid, observables)
    if not estimate_error:
        return trajectory
    finer = integrate(system, curriculum, state, method.refined(grid.start.dtype), grid, observables)
    both = (trajectory.result == RESULTS.successful) & (finer.result == RESULTS.successful)
    fixed = isinstance(method, FixedSteps)
    resolved = both & _steps_resolve(system, curriculum, state, grid) if fixed else both
    error = estimated_error(trajectory.values, finer.values, resolved)
    return eqx.tree_at(lambda tr: tr.error, trajectory, error, is_leaf=lambda leaf: leaf is None)


def _steps_resolve(system: AbstractSystem, curriculum: AbstractCurriculum, state: PyTree, grid: TimeGrid) -> Array:
    reference = reference_rate(system, state, curriculum.weights(grid.block[0], grid.start[0]))
    longest = jnp.max(grid.length / jnp.maximum(grid.num_steps, 1).astype(grid.length.dtype))
    return steps_resolve(longest, reference) if isinstance(system, AbstractSplitSystem) else jnp.asarray(True)


def _makes_updates(method: AbstractMethod) -> bool:
    return isinstance(method, FixedSteps) and isinstance(method.solver, Descent)


def _numbers_as_arrays(system: AbstractSystem) -> AbstractSystem:
    dtype = system.tasks.teachers.dtype
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype) if isinstance(leaf, float) else leaf, system)
