import base64
import json
import os
from collections import Counter
from html.parser import HTMLParser

import pytest

import experiments
from experiments import sandbrink_2024 as package
from experiments.harness.acceptance import Verdict, at_least, mean_of, near, reported, single
from experiments.harness.report import find_entries, write_report
from experiments.harness.results import find_result
from experiments.harness.sources import OURS, RERUN

VOID = {"meta", "img", "br"}
PICTURE = b"\x89PNG pretended"
PROSE = "Reproduced where `a < b` holds. The rest is open.\n\nA second paragraph."


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects tags, attributes and text."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags, self.texts, self.links = [], Counter(), [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.links += [value for key, value in attributes if key in ("src", "href", "id")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.texts.append(text)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Results of two figures, one of which failed later; a third has none."""
    modules = tmp_path / "modules" / "sandbrink_2024"
    modules.mkdir(parents=True)
    monkeypatch.setattr(experiments, "__path__", [str(modules.parent), *experiments.__path__])
    monkeypatch.setattr(experiments, "PACKAGES", ("sandbrink_2024",))
    monkeypatch.setattr(package, "EXPERIMENTS", {})  # another one: put back, entries would come in another order
    for name in ("figure_1", "figure_2", "figure_a3"):
        about = '"""Figure 1: what it is.\n\nIn a <convention>.\n"""\n' if name == "figure_1" else ""
        (modules / f"{name}.py").write_text(about)
        (modules / f"{name}.md").write_text(PROSE)
        monkeypatch.setitem(package.EXPERIMENTS, name, f"about <{name}>")
    rows = [
        near("x & y", 1.0, 0.1, mean_of([1.0, 1.2]), RERUN),
        at_least("z", 2.0, single(1.0), OURS, note="from <the spec>"),
        reported("nan", single(float("nan"))),
    ]
    save(tmp_path, "figure_1", rows[:1], seconds=3.0)
    save(tmp_path, "figure_a3", rows, seconds=30.0)
    (tmp_path / "figure_a3_failure.txt").write_text("Traceback\nValueError: <none>")
    return tmp_path


def save(folder, stem, rows, seconds):
    outside = any(row.verdict is Verdict.OUTSIDE for row in rows)
    document = {
        "verdict": "OUTSIDE" if outside else "PASSED",
        "fast": False,
        "parameters": {"seed": "<0>"},
        "code": "0",
        "provenance": {"created": "2000-01-01", "command": "a & b"},
        "seconds": {"run": 1.0, "total": seconds},
        "files": [f"{stem}.png"],
        "acceptance": [row.as_record() for row in rows],
    }
    (folder / f"{stem}.png").write_bytes(PICTURE)
    (folder / f"{stem}_acceptance.json").write_text(json.dumps(document))


def test_one_page_with_everything_in_it(folder):
    path = write_report(folder)
    text = path.read_text()
    page = Page(text)
    assert not page.open
    assert page.tags["section"] == 2
    assert page.tags["img"] == 2
    embedded = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
    assert all(link == embedded or link.removeprefix("#") in ("figure_1", "figure_a3") for link in page.links)
    assert "http" not in text
    assert "url(" not in text
    joined = " ".join(page.texts)
    for shown in (
        "x & y",
        "from <the spec>",
        "about <figure_2>",
        "about <figure_a3>",
        "In a <convention>.",
        "ValueError: <none>",
        "a & b",
        "0.14 (n = 2)",
        RERUN,
        "compared with",
        package.TITLE[1:],
    ):
        assert shown in joined
    assert "1 of 2 experiments reproduced, 1 not; 2 of 3 numbers are within their tolerance, and 1 more" in joined
    assert "33 s in all, one after the other; the longest: Figure A3 30 s, Figure 1 3 s." in joined
    assert "The code has changed since this result was made." in joined


def test_entries_are_in_order_and_know_what_is_missing(folder):
    entries = find_entries(folder)
    assert [entry.name for entry in entries] == ["figure_1", "figure_2", "figure_a3"]
    assert [entry.status for entry in entries] == ["passed", "missing", "outside"]
    (folder / "figure_1.png").unlink()
    assert find_entries(folder)[0].status == "missing"


def change(name, value):
    def changed(path):
        path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))

    return changed


def change_a_row(**values):
    def changed(path):
        document = json.loads(path.read_text())
        document["acceptance"][0] |= values
        path.write_text(json.dumps(document))

    return changed


def make_a_folder(path):
    path.unlink()
    path.mkdir()


def make_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


DAMAGES = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "empty": lambda path: path.write_bytes(b""),
    "no text": lambda path: path.write_bytes(b"\xff\xfe"),
    "a list": lambda path: path.write_text("[]"),
    "a number": lambda path: path.write_text("1"),
    "deeply nested": lambda path: path.write_text("[" * 100_000),
    "without rows": lambda path: path.write_text('{"files": []}'),
    "no rows": change("acceptance", None),
    "rows that are none": change("acceptance", [1]),
    "files elsewhere": change("files", ["../figure_2.png"]),
    "files that are none": change("files", [1]),
    "no provenance": change("provenance", "me"),
    "no times": change("seconds", {"total": "long"}),
    "no parameters": change("parameters", None),
    "another verdict": change("verdict", "OUTSIDE"),
    "another number": change_a_row(measured=9.0),
    "a number that is none": change_a_row(measured="much"),
    "a tolerance that is none": change_a_row(tolerance="some"),
    "an interval that is none": change_a_row(expected=[1, 2, 3]),
    "a name that is none": change_a_row(name=None),
    "an unknown verdict": change_a_row(verdict="FINE"),
    "a folder": make_a_folder,
    "a pipe": make_a_pipe,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_result_is_reported_as_such_and_the_others_as_ever(folder, damage):
    DAMAGES[damage](folder / "figure_1_acceptance.json")
    entries = find_entries(folder)
    assert [entry.status for entry in entries] == ["damaged", "missing", "outside"]
    assert "figure_1_acceptance.json" in entries[0].damage
    page = Page(write_report(folder).read_text())
    assert not page.open
    joined = " ".join(page.texts)
    assert "Its numbers cannot be shown" in joined
    assert "Run the experiment again." in joined
    assert "from <the spec>" in joined  # of the other figure
    assert find_result(folder / "figure_1") is None  # it is run again


def test_only_damaged_results_are_results(folder):
    (folder / "alone").mkdir()
    (folder / "alone" / "figure_1_acceptance.json").write_text("{")
    assert "Its numbers cannot be shown" in write_report(folder / "alone").read_text()


def test_a_traceback_of_any_bytes_is_shown(folder):
    (folder / "figure_2_failure.txt").write_bytes(b"ValueError: caf\xe9")
    assert "ValueError: caf\N{REPLACEMENT CHARACTER}" in write_report(folder).read_text()


def test_a_result_on_batches_is_shown_beside_the_flow(folder):
    save(folder, "figure_1_online", [], seconds=1.0)
    entry = find_entries(folder)[1]
    assert (entry.title, entry.name, entry.text.prose) == ("Figure 1, on batches", "figure_1", PROSE)


MISSES = """

## Known to miss

- `z`: it is <too small> to
  be seen.
- `x & y`: it used to be outside.
"""


def test_a_stated_miss_is_shown_as_such(folder):
    (folder / "modules" / "sandbrink_2024" / "figure_a3.md").write_text(PROSE + MISSES)
    entry = find_entries(folder)[2]
    assert (entry.status, entry.verdict) == ("stated", "reproduced but for 1 stated number")
    text = write_report(folder).read_text()
    page = Page(text)
    assert not page.open
    joined = " ".join(page.texts)
    assert "2 of 2 experiments reproduced, 1 of them but for stated numbers; 2 of 3 numbers" in joined
    assert "Known to miss: it is <too small> to be seen." in joined
    assert "outside, stated" in joined
    assert "Stated to miss, but within its tolerance or no number of this result: x & y." in joined
    assert 'class="outside"' not in text
    assert "## Known" not in text


def test_a_miss_that_is_not_stated_is_no_reproduction(folder):
    (folder / "modules" / "sandbrink_2024" / "figure_a3.md").write_text(PROSE + MISSES.replace("`z`", "`zz`"))
    entry = find_entries(folder)[2]
    assert (entry.status, entry.verdict) == ("outside", "not reproduced")


def test_a_text_of_another_form_does_not_stop_the_page(folder):
    (folder / "modules" / "sandbrink_2024" / "figure_a3.md").write_text("## Misses")
    assert "The text about this experiment cannot be read" in write_report(folder).read_text()


def test_results_of_what_no_package_lists_are_shown_last(folder):
    save(folder, "figure_0", [], seconds=1.0)
    entries = find_entries(folder)
    assert [entry.name for entry in entries] == ["figure_1", "figure_2", "figure_a3", "figure_0"]
    assert "listed by no package" in write_report(folder).read_text()


def test_a_figure_that_only_failed_is_shown(folder):
    (folder / "figure_2_failure.txt").write_text("Traceback\nKeyError: 'x'")
    text = write_report(folder).read_text()
    assert "KeyError: &#x27;x&#x27;" in text
    assert "Without a result" not in text


def test_a_folder_without_results_is_refused(folder):
    with pytest.raises(ValueError, match="there are no results in"):
        write_report(folder / "modules")
