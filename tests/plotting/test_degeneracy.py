"""What the picture of degeneracy shows."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from ntadyn.plotting.degeneracy import degeneracy_figure


def dataset(trusted, limit):
    blocks, temperatures = [1, 2, 4], [1e2, 1e4]
    values = np.array([[2.0, 3.0, 4.0]])
    named = {
        "value": values, "error": 0.1 * values, "effective_dimension": values + 0.5, "trusted": np.array([trusted])
    }  # fmt: skip
    variables = {name: (("seed", "block"), array) for name, array in named.items()}
    variables |= {f"curve_{name}": (("seed", "over_temperature"), array[:, 1:]) for name, array in named.items()}
    variables["curve_loss_cutoff"] = (("seed", "over_temperature"), np.array([[1e-1, 1e-3]]))
    if limit:
        variables["limit"] = (("seed", "block"), np.full((1, 3), 5.0))
    return xr.Dataset(variables, {"seed": [0], "block": blocks, "over_temperature": temperatures})


@pytest.mark.parametrize("limit", [True, False])
def test_what_is_refused_is_hollow(limit):
    figure = degeneracy_figure(dataset([True, False, True], limit))
    at_blocks = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    full, hollow = (
        [line for line in at_blocks if (line.get_markerfacecolor() == "white") == so] for so in (False, True)
    )
    np.testing.assert_array_equal(np.concatenate([line.get_xdata() for line in full]), [1, 4])
    np.testing.assert_array_equal(np.concatenate([line.get_xdata() for line in hollow]), [2])
    assert any(line.get_linestyle() == ":" for line in figure.axes[0].lines) == limit
    assert [ax.get_xlabel() for ax in figure.axes][1:] == [
        "inverse temperature $t$",
        r"rise of the loss $\epsilon = \hat\lambda / t$",
    ]
    low, high = figure.axes[2].get_xlim()
    assert low > high  # colder to the right, as in the panel beside it
    plt.close(figure)
