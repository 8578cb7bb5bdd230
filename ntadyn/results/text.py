"""Text of unknown origin, made fit to be printed, alone or in columns."""

from collections.abc import Sequence

# Of the last column of a table, which pushes nothing aside: commands are long.
LONGEST_CELL = 1500


def printable(text: object, longest: int = 160) -> str:
    """One line of visible characters.

    What a terminal would obey, a line break included, and what no encoding can hold is escaped as in Python's strings.

    Args:
        text: anything; its `str` is taken.
        longest: characters kept; the rest becomes "…".
    """
    # Cut before anything else is done with it: it may be very long.
    whole = str(text)
    kept = whole if len(whole) <= longest else whole[: longest - 1] + "…"
    return "".join(character if character.isprintable() else _escaped(character) for character in kept)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def columns_of(rows: Sequence[tuple[str, ...]], indent: str = "  ") -> list[str]:
    """Rows of a table with columns aligned to the left; what would run on or break the line is cut or escaped."""
    rows = [(*map(printable, row[:-1]), printable(row[-1], LONGEST_CELL)) for row in rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    return [
        (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun, in the plural where it needs it."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
