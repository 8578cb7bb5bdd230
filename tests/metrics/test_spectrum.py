"""Random-matrix laws against Monte Carlo, exact moments and the numbers of the paper's setting."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate

from ntadyn.metrics import (
    initial_singular_values,
    marchenko_pastur_density,
    marchenko_pastur_edges,
    mean_singular_value,
    singular_values,
)

SIZES = [(10, 20), (6, 20), (20, 10), (30, 30)]


def sampled_spectra(rows, columns, sigma=1.0, samples=1000):
    weights = sigma * jax.random.normal(jax.random.key(0), (samples, rows, columns)) / columns**0.5
    return singular_values(weights)


def moment(rows, columns, power, sigma=1.0):
    """The integral of l^power over the density, substituting l = lower + width sin^2 to soften the edges."""
    lower, upper = (float(x) for x in marchenko_pastur_edges(rows, columns, sigma))

    def integrand(angle):
        eigenvalue = lower + (upper - lower) * np.sin(angle) ** 2
        density = float(marchenko_pastur_density(jnp.asarray(eigenvalue), rows, columns, sigma))
        return eigenvalue**power * density * (upper - lower) * np.sin(2 * angle)

    return scipy.integrate.fixed_quad(np.vectorize(integrand), 0.0, np.pi / 2, n=40)[0]


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_density_has_the_right_mass_and_mean(rows, columns):
    # Zeros of tall matrices are not part of the density. Tolerances: 40-point quadrature.
    assert moment(rows, columns, 0) == pytest.approx(min(1.0, columns / rows), abs=1e-6)
    assert moment(rows, columns, 1, sigma=0.7) == pytest.approx(0.7**2, abs=1e-6)


def test_edges_of_the_default_network():
    lower, upper = marchenko_pastur_edges(10, 20)
    assert float(lower) ** 0.5 == pytest.approx(0.293, abs=5e-4)  # three printed digits
    assert float(upper) ** 0.5 == pytest.approx(1.707, abs=5e-4)


def test_density_is_zero_outside_of_its_support():
    outside = jnp.array([-1.0, 0.0, 0.05, 3.0])
    np.testing.assert_array_equal(marchenko_pastur_density(outside, 10, 20), 0)
    np.testing.assert_array_equal(marchenko_pastur_density(jnp.array([0.0]), 10, 10), 0)


@pytest.mark.parametrize(("rows", "columns", "expected"), [(10, 20, 0.927), (6, 20, 0.954), (30, 30, 0.844)])
def test_mean_singular_value_of_samples_and_of_the_law(rows, columns, expected):
    spectra = sampled_spectra(rows, columns)
    assert jnp.mean(spectra) == pytest.approx(expected, abs=0.01)
    assert jnp.mean(spectra**2) == pytest.approx(1.0, abs=0.01)
    assert mean_singular_value(rows, columns) == pytest.approx(expected, abs=0.01)


def test_tall_matrices_share_the_spectrum_of_their_transpose():
    # The variance is set by the columns, so the transpose is larger by sqrt(rows/columns).
    assert mean_singular_value(20, 10) == pytest.approx(2**0.5 * float(mean_singular_value(10, 20)), rel=1e-12)
    assert jnp.mean(sampled_spectra(20, 10)) == pytest.approx(float(mean_singular_value(20, 10)), abs=0.01)


def test_mean_singular_value_of_square_matrices_is_known():
    assert mean_singular_value(8, 8, 3.0) == pytest.approx(3 * 8 / (3 * np.pi), abs=1e-5)  # quadrature


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_initial_spectrum_resembles_samples(rows, columns):
    sampled = jnp.mean(sampled_spectra(rows, columns, sigma=0.01), axis=0)
    typical = initial_singular_values(rows, columns, 0.01)
    assert typical.shape == (min(rows, columns),)
    assert jnp.all(jnp.diff(typical) < 0)
    # Quantiles of the large-size law against mean ordered values of small matrices.
    np.testing.assert_allclose(typical, sampled, atol=0.07 * 0.01)


def test_initial_students_are_a_few_percent_of_the_teacher():
    relative = initial_singular_values(10, 20, 0.01) * 20**0.5
    assert relative[0] == pytest.approx(0.070, abs=0.003)  # quantile against mean largest value
    assert relative[-1] > 0.01


def test_singular_values_of_a_diagonal():
    np.testing.assert_allclose(singular_values(jnp.diag(jnp.array([1.0, -3.0, 2.0]))), [3, 2, 1], atol=1e-12)


def test_sizes_must_be_positive():
    for law in (mean_singular_value, marchenko_pastur_edges, lambda r, c: initial_singular_values(r, c, 1.0)):
        with pytest.raises(ValueError, match="positive sizes"):
            law(0, 5)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_spectra_under_jit_and_vmap_keep_dtype(getkey, dtype):
    scales = jnp.array([0.5, 2.0], dtype)
    for law in (
        lambda s: marchenko_pastur_edges(4, 6, s)[1],
        lambda s: mean_singular_value(4, 6, s),
        lambda s: initial_singular_values(4, 6, s),
        lambda s: marchenko_pastur_density(jnp.asarray(0.3, dtype), 4, 6, s),
    ):
        found = jax.jit(jax.vmap(law))(scales)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, jnp.stack([law(s) for s in scales]), rtol=1e-5)  # float32 rounding
    weights = jax.random.normal(getkey(), (3, 4, 6), dtype)
    found = jax.jit(jax.vmap(singular_values))(weights)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, singular_values(weights), rtol=1e-5)  # float32 rounding
