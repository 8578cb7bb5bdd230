"""What quadratic losses give exactly, held against sampling and against quadrature."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from ntadyn.degeneracy import quadratic
from ntadyn.degeneracy.coefficient import Settings, learning_coefficient
from ntadyn.degeneracy.refusals import Refusal
from ntadyn.degeneracy.samplers import MALA, SGLD, Feed
from ntadyn.degeneracy.whitening import PlainCoordinates
from tests.degeneracy.losses import random_quadratic

pytestmark = pytest.mark.usefixtures("optimised")
CURVATURES = np.array([1, 0.5, 0.1, 0.01])
MODERATE = MALA(num_draws=5000)  # pyright: ignore[reportCallIssue]


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("localisation", [1.0, 30.0, 1000.0])
def test_the_effective_dimension_is_what_langevin_steps_with_a_test_find(localisation):
    curvatures = np.random.default_rng(0).gamma(1.0, 1.0, 10)
    settings = Settings(1000.0, localisation, MODERATE)
    found = learning_coefficient(random_quadratic(1, curvatures), jnp.zeros(10), settings)
    exact = np.sum(1000 * curvatures / (2 * (1000 * curvatures + localisation)))
    np.testing.assert_allclose(found.effective_dimension, exact, rtol=1e-12)
    assert found.status == "TRUSTED"
    assert abs(found.value - exact) < min(3 * found.error, 0.03 * exact)
    assert found.half_rank == 5


@pytest.mark.slow
@pytest.mark.parametrize(("step", "expected"), [(0.001, 1.5488), (0.004, 1.6998), (0.012, 2.5405)])
def test_steps_without_a_test_raise_the_coefficient_as_predicted(step, expected):
    sampler = SGLD(jnp.asarray(step), Feed(steps_per_draw=40), num_warm_up=20000, num_draws=3000)
    settings = Settings(200.0, 5.0, sampler, PlainCoordinates())
    found = learning_coefficient(random_quadratic(2, CURVATURES), jnp.zeros(4), settings, seed=1)
    np.testing.assert_allclose(found.effective_dimension + found.step_bias, expected, atol=5e-5)
    assert abs(found.value - expected) < 3 * found.error
    assert found.error < 0.03
    assert (Refusal.STEP_BIAS in found.refusals) == (step > 0.001)


def test_steps_that_are_unstable_have_an_infinite_bias():
    rates = jnp.asarray([1.0, 399.0])
    counted = jnp.asarray([0.5, 0.5])
    assert np.isfinite(quadratic.raised_by_steps(counted, rates, jnp.asarray(0.01)))
    assert quadratic.raised_by_steps(counted, rates, jnp.asarray(0.0101)) == np.inf


def test_chains_that_start_at_the_centre_fall_short_by_what_the_recursion_of_variances_says():
    step, skipped, recorded = 0.01, 30, 200
    counted, rates = np.array([0.5, 0.4, 0.1]), np.array([200.0, 30.0, 1.0])
    variance, recent = np.zeros(3), []
    for _ in range(skipped + recorded):
        variance = (1 - step * rates / 2) ** 2 * variance + step
        recent.append(np.sum(counted * rates * variance))
    numbers = (jnp.asarray(counted), jnp.asarray(rates), jnp.asarray(step))
    in_the_end = np.sum(counted) + quadratic.raised_by_steps(*numbers)
    short = quadratic.lowered_by_start(*numbers, skipped, recorded)
    np.testing.assert_allclose(in_the_end - short, np.mean(recent[skipped:]), rtol=1e-12)
    assert short > 0.03


@pytest.mark.slow
def test_plain_coordinates_start_at_the_centre():
    sampler = SGLD(step_size=jnp.asarray(1e-9), num_warm_up=1, num_draws=50)  # pyright: ignore[reportCallIssue]
    settings = Settings(200.0, 5.0, sampler, PlainCoordinates())
    found = learning_coefficient(random_quadratic(2, CURVATURES), jnp.zeros(4), settings)
    assert found.distance < 1e-3


def test_a_slope_lowers_the_coefficient_as_quadrature_says():
    curvature, slope, localisation, temperature = 1.3, 0.2, 2.0, 50.0

    def energy(v):
        return slope * v + curvature * v**2 / 2

    def mean(function):
        return integrate.quad(
            lambda v: function(v) * np.exp(-temperature * energy(v) - localisation * v**2 / 2), -5, 5, epsabs=1e-12
        )[0]

    numbers = (jnp.asarray([curvature]), jnp.asarray(temperature), jnp.asarray(localisation))
    lowered = quadratic.lowered_by_slope(numbers[0], jnp.asarray([slope]), *numbers[1:])
    exact = temperature * mean(energy) / mean(lambda v: 1.0)
    np.testing.assert_allclose(quadratic.effective_dimension(*numbers) - lowered, exact, atol=1e-8)
    np.testing.assert_allclose(exact, -0.2835, atol=1e-4)


def test_a_point_that_is_no_minimum_is_refused_and_says_what_to_do():
    loss = random_quadratic(1, np.random.default_rng(0).gamma(1.0, 1.0, 10), slope=0.3)
    found = learning_coefficient(loss, jnp.zeros(10), Settings(1000.0, 30.0, MODERATE))
    assert found.status == "NOT_A_MINIMUM"
    assert abs(found.value - (found.effective_dimension - found.lowered_by_slope)) < 3 * found.error
    assert found.value < 0
    assert "behavioural loss" in str(found)
