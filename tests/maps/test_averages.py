import numpy as np
import pytest

from ntadyn.maps.averages import quantiles, weighted_mean, weighted_median

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(3, 2, 7))
COUNTS = RNG.integers(0, 4, size=(5, 7)).astype(float)


@pytest.mark.parametrize(("average", "expected"), [(weighted_mean, np.mean), (weighted_median, np.median)])
@pytest.mark.parametrize("missing", [0, 2])
def test_weights_are_repeats(average, expected, missing):
    values = VALUES.copy()
    values[1, 0, :missing] = np.nan
    result = average(values, COUNTS)
    assert result.shape == (5, 3, 2)
    for b, i, j in np.ndindex(result.shape):
        repeated = np.repeat(values[i, j], COUNTS[b].astype(int))
        repeated = repeated[np.isfinite(repeated)]
        np.testing.assert_allclose(result[b, i, j], expected(repeated), rtol=1e-14)


@pytest.mark.parametrize("average", [weighted_mean, weighted_median])
def test_cells_without_a_value_stay_empty(average):
    values = np.asarray([[np.nan, np.nan, np.nan], [np.nan, 1.0, 3.0]])
    weights = np.asarray([[1.0, 1.0, 1.0], [2.0, 0.0, 0.0]])
    np.testing.assert_array_equal(average(values, weights), [[np.nan, 2.0], [np.nan, np.nan]])


@pytest.mark.parametrize("average", [weighted_mean, weighted_median])
def test_single_precision_is_averaged_in_double(average):
    assert average(VALUES.astype(np.float32), COUNTS).dtype == np.float64


def test_quantiles_are_those_of_the_finite_samples():
    values = VALUES.copy()
    values[0, 0, [1, 4]] = np.nan
    values[0, 1, 2] = np.inf
    probabilities = (0.05, 0.25, 0.5, 0.95, 1.0)
    result = quantiles(values, probabilities)
    for i, j in np.ndindex(values.shape[:2]):
        cell = values[i, j]
        np.testing.assert_allclose(result[i, j], np.quantile(cell[np.isfinite(cell)], probabilities), rtol=1e-13)
    assert np.isnan(quantiles(np.full((1, 3), np.nan), (0.5,))).all()
