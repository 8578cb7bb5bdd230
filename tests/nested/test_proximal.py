"""Updates are the exact minimisers of their objectives."""

import jax.numpy as jnp
import numpy as np

from ntadyn.nested import proximal
from ntadyn.nested.optimisers import delta_descent, momentum
from tests.nested.optimisers.runs import gradients, minimiser, updates

W, G = gradients(3, (4,), 0), gradients(3, (4,), 1)
KEY, VALUE = gradients(4, (), 2), gradients(3, (), 3)


def agree(objective, update):
    np.testing.assert_allclose(minimiser(objective, W), update, rtol=0, atol=1e-12)


def test_descent():
    agree(proximal.of_descent(W, G, 0.3), W - 0.3 * G)


def test_momentum():
    first, second = updates(momentum(0.3, 0.9), jnp.stack([W, G]))
    agree(proximal.of_momentum(first, G, 0.3, 0.9), second)


def test_delta_descent():
    agree(proximal.of_delta_descent(W, KEY, VALUE, 0.7), delta_descent(W, KEY[None], VALUE[None], 0.7))
