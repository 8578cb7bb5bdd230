import pytest

from experiments import sandbrink_2024 as package
from experiments.harness.catalogue import chosen, in_order, title


def test_order_of_the_article():
    names = ["figure_a10", "figure_5", "figure_a2", "figure_2_conservation", "something", "figure_16", "figure_2"]
    expected = ["figure_2", "figure_2_conservation", "figure_5", "figure_16", "figure_a2", "figure_a10", "something"]
    assert in_order(names) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [("figure_a10", "Figure A10"), ("figure_2_error_map", "Figure 2: error map"), ("speed_test", "Speed test")],
)
def test_titles(name, text):
    assert title(name) == text


def test_all_and_repeated_names_are_each_figure_once(monkeypatch):
    assert chosen(["all", "figure_2"]) == in_order(package.FIGURES)
    assert chosen(["figure_5", "figure_2", "figure_5"]) == ["figure_2", "figure_5"]
