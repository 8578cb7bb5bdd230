"""Sequences of tasks from CSV files."""

import numpy as np
import pytest

from ntadyn.tasks.sequence_csv import from_csv


@pytest.fixture
def written(tmp_path):
    def write(text: str):
        path = tmp_path / "sequence.csv"
        path.write_text(text)
        return path

    return write


def test_a_sequence_makes_the_round_trip(written):
    order, durations = ["spring", "autumn", "autumn", "winter"], [2.5, 1.0, 0.125, 3.0]
    onsets = 7.5 + np.concatenate([[0.0], np.cumsum(durations)[:-1]])
    rows = [f"{task}, {start!r}, {length!r}" for task, start, length in zip(order, onsets, durations, strict=True)]
    text = "task, onset, duration\n" + "\n".join(map(str, rows)).replace("np.float64(", "").replace(")", "")
    found = from_csv(written(text), unit=2.0)
    assert found.names == ("spring", "autumn", "winter")
    np.testing.assert_array_equal(found.curriculum.tasks, [0, 1, 1, 2])
    np.testing.assert_array_equal(found.curriculum.durations, 2 * np.asarray(durations))


def test_columns_of_times_may_be_left_out(written):
    np.testing.assert_array_equal(from_csv(written("task\nA\nB\n")).curriculum.durations, [1.0, 1.0])
    np.testing.assert_array_equal(from_csv(written("task,duration\nA,2\nB,3\n")).curriculum.durations, [2.0, 3.0])
    onsets = from_csv(written("task,onset\nA,1\nB,3\n"), end=3.5)
    np.testing.assert_array_equal(onsets.curriculum.durations, [2.0, 0.5])


def test_names_may_be_given(written):
    found = from_csv(written("task\nB\nA\n"), names=("A", "B"), num_tasks=3)
    assert found.names == ("A", "B")
    assert found.curriculum.num_tasks == 3
    np.testing.assert_array_equal(found.curriculum.tasks, [1, 0])


@pytest.mark.parametrize(
    ("text", "given", "told"),
    [
        ("task,onset\nA,1\nB,0\n", {"end": 3.0}, "line 3: the onset 0 does not come after 1"),
        ("task,onset\nA,1\nB,1\n", {"end": 3.0}, "does not come after"),
        ("task,onset\nA,0\nB,1\n", {}, "give the `end`"),
        ("task,onset\nA,0\nB,1\n", {"end": 1.0}, "must last a positive time"),
        ("task,onset,duration\nA,0,1\nB,1.5,1\n", {}, "line 2: the block ends at 1, .* a gap of 0.5"),
        ("task,onset,duration\nA,0,2\nB,1.5,1\n", {}, "an overlap of 0.5"),
        ("task,duration\nA,1\nB,-1\n", {}, "line 3: the block lasts -1"),
        ("task,duration\nA,1\nB,nan\n", {}, "line 3, column 'duration': 'nan' is not a finite number"),
        ("task,duration\nA,1\n,2\n", {}, "line 3, column 'task': it is empty"),
        ("task,duration\nA,1\n", {"end": 2.0}, "for files with onsets alone"),
        ("task\nA\nC\n", {"names": ("A", "B")}, "line 3: there is no task 'C'"),
        ("task\nA\nB\nC\n", {"num_tasks": 2}, "2 to choose from"),
        ("what\nA\n", {}, "no column 'task'"),
        ("task\n", {}, "no rows"),
    ],
)
def test_what_is_wrong_is_pointed_at(written, text, given, told):
    with pytest.raises(ValueError, match=told):
        from_csv(written(text), **given)
