"""Gates and resets: what makes several time constants worth having."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import TeacherProblem
from ntadyn.nested import Flow, Level, LevelFlow, PenalisedLoss
from ntadyn.nested.continuum import NestedStarts, SumOfLevels, flowing_continuum
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, simulate
from ntadyn.tasks import Scale, from_matrices
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import matched_rows_orthogonal
from tests.systems import general_tasks


def flow(tasks, levels) -> Any:
    problem: Any = TeacherProblem(tasks=tasks)  # pyright: ignore[reportCallIssue]
    return LevelFlow(problem=problem, levels=levels)  # pyright: ignore[reportCallIssue]


def gates(network):
    return network.gates


@pytest.mark.slow
@pytest.mark.parametrize("flexible", [False, True])
def test_gates_on_a_faster_clock_tell_blocks_apart(flexible):
    """(tau_1/c_1) W^1 - (tau_2/c_2) W^2 at the gates of the start, over ten blocks of two tasks in turn."""
    tasks = matched_rows_orthogonal(jax.random.key(0), 2, 4, 8, Scale.UNIT)
    levels = flowing_continuum((1.3, 1.3))
    if flexible:
        penalty = Nonnegativity(1.5) + UnitL1Norm(0.3)
        levels = (*levels, Level("gates", gates, Flow(0.03), PenalisedLoss(penalty)))
    network = SumOfLevels.initialise(jax.random.key(1), 2, (4, 8))
    network = eqx.tree_at(gates, network, jnp.array([0.5, 0.5]))
    system = flow(tasks, levels)

    def difference(system, state, task):
        del system, task
        return 1.3 / 0.5 * (state.network.levels[0] - state.network.levels[1])

    found = simulate(
        system,
        alternating(2, 10, 1.0),
        system.initial_state(network),
        method=FixedSteps(max_step=2e-3),
        observables={"difference": difference},
    ).values["difference"]
    drift = float(jnp.max(jnp.abs(found - found[:1])))
    assert drift > 0.1 if flexible else drift < 1e-9


@pytest.mark.slow
def test_a_reset_of_the_fast_level_lowers_the_loss_after_a_switch():
    """By 1/(2 - beta)^2 for two orthogonal tasks in turn, beta = tau_f / (tau_f + tau_s), in blocks that are long."""
    fast, slow = 1.0, 20.0
    tasks = matched_rows_orthogonal(jax.random.key(0), 2, 2, 4, Scale.UNIT)
    start = SumOfLevels((jnp.zeros((2, 4)),) * 2, jnp.ones(2))
    # Blocks in which the sum comes to rest; a level that resets is moved by the rest of what the slow one lacks.
    curriculum = alternating(2, 240, 30.0)

    def jumps(levels, network):
        system = flow(tasks, levels)
        observables = {"loss": lambda system, state, task: system.loss(state, task)}
        run = simulate(
            system,
            curriculum,
            system.initial_state(network),
            method=FixedSteps(max_step=0.2),
            observables=observables,
        )
        return np.asarray(run.values["loss"])[::2]

    reset = jumps(flowing_continuum((fast, slow), (True, False)), start)
    alone = jumps(flowing_continuum((fast,)), SumOfLevels((jnp.zeros((2, 4)),), jnp.ones(1)))
    beta = fast / (fast + slow)
    assert reset[-1] / alone[-1] == pytest.approx(1 / (2 - beta) ** 2, rel=0.01)


def nested(chunks=(4,), shares=(0.25,)) -> Any:
    problem: Any = TeacherProblem(tasks=general_tasks())  # pyright: ignore[reportCallIssue]
    options: dict[str, Any] = {"data_key": jax.random.key(0), "chunks": chunks, "shares": shares, "batch_size": None}
    return NestedStarts(problem=problem, time_constant=1.0, **options)  # pyright: ignore[reportCallIssue]


def test_a_nested_level_starts_anew_from_the_one_above_which_moves_towards_its_end():
    system, network = nested(), SumOfLevels((jnp.ones((2, 3)),), jnp.ones(1))
    task, step = jnp.array([1.0, 0.0]), jnp.asarray(0.1)
    update = eqx.filter_jit(system.update)
    state = system.initial_state(network)
    for _ in range(3):
        state = update(state, task, step)
    np.testing.assert_array_equal(state.starts[0].levels[0], network.levels[0])
    slope = jax.grad(lambda net: system.problem.loss(net, system.problem.population(task)))(state.network)
    end = state.network.levels[0] - 0.1 * slope.levels[0]
    after = update(state, task, step)
    expected = 0.75 * network.levels[0] + 0.25 * end
    np.testing.assert_allclose(after.starts[0].levels[0], expected, rtol=1e-12)
    np.testing.assert_array_equal(after.network.levels[0], after.starts[0].levels[0])


def test_the_loss_of_practice_is_that_before_every_step_also_where_a_level_starts_anew():
    system, task, step = nested((2,), (0.5,)), jnp.array([1.0, 0.0]), jnp.asarray(0.1)
    update = eqx.filter_jit(system.update)
    states = [system.initial_state(SumOfLevels((jnp.ones((2, 3)),), jnp.ones(1)))]
    for _ in range(3):
        states.append(update(states[-1], task, step))
    expected = 0.1 * sum(float(system.loss(state, task)) for state in states[:-1])
    np.testing.assert_allclose(states[-1].cumulative_loss, expected, rtol=1e-12)


def test_slower_levels_come_after_faster_ones_where_their_chunks_end_together():
    system = nested((2, 4), (0.5, 0.5))
    one = from_matrices(jnp.zeros((2, 1, 1)))
    system = eqx.tree_at(lambda system: system.problem.tasks, system, one)
    state = system.initial_state(SumOfLevels((jnp.ones((1, 1)),), jnp.zeros(1)))
    # Gates of zero answer nothing and move the weights nowhere: what moves is what is set here.
    moved = eqx.tree_at(lambda state: state.network.levels[0], state, jnp.full((1, 1), 5.0))
    moved = eqx.tree_at(lambda state: state.count, moved, jnp.asarray(3))
    after = system.update(moved, jnp.array([1.0, 0.0]), jnp.asarray(0.1))
    assert float(after.starts[1].levels[0][0, 0]) == 2.0
    assert float(after.starts[0].levels[0][0, 0]) == float(after.network.levels[0][0, 0]) == 2.0


@pytest.mark.parametrize(
    ("chunks", "shares"), [((1,), (0.5,)), ((4, 6), (0.5, 0.5)), ((4,), (0.5, 0.5)), ((4,), (1.5,))]
)
def test_starts_that_do_not_nest_are_refused(chunks, shares):
    with pytest.raises(ValueError, match="NestedStarts"):
        nested(chunks, shares)
