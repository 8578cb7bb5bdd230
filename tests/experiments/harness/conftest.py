"""Two figures that need no simulation."""

import pytest

from tests.experiments.harness.made_figures import figure_module


@pytest.fixture
def figure(monkeypatch):
    return figure_module("figure_x", monkeypatch)


@pytest.fixture
def other(monkeypatch):
    return figure_module("figure_y", monkeypatch)
