"""Names of figures: which there are, in which order they are shown, and where modules and results lie."""

import re
from collections.abc import Iterable, Sequence

from experiments.sandbrink_2024 import FIGURES

EVERYTHING = "all"
QUICK = "fast"  # folder of quick runs, below that of full ones
_NAME = re.compile(r"figure_(?P<appendix>a?)(?P<number>\d+)(?:_(?P<rest>.*))?$")


def chosen(names: Sequence[str]) -> list[str]:
    """The figures that were asked for, each once, in the order of the article.

    Args:
        names: of modules listed in `experiments.FIGURES`, or "all".

    Returns:
        Names of figures.

    Raises:
        ValueError: for no name or one that is not known.
    """
    if not names:
        raise ValueError(f"no figure was named; choose from {in_order(FIGURES)}, or say {EVERYTHING!r}.")
    unknown = [name for name in names if name not in FIGURES and name != EVERYTHING]
    if unknown:
        raise ValueError(f"there is no figure {unknown[0]!r}; choose from {in_order(FIGURES)}, or say {EVERYTHING!r}.")
    return in_order(FIGURES if EVERYTHING in names else set(names))


def in_order(names: Iterable[str]) -> list[str]:
    """Figures of the main text, then of the appendix; a supplement of ours follows the figure it is named after."""
    return sorted(names, key=_rank)


def _rank(name: str) -> tuple[int, int, str]:
    found = _NAME.match(name)
    if found is None:
        return 2, 0, name
    return int(bool(found["appendix"])), int(found["number"]), found["rest"] or ""


def title(name: str) -> str:
    """The name as it is printed over a figure: "Figure A10", "Figure 2: conservation"."""
    found = _NAME.match(name)
    if found is None:
        return name.replace("_", " ").capitalize()
    rest = f": {found['rest'].replace('_', ' ')}" if found["rest"] else ""
    return f"Figure {found['appendix'].upper()}{found['number']}{rest}"
