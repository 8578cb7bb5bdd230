import numpy as np
import pytest

from ntadyn.maps.repetitions import Factor, factors, not_varied, resampled_weights, successful_values
from tests.finished_sweeps import crossed, sweep


def with_streams(**streams):
    number = len(next(iter(streams.values())))
    return sweep(np.ones((1, number)), streams, strength=[0.1])


def test_streams_that_vary_together_are_one_factor():
    dataset = with_streams(teachers_seed=[0] * 4, initial_seed=[7, 5, 9, 6], data_seed=[0, 1, 2, 3])
    (factor,) = factors(dataset)
    assert factor.streams == ("initial_seed", "data_seed")
    assert factor.name == "initial state with data"
    assert factor.num_levels == 4
    assert sorted(factor.levels) == [0, 1, 2, 3]
    assert not_varied(dataset) == ("teachers_seed",)


def test_streams_that_vary_separately_are_factors_of_their_own():
    teachers, data = crossed(2, 3)
    found = factors(with_streams(teachers_seed=teachers, initial_seed=0 * data, data_seed=data))
    assert [(factor.streams, factor.num_levels) for factor in found] == [(("teachers_seed",), 2), (("data_seed",), 3)]
    np.testing.assert_array_equal(found[1].levels, data)
    # Equal numbers of draws do not make two streams one.
    assert len(factors(with_streams(teachers_seed=[0, 0, 1, 1], data_seed=[0, 1, 0, 1]))) == 2


def test_a_file_that_names_no_streams_has_one_factor():
    (factor,) = factors(sweep(np.ones((1, 3)), strength=[0.1]))
    assert (factor.streams, factor.num_levels, factor.name) == ((), 3, "repetition")


def test_one_factor_is_resampled_as_in_the_ordinary_bootstrap():
    weights = resampled_weights((Factor((), np.arange(5), 5),), 2000, np.random.default_rng(0))
    assert weights.shape == (2000, 5)
    np.testing.assert_array_equal(weights.sum(axis=1), 5)
    # Binomial(5, 1/5): mean 1, variance 4/5; four standard errors of 2000 samples.
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.08)
    np.testing.assert_allclose(weights.var(axis=0), 0.8, atol=0.15)


def test_crossed_factors_are_resampled_together():
    teachers, data = crossed(3, 4)
    design = factors(with_streams(teachers_seed=teachers, data_seed=data))
    weights = resampled_weights(design, 50, np.random.default_rng(1)).reshape(50, 3, 4)
    # Every resample is a product of counts: repetitions with the same teachers rise and fall together.
    outer = weights.sum(axis=2, keepdims=True) * weights.sum(axis=1, keepdims=True) / 12
    np.testing.assert_array_equal(weights, outer)
    assert np.ptp(weights.sum(axis=2)) > 0


def test_failed_trajectories_are_missing_whatever_they_hold():
    dataset = sweep([[0.1, 0.2, 0.3]], strength=[0.1])
    dataset["result"][0, 1] = 2
    np.testing.assert_array_equal(successful_values(dataset, "alignment"), [[0.1, np.nan, 0.3]])
    dataset["alignment"] = dataset.alignment.transpose("seed", "strength").astype(np.float32)
    assert successful_values(dataset, "alignment").shape == (1, 3)
    assert successful_values(dataset, "alignment").dtype == np.float64


@pytest.mark.parametrize("name", ["gates", "nothing"])
def test_only_numbers_per_trajectory_are_scores(name):
    with pytest.raises(ValueError, match=f"{name!r} is not a number per trajectory.*alignment, contrast"):
        successful_values(sweep([[0.1]], strength=[0.1]), name)
