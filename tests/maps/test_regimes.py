import numpy as np
import pytest

from ntadyn.maps.regimes import REGIME_NAMES, Regime, Thresholds, classify, regime_fractions, soft_score
from tests.finished_sweeps import sweep

S, M, F, X = Regime.SPECIALISED, Regime.MIXED, Regime.FORGETFUL, Regime.FAILED


def test_regimes_end_where_the_thresholds_say():
    contrast = np.asarray([1.0, 0.5, 0.499, 0.101, 0.1, 0.0, -0.2])
    none_failed = np.zeros(7, int)
    assert classify(contrast, none_failed).tolist() == [S, S, M, M, F, F, F]
    assert classify(contrast, none_failed, Thresholds(0.9, 0.3)).tolist() == [S, M, M, F, F, F, F]


def test_two_paths_between_two_teachers_are_specialised_within_24_degrees_and_forgetful_from_41():
    turned = np.deg2rad([0, 24, 25, 40, 41, 45])
    contrast = np.cos(turned) - np.sin(turned)
    assert classify(contrast, np.zeros(6, int)).tolist() == [S, S, M, M, F, F]


def test_failures_are_a_class_of_their_own():
    contrast = np.asarray([1.0, 1.0, np.nan, 0.0])
    assert classify(contrast, np.asarray([0, 1, 0, 2])).tolist() == [S, X, X, X]


def test_the_soft_score_is_the_regimes_without_jumps():
    contrast = np.asarray([-0.1, 0.1, 0.2, 0.3, 0.5, 1.0, np.nan])
    np.testing.assert_allclose(soft_score(contrast), [0, 0, 0.25, 0.5, 1, 1, np.nan], atol=1e-15)
    regimes = classify(contrast, np.zeros(7, int))
    np.testing.assert_array_equal(regimes[:-1] == S, soft_score(contrast)[:-1] == 1)
    np.testing.assert_array_equal(regimes[:-1] == F, soft_score(contrast)[:-1] == 0)


def test_fractions_count_every_repetition_once():
    dataset = sweep([[0.9, 0.8, 0.6, 0.5], [0.9, 0.9, 0.9, 0.9]], strength=[0.1, 0.2])
    np.testing.assert_allclose(regime_fractions(dataset), [[0.5, 0.25, 0.25, 0], [1, 0, 0, 0]])
    dataset["result"][0, 0] = 1
    dataset["contrast"][0, 0] = np.nan
    np.testing.assert_allclose(regime_fractions(dataset), [[0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0]])
    assert REGIME_NAMES == ("specialised", "mixed", "forgetful", "failed")


@pytest.mark.parametrize(("specialised", "forgetful"), [(0.1, 0.1), (0.1, 0.5), (1.5, 0.1), (0.5, -2.0), (np.nan, 0.1)])
def test_thresholds_out_of_order_are_refused(specialised, forgetful):
    with pytest.raises(ValueError, match="choose -1 <= forgetful < specialised <= 1"):
        Thresholds(specialised, forgetful)
