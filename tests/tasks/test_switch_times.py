"""Curricula from the times at which tasks switch; in both precisions."""

from fractions import Fraction
from itertools import accumulate

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ntadyn.tasks import curricula
from tests.tasks.exact_times import decimals, default_dtype, eps, exact_edges

pytestmark = pytest.mark.usefixtures("precision")


def test_from_switch_times():
    curriculum = curricula.from_switch_times([0.5, 2.0, 2.25], [1, 0, 2, 1], 4.0, 3)
    assert curriculum.switch_times.tolist() == [0.5, 2.0, 2.25]
    assert curriculum.durations.tolist() == [0.5, 1.5, 0.25, 1.75]
    assert curriculum.tasks.tolist() == [1, 0, 2, 1]
    assert curricula.from_switch_times([], [0], 4.0, 1).edges.tolist() == [0.0, 4.0]


@hypothesis.given(steps=st.lists(st.integers(1, 5000), min_size=2, max_size=80), unit=decimals)
@hypothesis.settings(max_examples=30)
def test_switches_are_where_they_were_asked_for(steps, unit):
    times = [float(step * unit) for step in accumulate(steps)]
    check_switches(curricula.from_switch_times(times[:-1], np.arange(len(steps)) % 2, times[-1], 2), times)


def test_ten_thousand_switches_do_not_drift():
    times = np.cumsum(np.tile([0.013, 7.7], 5000))
    check_switches(curricula.from_switch_times(times[:-1], np.arange(10_000) % 2, times[-1], 2), times)


def check_switches(curriculum, times):
    """Sums of durations are exact to a unit in the last place of the times, and edges what is next to the sums."""
    rounded = np.asarray(times).astype(default_dtype())
    sums = list(accumulate(Fraction(float(duration)) for duration in np.asarray(curriculum.durations)))
    for found, asked, unit in zip(sums, rounded, np.spacing(rounded), strict=True):
        assert abs(found - Fraction(float(asked))) <= Fraction(float(unit))
    assert curriculum.edges.tolist() == exact_edges(curriculum.durations).tolist()


def test_switches_that_are_one_number_are_refused():
    with pytest.raises(ValueError, match=rf"not equal in {default_dtype()}"):
        curricula.from_switch_times(np.array([1.0, 1.0 + eps() / 4]), [0, 1, 0], 2.0, 2)


@pytest.mark.parametrize("times", [[2.0, 1.0], [1.0, 1.0], [0.0, 1.0], [1.0, 3.0], [1.0, 4.0]])
def test_switch_times_out_of_order(times):
    with pytest.raises(ValueError, match=r"got switch times .* and total 3.0; .*strictly increasing.*Sort them"):
        curricula.from_switch_times(times, [0, 1, 0], 3.0, 2)


def test_switch_times_need_one_more_task():
    with pytest.raises(ValueError, match=r"shape \(3,\) for 2 blocks"):
        curricula.from_switch_times([1.0, 2.0], [0, 1], 3.0, 2)
