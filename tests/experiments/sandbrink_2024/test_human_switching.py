from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.sandbrink_2024.figure_8 import people
from experiments.sandbrink_2024.figure_8.people import after_switch, read_trials
from experiments.sandbrink_2024.figure_8.picture import _draw_human
from experiments.sandbrink_2024.figure_8.synthetic_people import synthetic_trials

# One game of two switches (positions 1, 2 and 1), a later game with a gap before its second switch, and another user.
TRIALS = """user,practice,trial,task,correct,response_time,mood
u1,1,1,move,1,0.5,good
u1,1,2,point,0,2.0,good
u1,1,3,point,1,1.0,good
u1,1,4,move,1,1.5,good

u1,9,2,point,1,0.7,bad
u1,9,1,move,1,0.6,bad
u1,9,4,move,0,0.6,bad
u1,9,5,move,1,0.6,bad
u2,1,1,point,1,0.4,bad
u2,1,2,move,1,0.8,bad
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "trials.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _replaced(line: int, text: str) -> str:
    lines = TRIALS.splitlines()
    lines[line - 1] = text
    return "\n".join(lines)


def test_means_are_over_users_of_each_users_mean(tmp_path):
    data = after_switch(read_trials(_written(tmp_path, TRIALS)), 3, (1, 5))
    assert list(data.practice.values) == ["1 to 4", "5 and more"]
    # Position 1 of the first games: u1 has one wrong and one right answer, u2 one right.
    assert float(data.accuracy[0, 0]) == pytest.approx((0.5 + 1.0) / 2)
    assert float(data.accuracy_sem[0, 0]) == pytest.approx(np.std([0.5, 1.0], ddof=1) / np.sqrt(2))
    # Position 2 is one trial of one user; nobody has a third.
    assert float(data.accuracy[0, 1]) == 1.0
    assert np.isnan(data.accuracy_sem[0, 1])
    assert list(data.users[0].values) == [2, 1, 0]
    assert np.isnan(data.accuracy[0, 2])
    # Behind the gap of the later game the task before is not known, so it has one trial after a switch only.
    assert list(data.users[1].values) == [1, 0, 0]
    assert float(data.accuracy[1, 0]) == 1.0


def test_response_times_are_those_of_right_answers(tmp_path):
    data = after_switch(read_trials(_written(tmp_path, TRIALS)), 1, (1, 5))
    assert float(data.response_time[0, 0]) == pytest.approx((1.5 + 0.8) / 2)
    without = "\n".join(",".join(line.split(",")[:5]) for line in TRIALS.splitlines())
    trials = read_trials(_written(tmp_path, without))
    assert trials.response_time is None
    assert "response_time" not in after_switch(trials)


def test_bins_hold_about_equal_numbers_of_games(tmp_path):
    rows = [f"u,{game},{trial},{'ab'[trial % 2]},1" for game in range(1, 41) for trial in range(2)]
    data = after_switch(read_trials(_written(tmp_path, "user,practice,trial,task,correct\n" + "\n".join(rows))))
    assert list(data.practice.values) == ["1 to 10", "11 to 20", "21 to 30", "31 and more"]


def test_the_example_of_the_documentation_is_read(tmp_path):
    block = people.__doc__.split("    user,practice")[1].split("\n\n")[0]
    trials = read_trials(_written(tmp_path, "user,practice" + block.replace("\n    ", "\n")))
    assert len(trials.user) == 4
    assert int(after_switch(trials).attrs["trials"]) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"lacks the columns \['user', 'practice', 'trial', 'task', 'correct'\]"),
        ("user,practice,trial,task\n", r"lacks the columns \['correct'\]"),
        ("user,practice,trial,task,correct\n", "has a heading but no trials"),
        ("user,practice,trial,task,correct,user\n", r"has the columns \['user'\] more than once"),
        (_replaced(3, "u1,1,2,point,maybe,2.0,good"), r"line 3: correct is 'maybe'; allowed is 0 or 1"),
        (_replaced(3, "u1,1.5,2,point,1,2.0,good"), r"line 3: practice is '1.5'; allowed is a whole number >= 1"),
        (_replaced(3, "u1,1,inf,point,1,2.0,good"), r"line 3: trial is 'inf'; allowed is a whole number"),
        (_replaced(3, "u1,1,2,point,1,,good"), r"line 3: response_time is ''; allowed is a positive number of seconds"),
        (_replaced(3, "u1,1,2,point"), r"line 3: its number of cells is not that of the heading, 7"),
        (_replaced(3, ",1,2,point,1,2.0,good"), r"line 3: user is empty"),
        (_replaced(4, "u1,1,2,point,1,1.0,good"), r"lines 3 and 4: user 'u1' has trial 2 of game 1 twice"),
        (TRIALS.replace("point", "move"), "all trials are of the task 'move'"),
        ("user,practice\n\x00,1", "lacks the columns|not a CSV file"),
    ],
)
def test_a_bad_file_is_refused_by_line_and_column(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_trials(_written(tmp_path, text))


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_trials(tmp_path / "nothing.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00user")
    with pytest.raises(ValueError, match="not a CSV file in UTF-8"):
        read_trials(binary)


def test_trials_without_switches_and_bins_out_of_order_are_refused(tmp_path):
    apart = "user,practice,trial,task,correct\nu,1,1,a,1\nu,2,1,b,1\n"
    with pytest.raises(ValueError, match="nothing is switched here"):
        after_switch(read_trials(_written(tmp_path, apart)))
    with pytest.raises(ValueError, match="let them increase from 1"):
        after_switch(read_trials(_written(tmp_path, TRIALS)), first_games=(2, 5))


def test_synthetic_trials_are_read_and_marked(tmp_path):
    text = synthetic_trials(0)
    assert text == synthetic_trials(0) != synthetic_trials(1)
    trials = read_trials(_written(tmp_path, text))
    assert trials.synthetic
    data = after_switch(trials)
    assert data.attrs["synthetic"] == 1
    assert float(data.accuracy[0, 0]) < float(data.accuracy[-1, -1])
    figure, ax = plt.subplots()
    _draw_human(ax, data, "accuracy")
    assert ax.get_title() == "synthetic trials, no people"
    _draw_human(ax, after_switch(read_trials(_written(tmp_path, TRIALS)), 3, (1, 5)), "accuracy")
    assert ax.get_title() == "people"
    plt.close(figure)
    mixed = text.replace(",1\n", ",0\n", 3)
    with pytest.raises(ValueError, match="do not mix"):
        read_trials(_written(tmp_path, mixed))
