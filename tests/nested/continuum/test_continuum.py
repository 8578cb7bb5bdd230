"""Blocks with chunks of their own: schedules, and what they are in the limit of short steps."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.continual import TeacherProblem
from ntadyn.nested import LevelDescent, LevelFlow
from ntadyn.nested.continuum import (
    ChainOfLevels,
    ResidualLevels,
    SumOfLevels,
    continuum,
    flowing_continuum,
    slowing_time_constants,
)
from ntadyn.tasks import from_matrices
from ntadyn.tasks.inputs import InputCovariance
from tests.systems import general_tasks

TASK = jnp.array([0.3, 0.7])


def problem_of(tasks, covariance=None) -> Any:
    inputs = None if covariance is None else InputCovariance.from_matrix(covariance)
    return TeacherProblem(tasks=tasks, input_covariance=inputs)  # pyright: ignore[reportCallIssue]


def descent(levels, problem=None) -> Any:
    options: dict[str, Any] = {"data_key": jax.random.key(3), "batch_size": None}
    problem = problem_of(general_tasks()) if problem is None else problem
    return LevelDescent(problem=problem, levels=levels, **options)  # pyright: ignore[reportCallIssue]


def flow(levels) -> Any:
    return LevelFlow(problem=problem_of(general_tasks()), levels=levels)  # pyright: ignore[reportCallIssue]


def followed(system, network, number, step, task=TASK):
    """All states along a run, the start included."""

    @eqx.filter_jit
    def run(state):
        def one(state, _):
            after = system.update(state, task, jnp.asarray(step))
            return after, after

        return jax.lax.scan(one, state, length=number)[1]

    state = system.initial_state(network)
    return jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), *map(_plain, (state, run(state))))


def _plain(state):
    return eqx.filter(state, eqx.is_inexact_array)


def network_of(number=2):
    return SumOfLevels.initialise(jax.random.key(1), number, (2, 3), 1.0)


def test_every_level_moves_when_its_chunk_ends_and_rests_in_between():
    chunks = (1, 4, 8, 32)
    states = followed(descent(continuum((1.0,) * 4, chunks)), network_of(4), 96, 1e-3)
    for level, chunk in zip(states.network.levels, chunks, strict=True):
        moved = np.any(np.diff(np.asarray(level), axis=0) != 0, axis=(1, 2))
        assert moved.sum() == 96 // chunk
        assert np.flatnonzero(moved).tolist() == list(range(chunk - 1, 96, chunk))


def test_a_chunk_is_what_optax_accumulates():
    """Sums of gradients at a network that moves as one."""
    system = descent(continuum((2.0, 2.0), (1, 4)))
    states = followed(system, network_of(), 12, 0.1)
    # Its accumulator is in single precision unless another dtype is asked for.
    slow_rule = optax.MultiSteps(optax.sgd(0.05), 4, use_grad_mean=False, accumulator_dtype=jnp.float64)
    rules = {"fast": optax.sgd(0.05), "slow": slow_rule}
    problem, network = system.problem, network_of()
    fast, slow = network.levels
    memories = rules["fast"].init(fast), rules["slow"].init(slow)
    for _ in range(12):
        slopes = jax.grad(lambda network: problem.loss(network, problem.population(TASK)))(network).levels
        with jax.numpy_dtype_promotion("standard"):
            first, one = rules["fast"].update(slopes[0], memories[0])
            second, other = rules["slow"].update(slopes[1], memories[1])
        memories = one, other
        network = eqx.tree_at(lambda net: net.levels, network, (network.levels[0] + first, network.levels[1] + second))
    np.testing.assert_allclose(states.network.levels[0][-1], network.levels[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(states.network.levels[1][-1], network.levels[1], rtol=0, atol=1e-12)


def test_one_level_without_chunks_is_plain_descent():
    system = descent(continuum((2.0,), (1,)))
    found = followed(system, network_of(1), 5, 0.1).network.levels[0][-1]
    network, problem = network_of(1), system.problem
    slope = jax.jit(jax.grad(lambda network: problem.loss(network, problem.population(TASK))))
    for _ in range(5):
        step = (jnp.asarray(0.1) / 2.0) * slope(network).levels[0]
        network = eqx.tree_at(lambda net: net.levels, network, (network.levels[0] - step,))
    np.testing.assert_allclose(found, network.levels[0], rtol=1e-14)


@pytest.mark.slow
def test_a_chunk_is_one_long_step_and_as_far_from_the_flow():
    """Over all times and entries, err / (eta C) is 1/(2e), the most of t exp(-t) / 2: C is staleness, no tau."""
    curvature, time = jnp.diag(jnp.array([1.0, 0.5, 0.1])), 2.0
    problem = problem_of(from_matrices(jnp.zeros((1, 1, 3))), curvature)
    network, task = SumOfLevels((jnp.ones((1, 3)),), jnp.ones(1)), jnp.ones(1)
    for chunk in (1, 4, 8):
        rates = (1e-3, 5e-4)
        errors = []
        for rate in rates:
            system = descent(continuum((1.0,), (chunk,)), problem)
            states = followed(system, network, round(time / rate), rate, task)
            moved = np.asarray(states.network.levels[0])[::chunk, 0]
            exact = np.exp(-rate * chunk * np.arange(len(moved))[:, None] * np.diag(curvature)[None])
            errors.append(float(np.max(np.abs(moved - exact))))
        assert errors[1] / (rates[1] * chunk) == pytest.approx(0.5 / np.e, abs=0.002)
        assert np.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.06)


def test_levels_that_add_up_are_one_level_and_conserve_their_difference():
    """No number of time constants buys anything: the sum moves as one map of the rate 1/tau_f + 1/tau_s."""
    fast, slow = 0.5, 4.0
    network = network_of()
    both = flow(flowing_continuum((fast, slow)))
    state = both.initial_state(network)
    field = eqx.filter_jit(both.vector_field)(0.0, state, TASK).network.levels
    assert float(jnp.max(jnp.abs(slow * field[1] - fast * field[0]))) < 1e-14
    alone = flow(flowing_continuum((1 / (1 / fast + 1 / slow),)))
    single = SumOfLevels((network.total_map(),), jnp.ones(1))
    whole = alone.vector_field(0.0, alone.initial_state(single), TASK).network.levels[0]
    np.testing.assert_allclose(field[0] + field[1], whole, rtol=0, atol=1e-14)


def test_levels_one_after_the_other_conserve_another_difference():
    """tau_2 W_2^T W_2 - tau_1 W_1 W_1^T, whose derivative is zero at every place."""
    chain = ChainOfLevels.initialise(jax.random.key(4), (3, 4, 2))
    system = flow(flowing_continuum((0.5, 4.0)))
    first, second = chain.levels
    down = system.vector_field(0.0, system.initial_state(chain), TASK).network.levels
    rate = 4.0 * (down[1].T @ second + second.T @ down[1]) - 0.5 * (down[0] @ first.T + first @ down[0].T)
    assert float(jnp.max(jnp.abs(rate))) < 1e-14
    assert float(jnp.max(jnp.abs(down[0]))) > 0.01


@pytest.mark.slow
def test_blocks_begin_as_the_identity_and_learn():
    network = ResidualLevels.initialise(jax.random.key(0), 2, (2, 3), scale=1.0)
    x = jnp.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(network(x), network.read_out @ x, rtol=1e-14)
    system = descent(continuum(slowing_time_constants(1.0, 2), (1, 2)))
    states = followed(system, network, 2, 0.1)
    assert float(jnp.max(jnp.abs(states.network.levels[0].second[-1]))) > 0
    assert float(jnp.max(jnp.abs(states.network.levels[1].second[-1]))) > 0
    np.testing.assert_array_equal(states.network.read_out[0], states.network.read_out[-1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((1.0, 4.0), (1, 8, 64)), "one of each for every level"),
        (((1.0, 4.0), (8, 1)), "each must divide the next"),
        (((1.0, 4.0), (2, 3)), "each must divide the next"),
    ],
)
def test_chunks_that_do_not_nest_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        continuum(*arguments)


def test_usual_time_constants():
    assert slowing_time_constants(0.1) == pytest.approx((0.1, 0.4, 1.6))
