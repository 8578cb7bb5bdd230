"""A CSV file as text, with the numbers of its lines, so that whatever is wrong in it can be pointed at."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Table:
    """The rows of a file.

    Attributes:
        path: of the file.
        header: the names of the columns, from its first line.
        rows: the fields of every further line that is not empty, without spaces around them.
        lines: the number of the line of every row.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    @classmethod
    def read(cls, path: Path) -> "Table":
        """The rows of a file in UTF-8, with commas between fields.

        Raises:
            OSError: if it cannot be read.
            ValueError: for a file without rows, and for lines with too few or too many fields, with their numbers.
        """
        rows, lines = [], []
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            for row in reader:
                if row:
                    rows.append([field.strip() for field in row])
                    lines.append(reader.line_num)
        if len(rows) < 2:
            raise ValueError(
                f"{path.name} has {'no header' if not rows else 'a header but no rows'}; the first line must name the "
                "columns, and every further line is one example."
            )
        header = rows[0]
        for row, line in zip(rows[1:], lines[1:], strict=True):
            if len(row) != len(header):
                raise ValueError(
                    f"{path.name}, line {line}: it has {len(row)} fields, the header has {len(header)}; every row "
                    "needs one field per column."
                )
        return cls(path, header, rows[1:], lines[1:])

    def check_columns(self, needed: tuple[str, ...]) -> None:
        """Refuse a file that lacks a column, or has or needs one twice.

        Raises:
            ValueError: for such a column.
        """
        header, name = self.header, self.path.name
        missing = [column for column in needed if column not in header]
        if missing:
            raise ValueError(f"{name}, line 1: there is no column {missing[0]!r}; the columns are {header}.")
        twice = sorted({item for item in header if header.count(item) > 1} | {n for n in needed if needed.count(n) > 1})
        if twice:
            raise ValueError(f"{name}, line 1: the column {twice[0]!r} is named twice; every column needs one role.")

    def words(self, column: str) -> list[str]:
        """A column as text.

        Raises:
            ValueError: for an empty field.
        """
        at = self.header.index(column)
        for row, line in zip(self.rows, self.lines, strict=True):
            if not row[at]:
                raise ValueError(f"{self.path.name}, line {line}, column {column!r}: it is empty; fill it, or drop it.")
        return [row[at] for row in self.rows]

    def numbers(self, columns: tuple[str, ...]) -> np.ndarray:
        """Columns as numbers, shape (rows, columns).

        Raises:
            ValueError: for a field that is no finite number.
        """
        places = [self.header.index(column) for column in columns]
        found = np.empty((len(self.rows), len(columns)))
        for number, (row, line) in enumerate(zip(self.rows, self.lines, strict=True)):
            for column, at in enumerate(places):
                try:
                    found[number, column] = float(row[at])
                except ValueError:
                    found[number, column] = np.nan
                if not np.isfinite(found[number, column]):
                    raise ValueError(
                        f"{self.path.name}, line {line}, column {columns[column]!r}: {row[at]!r} is not a finite "
                        "number; correct it, drop the row, or leave the column out of `Layout.inputs`."
                    )
        return found
