"""Orthogonalisation, Muon, and the traps of the one that ships with optax."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest
from optax.contrib._muon import orthogonalize_via_newton_schulz

from ntadyn.nested.optimisers import CUBIC, momentum_with_read_out, orthogonalised
from tests.nested.optimisers.runs import gradients, updates

theirs = optax.contrib.scale_by_muon


def with_singular_values(values, shape, seed=0):
    left, right = (jnp.linalg.qr(gradients(1, (size, size), seed + i)[0])[0] for i, size in enumerate(shape))
    number = len(values)
    return left[:, :number] * values[None] @ right[:, :number].T, left[:, :number] @ right[:, :number].T


@pytest.mark.parametrize("shape", [(10, 20), (20, 10), (16, 16)])
def test_iterations_are_those_of_optax(shape):
    matrix = gradients(1, shape)[0]
    dimensions = optax.contrib.MuonDimensionNumbers()
    coefficients = jnp.asarray([3.4445, -4.7750, 2.0315])
    with jax.numpy_dtype_promotion("standard"):
        expected = orthogonalize_via_newton_schulz(matrix, coefficients, eps=0.0, dimension_numbers=dimensions)
    np.testing.assert_allclose(orthogonalised(matrix), expected, rtol=0, atol=1e-12)


def test_the_whole_rule_is_that_of_optax():
    sequence = gradients(30, (10, 20))
    ours = updates(momentum_with_read_out(1.0, 0.95), sequence)
    with jax.numpy_dtype_promotion("standard"):
        expected = updates(theirs(beta=0.95, nesterov=False), sequence)
    np.testing.assert_allclose(-ours, expected, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_singular_values_come_near_one_and_not_to_it():
    values = jnp.geomspace(0.01, 1.0, 10)
    matrix, factor = with_singular_values(values, (10, 20))
    # Relative to the largest, of which the Frobenius norm takes off a factor.
    found = orthogonalised(matrix * jnp.linalg.norm(values) / jnp.linalg.norm(matrix))
    singular = np.linalg.svd(found, compute_uv=False)
    assert singular.min() > 0.3
    assert singular.max() < 1.135
    assert float(jnp.sum(found * factor) / jnp.linalg.norm(found) / jnp.linalg.norm(factor)) > 0.97
    assert float(jnp.max(jnp.abs(found @ found.T - jnp.eye(10)))) > 0.1


def test_of_singular_values_from_a_hundredth_to_one_none_leaves_its_band():
    """Divided by nothing: the polynomial of five steps on [0.01, 1]."""
    x = np.geomspace(0.01, 1.0, 20_001)
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    assert x.min() == pytest.approx(0.682, abs=1e-3)
    assert x.max() == pytest.approx(1.135, abs=1e-3)


def test_cubic_iterations_converge_to_the_orthogonal_factor():
    matrix, factor = with_singular_values(jnp.linspace(0.3, 1.0, 4), (4, 6))
    np.testing.assert_allclose(orthogonalised(matrix, CUBIC, 30), factor, rtol=0, atol=1e-12)


def test_a_zero_gradient_moves_nothing():
    assert not np.any(updates(momentum_with_read_out(0.1), jnp.zeros((2, 3, 4))))


def test_muon_of_optax_trains_stacks_by_adam_unless_it_is_told():
    stack = {"weights": gradients(1, (3, 4, 5))[0]}
    rows_and_columns = optax.contrib.MuonDimensionNumbers(reduction_axis=-1, output_axis=-2)
    rules: tuple[Any, ...] = (
        optax.contrib.muon(0.1),
        optax.contrib.muon(0.1, muon_weight_dimension_numbers={"weights": rows_and_columns}),
    )
    with jax.numpy_dtype_promotion("standard"):
        silent, told = (np.abs(rule.update(stack, rule.init(stack), stack)[0]["weights"]) for rule in rules)
    # The first step of Adam is the sign of the gradient; that of Muon is not.
    assert silent.max() / silent.min() == pytest.approx(1, abs=1e-4)
    assert told.max() / told.min() > 2


def test_swapped_axes_of_muon_change_its_scale_and_nothing_else():
    """For y = W x rows are outputs. Swapped, updates are sqrt(20 / 10) times as long: singular values to 1.60."""
    stack = {"weights": gradients(1, (10, 20))[0]}

    def moved(reduction, output):
        axes = optax.contrib.MuonDimensionNumbers(reduction_axis=reduction, output_axis=output)
        rule: Any = optax.contrib.muon(1.0, muon_weight_dimension_numbers={"weights": axes})
        return np.asarray(rule.update(stack, rule.init(stack), stack)[0]["weights"])

    with jax.numpy_dtype_promotion("standard"):
        right, swapped = moved(-1, -2), moved(-2, -1)
    np.testing.assert_allclose(swapped, np.sqrt(2) * right, rtol=1e-12)
    assert np.linalg.svd(right, compute_uv=False).max() < 1.135
    assert np.linalg.svd(swapped, compute_uv=False).max() > 1.5


def test_coefficients_of_optax_go_by_other_names_than_its_documentation_says():
    with pytest.raises(ValueError, match="Unknown ns_coeff preset"):
        optax.contrib.muon(0.1, ns_coeffs="muon")
    assert optax.contrib.muon(0.1, ns_coeffs="standard")


@pytest.mark.slow
def test_no_step_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        orthogonalised(jnp.eye(2), steps=0)
    assert jax.eval_shape(orthogonalised, jnp.ones((2, 3))).shape == (2, 3)
