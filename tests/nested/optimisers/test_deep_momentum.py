"""Momentum that is a network."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.optimisers import DeepMomentum, DotProduct, GradientMemory, Ones, Regression, Unchanged
from tests.nested.optimisers.runs import gradients, updates

KEY = jax.random.key(0)
SEQUENCE = gradients(8, (3, 5))


def normalised(gradient):
    return gradient * jnp.sqrt(3.0) / jnp.linalg.norm(gradient)


@pytest.mark.slow
def test_a_linear_memory_holds_the_covariance_of_gradients():
    """B_T = -(eta'/o) sum_k a^(T-k) u_k^T u_k."""
    rule: Any = DeepMomentum(
        1.0, KEY, DotProduct(), Unchanged(), 0.05, 0.9, activation=lambda x: x, learns_first=False
    ).transformation()
    state = rule.init(SEQUENCE[0])._replace(memories=GradientMemory(jnp.eye(5), jnp.zeros((5, 5))))
    for gradient in SEQUENCE:
        update, state = rule.update(gradient, state)
    rows = [normalised(gradient) for gradient in SEQUENCE]
    expected = -0.05 / 3 * sum((0.9 ** (7 - k) * u.T @ u for k, u in enumerate(rows)), start=jnp.zeros((5, 5)))
    np.testing.assert_allclose(state.memories.second, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(update, rows[-1] @ expected.T, rtol=0, atol=1e-12)


def test_trained_long_enough_on_one_gradient_it_answers_its_negative():
    """The best that regression can do: the preconditioner that it is given, here none."""
    rule = DeepMomentum(1.0, KEY, Regression(), Unchanged(), 0.5, 1.0, keeps_size=True).transformation()
    found = updates(rule, jnp.broadcast_to(SEQUENCE[0], (3000, 3, 5)))
    np.testing.assert_allclose(found[-1], -SEQUENCE[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("keeps_size", "power"), [(False, 0), (True, 1)])
def test_its_updates_are_as_large_as_its_rows_or_as_the_gradient_however_small_that_is(keeps_size, power):
    """Also under the default preconditioner, which makes values of one size out of gradients of any."""
    rule = DeepMomentum(1.0, KEY, keeps_size=keeps_size).transformation()
    found = updates(rule, {"large": SEQUENCE, "small": 1e-4 * SEQUENCE})
    alone = updates(rule, {"large": 1e-4 * SEQUENCE, "small": SEQUENCE})
    np.testing.assert_allclose(alone["large"], 1e-4**power * found["large"], rtol=1e-6)


@pytest.mark.slow
def test_stacks_have_a_memory_for_every_path_and_vectors_one_row():
    tree = {"stack": gradients(3, (2, 3, 5)), "vector": gradients(3, (5,), 1)}
    rule: Any = DeepMomentum(0.1, KEY).transformation()
    state = rule.init(jax.tree.map(lambda leaf: leaf[0], tree))
    assert state.memories["stack"].first.shape == (2, 5, 5)
    assert state.memories["vector"].second.shape == (5, 5)
    found = updates(rule, tree)
    assert found["stack"].shape == (3, 2, 3, 5)
    assert bool(jnp.all(jnp.isfinite(found["vector"])))
    assert bool(jnp.any(found["stack"][-1, 0] != found["stack"][-1, 1]))


def test_the_printed_objective_is_blind_to_the_sign():
    with pytest.warns(UserWarning, match="blind to the sign"):
        blind = Ones()
    answers = gradients(1, (3, 5))[0]
    slope = jax.grad(blind)
    np.testing.assert_array_equal(slope(answers, answers), slope(answers, -answers))
    sees = jax.grad(DotProduct())
    np.testing.assert_array_equal(sees(answers, answers), -sees(answers, -answers))


def test_memories_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="one hidden unit"):
        DeepMomentum(0.1, KEY, hidden=0)
