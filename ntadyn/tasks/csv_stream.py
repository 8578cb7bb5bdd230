"""A stream of tasks from a CSV file: one row per example, with a column that names its task.

    task,   x1,  x2, label
    spring, 0.1, 2,  hot
    autumn, 0.3, 1,  cold

Columns are found by the names in the first line. Blocks follow each other as tasks do in the file, or as one says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from ntadyn.tasks.csv_table import Table
from ntadyn.tasks.curricula import sequence
from ntadyn.tasks.curriculum import Blocked
from ntadyn.tasks.examples import Examples, ExampleTasks, from_sets, held_out_rows


@dataclass(frozen=True)
class Layout:
    """What the columns of a file are, and how its rows become a stream.

    Attributes:
        task: the column that names the task of a row, in any words.
        inputs: the columns of numbers that make an input; if empty, all that are neither task nor target.
        order: the tasks of the blocks, by name; if empty, one block for every stretch of rows of one task.
        duration: of every block.
        held_out: the share of the rows of every task on which results are reported.
        seed: of the choice of these rows.
    """

    task: str = "task"
    inputs: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    duration: float = 1.0
    held_out: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class Stream:
    """What was read.

    Attributes:
        tasks: the examples; tasks are numbered as they first occur in the file.
        curriculum: the blocks.
        inputs: the columns that make an input.
        outputs: the columns of a target, or the names of the classes in the order of their numbers.
    """

    tasks: ExampleTasks
    curriculum: Blocked
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def regression_stream(path: Path | str, targets: Sequence[str], layout: Layout | None = None) -> Stream:
    """Tasks whose targets are numbers.

    Args:
        path: of the file, in UTF-8, with commas between fields.
        targets: the columns that make a target.
        layout: what the other columns are.

    Returns:
        The stream.

    Raises:
        OSError: if the file cannot be read.
        ValueError: for a file without rows, columns that are missing or named twice, lines with too few or too many
            fields, fields that are not finite numbers, a task of one row, or an order that names no such task. The
            message says which line.
    """
    layout = Layout() if layout is None else layout
    table, columns = _read(Path(path), layout, tuple(targets))
    numbers = table.numbers(tuple(targets))
    return _stream(table, layout, columns, numbers, np.zeros(len(table.rows), int), tuple(targets))


def classification_stream(path: Path | str, label: str, layout: Layout | None = None) -> Stream:
    """Tasks whose targets are classes; all classes of the file are in question in every task.

    Args:
        path: of the file, in UTF-8, with commas between fields.
        label: the column of the class, in any words. Classes are numbered in the order of the alphabet, or of their
            size where all are whole numbers.
        layout: what the other columns are.

    Returns:
        The stream.

    Raises:
        OSError, ValueError: as `regression_stream` does.
    """
    layout = Layout() if layout is None else layout
    table, columns = _read(Path(path), layout, (label,))
    words = table.words(label)
    try:
        names = sorted(set(words), key=int)
    except ValueError:
        names = sorted(set(words))
    classes = np.asarray([names.index(word) for word in words])
    return _stream(table, layout, columns, classes, classes, tuple(names))


def _read(path: Path, layout: Layout, targets: tuple[str, ...]) -> tuple[Table, tuple[str, ...]]:
    """The file, and the columns that make an input."""
    table = Table.read(path)
    inputs = layout.inputs or tuple(name for name in table.header if name != layout.task and name not in targets)
    table.check_columns((layout.task, *inputs, *targets))
    if not targets or not inputs:
        raise ValueError(
            f"{path.name}: the columns are {table.header}, the task is {layout.task!r}, targets are {list(targets)}; "
            "at least one target is needed, and one further column as input."
        )
    return table, inputs


def _stream(
    table: Table,
    layout: Layout,
    columns: tuple[str, ...],
    targets: np.ndarray,
    groups: np.ndarray,
    outputs: tuple[str, ...],
) -> Stream:
    words = table.words(layout.task)
    names = list(dict.fromkeys(words))
    task = np.asarray([names.index(word) for word in words])
    for number, name in enumerate(names):
        lines = [line for line, own in zip(table.lines, task, strict=True) if own == number]
        if len(lines) == 1:
            raise ValueError(
                f"{table.path.name}, line {lines[0]}: it is the only row of the task {name!r}; every task needs at "
                "least two, one to practise and one to be held out."
            )
    inputs = table.numbers(columns)
    rows = [np.flatnonzero(task == number) for number in range(len(names))]
    masks = [held_out_rows(groups[own], layout.held_out, layout.seed) for own in rows]

    def chosen(kept: list[np.ndarray]) -> Examples:
        return from_sets([inputs[own] for own in kept], [targets[own] for own in kept])

    practised = chosen([own[~mask] for own, mask in zip(rows, masks, strict=True)])
    held_out = chosen([own[mask] for own, mask in zip(rows, masks, strict=True)])
    order = [names[number] for number in task[np.insert(np.diff(task) != 0, 0, True)]]
    order = list(layout.order) or order
    unknown = [name for name in order if name not in names]
    if unknown:
        raise ValueError(f"{table.path.name}: `order` names the task {unknown[0]!r}; the file has the tasks {names}.")
    durations = jnp.full(len(order), layout.duration, practised.inputs.dtype)
    curriculum = sequence([names.index(name) for name in order], durations, len(names))
    return Stream(ExampleTasks(practised, held_out, tuple(names)), curriculum, columns, outputs)
