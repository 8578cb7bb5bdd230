"""The default form is what the committed table says, and nothing is timed while a program runs."""

import math
import time

import pytest

from ntadyn.nested.memories import (
    Chunked,
    Delta,
    GatedDelta,
    Hebbian,
    Parallel,
    Recurrent,
    Titans,
    default_form,
    measured_forms,
)

RULES = {False: Hebbian(), True: GatedDelta()}
PROBLEMS = sorted({(row.erases, row.length, row.width) for row in measured_forms()})


@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_the_default_has_the_smallest_ratio_of_the_table(problem):
    ratios = {}
    for row in measured_forms():
        if (row.erases, row.length, row.width) == problem:
            ratios[row.form] = ratios.get(row.form, 1.0) * row.gradient_ratio
    chosen = default_form(RULES[problem[0]], *problem[1:])
    assert ratios[chosen] == min(ratios.values())


def test_the_table_measures_every_form_against_the_loop():
    forms = {type(row.form) for row in measured_forms()}
    assert forms == {Recurrent, Parallel, Chunked}
    assert all(row.forward_ratio == row.gradient_ratio == 1 for row in measured_forms() if row.form == Recurrent())
    assert all(math.isfinite(row.forward_compile + row.gradient_compile) for row in measured_forms())


def test_rules_that_erase_share_their_rows_and_sizes_that_were_not_measured_take_the_nearest():
    length, width = (max(sizes) for sizes in list(zip(*PROBLEMS, strict=True))[1:])
    assert default_form(Delta(), length, width) == default_form(GatedDelta(), length, width)
    assert default_form(Delta(), length + 1, 100 * width) == default_form(Delta(), length, width)
    assert default_form(Delta(), 0, 1) == default_form(Delta(), *min(PROBLEMS)[1:])


def test_memories_that_are_not_linear_have_one_form():
    assert default_form(Titans(), 1000, 64) == Recurrent()


def test_nothing_is_timed_to_choose(monkeypatch):
    def refuse():
        raise AssertionError("the clock was read")

    monkeypatch.setattr(time, "perf_counter", refuse)
    monkeypatch.setattr(time, "time", refuse)
    assert default_form(Hebbian(), 77, 7) == default_form(Hebbian(), 77, 7)
