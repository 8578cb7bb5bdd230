"""Delta descent on linear maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.optimisers import delta_descent, delta_descent_of_paths
from ntadyn.networks import GatedLinear
from tests.nested.optimisers.runs import gradients

TARGET, INPUTS = gradients(2, (3,), 1), gradients(40, (3,), 2)


def follow(forgetting, number=4000):
    def step(weights, _):
        errors = INPUTS @ (weights - TARGET).T
        return delta_descent(weights, INPUTS, errors, 0.5, forgetting), None

    return jax.jit(lambda: jax.lax.scan(step, jnp.zeros((2, 3)), length=number)[0])()


@pytest.mark.parametrize("forgetting", [0.0, 0.5, 1.0])
def test_it_comes_to_rest_short_of_the_solution(forgetting):
    np.testing.assert_allclose(follow(forgetting), TARGET / (1 + forgetting), rtol=0, atol=1e-8)


def test_every_path_is_a_linear_map_of_its_own():
    network = GatedLinear(jnp.array([0.5, -2.0]), gradients(2, (2, 3), 3))
    errors = jax.vmap(network)(INPUTS) - INPUTS @ TARGET.T
    moved = delta_descent_of_paths(network, INPUTS, errors, 1e-6)

    def loss(network):
        return 0.5 * jnp.mean(jnp.sum((jax.vmap(network)(INPUTS) - INPUTS @ TARGET.T) ** 2, axis=1))

    # For a small rate without forgetting it is plain descent.
    expected = -1e-6 * jax.grad(loss)(network).weights
    np.testing.assert_allclose(moved.weights - network.weights, expected, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(moved.gates, network.gates)


def test_forgetting_more_than_there_is_is_refused():
    with pytest.raises(ValueError, match="multiplies what was there"):
        delta_descent(TARGET, INPUTS, INPUTS @ TARGET.T, 0.1, 1.5)
