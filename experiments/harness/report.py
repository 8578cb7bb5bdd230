"""All results of a folder as one HTML page that needs nothing but itself."""

import base64
import datetime
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from experiments.harness.acceptance import HEADING, Acceptance, Verdict, cells
from experiments.harness.catalogue import QUICK, in_order, title
from experiments.harness.code_version import code_version, description, verdict_text
from experiments.harness.results import ACCEPTANCE, FAILURE, DamagedError, Result, failure, read_result
from experiments.sandbrink_2024 import FIGURES

PAGE = "report.html"
STYLE = Path(__file__).with_name("report.css")
NUMBERS = {"expected", "tolerance", "measured", "sd over seeds", "seconds", "passed", "outside", "reported"}


@dataclass(frozen=True)
class Entry:
    """What the page says about one result.

    Attributes:
        stem: what its files begin with, and its anchor on the page.
        name: of the figure's module.
        result: None where there is none that is complete.
        failure: traceback of the last run, if that failed.
        damage: what is wrong with its acceptance file, if something is.
        description: what the module says of itself: what it shows, and in which convention.
        verdict: the module's own paragraph about the figure.
        outdated: whether another version of the code made the result.
    """

    stem: str
    name: str
    result: Result | None
    failure: str | None
    description: str | None
    verdict: str | None
    outdated: bool
    damage: str | None = None

    @property
    def title(self) -> str:
        """Its heading."""
        return title(self.name) + (", on batches" if self.stem != self.name else "")

    @property
    def status(self) -> str:
        """In one word, which is also its class in the style sheet."""
        if self.damage:
            return "damaged"
        if self.result is None:
            return "failed" if self.failure else "missing"
        return "passed" if self.result.accepted else "outside"


def write_report(folder: Path) -> Path:
    """Write the page about everything in a folder; figures that have not run are named on it.

    Args:
        folder: where `experiments.harness.runner` wrote results.

    Returns:
        The page, in the same folder.

    Raises:
        ValueError: if there are no results.
    """
    entries = find_entries(folder)
    if all(entry.status == "missing" for entry in entries):
        quick = f" Those of quick runs are in {str(folder / QUICK)!r}." if any((folder / QUICK).glob("*")) else ""
        raise ValueError(
            f"there are no results in {str(folder)!r}; run figures first, or name their folder with --out.{quick}"
        )
    from ntadyn.results.storage import writing

    with writing(folder / PAGE) as temporary:
        temporary.write_text(page(entries), encoding="utf-8")
    return folder / PAGE


def find_entries(folder: Path) -> list[Entry]:
    """One entry for every figure, and one more for every result on batches, in the order of the article."""
    stems = set(FIGURES)
    for ending in (ACCEPTANCE, FAILURE):
        stems |= {path.name.removesuffix(ending) for path in folder.glob(f"*{ending}")}
    return [_entry(folder / stem) for stem in in_order(stems)]


def _entry(target: Path) -> Entry:
    stem = target.name
    name = stem if stem in FIGURES else stem.removesuffix("_online")
    result, damage = None, None
    try:
        result = read_result(target)
    except DamagedError as error:
        damage = f"{error} Run the figure again."
    try:
        about, text = description(name), verdict_text(name)
        outdated = result is not None and result.document.get("code") != code_version(name)
    except (SyntaxError, ValueError) as error:
        about, text, outdated = None, f"The verdict of this module cannot be read: {error}", True
    return Entry(stem, name, result, failure(target), about, text, outdated, damage)


def page(entries: list[Entry]) -> str:
    """The page as text.

    Args:
        entries: what to show, in order.
    """
    present = [entry for entry in entries if entry.status != "missing"]
    missing = [entry for entry in entries if entry.status == "missing"]
    now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<title>Figures of arXiv 2411.03840</title>",
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body>",
        "<h1>The figures of arXiv 2411.03840, reproduced and checked</h1>",
        f'<p class="quiet">{_overview(present)} Written {now}.</p>',
        _summary(present),
        _longest(present),
        _missing(missing),
        *(_section(entry) for entry in present),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part)


def _overview(entries: list[Entry]) -> str:
    counts: Counter[Verdict] = Counter()
    for entry in entries:
        counts += entry.result.counts if entry.result is not None else Counter()
    demanded = counts[Verdict.PASSED] + counts[Verdict.OUTSIDE]
    accepted = sum(entry.status == "passed" for entry in entries)
    return (
        f"{accepted} of {len(entries)} figures have every number within its tolerance; {counts[Verdict.PASSED]} of "
        f"{demanded} numbers are, and {counts[Verdict.REPORTED]} more are reported without an expectation."
    )


def _summary(entries: list[Entry]) -> str:
    longest = max((_seconds(entry) for entry in entries), default=0.0)
    rows = []
    for entry in entries:
        counts = entry.result.counts if entry.result is not None else Counter()
        numbers = [str(counts[verdict]) for verdict in (Verdict.PASSED, Verdict.OUTSIDE, Verdict.REPORTED)]
        rows.append(
            f'<tr><td class="name"><a href="#{escape(entry.stem)}">{escape(entry.title)}</a></td>'
            f'<td>{escape(FIGURES.get(entry.name, ""))}<span class="note">{_prose(_first_sentence(entry.verdict))}'
            f"</span></td><td>{_badges(entry)}</td>"
            + "".join(f'<td class="number">{number}</td>' for number in numbers)
            + f'<td class="number">{_time(entry, longest)}</td></tr>'
        )
    heading = ("figure", "", "verdict", "passed", "outside", "reported", "seconds")
    return _table(heading, rows)


def _longest(entries: list[Entry]) -> str:
    known = sorted((entry for entry in entries if _seconds(entry) > 0), key=_seconds, reverse=True)
    if not known:
        return ""
    total = sum(map(_seconds, known))
    names = ", ".join(f"{escape(entry.title)} {_seconds(entry):.0f} s" for entry in known[:5])
    return f'<p class="quiet">{total:.0f} s in all, one figure after the other; the longest: {names}.</p>'


def _missing(entries: list[Entry]) -> str:
    if not entries:
        return ""
    items = "".join(
        f"<li>{escape(entry.title)}: {escape(FIGURES.get(entry.name, 'its result is not complete'))}</li>"
        for entry in entries
    )
    return f"<h3>Without a result in this folder</h3><ul>{items}</ul>"


def _section(entry: Entry) -> str:
    parts = [
        f'<section id="{escape(entry.stem)}"><h2>{escape(entry.title)} {_badges(entry)}</h2>',
        f'<div class="quiet">{_paragraphs(entry.description or FIGURES.get(entry.name, ""))}</div>',
        f'<p class="quiet">{_about(entry)}</p>' if entry.verdict else "",
        f'<div class="verdict {entry.status}">{_paragraphs(entry.verdict or "This module has no verdict yet.")}</div>',
    ]
    if entry.failure:
        parts.append(f"<h3>The last run failed</h3><pre>{escape(entry.failure)}</pre>")
    if entry.damage:
        parts.append(f"<h3>Its numbers cannot be shown</h3><pre>{escape(entry.damage)}</pre>")
    if entry.result is not None:
        document = entry.result.document
        if entry.outdated:
            parts.append('<p class="quiet">The code has changed since this result was made.</p>')
        parts += [
            _picture(entry.result, entry.title),
            _acceptance([Acceptance.from_record(record) for record in document["acceptance"]]),
            _details("Parameters", f"<pre>{escape(json.dumps(document['parameters'], indent=2))}</pre>"),
            _details("Provenance and time", _definitions(_origin(document))),
        ]
    return "\n".join(part for part in [*parts, "</section>"] if part)


def _about(entry: Entry) -> str:
    """What the verdict is about, which need not be the result beside it."""
    if entry.result is not None and entry.result.document.get("fast"):
        return "About the full run, with the parameters as they are kept; the result below is of a quick one."
    return "About the full run, with the parameters as they are kept."


def _picture(result: Result, alternative: str) -> str:
    path = result.target.with_name(f"{result.target.name}.png")
    if not path.is_file():
        return ""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(alternative)}"></figure>'


def _acceptance(rows: list[Acceptance]) -> str:
    lines = []
    for row in rows:
        name, *numbers, verdict = map(escape, cells(row))
        kind = row.verdict.value.lower()
        note = f'<span class="note">{_prose(row.note)}</span>' if row.note else ""
        lines.append(
            f'<tr class="{kind}"><td>{name}{note}</td>'
            + "".join(f'<td class="number">{number}</td>' for number in numbers)
            + f'<td><span class="badge {kind}">{verdict}</span></td></tr>'
        )
    return _table(HEADING, lines)


def _origin(document: Mapping) -> dict[str, str]:
    seconds = {f"seconds: {name}": f"{value:g}" for name, value in document.get("seconds", {}).items()}
    return document["provenance"] | {"code version": document.get("code", "unknown")} | seconds


def _badges(entry: Entry) -> str:
    marks = [(entry.status, entry.status)]
    if entry.result is not None:
        marks += [("mark", "last run failed")] * bool(entry.failure)
        marks += [("mark", "fast")] * bool(entry.result.document.get("fast"))
        marks += [("mark", "other code")] * entry.outdated
    return " ".join(f'<span class="badge {kind}">{text}</span>' for kind, text in marks)


def _time(entry: Entry, longest: float) -> str:
    seconds = _seconds(entry)
    if not seconds:
        return ""
    return f'{seconds:.1f}<span class="bar" style="width:{4 * seconds / longest:.2f}rem"></span>'


def _seconds(entry: Entry) -> float:
    seconds = entry.result.seconds if entry.result is not None else 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _table(heading: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f'<th class="number">{text}</th>' if text in NUMBERS else f"<th>{text}</th>" for text in heading)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _details(name: str, content: str) -> str:
    return f"<details><summary>{name}</summary>{content}</details>"


def _definitions(items: Mapping[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in items.items()) + "</dl>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_prose(part)}</p>" for part in re.split(r"\n\s*\n", text.strip()))


def _prose(text: str) -> str:
    """Escaped, with `names` between backticks set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(text.split())))


def _first_sentence(text: str | None) -> str:
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])", " ".join((text or "").split()), maxsplit=1)[0]
