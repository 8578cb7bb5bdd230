import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from ntadyn.plotting.specialisation import distance_from_exact, specialisation_curves
from ntadyn.plotting.style import house_style
from tests.pixels import unseen

CBAR = np.tile(np.linspace(-1, 1, 50), (3, 1))
WBAR = np.tile(np.linspace(0.2, 1, 50), (3, 1))


@pytest.fixture
def ax():
    with house_style():
        figure, ax = plt.subplots(figsize=(5, 4))
        yield ax
    plt.close(figure)


def test_curves_that_coincide_are_all_seen_and_the_exact_one_too(ax):
    lines = specialisation_curves(ax, CBAR, WBAR, WBAR, np.asarray([0.1, 0.3, 1.0]))
    ax.get_legend().remove()
    assert unseen(ax.figure, ax, [*(to_hex(line.get_color()) for line in lines), "black"]) == []


def test_distances_that_coincide_are_all_seen(ax):
    lines = distance_from_exact(ax, CBAR, {"mean": WBAR + 1e-4}, WBAR)
    ax.get_legend().remove()
    assert unseen(ax.figure, ax, [to_hex(line.get_color()) for line in lines]) == []
