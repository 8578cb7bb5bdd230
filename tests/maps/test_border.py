import numpy as np
import pytest

from ntadyn.maps.averages import weighted_median
from ntadyn.maps.border import bootstrap_border, border, contour_lines, crossings
from ntadyn.maps.repetitions import Factor, resampled_weights
from tests.finished_sweeps import crossed, ramp, sweep

COLUMNS = np.linspace(0, 1, 11)


def weights_of(number, resamples=200, seed=0):
    return resampled_weights((Factor((), np.arange(number), number),), resamples, np.random.default_rng(seed))


def test_crossings_are_linear_between_cells_and_know_their_direction():
    values = np.asarray([[0.0, 1.0, 1.0, 0.6], [0.0, 0.2, 0.3, 0.4]])
    positions, rising = crossings(np.asarray([0.0, 1.0, 2.0, 4.0]), values, 0.75)
    np.testing.assert_allclose(positions, [[0.75, np.nan, 2 + 2 * 0.25 / 0.4], [np.nan] * 3])
    assert rising.tolist() == [[True, False, False], [False, False, False]]


def test_nothing_crosses_beside_a_missing_cell():
    positions, _ = crossings(np.arange(4.0), np.asarray([0.0, np.nan, 1.0, 0.0]), 0.5)
    np.testing.assert_allclose(positions, [np.nan, np.nan, 2.5])


def test_contours_run_along_the_level_and_leave_missing_cells_out():
    x, y = np.linspace(0, 2, 9), np.linspace(0, 1, 5)
    plane = x[None, :] + 2 * y[:, None]
    (line,) = contour_lines(x, y, plane, 1.3)
    np.testing.assert_allclose(line[:, 0] + 2 * line[:, 1], 1.3, rtol=1e-12)
    assert np.ptp(line[:, 0]) == pytest.approx(1.3)  # from one edge to the other
    broken = np.where((x[None, :] == 0.75) & (y[:, None] == 0.25), np.nan, plane)
    pieces = contour_lines(x, y, broken, 1.3)
    assert pieces
    assert all(np.abs(piece - [0.75, 0.25]).max(axis=1).min() > 0.1 for piece in pieces)
    assert contour_lines(x, y[:1], plane[:1], 1.3) == []


def test_the_border_of_a_line_of_cells_and_its_interval_are_those_of_the_mean_place():
    places = np.random.default_rng(1).normal(0.5, 0.08, size=12)
    found = border(sweep(ramp(places, COLUMNS), strength=COLUMNS), num_resamples=2000)
    (crossing,) = found.crossings
    assert (crossing.row, crossing.rising) == (0, True)
    assert crossing.position == pytest.approx(places.mean(), abs=1e-12)
    # All lines are parallel, so the border is the mean place, with a bootstrap error of sd/sqrt(n), sd over n.
    error = places.std() / np.sqrt(12)
    # The 5 % quantile of 2000 resamples scatters by some 3 % of the error's width; skewness adds to that.
    assert crossing.low == pytest.approx(places.mean() - 1.645 * error, abs=0.15 * error)
    assert crossing.high == pytest.approx(places.mean() + 1.645 * error, abs=0.15 * error)


def test_a_map_has_one_crossing_per_row_and_a_band_around_it():
    places = np.random.default_rng(2).normal(0.0, 0.05, size=10)
    shifts = np.asarray([0.3, 0.5, 0.7])
    values = np.stack([ramp(places + shift, COLUMNS) for shift in shifts])
    found = border(sweep(values, block_duration=[1, 2, 3], strength=COLUMNS))
    np.testing.assert_allclose([item.position for item in found.crossings], shifts + places.mean())
    assert [item.row for item in found.crossings] == [0, 1, 2]
    # The same repetitions are drawn in every cell, so parallel borders move together.
    widths = [item.high - item.low for item in found.crossings]
    np.testing.assert_allclose(widths, widths[0])
    assert np.all(found.lower <= found.average)
    assert np.all(found.average <= found.upper)
    for row, item in enumerate(found.crossings):
        np.testing.assert_array_equal(found.probability[row, item.low - 0.1 > COLUMNS], 0)
        np.testing.assert_array_equal(found.probability[row, item.high + 0.1 < COLUMNS], 1)
        # Interpolated, the quantiles of the average cross the level at the ends of the interval.
        assert np.interp(item.low, COLUMNS, found.upper[row]) == pytest.approx(0.9, abs=5e-3)
        assert np.interp(item.high, COLUMNS, found.lower[row]) == pytest.approx(0.9, abs=5e-3)
    inside = (found.lower < 0.9) & (found.upper >= 0.9)
    assert np.all(found.probability[inside] > 0.03)
    assert np.all(found.probability[inside] < 0.97)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        values = ramp(rng.normal(0.5, 0.1, size=10), COLUMNS)[None]
        (crossing,) = bootstrap_border(COLUMNS, values, weights_of(10, 100, trial)).crossings
        covered += crossing.low <= 0.5 <= crossing.high
    # 85 % is expected of 90 % intervals from ten repetitions; three standard errors of 200 trials are 8 %.
    assert 0.77 < covered / 200 < 0.93


def test_an_interval_that_leaves_the_axis_is_open():
    # The mean place is 0.005; with two or more outsiders, in a quarter of all resamples, it is below 0.
    values = ramp([0.05] * 9 + [-0.4], COLUMNS)
    (crossing,) = bootstrap_border(COLUMNS, values[None], weights_of(10)).crossings
    assert crossing.position == pytest.approx(0.005)
    assert (crossing.low, crossing.high) == (-np.inf, pytest.approx(0.05))
    (mirrored,) = bootstrap_border(np.sort(-COLUMNS), values[None, ::-1], weights_of(10)).crossings
    assert (mirrored.low, mirrored.high) == (pytest.approx(-0.05), np.inf)
    (descending,) = bootstrap_border(-COLUMNS, values[None], weights_of(10)).crossings
    assert (descending.low, descending.high) == (mirrored.low, mirrored.high)


def test_resamples_without_the_crossing_lie_beyond_the_end_that_they_point_to():
    # One repetition is below the level everywhere; three or more of it, in 7 % of all resamples, keep the mean there.
    values = np.concatenate([np.minimum(ramp([0.1] * 9, COLUMNS), 1.0), np.full((11, 1), 0.6)], axis=1)
    (crossing,) = bootstrap_border(COLUMNS, values[None], weights_of(10, 500)).crossings
    assert crossing.low == pytest.approx(0.1)
    assert 0.1 < crossing.position < 0.2
    assert crossing.high == np.inf
    (falling,) = bootstrap_border(COLUMNS, values[None, ::-1], weights_of(10, 500)).crossings
    assert (falling.low, falling.high) == (-np.inf, pytest.approx(0.9))


def test_failed_repetitions_are_left_out_and_cells_without_any_have_no_border():
    dataset = sweep(np.stack([ramp([0.35, 0.45, 0.9], COLUMNS)] * 2), block_duration=[1, 2], strength=COLUMNS)
    dataset["result"][:, :, 2] = 1
    dataset["result"][1] = 2
    found = border(dataset)
    (crossing,) = found.crossings
    assert crossing.position == pytest.approx(0.4)
    for field in (found.average, found.probability, found.lower, found.upper):
        assert np.isnan(field[1]).all()
        assert np.isfinite(field[0]).all()


def test_the_median_ignores_an_outlier():
    values = ramp([0.31, 0.32, 0.33, 0.34, 0.95], COLUMNS)
    dataset = sweep(values, strength=COLUMNS)
    assert border(dataset, average=weighted_median).crossings[0].position == pytest.approx(0.33)
    assert border(dataset).crossings[0].position == pytest.approx(0.45)


def test_one_repetition_leaves_the_interval_unknown():
    found = border(sweep(ramp([0.5], COLUMNS), strength=COLUMNS))
    assert found.crossings[0].position == pytest.approx(0.5)
    assert np.isnan([found.crossings[0].low, found.crossings[0].high]).all()
    assert np.isnan(found.probability).all()
    assert found.num_resamples == 0


def test_repetitions_that_share_their_teachers_do_not_count_as_independent():
    teachers, data = crossed(4, 8)
    places = np.asarray([0.3, 0.4, 0.6, 0.7])[teachers]
    values = ramp(places, COLUMNS)
    naive = border(sweep(values, strength=COLUMNS)).crossings[0]
    streams = {"teachers_seed": teachers, "data_seed": data}
    honest = border(sweep(values, streams, strength=COLUMNS)).crossings[0]
    assert honest.position == naive.position
    # Four independent places instead of 32: wider by sqrt(8).
    assert honest.high - honest.low == pytest.approx(np.sqrt(8) * (naive.high - naive.low), rel=0.35)


def test_chunks_do_not_change_the_border(monkeypatch):
    values = np.stack([ramp([0.2, 0.3, 0.5], COLUMNS) + shift for shift in (-0.1, 0.0, 0.1)])
    whole = bootstrap_border(COLUMNS, values, weights_of(3))
    monkeypatch.setattr("ntadyn.maps.border.CHUNK", 1)
    pieces = bootstrap_border(COLUMNS, values, weights_of(3))
    assert pieces.crossings == whole.crossings
    np.testing.assert_array_equal(pieces.probability, whole.probability)


def test_columns_spaced_in_their_logarithm_are_interpolated_there():
    columns = np.geomspace(1e-3, 1, 7)
    values = ramp(np.full(3, np.log10(0.02)), np.log10(columns), slope=0.1)
    (crossing,) = border(sweep(values, strength=columns)).crossings
    assert crossing.position == pytest.approx(0.02)
    assert crossing.low == pytest.approx(0.02)
    (alone,) = border(sweep(values[:, :1], strength=columns)).crossings
    assert np.isnan([alone.low, alone.high]).all()
    (left,) = border(sweep(ramp([-2.9] * 9 + [-3.4], np.log10(columns)), strength=columns)).crossings
    assert (left.low, left.high) == (-np.inf, pytest.approx(10**-2.9))


def test_nothing_lies_between_names():
    kinds = sweep(ramp([0.5, 0.6], np.linspace(0, 1, 3)), kind=["A", "B", "C"])
    assert border(kinds).crossings == ()


@pytest.mark.parametrize(
    ("dataset", "arguments", "message"),
    [
        (sweep([0.1, 0.2]), {}, r"one or two axes; this one has \[\]"),
        (sweep(np.ones((1, 1, 1, 2)), block_duration=[1], strength=[1], kind=["a"]), {}, "one or two axes.*slice_of"),
        (sweep([[0.1]], strength=[1]), {"score": "beauty"}, "'beauty' is not"),
        (sweep([[0.1]], strength=[1]), {"num_resamples": 0}, "num_resamples is 0"),
    ],
)
def test_what_has_no_border_is_refused(dataset, arguments, message):
    with pytest.raises(ValueError, match=message):
        border(dataset, **arguments)


def test_cells_out_of_order_have_the_border_of_those_in_order():
    rising = np.linspace(0.0, 1.0, 6)[:, None] * np.ones((6, 3))
    strengths = np.linspace(0.1, 0.6, 6)
    order = np.asarray([3, 0, 5, 1, 4, 2])
    (plain,) = border(sweep(rising, strength=strengths.tolist()), level=0.5).crossings
    (mixed,) = border(sweep(rising[order], strength=strengths[order].tolist()), level=0.5).crossings
    assert mixed == plain
    assert plain.position == pytest.approx(0.35)
