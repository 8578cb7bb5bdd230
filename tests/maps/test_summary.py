import numpy as np
import pytest
import scipy.stats

from ntadyn.maps.border import border
from ntadyn.maps.regimes import Thresholds
from ntadyn.maps.summary import regime_table, score_names, summarise
from tests.finished_sweeps import sweep

VALUES = np.random.default_rng(3).uniform(0.4, 1.0, size=(2, 3, 9))


@pytest.fixture
def dataset():
    dataset = sweep(VALUES, block_duration=[0.5, 1.0], strength=[0.1, 0.2, 0.3])
    dataset["result"][1, 2, :4] = 1
    dataset["alignment"][1, 2, :4] = np.nan
    dataset["result"][0, 1, :] = 2  # what these hold does not matter
    return dataset


def test_every_number_is_that_of_the_repetitions_that_ended_well(dataset):
    summary = summarise(dataset)
    np.testing.assert_array_equal(summary.failures, [[0, 9, 0], [0, 0, 4]])
    np.testing.assert_array_equal(summary.finished, [[9, 0, 9], [9, 9, 5]])
    for place, values in (((0, 0), VALUES[0, 0]), ((1, 2), VALUES[1, 2, 4:])):
        cell = summary.isel(block_duration=place[0], strength=place[1])
        np.testing.assert_allclose(cell.alignment_mean, values.mean())
        np.testing.assert_allclose(cell.alignment_median, np.median(values))
        np.testing.assert_allclose(cell.alignment_sd, values.std(ddof=1))
        np.testing.assert_allclose(cell.alignment_sem, scipy.stats.sem(values))
        np.testing.assert_allclose(cell.alignment_quantile, np.quantile(values, summary["quantile"]))
    assert np.isnan(summary.alignment_mean[0, 1])
    np.testing.assert_array_equal(summary.strength, dataset.strength)


def test_one_repetition_has_an_unknown_spread(dataset):
    summary = summarise(dataset.isel(seed=[0]))
    assert np.isnan(summary.alignment_sd).all()
    assert np.isnan(summary.alignment_sem).all()
    np.testing.assert_allclose(summary.alignment_mean[0, 0], VALUES[0, 0, 0])


def test_regimes_are_counted_with_the_thresholds_that_were_asked_for(dataset):
    strict = summarise(dataset, Thresholds(0.9, 0.8))
    cell = strict.isel(block_duration=0, strength=0)
    expected = np.mean(VALUES[0, 0] >= 0.95), np.mean(VALUES[0, 0] <= 0.9)
    np.testing.assert_allclose(cell.regime_fraction.sel(regime="specialised"), expected[0])
    np.testing.assert_allclose(cell.regime_fraction.sel(regime="forgetful"), expected[1])
    np.testing.assert_allclose(strict.regime_fraction.sum("regime"), 1)
    np.testing.assert_allclose(strict.regime_fraction.sel(regime="failed"), [[0, 1, 0], [0, 0, 4 / 9]])
    soft = np.clip((2 * VALUES[0, 0] - 1.8) / 0.1, 0, 1).mean()
    np.testing.assert_allclose(cell.soft_score, soft)
    assert strict.attrs["thresholds"].startswith("specialised: contrast >= 0.9, forgetful: <= 0.8")


def test_the_regime_table_gives_shares_and_cells():
    dataset = sweep([[0.9, 0.9, 0.5], [0.5, 0.5, 0.9]], strength=[0.1, 0.2])
    dataset["result"][1, 2] = 1
    table = regime_table(summarise(dataset))
    assert list(table) == ["specialised", "mixed", "forgetful", "failed"]
    assert table["specialised"] == (pytest.approx(2 / 6), 1)
    assert table["forgetful"] == (pytest.approx(3 / 6), 1)
    assert table["failed"] == (pytest.approx(1 / 6), 0)


def test_what_was_not_run_has_not_failed():
    dataset = sweep([[0.9, 0.9, 0.5], [0.5, 0.5, 0.9], [0.9, 0.9, 0.9]], strength=[0.1, 0.2, 0.3])
    dataset["result"][1] = -1
    dataset["result"][2, 0] = 4
    summary = summarise(dataset)
    np.testing.assert_array_equal(summary.failures, [0, 0, 1])
    np.testing.assert_array_equal(summary.not_run, [0, 3, 0])
    np.testing.assert_array_equal(summary.regime_fraction.sum("regime"), [1, 0, 1])
    table = regime_table(summary)
    assert table["specialised"] == (pytest.approx(4 / 6), 2)
    assert table["failed"] == (pytest.approx(1 / 6), 0)


def test_errors_that_are_unresolved_are_counted(dataset):
    errors = np.ones((2, 3, 9))
    errors[0, 0, :2] = np.inf
    errors[1, 2] = np.inf  # of which four failed
    summary = summarise(dataset.assign(gate_error=(dataset.alignment.dims, errors)))
    np.testing.assert_array_equal(summary.gate_error_unresolved, [[2, 0, 0], [0, 0, 5]])


def test_errors_are_summarised_where_they_were_estimated(dataset):
    errors = np.arange(54.0).reshape(2, 3, 9)
    errors[0, 0] = np.nan
    errors[0, 2, 3:] = np.nan
    summary = summarise(dataset.assign(gate_error=(dataset.alignment.dims, errors)))
    np.testing.assert_array_equal(summary.gate_error_max, [[np.nan, np.nan, 20], [35, 44, 53]])
    np.testing.assert_array_equal(summary.gate_error_median, [[np.nan, np.nan, 19], [31, 40, 51]])
    assert "alignment_error_max" not in summary
    assert "gate_error" not in score_names(dataset)


def test_separatrix_cells_are_those_that_amplify_a_jitter(dataset):
    moved = np.full(VALUES.shape, 1e-6)
    moved[1, 0, 5] = 0.2
    moved[1, 1, 5] = 0.09
    moved[1, 2, 0] = 1.0  # of a failed trajectory
    moved[0, 0] = np.nan
    dataset["perturbation"] = (dataset.alignment.dims, moved)
    summary = summarise(dataset)
    np.testing.assert_array_equal(summary.separatrix, [[False, False, False], [True, False, False]])
    np.testing.assert_allclose(summary.amplification, [[np.nan, np.nan, 1], [2e5, 9e4, 1]])
    assert summarise(dataset, amplification=5e4).separatrix.values.tolist()[1] == [True, True, False]
    assert score_names(dataset) == ("alignment", "contrast")


def test_without_jittered_starts_nothing_is_said_about_separatrices(dataset):
    assert not {"separatrix", "amplification"} & set(summarise(dataset).data_vars)


def test_without_the_contrast_nothing_is_said_about_regimes(dataset):
    summary = summarise(dataset.drop_vars("contrast"))
    assert not {"regime_fraction", "soft_score"} & set(summary.variables)


def test_cells_are_uncertain_where_the_interval_of_their_mean_holds_the_level():
    rng = np.random.default_rng(1)
    values = np.asarray([0.5, 0.89, 0.91, 0.99])[:, None] + 0.05 * rng.normal(size=(4, 12))
    summary = summarise(sweep(values, strength=[0.0, 0.1, 0.2, 0.3]))
    found = border(sweep(values, strength=[0.0, 0.1, 0.2, 0.3]))
    np.testing.assert_array_equal(summary.uncertain, [False, True, True, False])
    np.testing.assert_array_equal(summary.above, found.probability[0])
    np.testing.assert_array_equal(summary.uncertain, (found.lower[0] < 0.9) & (found.upper[0] >= 0.9))
    assert summary.attrs["border"] == "alignment = 0.9"


def test_another_level_or_score_leaves_other_cells_uncertain():
    values = np.asarray([[0.55, 0.57], [0.7, 0.8], [0.97, 0.99]])
    dataset = sweep(values, strength=[0.0, 0.1, 0.2])
    np.testing.assert_array_equal(summarise(dataset, level=0.75).uncertain, [False, True, False])
    np.testing.assert_array_equal(summarise(dataset, score="contrast", level=0.12).uncertain, [True, False, False])
    assert "uncertain" not in summarise(dataset.drop_vars("alignment"))


def test_a_single_repetition_decides_nothing_and_none_is_not_uncertain():
    dataset = sweep(np.full((3, 4), 0.99), strength=[0.0, 0.1, 0.2])
    dataset["result"][1, 1:] = 1
    dataset["result"][2] = 1
    np.testing.assert_array_equal(summarise(dataset).uncertain, [False, True, False])
    np.testing.assert_array_equal(summarise(dataset.isel(seed=[0])).uncertain, [True, True, False])


def test_cells_of_any_number_of_axes_are_judged_one_by_one(monkeypatch):
    values = np.random.default_rng(0).uniform(0.8, 1.0, size=(3, 4, 2, 6))
    dataset = sweep(values, block_duration=[1, 2, 3], gate_time_constant=[0.1, 0.2, 0.3, 0.4], strength=[0.0, 0.1])
    whole = summarise(dataset)
    for place in range(2):
        np.testing.assert_array_equal(whole.uncertain[..., place], summarise(dataset.isel(strength=place)).uncertain)
    monkeypatch.setattr("ntadyn.maps.uncertainty.CHUNK", 1)
    np.testing.assert_array_equal(summarise(dataset).above, whole.above)


def test_a_sweep_without_repetitions_is_refused(dataset):
    with pytest.raises(ValueError, match="no repetitions"):
        summarise(dataset.isel(seed=[]))
