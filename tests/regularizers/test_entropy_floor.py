import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.regularizers import EntropyFloor, UnitL1Norm, Zero

LOGITS = np.array([2.0, -1.0, 0.3])
T = 0.8


def entropy(c):
    g = np.exp(c / T) / np.exp(c / T).sum()
    return -np.sum(g * np.log(g))


@pytest.mark.parametrize("above", [False, True])
def test_energy_and_gradient_are_those_of_the_formula(above):
    floor = entropy(LOGITS) + (-0.2 if above else 0.3)
    penalty = EntropyFloor(1.5, floor, T) + Zero()
    np.testing.assert_allclose(penalty.energy(jnp.asarray(LOGITS)), 0.0 if above else 0.45, rtol=1e-12)
    h = 1e-6
    slopes = [1.5 * max(floor - entropy(LOGITS + h * e), 0) - 1.5 * max(floor - entropy(LOGITS - h * e), 0)
              for e in np.eye(3)]  # fmt: skip
    x = jnp.asarray(LOGITS)
    np.testing.assert_allclose(penalty.gradient(x), np.array(slopes) / (2 * h), atol=1e-8)
    np.testing.assert_allclose(jax.grad(penalty.energy)(x), penalty.gradient(x), rtol=1e-13, atol=1e-16)


def test_on_the_floor_the_rule_is_that_of_automatic_differentiation():
    x = jnp.zeros(2)
    penalty = EntropyFloor(1.0, float(np.log(2)), 1.0)
    np.testing.assert_array_equal(penalty.gradient(x), jax.grad(penalty.energy)(x))


def test_gates_that_are_all_but_shut_are_pulled_up_and_nothing_overflows():
    penalty = EntropyFloor(1.0, 0.1)
    for gap in (20.0, 800.0):
        pull = -penalty.gradient(jnp.asarray([gap, 0.0]))
        assert np.isfinite(pull).all()
        assert pull[1] >= 0
    shut = np.exp(-20.0)
    pull = -penalty.gradient(jnp.asarray([20.0, 0.0]))
    np.testing.assert_allclose(pull[1], shut * np.log(1 / shut), rtol=1e-6)  # k g ln(1/g)


def test_it_is_a_penalty_like_others():
    penalty = EntropyFloor(1.0, 0.5, T)
    x = jnp.asarray(LOGITS)
    np.testing.assert_allclose(penalty.scaled(3.0).energy(x), 3 * penalty.energy(x), rtol=1e-14)
    both = penalty + UnitL1Norm(0.3)
    np.testing.assert_allclose(both.energy(x), penalty.energy(x) + UnitL1Norm(0.3).energy(x), rtol=1e-14)
    assert not penalty.kinked
    with pytest.raises(ValueError, match="no proximal map"):
        penalty.proximal(x, 0.1)
    with pytest.raises(ValueError, match="must be finite and >= 0"):
        EntropyFloor(-1.0)
