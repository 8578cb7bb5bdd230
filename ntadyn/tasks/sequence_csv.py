"""A sequence of tasks from a CSV file: one row per block or trial, with a column that names its task.

    task,   onset, duration
    spring, 0,     2.5
    autumn, 2.5,   1

`duration` and `onset` may each be left out. Without both, every row is a trial of one unit; with onsets alone, a block
lasts until the next one, and the last one to an `end` that has to be given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ntadyn.tasks.csv_table import Table
from ntadyn.tasks.curricula import sequence
from ntadyn.tasks.curriculum import Blocked

TASK, ONSET, DURATION = "task", "onset", "duration"
# A gap is more than this share of the longest block: times in files are rounded.
SLACK = 1e-6


@dataclass(frozen=True)
class NamedSequence:
    """What was read.

    Attributes:
        curriculum: the blocks; consecutive rows of one task stay apart.
        names: of the tasks, in the order of their numbers.
    """

    curriculum: Blocked
    names: tuple[str, ...]


def from_csv(
    path: Path | str,
    unit: float = 1.0,
    num_tasks: int | None = None,
    names: Sequence[str] | None = None,
    end: float | None = None,
) -> NamedSequence:
    """The blocks of a file.

    Args:
        path: of the file, in UTF-8, with commas between fields; other columns are not looked at.
        unit: of the times in the file, in the unit of the curriculum.
        num_tasks: number of tasks to choose from; those in the file, if omitted.
        names: all tasks that there are, in the order of their numbers; in the order in which the file brings them, if
            omitted.
        end: of the last block, in the unit of the file: for files with onsets and no durations, and for these only.

    Returns:
        The sequence. Time counts from the first onset.

    Raises:
        OSError: if the file cannot be read.
        ValueError: for a file without rows or without the column `task`, fields that are empty or no finite numbers,
            onsets that do not ascend, blocks that overlap or leave gaps, durations that are not positive, a name that
            is not among `names`, more tasks than `num_tasks`, or an `end` that is missing or not asked for. The message
            says which line.
    """
    table = Table.read(Path(path))
    timed = tuple(column for column in (ONSET, DURATION) if column in table.header)
    table.check_columns((TASK, *timed))
    words = table.words(TASK)
    known = tuple(dict.fromkeys(words)) if names is None else tuple(names)
    for word, line in zip(words, table.lines, strict=True):
        if word not in known:
            raise ValueError(f"{table.path.name}, line {line}: there is no task {word!r}; there are {list(known)}.")
    number = len(known) if num_tasks is None else num_tasks
    if len(known) > number:
        raise ValueError(
            f"{table.path.name} has the tasks {list(known)}, and there are {number} to choose from; add teachers, or "
            "correct the names."
        )
    durations = unit * _durations(table, timed, end)
    return NamedSequence(sequence([known.index(word) for word in words], durations, number), known)


def _durations(table: Table, timed: tuple[str, ...], end: float | None) -> np.ndarray:
    """The length of every block, in the unit of the file."""
    if end is not None and timed != (ONSET,):
        raise ValueError(f"{table.path.name}: end = {end} is for files with onsets alone; leave it out.")
    if not timed:
        return np.ones(len(table.rows))
    columns = dict(zip(timed, table.numbers(timed).T, strict=True))
    if ONSET in timed:
        onsets = columns[ONSET]
        for place in np.flatnonzero(~(np.diff(onsets) > 0))[:1]:
            raise ValueError(
                f"{table.path.name}, line {table.lines[place + 1]}: the onset {onsets[place + 1]:g} does not come "
                f"after {onsets[place]:g}; sort the rows, and drop repeats."
            )
    durations = columns[DURATION] if DURATION in timed else _until_next(table, columns[ONSET], end)
    for place in np.flatnonzero(~(durations > 0))[:1]:
        raise ValueError(
            f"{table.path.name}, line {table.lines[place]}: the block lasts {durations[place]:g}; it must last a "
            "positive time."
        )
    if len(timed) == 2:
        onsets = columns[ONSET]
        gaps = np.diff(onsets) - durations[:-1]
        for place in np.flatnonzero(np.abs(gaps) > SLACK * durations.max())[:1]:
            what = "a gap" if gaps[place] > 0 else "an overlap"
            raise ValueError(
                f"{table.path.name}, line {table.lines[place]}: the block ends at "
                f"{onsets[place] + durations[place]:g}, and the next begins at {onsets[place + 1]:g}; {what} of "
                f"{abs(gaps[place]):g} is no time of any task. Give it to one, or leave out a column."
            )
    return durations


def _until_next(table: Table, onsets: np.ndarray, end: float | None) -> np.ndarray:
    if end is None:
        raise ValueError(
            f"{table.path.name} has onsets and no durations, so that nothing says how long its last block lasts; give "
            "the `end`, or a column of durations."
        )
    return np.diff(onsets, append=end)
