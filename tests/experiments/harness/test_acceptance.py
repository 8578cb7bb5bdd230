import json
import math

import numpy as np
import pytest

from experiments.harness.acceptance import (
    STATED,
    UNKNOWN,
    Acceptance,
    Verdict,
    all_accepted,
    at_least,
    at_most,
    between,
    furthest,
    mean_of,
    median_of,
    near,
    reported,
    single,
    table,
)
from experiments.harness.sources import OURS


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (near("a", 0.5, 0.02, single(0.52), OURS), Verdict.PASSED),  # on the bar, which rounding must not move
        (near("a", 0.5, 0.02, single(0.521), OURS), Verdict.OUTSIDE),
        (near("a", 0.5, 0.02, single(0.479), OURS), Verdict.OUTSIDE),
        (near("a", 0.5, 0.02, single(math.nan), OURS), Verdict.OUTSIDE),
        (near("a", 0.5, 0.02, single(math.inf), OURS), Verdict.OUTSIDE),
        (between("a", (0.7, 0.74), single(0.7), OURS), Verdict.PASSED),
        (between("a", (0.7, 0.74), single(0.75), OURS), Verdict.OUTSIDE),
        (between("a", (0.7, 0.74), single(0.75), OURS, 0.02), Verdict.PASSED),
        (at_least("a", 0.9, single(1.0), OURS), Verdict.PASSED),
        (at_least("a", 0.9, single(0.89), OURS), Verdict.OUTSIDE),
        (at_least("a", 0.9, single(math.nan), OURS), Verdict.OUTSIDE),
        (at_most("a", 1e-3, single(9e-4), OURS), Verdict.PASSED),
        (at_most("a", 1e-3, single(2e-3), OURS), Verdict.OUTSIDE),
        (reported("a", single(math.inf)), Verdict.REPORTED),
    ],
)
def test_verdict(row: Acceptance, verdict: Verdict):
    assert row.verdict is verdict


def test_one_row_outside_refuses_all():
    good, known, bad = near("a", 1, 0.1, single(1), OURS), reported("b", single(7)), at_most("c", 0, single(1), OURS)
    assert all_accepted([good, known])
    assert not all_accepted([good, known, bad])


def test_measurements_over_seeds():
    values = np.array([1.0, 2.0, 6.0])
    mean, median = mean_of(values), median_of(values)
    assert (mean.value, median.value, mean.seeds) == (3.0, 2.0, 3)
    # The unbiased variance, 14/2.
    assert mean.spread == pytest.approx(math.sqrt(7.0))
    assert mean_of([1.0]).spread is None
    assert median_of([1.0, 2.0, math.inf]).spread is None


def test_records_are_strict_json_even_for_infinite_numbers():
    rows = [
        at_least("a", 0.9, single(math.nan), OURS),
        reported("b", single(math.inf)),
        near("c", 1, 0.1, mean_of([1, 2]), OURS),
    ]
    records = json.loads(json.dumps([row.as_record() for row in rows], allow_nan=False))
    assert [record["expected"] for record in records] == [[0.9, None], None, 1.0]
    assert [record["measured"] for record in records] == ["nan", "inf", 1.5]
    assert [record["verdict"] for record in records] == ["OUTSIDE", "REPORTED", "OUTSIDE"]
    assert records[2]["seeds"] == 2


def test_a_record_is_turned_back_into_its_row():
    rows = [
        near("a", 1, 0.1, mean_of([1, 2]), OURS, "why"),
        between("b", (0.0, 1.0), single(2), OURS),
        reported("c", single(-math.inf)),
    ]
    rows += [at_least("d", 0.9, single(0.3), OURS, 0.1), at_most("e", 0.9, single(0.3), OURS)]
    assert [Acceptance.from_record(json.loads(json.dumps(row.as_record()))) for row in rows] == rows


def test_table_has_one_aligned_line_per_row():
    text = table([near("loss", 0.25, 0.01, mean_of([0.2, 0.3]), OURS), at_most("a longer name", 0, single(1), OURS)])
    heading, first, second = text.splitlines()
    assert first.index("0.25") == heading.index("expected") == second.index("<= 0")
    assert first.endswith("passed")
    assert second.endswith("OUTSIDE")
    assert first.index(OURS) == heading.index("compared with") == second.index(OURS)


def test_a_stated_miss_is_told_from_others():
    rows = [at_most("a", 0, single(1), OURS), at_most("b", 0, single(1), OURS), at_most("c", 0, single(0), OURS)]
    assert [line.split("  ")[-1].strip() for line in table(rows, {"a", "c"}).splitlines()[1:]] == [
        STATED,
        "OUTSIDE",
        "passed",
    ]


def test_a_demand_says_whose_number_it_is():
    with pytest.raises(ValueError, match="'loss' is compared with 0.25, but it is not said whose number that is"):
        near("loss", 0.25, 0.01, single(0.2), "")
    assert reported("loss", single(0.2)).source == ""


def test_rows_from_before_sources_were_written_down_are_read():
    record = near("loss", 0.25, 0.01, single(0.2), OURS).as_record()
    del record["source"]
    assert Acceptance.from_record(record).source == UNKNOWN


def test_the_furthest_entry_speaks_for_all():
    row = furthest("a", [[0.1, 0.2], [0.3, 0.4]], 0.05, [[0.1, 0.23], [0.29, 0.4]], OURS)
    assert (row.expected, row.measured.value) == (0.2, 0.23)
    assert row.verdict is Verdict.PASSED
    assert furthest("a", 1.0, 0.1, [1.0, 1.2, 0.95], OURS).verdict is Verdict.OUTSIDE
    assert furthest("a", [1.0, 2.0], 0.1, [1.5, math.nan], OURS).verdict is Verdict.OUTSIDE
