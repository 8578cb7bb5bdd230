"""Nested slice sampling against what is known exactly: regular, singular and skewed losses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy.neighbourhood import Box, Gaussian
from ntadyn.degeneracy.nested_slices import NestedSlices
from ntadyn.degeneracy.problem import LossProblem
from ntadyn.degeneracy.volume import volume_curve
from tests.degeneracy.exact_losses import (
    Powers,
    Quadratic,
    TwoCrossings,
    crossing,
    gated_linear,
    laplace,
    skewed,
    specialised,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("optimised")]

SIMPLE = [(2.0, 0.0), (4.0, 0.0), (6.0, 0.0)]
CROSSINGS = [(2.0, 2.0), (2.0, 4.0), (4.0, 4.0)]
DEGENERATE = [(1, 1, 1, 1, 0, 0, 0, 0), (1, 1, 1, 1, 1, 0, 0, 0)]


def within(found, exact):
    value, error = found
    assert abs(value - exact) < 3 * error, (found, exact)


@pytest.fixture(scope="module")
def monomials():
    """Runs on the square, by powers; the last is w^2 (1 + w) in the half of it."""
    sampler = NestedSlices(num_live=6000, num_delete=1200, log_volume=-10.0)

    @eqx.filter_jit
    @eqx.filter_vmap
    def sample(powers, skewness, half_width, key):
        problem = LossProblem(Powers(powers, skewness), jnp.zeros(2))
        return sampler.sample(problem, Box(half_width), key)

    powers = [*SIMPLE, *CROSSINGS, (2.0, 0.0)]
    skewness, half_width = jnp.zeros(7).at[6].set(1.0), jnp.ones(7).at[6].set(0.5)
    runs = sample(jnp.array(powers), skewness, half_width, jax.random.split(jax.random.key(0), 7))
    named = [*SIMPLE, *CROSSINGS, "skewed"]
    return {name: jax.tree.map(lambda leaf, i=i: np.asarray(leaf)[i], runs) for i, name in enumerate(named)}


@pytest.mark.representatives(2)
@pytest.mark.parametrize("inverse_temperature", [30.0, 1e2, 1e4])
@pytest.mark.parametrize("powers", SIMPLE)
def test_the_coefficient_of_a_simple_power_is_that_at_all_temperatures(monomials, powers, inverse_temperature):
    within(monomials[powers].coefficient(inverse_temperature), 1 / powers[0])


@pytest.mark.parametrize("inverse_temperature", [1e2, 1e4])
@pytest.mark.parametrize("powers", CROSSINGS)
def test_crossings_have_the_coefficient_of_their_temperature(monomials, powers, inverse_temperature):
    first, second = powers
    exact = crossing(first, second, inverse_temperature)
    found = monomials[powers].coefficient(inverse_temperature)
    within(found, exact)
    assert found[0] == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("inverse_temperature", [10.0, 30.0, 1e3])
def test_a_skewed_minimum(monomials, inverse_temperature):
    within(monomials["skewed"].coefficient(inverse_temperature), skewed(inverse_temperature, 0.5))


def test_volume_and_hill_at_a_crossing(monomials):
    curve = volume_curve(monomials[2.0, 2.0])
    chosen = [np.argmin(np.abs(np.log(curve.cutoffs / cutoff))) for cutoff in (1e-4, 1e-6)]
    log_delta = np.log(np.array([1e-4, 1e-6])) / 2
    np.testing.assert_allclose(curve.coefficients[chosen], -0.5 * log_delta / (1 - log_delta), rtol=0.03)
    np.testing.assert_allclose(curve.hill[chosen], (1 - log_delta) / (2 * (2 - log_delta)), rtol=0.03)


@pytest.mark.exhaustive
def test_independent_crossings_add():
    sampler = NestedSlices(num_live=2000, num_delete=400, log_volume=-12.0)
    run = eqx.filter_jit(sampler.sample)(LossProblem(TwoCrossings(), jnp.zeros(4)), Box(1.0), jax.random.key(0))
    for inverse_temperature in (1e2, 1e4):
        exact = crossing(2.0, 2.0, inverse_temperature) + crossing(2.0, 4.0, inverse_temperature)
        within(run.coefficient(inverse_temperature), exact)


@pytest.fixture(scope="module")
def degenerate_volumes():
    """Curves in the cube of eight dimensions, by curvatures: exact power laws below a loss of 1/2."""
    sampler = NestedSlices(log_volume=-36.0)

    @eqx.filter_jit
    @eqx.filter_vmap
    def sample(curvatures, key):
        return sampler.sample(LossProblem(Quadratic(curvatures), jnp.zeros(8)), Box(1.0), key)

    runs = sample(jnp.array(DEGENERATE, float), jax.random.split(jax.random.key(0), 2))
    return {
        name: volume_curve(jax.tree.map(lambda leaf, i=i: np.asarray(leaf)[i], runs))
        for i, name in enumerate(DEGENERATE)
    }


@pytest.mark.representatives(1)
@pytest.mark.parametrize("curvatures", DEGENERATE)
def test_flat_directions_do_not_count(degenerate_volumes, curvatures):
    plateau = degenerate_volumes[curvatures].plateau
    exact = sum(curvatures) / 2
    assert plateau is not None
    within((plateau.coefficient, plateau.error), exact)
    assert plateau.coefficient == pytest.approx(exact, rel=0.04)


@pytest.mark.exhaustive
def test_a_regular_point_has_the_coefficient_of_laplace():
    problem = LossProblem(Quadratic(jnp.array([1.0, 0.5, 0.1, 0.01])), jnp.zeros(4))
    sampler = NestedSlices(num_live=1000, num_delete=200, log_volume=-12.0)
    run = eqx.filter_jit(sampler.sample)(problem, Gaussian(100.0), jax.random.key(0))
    for inverse_temperature in (1e2, 1e3, 1e4):
        within(run.coefficient(inverse_temperature), laplace(problem, inverse_temperature, 100.0))


def test_a_gated_network_has_the_coefficient_of_quadrature():
    sampler = NestedSlices(num_live=1000, num_delete=200, log_volume=-15.0)
    run = eqx.filter_jit(sampler.sample)(specialised(), Gaussian(100.0), jax.random.key(0))
    for inverse_temperature in (1e3, 1e4):
        within(run.coefficient(inverse_temperature), gated_linear(inverse_temperature, 100.0))
