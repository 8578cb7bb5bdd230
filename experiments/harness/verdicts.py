"""What is said about an experiment in its own words: a text file beside its module, and which misses it states.

The text is `verdict.md` in the folder of a package, and `NAME.md` beside a module NAME. It is Markdown in its simplest
form: paragraphs, then, where there is something to state, a heading and one item per row that is known to miss:

    ## Known to miss

    - `name of the row`: why.

A heading that goes on with "in quick runs" or "on batches" speaks of those runs. What is written here changes no
number, so that it is no part of the version of the code.
"""

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from experiments.harness.acceptance import Acceptance, Verdict
from experiments.harness.registry import module_name
from ntadyn.results.code_version import source_of

VERDICT = "verdict.md"
# Heading -> of which runs it speaks, as (fast, online).
HEADINGS = {
    "Known to miss": (False, False),
    "Known to miss in quick runs": (True, False),
    "Known to miss on batches": (False, True),
}
_SECTION = re.compile(r"^## +(.*)$", re.MULTILINE)
_ITEM = re.compile(r"^- `([^`]+)`: *(.*(?:\n  .*)*)", re.MULTILINE)


class Reproduction(enum.Enum):
    """What came of an experiment as a whole."""

    WHOLE = "reproduced"
    STATED = "reproduced but for stated numbers"
    NOT = "not reproduced"


@dataclass(frozen=True)
class Text:
    """What the file says.

    Attributes:
        prose: its paragraphs.
        stated: (fast, online) -> name of a row -> why it is known to miss in such runs.
    """

    prose: str
    stated: Mapping[tuple[bool, bool], Mapping[str, str]] = field(default_factory=dict)

    def misses(self, fast: bool = False, online: bool = False) -> Mapping[str, str]:
        """Name of a row -> why it is known to miss.

        Args:
            fast: of quick runs, which are said to miss what full ones do, and what is stated of them besides.
            online: of runs on batches, of which only what is stated of them counts.
        """
        if online:
            return self.stated.get((False, True), {})
        return {**self.stated.get((False, False), {}), **(self.stated.get((True, False), {}) if fast else {})}


def text_of(name: str) -> Text | None:
    """The text about an experiment, None if there is none.

    Args:
        name: of the experiment.

    Raises:
        ValueError: if no package lists it, or its text has a heading or an item of another form.
    """
    source = source_of(module_name(name))
    if source is None:
        return None
    path = source.with_name(VERDICT) if source.name == "__init__.py" else source.with_suffix(".md")
    return parsed(path.read_text(encoding="utf-8"), path) if path.is_file() else None


def parsed(text: str, path: Path) -> Text:
    """The parts of a text.

    Args:
        text: all of it.
        path: where it was read, for messages.

    Raises:
        ValueError: for a heading or an item of another form.
    """
    prose, *sections = _SECTION.split(text)
    stated = {}
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        if heading.strip() not in HEADINGS:
            raise ValueError(f"{path} has the heading {heading!r}; allowed are {list(HEADINGS)}.")
        items = _ITEM.findall(body)
        if not items or _ITEM.sub("", body).strip():
            raise ValueError(f"{path}, {heading!r}: every miss is one item, '- `name of the row`: why'.")
        stated[HEADINGS[heading.strip()]] = {name: " ".join(why.split()) for name, why in items}
    return Text(prose.strip(), stated)


def judged(rows: Sequence[Acceptance], stated: Mapping[str, str]) -> Reproduction:
    """What came of an experiment, given the misses that are stated.

    Args:
        rows: all of them.
        stated: name of a row -> why it is known to miss.
    """
    missed = {row.name for row in rows if row.verdict is Verdict.OUTSIDE}
    if not missed:
        return Reproduction.WHOLE
    return Reproduction.STATED if missed <= set(stated) else Reproduction.NOT


def overview(reproductions: Sequence[Reproduction | None]) -> str:
    """How many experiments came out how, in one line."""
    counts = [sum(item is kind for item in reproductions) for kind in Reproduction]
    whole, stated, not_at_all = counts
    noun = "experiment" if len(reproductions) == 1 else "experiments"
    line = f"{whole + stated} of {len(reproductions)} {noun} reproduced"
    if stated:
        line += f", {stated} of them but for stated numbers"
    return line + (f", {not_at_all} not" if not_at_all else "")
