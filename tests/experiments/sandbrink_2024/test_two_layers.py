"""Figures 6 and A4 to A6 on a short run: every quantity exists and none is final."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.harness.runs import computed
from experiments.sandbrink_2024 import figure_6, figure_a4, figure_a5, figure_a6
from experiments.sandbrink_2024.runs import two_layers
from ntadyn.specs.configuration import Dynamics

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def short():
    return computed(two_layers.runs(two_layers.Parameters(num_seeds=2, flow_seeds=0, total_time=3.96)))


def test_records_are_those_of_the_published_grid(short):
    flexible = short["flexible"]
    # One record before every update and one at the end.
    assert flexible.sizes["record"] == 397
    np.testing.assert_array_equal(np.bincount(flexible.block.values), [99, 99, 99, 100])
    assert set(two_layers.DESCRIPTIONS) | {"result"} == set(flexible.data_vars)


def test_losses_that_follow_from_algebra(short):
    loss = short["flexible"].loss.values.mean(axis=0)
    # Batches of 200 with ten outputs scatter by 0.03 of the loss.
    assert loss[0] == pytest.approx(0.25, rel=0.1)
    # 0.5 between tasks that are learned; early blocks end before that.
    assert 0.3 < loss[3 * 99] < 0.55


def test_sorted_maps_have_matched_units_on_their_diagonals(short):
    flexible = short["flexible"]
    for matching, levels in (("matching", "own"), ("optimal_matching", "optimal_own")):
        maps = two_layers.sorted_maps(flexible, matching)
        halves = maps.reshape(*maps.shape[:3], 2, -1)
        own = np.einsum("saopo->sap", halves) / maps.shape[2]
        np.testing.assert_allclose(own, flexible[levels].values, rtol=0, atol=1e-6)
        assert np.all(own[:, [0, 1], [0, 1]] > 1.5 * own[:, [0, 1], [1, 0]])


def test_the_optimal_assignment_takes_every_unit_once_and_forgetful_halves_apart(short):
    forgetful = short["forgetful"]
    for units in forgetful.optimal_matching.values:
        assert sorted(units.ravel()) == list(range(20))
    trace = np.einsum("stmm->st", forgetful.optimal_similarity.values) / 2
    np.testing.assert_allclose(trace, forgetful.optimal_alignment.values, atol=1e-12)

    def apart(matching: str) -> float:
        left, right = np.split(two_layers.sorted_maps(forgetful, matching), 2, axis=3)
        return float(np.abs(left - right).mean())

    assert apart("optimal_matching") > 2 * apart("matching")


def test_regimes_differ_as_they_must(short):
    flexible, forgetful = short["flexible"], short["forgetful"]
    # The same batches and the same weights at the start.
    np.testing.assert_array_equal(flexible.loss.values[:, 0], forgetful.loss.values[:, 0])
    assert float(flexible.layer_1_change.max()) < 0.7 < float(forgetful.layer_1_change.min())
    assert float(flexible.alignment[:, -1].min()) > 0.6 > float(forgetful.alignment[:, -1].max())


@pytest.mark.parametrize("figure", [figure_6, figure_a4, figure_a5, figure_a6])
def test_a_forgetful_network_in_place_of_a_flexible_one_is_refused(short, figure):
    rows = figure.accept(short | {"flexible": short["forgetful"]})
    assert sum(row.verdict is Verdict.OUTSIDE for row in rows) >= 3
    assert len({row.name for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("figure", "panels"), [(figure_6, "AB"), (figure_a4, "ABCDE"), (figure_a5, ""), (figure_a6, "")]
)
def test_plots(short, figure, panels):
    drawn = figure.plot(short)
    letters = [ax.get_title(loc="left") for ax in drawn.axes if ax.get_title(loc="left")]
    assert "".join(letters) == panels
    drawn.canvas.draw()
    plt.close(drawn)


def test_online_leaves_out_what_has_no_noise():
    parameters = figure_6.online(figure_6.PARAMETERS)
    assert (parameters.flow_seeds, parameters.num_seeds) == (0, figure_6.PARAMETERS.num_seeds)
    assert two_layers.figure_6().dynamics is Dynamics.ONLINE


@pytest.mark.exhaustive
@pytest.mark.usefixtures("optimised")
def test_full_runs_are_accepted():
    data = simulated(figure_6, figure_6.online(figure_6.PARAMETERS))
    for figure in (figure_6, figure_a5, figure_a6):
        rows = figure.accept(data)
        assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
