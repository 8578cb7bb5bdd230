"""Text of unknown origin, made fit to be printed."""


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
