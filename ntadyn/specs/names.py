"""Names that people type: presets, figures, choices; with dashes or underscores, in any case. No JAX here."""

import difflib
from collections.abc import Iterable


def spoken(name: str) -> str:
    """A name in the one spelling that is shown: small letters, dashes.

    Args:
        name: such as "figure_2_flexible", "Figure-2-Flexible".

    Returns:
        Such as "figure-2-flexible".
    """
    return name.strip().lower().replace("_", "-")


def known_as(name: str, known: Iterable[str], what: str = "name") -> str:
    """The one of the known names that is meant.

    Args:
        name: as it was typed.
        known: what there is, in its own spelling.
        what: what the names are of, for the message.

    Returns:
        The known name that is spoken alike.

    Raises:
        ValueError: if there is none; the message lists all, the nearest ones first.
    """
    spellings = {spoken(item): item for item in known}
    if spoken(name) in spellings:
        return spellings[spoken(name)]
    near = difflib.get_close_matches(spoken(name), spellings, n=3)
    meant = f" Did you mean {' or '.join(spellings[item] for item in near)}?" if near else ""
    raise ValueError(f"there is no {what} {name!r}; there are {', '.join(spellings.values())}.{meant}")
