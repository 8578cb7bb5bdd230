"""Coefficients from volumes, on samples that are exact in distribution."""

import equinox as eqx
import numpy as np
import pytest

from ntadyn.degeneracy.volume import effective_cutoff, hill, noise_cutoff, volume_curve
from tests.degeneracy.exact_samples import crossing, exact_run, power_law


@pytest.mark.parametrize("coefficient", [0.5, 2.0])
def test_a_power_law_is_found_at_every_cutoff(coefficient):
    curve = volume_curve(exact_run(power_law(coefficient)))
    assert np.all(np.abs(curve.coefficients - coefficient) < 3 * curve.errors)
    assert np.all(np.abs(curve.hill - coefficient) < 3 * curve.hill_errors)
    np.testing.assert_array_equal(curve.effective_parameters, 2 * curve.coefficients)
    np.testing.assert_allclose(curve.log_volumes, coefficient * np.log(curve.cutoffs), atol=0.5)


def test_errors_of_a_power_law_are_those_of_the_formula():
    curves = [volume_curve(exact_run(power_law(0.5), seed)) for seed in range(20)]
    np.testing.assert_allclose(np.mean([c.errors.mean() for c in curves]), 0.5 * np.sqrt(6 / (5 * 400 * 4)), rtol=0.05)
    np.testing.assert_allclose(np.mean([c.hill_errors.mean() for c in curves]), 0.5 / np.sqrt(2 * 400), rtol=0.05)


@pytest.mark.parametrize("what", ["coefficients", "hill"])
def test_errors_are_the_scatter_of_repeated_runs(what):
    curves = [volume_curve(exact_run(power_law(2.0), seed, 100, -10.0), per_decade=2) for seed in range(100)]
    errors = {"coefficients": "errors", "hill": "hill_errors"}[what]
    away = [(getattr(c, what) - 2.0)[1] / getattr(c, errors)[1] for c in curves]
    assert abs(np.mean(away)) < 0.3
    assert 0.8 < np.std(away) < 1.2


def test_at_a_crossing_the_coefficient_depends_on_the_cutoff_as_it_must():
    curve = volume_curve(exact_run(crossing, num_live=8000, log_volume=-11.0), per_decade=1)
    chosen = np.searchsorted(curve.cutoffs, 0.5 * np.array([1e-8, 1e-6, 1e-4]))
    log_delta = np.log(curve.cutoffs[chosen]) / 2
    np.testing.assert_allclose(curve.coefficients[chosen], -0.5 * log_delta / (1 - log_delta), rtol=0.02)
    np.testing.assert_allclose(curve.hill[chosen], (1 - log_delta) / (2 * (2 - log_delta)), rtol=0.03)
    np.testing.assert_allclose(curve.at(1e-6), (curve.coefficients[chosen[1]], curve.errors[chosen[1]]), rtol=1e-9)


@pytest.mark.parametrize("cutoff", [1e-2, 1e-4])
def test_hill_of_independent_points_at_a_crossing(cutoff):
    points = np.random.default_rng(0).uniform(-1, 1, (400_000, 2))
    value, error = hill(np.prod(points**2, axis=1), cutoff)
    log_delta = np.log(cutoff) / 2
    exact = (1 - log_delta) / (2 * (2 - log_delta))
    assert abs(value - exact) < 3 * error
    assert error < 0.01 * exact


def test_the_plateau_of_a_power_law_is_all_of_it():
    curve = volume_curve(exact_run(power_law(0.5)))
    assert curve.plateau is not None
    assert (curve.plateau.lowest, curve.plateau.highest) == (curve.cutoffs[0], curve.cutoffs[-1])
    assert abs(curve.plateau.coefficient - 0.5) < 3 * curve.plateau.error
    assert curve.plateau.drift == pytest.approx(curve.plateau.trend * curve.decades)
    assert curve.plateau.error < 0.7 * np.min(curve.errors)
    assert curve.decades > 4
    assert "no scale-free" not in str(curve)


def test_a_plateau_ends_where_the_power_changes():
    # 2 above a loss of 1e-3, 1/2 below.
    def bent(log_volume):
        edge = np.log(1e-3)
        return np.where(log_volume > 2 * edge, log_volume / 2, edge + 2 * (log_volume - 2 * edge))

    plateau = volume_curve(exact_run(bent, num_live=1600, log_volume=-26.0)).plateau
    assert plateau is not None
    assert plateau.highest < 1e-3
    assert abs(plateau.coefficient - 0.5) < 3 * plateau.error


def test_a_coefficient_that_keeps_changing_has_no_plateau():
    curve = volume_curve(exact_run(lambda log_volume: -0.5 * log_volume**2 / 18 + 0.1 * log_volume))
    assert curve.plateau is None
    assert "no scale-free coefficient in this range" in str(curve)


def test_a_point_below_the_centre_is_refused():
    run = exact_run(power_law(0.5))
    lower = eqx.tree_at(lambda run: run.losses, run, run.losses - 0.1)
    with pytest.raises(ValueError, match="is therefore no minimum"):
        volume_curve(lower)


def test_a_run_shorter_than_two_windows_is_refused():
    with pytest.raises(ValueError, match="less than two windows"):
        volume_curve(exact_run(power_law(0.5), log_volume=-6.0))


def test_a_cutoff_outside_the_curve_is_refused():
    curve = volume_curve(exact_run(power_law(0.5)))
    with pytest.raises(ValueError, match="outside the curve"):
        curve.at(1e-30)


def test_hill_needs_losses_below_the_cutoff():
    with pytest.raises(ValueError, match="1 points have a loss below"):
        hill(np.array([0.1, 1.0, 2.0]), 0.5)


def test_cutoffs_that_come_from_elsewhere():
    assert effective_cutoff(2.0, 1e4) == 2e-4
    assert noise_cutoff(8, 1000) == 4e-3
