"""What the picture of a network taken apart shows."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from ntadyn.plotting.interaction import draw_graph, draw_spectra, interaction_figure


@pytest.fixture(scope="module")
def dataset():
    edges = np.zeros((1, 2, 2, 1, 3))
    edges[0, :, 0, 0, 0] = edges[0, :, 1, 0, 1] = 1.0
    edges[..., 2] = np.nan
    numbers = {"best_modularity": 0.5, "null_modularity": 0.3, "null_modularity_deviation": 0.1}
    numbers |= {"activation_rank": 2, "interaction_rank": 2, "rank": 6, "unexplained": 1}
    variables = {name: (("seed", "block"), np.full((1, 2), number)) for name, number in numbers.items()}
    spectrum = np.array([[[1.0, 0.5, 1e-17], [1.0, 0.5, 1e-17]]])
    variables |= {
        f"{name}_spectrum": (("seed", "block", "direction"), spectrum) for name in ("activation", "interaction")
    }
    variables |= {
        "edge": (("seed", "block", "task", "output", "direction"), edges),
        "modularity": (("seed", "block", "gap"), np.array([[[0.1, 0.2], [0.4, 0.5]]])),
        "explained": (("seed", "block", "explanation"), np.array([[[0, 3], [0, 3]]])),
        "explanation_name": (("seed", "block", "explanation"), np.array([[["none", "linear"], ["none", "linear"]]])),
    }
    return xr.Dataset(variables, {"seed": [0], "block": [1, 4], "gap": [0.0, 0.2]}, {"gap": 0.2})


def test_every_panel_says_what_it_is(dataset):
    figure = interaction_figure(dataset)
    spectra, graph, modules, ledger = figure.axes
    assert [ax.get_title() for ax in (spectra, graph)] == [
        "spectra, end of block 4",
        "interaction graph, end of block 4",
    ]
    np.testing.assert_allclose(modules.lines[0].get_ydata(), [0.2, 0.5])
    # Of explanations, the one that explains something.
    assert [text.get_text() for text in ledger.get_legend().get_texts()] == [
        "seen to second order", "linear", "unexplained"
    ]  # fmt: skip
    assert [bar.get_height() for bar in ledger.patches] == [6, 6, 3, 3, 1, 1]
    plt.close(figure)


def test_directions_stand_with_their_task_and_the_rank_is_marked(dataset):
    figure, (left, right) = plt.subplots(1, 2)
    one = dataset.isel(seed=0, block=-1)
    draw_graph(left, one.edge.values)
    assert [line.get_color() for line in left.lines] == ["C0", "C1"]
    assert [list(line.get_ydata()) for line in left.lines] == [[0, 1], [0, 1]]
    draw_spectra(right, one)
    cuts = [line for line in right.lines if line.get_linestyle() == ":"]
    assert [list(line.get_xdata()) for line in cuts] == [[2.5, 2.5], [2.5, 2.5]]
    plt.close(figure)
