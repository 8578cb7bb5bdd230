"""Sums of durations and what equals them up to rounding, against exact rational arithmetic."""

from fractions import Fraction
from itertools import accumulate

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ntadyn.tasks.times import joined, rounding, running_sums, spacing

HALF = Fraction(1, 2**53)  # of a unit in the last place, relative, in double precision


def exact_sums(durations):
    return [Fraction(0), *accumulate(Fraction(float(duration)) for duration in durations)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@hypothesis.given(durations=st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=60), seed=st.integers(0, 99))
@hypothesis.settings(max_examples=25)
def test_sums_are_within_a_unit_in_the_last_place(dtype, durations, seed):
    jitter = np.random.default_rng(seed).uniform(0.5, 1.0, len(durations))  # all digits of a double in use
    values = (np.asarray(durations) * jitter).astype(dtype)
    for found, exact in zip(running_sums(values), exact_sums(values), strict=True):
        assert abs(Fraction(float(found)) - exact) <= 2 * HALF * exact


@pytest.mark.parametrize("duration", ["0.1", "0.7", "0.001", "1.05", "1234.5678"])
def test_a_hundred_thousand_equal_durations_do_not_drift(duration):
    edges = running_sums(np.full(100_000, float(duration)))
    for block in (1, 999, 65_536, 99_999, 100_000):
        exact = block * Fraction(float(duration))
        assert abs(Fraction(float(edges[block])) - exact) <= HALF * exact
    assert abs(Fraction(float(np.cumsum(np.full(100_000, float(duration)))[-1])) - exact) > 100 * HALF * exact


def test_sums_beyond_double_precision_are_not_finite_numbers():
    assert not np.isfinite(running_sums(np.full(3, 1e308))[-1])


def test_rounding_adds_what_every_number_went_through():
    single, double = 2.0**-24, 2.0**-53
    times = np.array([1.0, 10.0])
    np.testing.assert_allclose(rounding(times, 0, np.float32), times * (single + 4 * double), rtol=1e-12)
    np.testing.assert_allclose(
        rounding(times, 0, np.float32, np.float32), times * (2 * single + 4 * double), rtol=1e-12
    )
    np.testing.assert_allclose(rounding(times, np.array([1, 7]), np.float64, np.int32), times * [6, 12] * double)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_spacing_is_that_of_numpy(dtype):
    for time in (1e-3, 0.5, 1.0, 1.999, 2.0, 3000.0):
        assert spacing(time, dtype) == np.spacing(dtype(time))


def test_joined_times():
    times = np.array([0.0, 1.0, 1.0 + 1e-9, 2.0])
    assert joined(times, np.float32).tolist() == [1]
    assert joined(times, np.float64).tolist() == []
    assert joined(np.array([0.0, np.nan, np.inf, np.inf]), np.float64).tolist() == [0, 1, 2]
