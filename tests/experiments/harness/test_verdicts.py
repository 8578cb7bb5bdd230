from pathlib import Path

import pytest

from experiments import sandbrink_2024 as package
from experiments.harness.acceptance import at_most, reported, single
from experiments.harness.registry import all_names
from experiments.harness.sources import OURS
from experiments.harness.verdicts import Reproduction, judged, overview, parsed, text_of

TEXT = """Reproduced, but for
two numbers.

A second paragraph.

## Known to miss

- `A: loss, t = 1`: it is
  the mean of few seeds.
- `B`: rounding.

## Known to miss in quick runs

- `C`: two seeds.
"""


def test_prose_and_misses_are_told_apart():
    text = parsed(TEXT, Path("verdict.md"))
    assert text.prose == "Reproduced, but for\ntwo numbers.\n\nA second paragraph."
    assert text.misses() == {"A: loss, t = 1": "it is the mean of few seeds.", "B": "rounding."}
    assert set(text.misses(fast=True)) == {"A: loss, t = 1", "B", "C"}
    assert text.misses(online=True) == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("## Known to miss\n", "## Misses\n", "has the heading 'Misses'; allowed are"),
        ("- `B`: rounding.", "- B: rounding.", "every miss is one item"),
        ("- `B`: rounding.", "And others.", "every miss is one item"),
    ],
)
def test_text_of_another_form_is_refused(old, new, message):
    with pytest.raises(ValueError, match=message):
        parsed(TEXT.replace(old, new), Path("verdict.md"))


def row(name, value):
    return at_most(name, 0, single(value), OURS)


@pytest.mark.parametrize(
    ("values", "stated", "expected"),
    [
        ({"a": 0, "b": 0}, {}, Reproduction.WHOLE),
        ({"a": 0, "b": 0}, {"b"}, Reproduction.WHOLE),
        ({"a": 0, "b": 1}, {"b"}, Reproduction.STATED),
        ({"a": 1, "b": 1}, {"a", "b"}, Reproduction.STATED),
        ({"a": 1, "b": 1}, {"b"}, Reproduction.NOT),
        ({"a": 0, "b": 1}, {}, Reproduction.NOT),
        ({"a": 0, "b": float("nan")}, {}, Reproduction.NOT),
    ],
)
def test_a_miss_that_is_not_stated_is_no_reproduction(values, stated, expected):
    rows = [reported("known", single(7)), *(row(name, value) for name, value in values.items())]
    assert judged(rows, dict.fromkeys(stated, "why")) is expected


def test_overview_counts_stated_misses_as_reproduced():
    whole, stated, not_at_all = Reproduction
    assert overview([whole, stated, not_at_all]) == (
        "2 of 3 experiments reproduced, 1 of them but for stated numbers, 1 not"
    )
    assert overview([whole]) == "1 of 1 experiment reproduced"


def test_text_stands_in_the_folder_of_a_package_and_beside_a_module(tmp_path, monkeypatch):
    import experiments

    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    place = tmp_path / "sandbrink_2024"
    (place / "figure_x").mkdir(parents=True)
    (place / "figure_x" / "__init__.py").touch()
    (place / "figure_x" / "verdict.md").write_text("In the folder.")
    (place / "figure_y.py").touch()
    (place / "figure_y.md").write_text("Beside it.")
    (place / "figure_z.py").touch()
    for name in "xyz":
        monkeypatch.setitem(package.EXPERIMENTS, f"figure_{name}", "a test")
    texts = [text_of(f"figure_{name}") for name in "xyz"]
    assert [text and text.prose for text in texts] == ["In the folder.", "Beside it.", None]


def test_texts_can_be_read_and_give_reasons():
    for name in all_names():
        text = text_of(name)
        assert text is not None
        for misses in text.stated.values():
            assert all(len(why) > 20 for why in misses.values()), name
