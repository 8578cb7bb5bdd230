"""lambda(t) from losses and volumes, on samples that are exact in distribution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.degeneracy.exact_samples import exact_run, power_law


def simulated(run, inverse_temperature):
    """lambda(t) for 400 histories of the volume that the same losses could have had."""
    falls = -np.diff(run.log_volumes, prepend=0.0)
    fallen = np.random.default_rng(1).exponential(size=(400, falls.size)) * falls
    volumes = np.exp(-np.cumsum(fallen, axis=1))
    around = np.hstack([np.ones((400, 1)), volumes[:, :-1]]) - volumes
    weights = around * np.exp(-inverse_temperature * run.losses)[None, :]
    return inverse_temperature * (weights @ run.losses) / weights.sum(axis=1)


@pytest.mark.parametrize("coefficient", [1 / 6, 0.5, 2.0])
def test_the_error_is_that_of_simulated_shrinkages(coefficient):
    run, inverse_temperature = exact_run(power_law(coefficient)), np.exp(7 / coefficient)
    value, error = run.coefficient(inverse_temperature)
    values = simulated(run, inverse_temperature)
    assert abs(value - np.mean(values)) < 0.2 * error
    np.testing.assert_allclose(error, np.std(values), rtol=0.15)


@pytest.mark.slow
def test_blackjax_counts_the_living_in_the_same_way():
    from blackjax.ns.base import NSInfo, StateWithLogLikelihood
    from blackjax.ns.utils import logX

    run = exact_run(power_law(0.5), num_live=50, log_volume=-3.0)
    # Five die at a time; those that are born then die later than all of them.
    deaths = -run.losses
    births = np.full(deaths.size, np.nan)
    births[50:] = np.repeat(deaths[4:-50:5], 5)
    nothing = jnp.zeros(deaths.size)
    points = StateWithLogLikelihood(nothing, nothing, jnp.asarray(deaths), jnp.asarray(births))
    with jax.numpy_dtype_promotion("standard"):
        log_volumes, _ = logX(jax.random.key(0), NSInfo(points, ()), shape=2000)  # pyright: ignore[reportArgumentType]
    falls = -np.diff(np.asarray(log_volumes), axis=0, prepend=0.0)
    expected = -np.diff(run.log_volumes, prepend=0.0)
    np.testing.assert_allclose(np.mean(falls, axis=1), expected, rtol=0.1)
    np.testing.assert_allclose(np.std(falls, axis=1), expected, rtol=0.2)
    correlations = np.corrcoef(falls[:20])
    assert np.max(np.abs(correlations - np.eye(20))) < 0.1


@pytest.mark.parametrize("coefficient", [1 / 6, 0.5, 2.0])
def test_three_errors_cover_the_coefficient_of_a_power_law(coefficient):
    runs = [exact_run(power_law(coefficient), seed, num_live=200, log_volume=-12.0) for seed in range(100)]
    found = np.array([run.coefficient(np.exp(5 / coefficient)) for run in runs])
    away = (found[:, 0] - coefficient) / found[:, 1]
    assert abs(np.mean(away)) < 0.3
    assert 0.8 < np.std(away) < 1.2
    assert np.sum(np.abs(away) > 3) <= 2


def test_more_live_points_know_it_better():
    errors = [exact_run(power_law(0.5), num_live=size).coefficient(1e4)[1] for size in (100, 400, 1600)]
    np.testing.assert_allclose(np.divide(errors[:2], errors[1:]), 2.0, rtol=0.2)


def test_a_temperature_below_the_end_of_the_run_is_refused():
    run = exact_run(power_law(0.5), num_live=100, log_volume=-5.0)
    with pytest.raises(ValueError, match="lower log_volume than -5"):
        run.coefficient(1e6)


@pytest.mark.parametrize("inverse_temperature", [0.0, -1.0, np.inf])
def test_an_inverse_temperature_that_is_none_is_refused(inverse_temperature):
    with pytest.raises(ValueError, match="inverse_temperature must be positive"):
        exact_run(power_law(0.5), num_live=100, log_volume=-5.0).coefficient(inverse_temperature)
