"""Momentum, its preconditioners, and momentum that forgets where it is written."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.nested.optimisers import (
    LeftMatrix,
    Mapped,
    RandomFeatures,
    RootMeanSquare,
    delta_momentum,
    momentum,
)
from tests.nested.optimisers.runs import descended, gradients, updates

MATRICES = gradients(12, (3, 4))


def close(one, other, tolerance=1e-12):
    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def test_at_a_constant_rate_it_is_the_momentum_of_optax():
    close(updates(momentum(0.1, 0.9), MATRICES), updates(optax.sgd(0.1, momentum=0.9), MATRICES))


def test_under_a_schedule_old_gradients_keep_the_rate_of_their_time():
    schedule = optax.exponential_decay(1.0, 1, 0.5)
    ones = jnp.ones((10, 1))
    ours, theirs = updates(momentum(schedule, 0.9), ones), updates(optax.sgd(schedule, momentum=0.9), ones)
    # By hand: sums of 0.9^(t - s) 0.5^s here, and 0.5^t times sums of 0.9^(t - s) there.
    close(-ours[-1, 0], sum(0.9 ** (9 - s) * 0.5**s for s in range(10)))
    close(-theirs[-1, 0], 0.5**9 * sum(0.9 ** (9 - s) for s in range(10)))
    assert abs(float(ours[-1, 0] - theirs[-1, 0])) > 0.7


def test_over_their_size_gradients_are_those_of_optax():
    ours = updates(momentum(1.0, 0.0, RootMeanSquare(0.9, 1e-8)), MATRICES)
    theirs = updates(optax.scale_by_rms(decay=0.9, eps=1e-8), MATRICES)
    close(ours, -theirs)


def test_the_inverse_curvature_lands_on_the_solution_in_one_step():
    root = gradients(1, (3, 3), 5)[0]
    curvature, target = root @ root.T + jnp.eye(3), gradients(1, (3, 4), 6)[0]

    def loss(weights):
        return 0.5 * jnp.trace((weights - target).T @ curvature @ (weights - target))

    found, _ = descended(momentum(1.0, 0.0, LeftMatrix(jnp.linalg.inv(curvature))), loss, MATRICES[0], 1)
    close(found, target)


def test_random_features_show_the_gradient_in_the_mean():
    found = updates(momentum(1.0, 0.0, RandomFeatures(jax.random.key(0), 200_000)), MATRICES[:1])
    close(found, -MATRICES[:1], 0.02)


def test_any_function_may_precondition():
    close(updates(momentum(0.1, 0.0, Mapped(jnp.sign)), MATRICES), -0.1 * jnp.sign(MATRICES))


@pytest.mark.parametrize("normalised", [True, False])
def test_without_forgetting_delta_momentum_is_momentum(normalised):
    ours = updates(delta_momentum(0.1, 0.9, 0.0, normalised=normalised), MATRICES)
    close(ours, updates(momentum(0.1, 0.9), MATRICES))


def test_delta_momentum_is_a_gradient_step_of_its_objective():
    """a m - eta d/dm 1/2 |m g^T + P|^2, with one rate for both terms and the gradient itself as key and value."""
    rule = delta_momentum(0.05, 0.9, 0.05, normalised=False)
    m = jnp.zeros((3, 4))
    found = updates(rule, MATRICES)
    for gradient, after in zip(MATRICES, found, strict=True):
        # P g is the gradient of <m g^T, P> with P the identity.
        slope = jax.grad(lambda m, g=gradient: 0.5 * jnp.sum((m @ g.T + jnp.eye(3)) ** 2))(m)
        m = 0.9 * m - 0.05 * slope
        close(after, m)


@pytest.mark.parametrize("forgetting", [0.0, 0.5, 1.5])
def test_along_a_constant_gradient_it_comes_to_rest(forgetting):
    gradient = jnp.broadcast_to(jnp.outer(jnp.array([0.6, 0.8]), jnp.array([3.0, 4.0])), (600, 2, 2))
    found = updates(delta_momentum(0.1, 0.9, forgetting), gradient)[-1]
    close(jnp.linalg.norm(found), 0.1 * 5 / (1 - 0.9 + forgetting), 1e-10)


def test_stacks_are_taken_path_by_path_and_vectors_as_one_row():
    tree = {"stack": gradients(6, (2, 3, 4)), "vector": gradients(6, (4,), 1)}
    together = updates(delta_momentum(0.1), tree)
    for path in range(2):
        close(together["stack"][:, path], updates(delta_momentum(0.1), tree["stack"][:, path]))
    close(together["vector"], updates(delta_momentum(0.1), tree["vector"][:, None])[:, 0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: momentum(0.0), "must be positive"),
        (lambda: momentum(0.1, 1.2), "multiplies what was there"),
        (lambda: delta_momentum(0.1, 0.9, 1.9), "stable from 0 to below 1.9"),
        (lambda: delta_momentum(0.1, 0.9, -0.1), "stable from 0"),
        (lambda: RandomFeatures(jax.random.key(0), 0), "at least one feature"),
        (lambda: momentum(0.1, 0.9, LeftMatrix(jnp.eye(2))).init(jnp.ones((3, 4))), "which have 3 rows"),
    ],
)
def test_rules_that_cannot_be_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
