import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a3
from experiments.sandbrink_2024.figure_a3 import numbers, simulation
from ntadyn.specs.configuration import Curriculum, Dynamics
from ntadyn.specs.paths import replaced
from tests.misses import stated

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.exhaustive

SEEDS, RECORDS = 30, 8


def _synthetic(doubled: int, unused: float, column_norm: float, total: float, loss: float) -> xr.Dataset:
    """Thirty seeds in two blocks, each with a path of its own; in `doubled` of them two paths share the first task."""
    gates = np.zeros((SEEDS, RECORDS, 4))
    gates[:, :4, 0] = gates[:, 4:, 1] = 1.0
    gates[:doubled, :4, 2] = 0.4
    norms = np.full((SEEDS, RECORDS, 4), unused)
    norms[..., :2] = np.sqrt((total**2 - 2 * unused**2) / 2)
    series = ("seed", "record")
    block = np.repeat([0, 1], RECORDS // 2)
    return xr.Dataset(
        {
            "loss": (series, np.full((SEEDS, RECORDS), loss)),
            "gates": ((*series, "path"), gates),
            "norms": ((*series, "path"), norms),
            "column_norm": (series, np.full((SEEDS, RECORDS), column_norm)),
            "result": ("seed", np.zeros(SEEDS, int)),
        },
        {"time": ("record", np.linspace(0, 2, RECORDS)), "block": ("record", block), "task": ("record", block)},
        {"edges": np.array([0.0, 1.0, 2.0]), "block_tasks": np.array([0, 1]), "online": 0},
    )


@pytest.fixture
def pair() -> dict[str, xr.Dataset]:
    return {
        "without": _synthetic(13, 0.2, 0.113, 1.14, 3e-5),
        "with": _synthetic(2, 0.001, 0.084, 0.99, 3e-4),
    }


def _outside(pair: dict[str, xr.Dataset]) -> list[str]:
    return [row.name for row in figure_a3.accept(pair) if row.verdict is Verdict.OUTSIDE]


def test_the_expected_counts_are_accepted(pair):
    assert _outside(pair) == []


def test_paths_that_are_not_pruned_are_refused(pair):
    outside = _outside({"without": pair["without"], "with": pair["without"]})
    assert "with penalty: exactly one open gate per task" in outside
    assert "with penalty: norm of unused paths, median" in outside
    assert "with penalty: mean norm of columns" in outside
    assert "share of seeds with one gate per task that the penalty adds" in outside


def test_a_path_for_both_tasks_is_refused(pair):
    pair["without"].gates[:5, :, 0] = 1.0
    assert "without penalty: a path open in both tasks" in _outside(pair)


def test_order_is_a_permutation_even_where_one_path_is_most_open_in_both_tasks():
    # Path 2 is the most open in both tasks, and more so in the second one.
    gates = np.array([[[0.3, 0.0, 0.5, 0.0], [0.1, 0.0, 0.9, 0.2]]])
    order = simulation._order(gates, np.array([0, 1]), np.array([0, 1]))
    assert list(order[0]) == [0, 2, 1, 3]


def test_typical_seed_has_the_most_common_counts(pair):
    assert numbers.typical_seed(pair["without"]) == 13
    pair["without"].gates[:20, :4, 2] = 0.4
    assert numbers.typical_seed(pair["without"]) == 0


def test_the_penalty_takes_weights_away():
    configuration = replaced(
        simulation.configuration(simulation.Parameters(Dynamics.ONLINE, num_seeds=2)),
        {"curriculum": Curriculum(total_time=2.0, block_duration=0.5), "max_step": 0.002, "batch_size": 20},
    )
    data = simulation.simulate(configuration, 1)
    assert data["with"].sizes == data["without"].sizes
    end = {name: dataset.column_norm.isel(record=-1).values for name, dataset in data.items()}
    # In two units of time the penalty takes 0.004 from a column.
    assert np.all(end["with"] < end["without"] - 0.002)
    assert float(data["with"].norms.isel(record=0).max()) < 0.05


def test_plot(pair):
    figure = figure_a3.plot(pair)
    assert [ax.get_title(loc="left") for ax in figure.axes] == list("ABCD")
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.exhaustive
def test_full_run_is_accepted_but_for_what_is_stated():
    outside = _outside(simulated(figure_a3, figure_a3.PARAMETERS))
    assert outside == stated("figure_a3")
