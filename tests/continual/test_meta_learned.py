"""What meta-learning finds on gated linear networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ntadyn.continual import (
    CommonRate,
    ContinualDescent,
    ContinualFlow,
    InnerLoop,
    TeacherProblem,
    adapted_losses,
)
from ntadyn.networks import GatedLinear
from tests.continual.meta_learning import (
    FIRST,
    RATE,
    gram_of,
    largest_gap,
    meta,
)
from tests.systems import orthogonal_tasks

TEACHERS = orthogonal_tasks(3, 2, 6)


def principal_cosines(weights, teachers):
    """Cosines of the angles between the span of the paths and that of the teachers, descending."""
    bases = [np.linalg.qr(np.reshape(stack, (len(stack), -1)).T)[0] for stack in (weights, teachers)]
    return np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)


def test_a4_one_step_solves_where_a_times_gram_is_one():
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    # Teachers have the squared norm 2, so that this Gram matrix is 1/a.
    weights = np.einsum("pm,moi->poi", turn, TEACHERS.teachers) / np.sqrt(2 * RATE)
    np.testing.assert_allclose(RATE * np.einsum("poi,qoi->pq", weights, weights), np.eye(3), atol=1e-14)
    starts = 5 * np.random.default_rng(5).normal(size=(4, 3))
    problem, inner = TeacherProblem(TEACHERS), InnerLoop(1, CommonRate(RATE))

    @jax.jit
    @jax.vmap
    def losses(gates):
        network = GatedLinear(gates, jnp.asarray(weights))
        return adapted_losses(problem, network, inner), problem.losses(network)

    after, before = losses(starts)
    assert np.max(after) <= 1e-28
    assert np.min(before) > 0.1


@pytest.fixture(scope="module")
def learned():
    """W after long descent of the outer loss, with gates that start at zero, frozen; two initial weights."""
    taus = {"gates": jnp.asarray(jnp.inf), "weights": jnp.ones(())}
    system = ContinualDescent(ContinualFlow(TeacherProblem(TEACHERS), meta(), taus), jax.random.key(0))

    @jax.jit
    @jax.vmap
    def run(key):
        state = system.initial_state(GatedLinear.initialise(key, (3, 2, 6), 0.3, 0.0))
        step = lambda state, _: (system.update(state, jnp.asarray(FIRST), jnp.asarray(0.2)), None)  # noqa: E731
        return lax.scan(step, state, length=1500)[0].network

    return run(jax.random.split(jax.random.key(8), 2))


@pytest.mark.slow
def test_a4_learning_finds_one_step_solvability_and_the_subspace(learned):
    assert not np.any(learned.gates)
    np.testing.assert_allclose(RATE * gram_of(learned.weights), np.broadcast_to(np.eye(3), (2, 3, 3)), atol=1e-8)
    for weights in learned.weights:
        assert principal_cosines(weights, TEACHERS.teachers)[-1] > 1 - 1e-8


@pytest.mark.slow
def test_a5_paths_are_a_rotation_of_the_teachers(learned):
    flat = np.reshape(TEACHERS.teachers, (3, -1)) / np.sqrt(2.0)
    for weights in learned.weights:
        turn = np.reshape(weights, (3, -1)) * np.sqrt(RATE) @ flat.T
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-7)
        assert np.min(np.max(np.abs(turn), axis=1)) < 0.95
    assert largest_gap(*learned.weights) > 0.1
