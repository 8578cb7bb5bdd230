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
from experiments.harness.code_version import code_version, description
from experiments.harness.registry import QUICK, all_names, line_of, module_name, package_of, packages, title
from experiments.harness.results import ACCEPTANCE, FAILURE, DamagedError, Result, failure, read_result
from experiments.harness.verdicts import Reproduction, Text, judged, overview, text_of

PAGE = "report.html"
BATCHES = "_online"  # what the stem of a result on batches ends with
STYLE = Path(__file__).with_name("report.css")
NUMBERS = {"expected", "tolerance", "measured", "sd over seeds", "seconds", "passed", "outside", "reported"}


@dataclass(frozen=True)
class Entry:
    """What the page says about one result.

    Attributes:
        stem: what its files begin with, and its anchor on the page.
        name: of the experiment.
        result: None where there is none that is complete.
        failure: traceback of the last run, if that failed.
        damage: what is wrong with its acceptance file, if something is.
        description: what the module says of itself: what it shows, and in which convention.
        text: what is to be made of it, in its own words.
        outdated: whether another version of the code made the result.
    """

    stem: str
    name: str
    result: Result | None
    failure: str | None
    description: str | None
    text: Text | None
    outdated: bool
    damage: str | None = None

    @property
    def title(self) -> str:
        """Its heading."""
        return title(self.name) + (", on batches" if self.stem != self.name else "")

    @property
    def stated(self) -> Mapping[str, str]:
        """Name of a row -> why it is known to miss, in runs like this one."""
        if self.text is None or self.result is None:
            return {}
        return self.text.misses(self.result.fast, self.result.online)

    @property
    def reproduction(self) -> Reproduction | None:
        """What came of it, None where there is no complete result."""
        return None if self.result is None else judged(self.result.rows, self.stated)

    @property
    def status(self) -> str:
        """In one word, which is also its class in the style sheet."""
        if self.damage:
            return "damaged"
        if self.reproduction is None:
            return "failed" if self.failure else "missing"
        return {Reproduction.WHOLE: "passed", Reproduction.STATED: "stated", Reproduction.NOT: "outside"}[
            self.reproduction
        ]

    @property
    def verdict(self) -> str:
        """The same for a reader."""
        if self.reproduction is None or self.damage or self.result is None:
            return self.status
        if self.reproduction is not Reproduction.STATED:
            return self.reproduction.value
        count = self.result.counts[Verdict.OUTSIDE]
        return f"reproduced but for {count} stated number{'s' if count > 1 else ''}"


def write_report(folder: Path) -> Path:
    """Write the page about everything in a folder; experiments that have not run are named on it.

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
            f"there are no results in {str(folder)!r}; run experiments first, or name their folder with --out.{quick}"
        )
    from ntadyn.results.storage import writing

    with writing(folder / PAGE) as temporary:
        temporary.write_text(page(entries), encoding="utf-8")
    return folder / PAGE


def find_entries(folder: Path) -> list[Entry]:
    """One entry for every experiment, and one more for every result on batches, each after its experiment."""
    found = {path.name.removesuffix(ending) for ending in (ACCEPTANCE, FAILURE) for path in folder.glob(f"*{ending}")}
    stems = [stem for name in all_names() for stem in (name, *({f"{name}{BATCHES}"} & found))]
    # Those of experiments that no package lists any more come last.
    return [_entry(folder / stem) for stem in [*stems, *sorted(found - set(stems))]]


def _entry(target: Path) -> Entry:
    stem = target.name
    name = stem if package_of(stem) is not None else stem.removesuffix(BATCHES)
    result, damage, about, text, outdated = None, None, None, None, True
    try:
        result = read_result(target)
    except DamagedError as error:
        damage = f"{error} Run the experiment again."
    if package_of(name) is not None:
        try:
            about, text = description(name), text_of(name)
            outdated = result is not None and result.document.get("code") != code_version(module_name(name))
        except (SyntaxError, ValueError) as error:
            text = Text(f"The text about this experiment cannot be read: {error}")
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
        "<title>Experiments</title>",
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body>",
        f"<h1>{escape(_heading(present))}</h1>",
        f'<p class="quiet">{_overview(present)} Written {now}.</p>',
        _summary(present),
        _longest(present),
        _missing(missing),
        *(part for group, some in _by_package(present).items() for part in _sections(group, some)),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part)


def _heading(entries: list[Entry]) -> str:
    """The title of the package, or of all experiments where there are several packages."""
    titles = list(_by_package(entries))
    text = titles[0] if len(titles) == 1 else "experiments"
    return text[:1].upper() + text[1:]


def _by_package(entries: list[Entry]) -> dict[str, list[Entry]]:
    """Title of a package -> its entries; those of no package last."""
    found: dict[str, list[Entry]] = {package.title: [] for package in packages()}
    for entry in entries:
        package = package_of(entry.name)
        found.setdefault("listed by no package" if package is None else package.title, []).append(entry)
    return {group: some for group, some in found.items() if some}


def _overview(entries: list[Entry]) -> str:
    counts: Counter[Verdict] = Counter()
    for entry in entries:
        counts += entry.result.counts if entry.result is not None else Counter()
    demanded = counts[Verdict.PASSED] + counts[Verdict.OUTSIDE]
    return (
        f"{overview([entry.reproduction for entry in entries])}; {counts[Verdict.PASSED]} of {demanded} numbers are "
        f"within their tolerance, and {counts[Verdict.REPORTED]} more are reported without an expectation."
    )


def _summary(entries: list[Entry]) -> str:
    longest = max((_seconds(entry) for entry in entries), default=0.0)
    groups, rows = _by_package(entries), []
    heading = ("experiment", "", "verdict", "passed", "outside", "reported", "seconds")
    for group, some in groups.items():
        if len(groups) > 1:
            rows.append(f'<tr><th colspan="{len(heading)}">{escape(group)}</th></tr>')
        rows += [_line(entry, longest) for entry in some]
    return _table(heading, rows)


def _line(entry: Entry, longest: float) -> str:
    counts = entry.result.counts if entry.result is not None else Counter()
    numbers = [str(counts[verdict]) for verdict in (Verdict.PASSED, Verdict.OUTSIDE, Verdict.REPORTED)]
    prose = _first_sentence(entry.text.prose) if entry.text is not None else ""
    return (
        f'<tr><td class="name"><a href="#{escape(entry.stem)}">{escape(entry.title)}</a></td>'
        f'<td>{escape(line_of(entry.name))}<span class="note">{_prose(prose)}</span></td><td>{_badges(entry)}</td>'
        + "".join(f'<td class="number">{number}</td>' for number in numbers)
        + f'<td class="number">{_time(entry, longest)}</td></tr>'
    )


def _longest(entries: list[Entry]) -> str:
    known = sorted((entry for entry in entries if _seconds(entry) > 0), key=_seconds, reverse=True)
    if not known:
        return ""
    total = sum(map(_seconds, known))
    names = ", ".join(f"{escape(entry.title)} {_seconds(entry):.0f} s" for entry in known[:5])
    return f'<p class="quiet">{total:.0f} s in all, one after the other; the longest: {names}.</p>'


def _missing(entries: list[Entry]) -> str:
    if not entries:
        return ""
    items = "".join(
        f"<li>{escape(entry.title)}: {escape(line_of(entry.name) or 'its result is not complete')}</li>"
        for entry in entries
    )
    return f"<h3>Without a result in this folder</h3><ul>{items}</ul>"


def _sections(heading: str, entries: list[Entry]) -> list[str]:
    several = len(packages()) > 1
    return [*([f"<h2>{escape(heading)}</h2>"] if several else []), *(_section(entry) for entry in entries)]


def _section(entry: Entry) -> str:
    prose = entry.text.prose if entry.text is not None else ""
    parts = [
        f'<section id="{escape(entry.stem)}"><h2>{escape(entry.title)} {_badges(entry)}</h2>',
        f'<div class="quiet">{_paragraphs(entry.description or line_of(entry.name))}</div>',
        f'<p class="quiet">{_about(entry)}</p>' if prose else "",
        f'<div class="verdict {entry.status}">{_paragraphs(prose or "There is no text about it yet.")}</div>',
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
            _acceptance(entry.result.rows, entry.stated),
            _came_out_after_all(entry),
            _details("Parameters", f"<pre>{escape(json.dumps(document['parameters'], indent=2))}</pre>"),
            _details("Provenance and time", _definitions(_origin(document))),
        ]
    return "\n".join(part for part in [*parts, "</section>"] if part)


def _about(entry: Entry) -> str:
    """What the verdict is about, which need not be the result beside it."""
    if entry.result is not None and entry.result.fast:
        return "About the full run, with the parameters as they are kept; the result below is of a quick one."
    return "About the full run, with the parameters as they are kept."


def _picture(result: Result, alternative: str) -> str:
    path = result.target.with_name(f"{result.target.name}.png")
    if not path.is_file():
        return ""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(alternative)}"></figure>'


def _acceptance(rows: list[Acceptance], stated: Mapping[str, str]) -> str:
    lines = []
    for row in rows:
        missed = row.name in stated and row.verdict is Verdict.OUTSIDE
        name, source, *numbers, verdict = map(escape, cells(row, missed))
        kind = "stated" if missed else row.verdict.value.lower()
        notes = [row.note, f"Known to miss: {stated[row.name]}" if missed else ""]
        note = "".join(f'<span class="note">{_prose(text)}</span>' for text in notes if text)
        lines.append(
            f'<tr class="{kind}"><td>{name}{note}</td><td>{source}</td>'
            + "".join(f'<td class="number">{number}</td>' for number in numbers)
            + f'<td><span class="badge {kind}">{verdict}</span></td></tr>'
        )
    return _table(HEADING, lines)


def _came_out_after_all(entry: Entry) -> str:
    """What is stated to miss and does not, or is no number of this result."""
    if entry.result is None or entry.result.fast:
        return ""
    rows = {row.name: row.verdict for row in entry.result.rows}
    surprises = [name for name in entry.stated if rows.get(name) is not Verdict.OUTSIDE]
    if not surprises:
        return ""
    names = ", ".join(escape(name) for name in surprises)
    return f'<p class="quiet">Stated to miss, but within its tolerance or no number of this result: {names}.</p>'


def _origin(document: Mapping) -> dict[str, str]:
    seconds = {f"seconds: {name}": f"{value:g}" for name, value in document.get("seconds", {}).items()}
    runs = {"simulations": ", ".join(document.get("runs", []))}
    return document["provenance"] | {"code version": document.get("code", "unknown")} | runs | seconds


def _badges(entry: Entry) -> str:
    marks = [(entry.status, entry.verdict)]
    if entry.result is not None:
        marks += [("mark", "last run failed")] * bool(entry.failure)
        marks += [("mark", "fast")] * entry.result.fast
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
