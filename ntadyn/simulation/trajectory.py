"""One trajectory: system + curriculum + method -> what was recorded."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ntadyn.interface.system import AbstractSystem, Observable
from ntadyn.simulation.checks import check
from ntadyn.simulation.error_estimate import estimated_error
from ntadyn.simulation.integration import integrate
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.method_choice import method_for
from ntadyn.simulation.outcome import RESULTS, Trajectory
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum


def simulate(
    system: AbstractSystem,
    curriculum: AbstractCurriculum,
    state: PyTree,
    *,
    method: AbstractMethod | None = None,
    observables: Mapping[str, Observable] | None = None,
    records_per_block: int = 0,
    times: Sequence[float] | np.ndarray = (),
    estimate_error: bool = False,
) -> Trajectory:
    """Run a system through all blocks of a curriculum.

    Records are taken at the start and the end of every block, `records_per_block` times inside each, and at `times`;
    all of them and all switches are hit exactly (but inside a block, rules that make steps of their own record at the
    nearest end of a step). Nothing else is kept, so that long runs cost no memory.

    Args:
        system: the rule.
        curriculum: which task is in force when; must have as many tasks as the system.
        state: the initial state, from `system.initial_state(network)`. To run a batch, `jax.vmap` over states or over
            leaves of the system, with a common curriculum.
        method: how to step; if omitted, what suits the system. For `OnlineSGD`, whose learning rates are the step over
            the time constants, pass `Updates(max_step)`.
        observables: name -> function (system, state, task) -> array; those of the system if omitted.
        records_per_block: records strictly inside every block.
        times: further record times.
        estimate_error: run once more with all steps halved (with tolerances divided by 100, or multiplied if rounding
            leaves no room to divide) and report, for every recorded number, three times its change: 9/4 of the error at
            order two, 3/2 where kinks spoil the order. The estimate is infinite where the two runs say nothing about
            each other: one of them failed, the value is not a number, or the steps are longer than the time in which
            the parts of the state (gates and weights) change each other.

    Returns:
        The trajectory, with a result code; a trajectory that diverges raises nothing.

    Raises:
        ValueError: before any compilation, for a state that does not fit the system or holds NaN, a curriculum with
            another number of tasks, steps or times out of range, or a method that does not fit the system.
    """
    if method is None:
        system.check_state(state)  # before anything is read from it
        method = method_for(system, state)
    check(system, curriculum, state, method, estimate_error)
    grid = method.lay_out(system, state, curriculum, records_per_block, times)
    observables = dict(system.observables() if observables is None else observables)
    # Python numbers would be compiled in; as data, one program serves all strengths and time constants.
    system = numbers_as_arrays(system, curriculum.durations.dtype)
    method = method.fitted(system, state).laid_out()
    return simulate_on(grid, system, curriculum, state, method, observables, estimate_error)


def simulate_on(
    grid: TimeGrid,
    system: AbstractSystem,
    curriculum: AbstractCurriculum,
    state: PyTree,
    method: AbstractMethod,
    observables: Mapping[str, Observable],
    estimate_error: bool = False,
) -> Trajectory:
    """`simulate` on a given time grid: no checks, traceable in all arrays.

    Args:
        grid: when to step and when to record, as `method.lay_out` returns it.
        system: the rule, with arrays for its numbers (`numbers_as_arrays`).
        curriculum: which task is in force when.
        state: the initial state.
        method: how to step, fitted and laid out.
        observables: name -> function (system, state, task) -> array.
        estimate_error: see `simulate`.
    """
    trajectory = integrate(system, curriculum, state, method, grid, observables)
    if not estimate_error:
        return trajectory
    finer = integrate(system, curriculum, state, method.refined(grid.start.dtype), grid, observables)
    error = _doubt(system, curriculum, state, method, grid, trajectory, finer)
    return eqx.tree_at(lambda tr: tr.error, trajectory, error, is_leaf=lambda leaf: leaf is None)


@eqx.filter_jit  # one program, where each operation would be one
def _doubt(
    system: AbstractSystem,
    curriculum: AbstractCurriculum,
    state: PyTree,
    method: AbstractMethod,
    grid: TimeGrid,
    trajectory: Trajectory,
    finer: Trajectory,
) -> PyTree:
    both = (trajectory.result == RESULTS.successful) & (finer.result == RESULTS.successful)
    resolved = both & method.resolves(system, state, curriculum.task(grid.block[0], grid.start[0]), grid)
    return estimated_error(trajectory.values, finer.values, resolved)


def numbers_as_arrays(system: AbstractSystem, dtype: jnp.dtype) -> AbstractSystem:
    """The same system with arrays for its Python numbers, which are data of a compiled program then."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype) if isinstance(leaf, float) else leaf, system)
