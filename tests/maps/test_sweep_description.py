import numpy as np
import pytest

from ntadyn.maps.regimes import Thresholds
from ntadyn.maps.summary import summarise
from ntadyn.maps.sweep_description import describe_sweep
from ntadyn.results.text import columns_of
from tests.finished_sweeps import crossed, ramp, sweep

COLUMNS = np.linspace(0, 1, 6)


def section(sections, start):
    (lines,) = [lines for heading, lines in sections.items() if heading.startswith(start)]
    return [line.split() for line in lines]


@pytest.fixture
def dataset():
    values = np.stack([ramp([0.3, 0.4, 0.5], COLUMNS), ramp([0.6, 0.65, 0.7], COLUMNS)])
    streams = {"teachers_seed": [0] * 3, "initial_seed": range(3), "data_seed": range(3)}
    return sweep(
        values, {name: list(draws) for name, draws in streams.items()}, block_duration=[1, 2], strength=COLUMNS
    )


def test_columns_line_up():
    assert columns_of([("a", "bb", ""), ("ccc", "d", "e")]) == ["  a    bb", "  ccc  d   e"]
    assert columns_of([]) == []


def test_axes_are_listed_with_ranges_and_streams(dataset):
    rows = section(describe_sweep(dataset, "alignment", 0.9), "axes")
    assert " ".join(rows[0]) == "block_duration 2 values 1, 2 curriculum.block_duration block duration"
    assert rows[1][:6] == ["strength", "6", "values", "0,", "0.2", "..."]
    assert " ".join(rows[2]) == "seed 3 repetitions draws: 3 of initial state with data; not varied: teachers"


def test_failures_are_told_by_kind_and_left_out_of_the_scores(dataset):
    dataset["result"][0, 0] = [1, 1, 2]
    dataset["alignment"][0, 0] = 99.0
    rows = section(describe_sweep(dataset, "alignment", 0.9), "outcome")
    told = " ".join(rows[0])
    assert told == "3 of 36 trajectories failed, in 1 of 12 cells: 2 diverged, 1 for other reasons; left out below"
    (score,) = [row for row in rows if row[0] == "alignment"]
    kept = np.delete(dataset.alignment.values.reshape(12, 3), 0, axis=0)
    means = [f"{number:.4g}" for number in (kept.mean(), kept.mean(1).min(), kept.mean(1).max())]
    assert score[1:4] == means


def test_regimes_are_counted_by_the_thresholds_in_the_heading(dataset):
    sections = describe_sweep(dataset, "alignment", 0.9, Thresholds(0.8, 0.4))
    (heading,) = [heading for heading in sections if heading.startswith("regimes")]
    assert "contrast >= 0.8" in heading
    assert "forgetful: <= 0.4" in heading
    rows = {row[0]: row[1:] for row in section(sections, "regimes")}
    share = float(np.mean(2 * (dataset.alignment.values - 0.5) >= 0.8))
    assert rows["specialised"][0] == f"{100 * share:.1f}"
    assert rows["failed"] == ["0.0", "%", "0", "of", "12", "cells"]


def test_the_border_is_given_per_row_with_its_interval_and_the_columns_around_it(dataset):
    rows = section(describe_sweep(dataset, "alignment", 0.9), "border")
    assert rows[0] == ["block_duration", "strength", "from", "to", "between", "columns"]
    assert [row[0] for row in rows[1:]] == ["1", "2"]
    assert [float(row[1]) for row in rows[1:]] == pytest.approx([0.4, 0.65])
    assert rows[2][4:] == ["0.6", "and", "0.8", "rising"]
    for row, low, high in ((rows[1], 0.3, 0.5), (rows[2], 0.6, 0.7)):
        assert low <= float(row[2]) < float(row[1]) < float(row[3]) <= high


def test_long_borders_are_thinned_and_open_ends_told():
    values = np.stack([ramp([0.05] * 9 + [-0.4], COLUMNS)] * 20)
    lines = describe_sweep(sweep(values, block_duration=range(1, 21), strength=COLUMNS), "alignment", 0.9)
    rows = section(lines, "border")
    assert len(rows) == 10
    assert [rows[1][0], rows[8][0]] == ["1", "20"]
    assert rows[1][2:4] == ["<", "0"]
    assert " ".join(rows[9]) == "and 12 rows between these"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.full((2, 6, 2), 0.95), "not crossed: every cell is above"),
        (np.full((2, 6, 2), 0.6), "not crossed: every cell is below"),
        (np.full((2, 6, 2), np.nan), "every trajectory failed"),
        (np.stack([np.full((6, 2), 0.6), np.full((6, 2), 0.95)]), "runs along strength, which no row crosses"),
    ],
)
def test_a_border_that_is_not_crossed_says_why(values, told):
    dataset = sweep(values, block_duration=[1, 2], strength=COLUMNS)
    dataset["result"] = dataset.result.where(np.isfinite(values), 1)
    assert section(describe_sweep(dataset, "alignment", 0.9), "border") == [told.split()]


def test_names_have_no_border_between_them():
    rows = section(describe_sweep(sweep(ramp([0.5], [0, 1]), kind=["A", "B"]), "alignment", 0.9), "border")
    assert " ".join(rows[0]).startswith("none: the values of kind are names")


def test_errors_are_told_with_the_place_of_the_largest(dataset):
    assert section(describe_sweep(dataset, "alignment", 0.9), "change when") == [["not", "estimated"]]
    errors = np.full((2, 6, 3), np.nan)
    errors[:, :2] = 1e-5
    errors[1, 1, 2] = 3e-2
    dataset["gate_error"] = (dataset.alignment.dims, errors)
    dataset["alignment_error"] = (dataset.alignment.dims, np.full((2, 6, 3), np.nan))
    rows = section(describe_sweep(dataset, "alignment", 0.9), "change when")
    assert " ".join(rows[1]) == "gate_error 12 1.0e-05 1.4e-02 3.0e-02 block_duration 2, strength 0.2"
    assert rows[2] == ["alignment_error", "0", "-", "-", "-"]


def test_unresolved_errors_are_counted_and_left_out_of_the_rest(dataset):
    errors = np.full((2, 6, 3), 1e-5)
    errors[0, 0] = np.inf
    errors[1, 1, 2] = 3e-2
    dataset["gate_error"] = (dataset.alignment.dims, errors)
    dataset["alignment_error"] = (dataset.alignment.dims, np.full((2, 6, 3), np.inf))
    rows = section(describe_sweep(dataset, "alignment", 0.9), "change when")
    assert " ".join(rows[1]) == "gate_error 33 1.0e-05 1.0e-05 3.0e-02 block_duration 2, strength 0.2"
    assert rows[2] == ["alignment_error", "0", "-", "-", "-"]
    told = [" ".join(row) for row in rows[3:]]
    assert told == [
        "gate_error: 3 more are unresolved: with halved steps they did not end well",
        "alignment_error: 36 more are unresolved: with halved steps they did not end well",
    ]


def test_cells_that_were_not_run_are_no_failures_and_later_codes_are(dataset):
    dataset["result"][0, :2] = -1
    dataset["result"][1, 0] = [0, 5, 1]
    (told,) = [row for row in section(describe_sweep(dataset, "alignment", 0.9), "outcome") if "failed," in row]
    assert " ".join(told) == (
        "2 of 30 trajectories failed, in 1 of 12 cells: 1 diverged, 1 for other reasons; left out below; "
        "6 were not run, and are left out below"
    )


def test_cells_of_tables_are_one_line_of_visible_characters():
    assert columns_of([("a\nb\x1b[31m", "c")]) == ["  a\\nb\\x1b[31m  c"]
    (line,) = columns_of([("x" * 1000, "y" * 1000)])
    assert line == f"  {'x' * 159}…  {'y' * 1000}"
    assert len(columns_of([("x", "y" * 10_000)])[0]) == 1505


def test_separatrices_are_told_where_jittered_starts_were_run(dataset):
    assert not [heading for heading in describe_sweep(dataset, "alignment", 0.9) if "separatrix" in heading]
    moved = np.full((2, 6, 3), np.nan)
    moved[0] = 1e-6
    moved[0, 4, 1] = 0.5
    dataset["perturbation"] = (dataset.alignment.dims, moved)
    (row,) = section(describe_sweep(dataset, "alignment", 0.9), "separatrix")
    assert " ".join(row) == "1 of 6 sampled cells amplify it more than 100,000 times (18 trajectories)"


def test_uncertain_cells_are_listed_the_most_open_ones_first():
    rng = np.random.default_rng(0)
    values = np.linspace(0.86, 0.94, 40)[:, None] + 0.05 * rng.normal(size=(40, 12))
    dataset = sweep(values, strength=np.linspace(0, 1, 40))
    number = int(summarise(dataset).uncertain.sum())
    assert number > 12
    first, head, *rows, last = section(describe_sweep(dataset, "alignment", 0.9), "uncertain cells (90 % interval")
    assert first == [str(number), "of", "40", "cells"]
    assert head == ["strength", "mean", "from", "to", "above", "in"]
    assert last == ["and", str(number - 12), "that", "lean", "more", "to", "one", "side"]
    shares = [int(row[4]) for row in rows]
    assert len(shares) == 12
    assert shares == sorted(shares, key=lambda share: abs(share - 50))


def told(sections, start):
    return [" ".join(words) for words in section(sections, start)]


def test_one_repetition_and_decided_cells_are_told(dataset):
    one = describe_sweep(dataset.isel(seed=[0]), "alignment", 0.9)
    assert told(one, "uncertain cells") == ["12 of 12 cells: one repetition leaves every cell open"]
    assert told(describe_sweep(dataset, "alignment", 0.1), "uncertain cells") == ["0 of 12 cells"]


def test_slices_say_what_they_hold_and_how_to_choose_another():
    values = np.stack([np.stack([ramp([0.2, 0.3, 0.24], COLUMNS)] * 2)] * 3)
    dataset = sweep(values, strength=[0.0, 0.1, 0.2], kind=["A", "B"], gate_time_constant=COLUMNS)
    assert told(describe_sweep(dataset, "alignment", 0.9), "slice") == [
        "gate_time_constant = 0.6 the middle of 6 values",
        "choose another one with --at gate_time_constant=VALUE, which may be given for every axis",
    ]
    chosen = describe_sweep(dataset, "alignment", 0.9, at={"kind": "B"})
    assert told(chosen, "slice") == ["kind = B nearest to B"]
    assert any(heading.startswith("border") and "; kind of teachers = B)" in heading for heading in chosen)
    each = int(summarise(dataset.isel(kind=1)).uncertain.sum())
    assert told(chosen, "uncertain cells")[0] == f"{each} of 18 cells; of the whole sweep {2 * each} of 36"


def test_the_variance_table_comes_with_a_crossed_design(dataset):
    assert not [heading for heading in describe_sweep(dataset, "alignment", 0.9) if heading.startswith("variance")]
    teachers, initial = crossed(3, 4)
    values = ramp(np.linspace(0.2, 0.6, 4)[initial], COLUMNS)
    streams = {"teachers_seed": teachers, "initial_seed": initial, "data_seed": 0 * initial}
    rows = section(describe_sweep(sweep(values, streams, strength=COLUMNS), "alignment", 0.9), "variance")
    table = {" ".join(row[: row.index("%") - 1]): row for row in rows if "%" in row}
    assert table["initial state"][2] == "100.0"
    assert abs(float(table["teachers"][1])) < 0.05
    assert table["teachers"][-1] == "2"
    assert ["data", "not", "varied"] in rows
    streams["initial_seed"] = np.where(initial == 3, 2, initial)
    (row,) = section(describe_sweep(sweep(values, streams, strength=COLUMNS), "alignment", 0.9), "variance")
    assert " ".join(row).startswith("not available: 3 of teachers and 3 of initial state make 9 combinations")


def test_an_unknown_score_is_refused(dataset):
    with pytest.raises(ValueError, match="'beauty' is not a number per trajectory"):
        describe_sweep(dataset, "beauty", 0.9)
