"""Trial records of people who switch between tasks: read from a CSV file, sorted by trials since the last switch.

No such records come with this package. Each row of the file is one trial; the first line names the columns, whose order
is free and of which further ones are ignored:

    user,practice,trial,task,correct,response_time
    u01,1,1,pointing,1,0.912
    u01,1,2,moving,0,1.480
    u01,1,3,moving,1,1.104
    u02,57,1,pointing,1,0.655

| column | meaning |
|---|---|
| `user` | who; any text |
| `practice` | which game of this user it is, counted from 1 |
| `trial` | place of the trial within the game, a whole number |
| `task` | the task that was cued; any text |
| `correct` | 1 for a right answer, 0 for a wrong one |
| `response_time` | in seconds; may be left out |
| `synthetic` | 1 where no person made the trial, and whatever is drawn says so; may be left out |

`python -m experiments.sandbrink_2024.figure_8.synthetic_people FILE` writes such a file of nobody's trials. Select rows
(an age group, incongruent trials) before: all rows of the file count.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

REQUIRED = ("user", "practice", "trial", "task", "correct")
RESPONSE_TIME = "response_time"
SYNTHETIC = "synthetic"
OPTIONAL = (RESPONSE_TIME, SYNTHETIC)
NUM_BINS = 4


@dataclass(frozen=True)
class Trials:
    """Trials in the order of user, game and place in the game; every array has shape (trials,).

    Attributes:
        user: index of the user.
        practice: game of the user.
        trial: place in the game.
        task: index of the cued task.
        correct: 1 or 0.
        response_time: seconds, or None where the file has none.
        synthetic: whether no person made them.
    """

    user: np.ndarray
    practice: np.ndarray
    trial: np.ndarray
    task: np.ndarray
    correct: np.ndarray
    response_time: np.ndarray | None
    synthetic: bool = False


def read_trials(path: Path) -> Trials:
    """Read and check a file of trials.

    Args:
        path: the CSV file, in UTF-8; see the module for its columns.

    Returns:
        The trials.

    Raises:
        ValueError: if the file is missing or no table of text, lacks columns or trials, has a cell that is no number
            where one is needed, holds a trial twice, or has no task to switch to. Cells are named by line and column.
    """
    columns, lines = _cells(path)
    users, user = np.unique(columns["user"], return_inverse=True)
    tasks, task = np.unique(columns["task"], return_inverse=True)
    practice = _numbers(
        path, columns, lines, "practice", lambda x: (x >= 1) & (x == np.round(x)), "a whole number >= 1"
    )
    trial = _numbers(path, columns, lines, "trial", lambda x: x == np.round(x), "a whole number")
    correct = _numbers(path, columns, lines, "correct", lambda x: (x == 0) | (x == 1), "0 or 1")
    seconds = None
    if RESPONSE_TIME in columns:
        seconds = _numbers(path, columns, lines, RESPONSE_TIME, lambda x: x > 0, "a positive number of seconds")
    synthetic = np.zeros(len(lines))
    if SYNTHETIC in columns:
        synthetic = _numbers(path, columns, lines, SYNTHETIC, lambda x: (x == 0) | (x == 1), "0 or 1")
        odd = np.flatnonzero(synthetic != synthetic[0])
        if odd.size:
            raise ValueError(
                f"{path}, line {lines[odd[0]]}: synthetic is {synthetic[odd[0]]:g}, in the first trial it is "
                f"{synthetic[0]:g}; do not mix trials of people with others in one file."
            )
    if len(tasks) < 2:
        raise ValueError(f"{path}: all trials are of the task {str(tasks[0])!r}; switching needs trials of two tasks.")
    order = np.lexsort((trial, practice, user))
    user, practice, trial, task = user[order], practice[order], trial[order], task[order]
    twice = np.flatnonzero((np.diff(user) == 0) & (np.diff(practice) == 0) & (np.diff(trial) == 0))
    if twice.size:
        first, second = sorted(lines[order[twice[0] : twice[0] + 2]])
        raise ValueError(
            f"{path}, lines {first} and {second}: user {str(users[user[twice[0]]])!r} has trial "
            f"{trial[twice[0]]:g} of game {practice[twice[0]]:g} twice; give every trial a number of its own."
        )
    seconds = None if seconds is None else seconds[order]
    return Trials(user, practice, trial, task, correct[order], seconds, bool(synthetic[0]))


def after_switch(trials: Trials, num_positions: int = 5, first_games: Sequence[int] = ()) -> xr.Dataset:
    """Accuracy by trials since the switch and by practice: mean over users of each one's mean, with its standard error.

    The first trial of the new task has position 1. Trials before the first switch of a game do not count, nor do those
    after a gap in the numbering until the next switch: which task came before is not known there.

    Args:
        trials: from `read_trials`.
        num_positions: the largest position.
        first_games: the first game of every practice bin, in increasing order and from 1 on; if empty, four bins with
            about the same number of games.

    Returns:
        `accuracy`, `accuracy_sem` and `users` (how many have such a trial) over (practice, position), and, with times,
        `response_time` and `response_time_sem` of right answers. NaN where there are no users, or one for an error.

    Raises:
        ValueError: if no trial follows a switch, or for bins out of order.
    """
    position = _positions(trials)
    chosen = (position >= 1) & (position <= num_positions)
    if not chosen.any():
        raise ValueError("no trial directly follows one of another task in the same game; nothing is switched here.")
    starts = np.asarray(first_games) if len(first_games) else _equal_bins(trials)
    if starts[0] != 1 or np.any(np.diff(starts) <= 0):
        raise ValueError(f"the first games of the practice bins are {list(first_games)}; let them increase from 1.")
    place = np.searchsorted(starts, trials.practice, side="right") - 1
    shape = (int(trials.user.max()) + 1, len(starts), num_positions)
    index = np.ravel_multi_index((trials.user[chosen], place[chosen], position[chosen] - 1), shape)
    dims = ("practice", "position")
    mean, sem, users = _over_users(index, trials.correct[chosen], shape)
    variables = {
        "accuracy": (dims, mean, {"long_name": "share of right answers"}),
        "accuracy_sem": (dims, sem),
        "users": (dims, users),
    }
    if trials.response_time is not None:
        right = trials.correct[chosen] == 1
        mean, sem, _ = _over_users(index[right], trials.response_time[chosen][right], shape)
        variables["response_time"] = (dims, mean, {"long_name": "response time of right answers", "units": "s"})
        variables["response_time_sem"] = (dims, sem)
    coordinates = {"practice": _labels(starts), "position": np.arange(1, num_positions + 1)}
    return xr.Dataset(
        variables, coordinates, {"trials": int(chosen.sum()), "users": shape[0], "synthetic": int(trials.synthetic)}
    )


def _positions(trials: Trials) -> np.ndarray:
    """Trials since the last switch, from 1; 0 where that is not known."""
    follows = (np.diff(trials.user) == 0) & (np.diff(trials.practice) == 0) & (np.diff(trials.trial) == 1)
    starts = np.concatenate([[True], ~follows])
    switches = np.concatenate([[False], follows & (np.diff(trials.task) != 0)])
    here = np.arange(len(trials.user))
    last = np.maximum.accumulate(np.where(starts | switches, here, 0))
    return np.where(switches[last], here - last + 1, 0)


def _equal_bins(trials: Trials) -> np.ndarray:
    games = np.unique(np.stack([trials.user, trials.practice]), axis=1)[1]
    inner = np.quantile(games, np.arange(1, NUM_BINS) / NUM_BINS)
    return np.unique(np.concatenate([[1], np.floor(inner) + 1])).astype(int)


def _labels(starts: np.ndarray) -> list[str]:
    ends = [int(start) - 1 for start in starts[1:]]
    bounded = [
        f"{start}" if start == end else f"{start} to {end}" for start, end in zip(starts[:-1], ends, strict=True)
    ]
    return [*bounded, f"{starts[-1]} and more"]


def _over_users(
    index: np.ndarray, values: np.ndarray, shape: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and standard error over users of each user's mean, and how many users there are."""
    size = int(np.prod(shape))
    counts = np.bincount(index, minlength=size).reshape(shape)
    sums = np.bincount(index, values, size).reshape(shape)
    has = counts > 0
    means = np.divide(sums, counts, out=np.zeros(shape), where=has)
    users = has.sum(axis=0)
    nothing = np.full(shape[1:], np.nan)
    mean = np.divide(means.sum(axis=0), users, out=nothing.copy(), where=users > 0)
    squares = (np.where(has, means - mean, 0.0) ** 2).sum(axis=0)
    error = np.sqrt(np.divide(squares, (users - 1) * users, out=nothing, where=users > 1))
    return mean, error, users


def _cells(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every known column as text, and the line of every trial."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            names = [name.strip() for name in next(reader, [])]
            rows, lines = [], []
            for row in reader:
                if row:
                    rows.append(row)
                    lines.append(reader.line_num)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}. Name a CSV file of trials.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a CSV file in UTF-8: {error}.") from error
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise ValueError(
            f"{path} lacks the columns {missing}; its first line has {names}, it must have {list(REQUIRED)}."
        )
    doubled = [name for name in (*REQUIRED, *OPTIONAL) if names.count(name) > 1]
    if doubled:
        raise ValueError(f"{path} has the columns {doubled} more than once; keep one of each.")
    if not rows:
        raise ValueError(f"{path} has a heading but no trials; give one line per trial.")
    short = [line for row, line in zip(rows, lines, strict=True) if len(row) != len(names)]
    if short:
        raise ValueError(f"{path}, line {short[0]}: its number of cells is not that of the heading, {len(names)}.")
    known = [name for name in (*REQUIRED, *OPTIONAL) if name in names]
    columns = {name: np.array([row[names.index(name)].strip() for row in rows]) for name in known}
    for name in ("user", "task"):
        empty = np.flatnonzero(columns[name] == "")
        if empty.size:
            raise ValueError(f"{path}, line {lines[empty[0]]}: {name} is empty; drop the line or fill it in.")
    return columns, np.asarray(lines)


def _numbers(
    path: Path, columns: dict[str, np.ndarray], lines: np.ndarray, name: str, allowed, text: str
) -> np.ndarray:
    values = np.array([_number(cell) for cell in columns[name]])
    wrong = np.flatnonzero(~(np.isfinite(values) & allowed(values)))
    if wrong.size:
        cell = str(columns[name][wrong[0]])
        raise ValueError(
            f"{path}, line {lines[wrong[0]]}: {name} is {cell!r}; allowed is {text}. Lines like this: {wrong.size}."
        )
    return values


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
