import importlib
from pathlib import Path

import pytest

import experiments
from experiments import sandbrink_2024 as package
from experiments.harness.registry import all_names, chosen, line_of, module_name, packages, title
from experiments.harness.verdicts import text_of

ROOT = Path(experiments.__file__).parent


@pytest.mark.parametrize(
    ("name", "text"),
    [("figure_a10", "Figure A10"), ("figure_2_error_map", "Figure 2: error map"), ("speed_test", "Speed test")],
)
def test_titles(name, text):
    assert title(name) == text


def test_experiments_and_packages_are_each_named_once():
    names = all_names()
    assert len(set(names)) == len(names)
    assert not {"all", *(item.name for item in packages())} & set(names)
    # Results on batches have stems of their own.
    assert not any(name.endswith("_online") for name in names)


def test_every_experiment_has_a_module_a_line_and_a_text():
    for name in all_names():
        place = ROOT.parent.joinpath(*module_name(name).split("."))
        assert (place / "__init__.py").is_file() or place.with_suffix(".py").is_file()
        assert line_of(name)
        text = text_of(name)
        assert text is not None
        assert text.prose


def test_names_are_taken_in_any_spelling_and_kept_in_order():
    assert chosen(["figure-5", "Figure_2", "FIGURE-A10", "figure_2"]) == ["figure_2", "figure_5", "figure_a10"]


def test_packages_and_all_stand_for_their_experiments(monkeypatch):
    assert chosen(["sandbrink-2024", "figure_2"]) == list(package.EXPERIMENTS)
    assert chosen(["all"]) == all_names()
    monkeypatch.setattr(experiments, "PACKAGES", ("sandbrink_2024", "another"))
    another = type(package)("experiments.another")
    another.TITLE, another.EXPERIMENTS = "another article", {"speed_test": "how fast"}
    load = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", lambda name: another if name == another.__name__ else load(name))
    assert chosen(["another"]) == ["speed_test"]
    assert chosen(["all"]) == [*package.EXPERIMENTS, "speed_test"]
    assert module_name("speed_test") == "experiments.another.speed_test"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "nothing to run was named"),
        (["figur_a10"], "no experiment 'figur_a10'; did you mean 'figure_a10'"),
        (["figure_2", "xyz"], "no experiment 'xyz'; `python -m experiments list` names all"),
    ],
)
def test_unknown_names_are_refused_with_those_that_are_close(names, message):
    with pytest.raises(ValueError, match=message):
        chosen(names)
