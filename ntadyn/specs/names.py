"""Names that people type, with dashes or underscores, in any case: presets, figures, choices. No JAX here."""

import difflib
from collections.abc import Iterable


def spoken(name: str) -> str:
    """A name in the spelling that is shown: lower case, with dashes.

    Args:
        name: for example "figure_2_flexible" or "Figure-2-Flexible".

    Returns:
        For example "figure-2-flexible".
    """
    return name.strip().lower().replace("_", "-")


def known_as(name: str, known: Iterable[str], what: str = "name") -> str:
    """The known name that was meant.

    Args:
        name: the name as it was typed.
        known: all known names, in their own spelling.
        what: what the names stand for, for the message.

    Returns:
        The known name with the same `spoken` form.

    Raises:
        ValueError: if there is none; the message lists all names and the nearest ones.
    """
    spellings = {spoken(item): item for item in known}
    if spoken(name) in spellings:
        return spellings[spoken(name)]
    near = difflib.get_close_matches(spoken(name), spellings, n=3)
    meant = f" Did you mean {' or '.join(spellings[item] for item in near)}?" if near else ""
    raise ValueError(f"there is no {what} {name!r}; there are {', '.join(spellings.values())}.{meant}")
