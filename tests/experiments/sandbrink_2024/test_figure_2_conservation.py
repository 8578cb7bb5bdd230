import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_2_conservation as figure
from experiments.sandbrink_2024.figure_2.simulation import PUBLISHED_RECORD
from experiments.sandbrink_2024.figure_2_conservation import numbers, simulation
from experiments.sandbrink_2024.runs.two_tasks import two_regimes
from ntadyn.specs.configuration import Dynamics
from ntadyn.specs.paths import replaced

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def short():
    """Both regimes until the first gates are shut."""
    regimes = {
        name: replaced(configuration, {"curriculum.total_time": 4.0})
        for name, configuration in two_regimes(Dynamics.ORDER_PARAMETERS, 3, 0).items()
    }
    return simulation.simulate(regimes, 49)


def test_invariant_grows_only_behind_a_shut_gate(short):
    flexible, forgetful = short["flexible"], short["forgetful"]
    total = flexible.invariant.values[:, -1] - flexible.invariant.values[:, 0]
    np.testing.assert_allclose(flexible.growth_inside[:, -1] + flexible.growth_outside[:, -1], total, rtol=1e-9)
    assert total.max() > 0.01
    assert np.abs(flexible.growth_outside.values).max() < 1e-3 * total.max()
    assert not forgetful.shut.values.any()
    assert np.ptp(forgetful.invariant.values, axis=1).max() < 1e-8


def test_shares_by_block_add_up(short):
    time_share, growth_share = numbers.by_block(short["flexible"])
    assert time_share.shape == growth_share.shape == (3, 4)
    np.testing.assert_allclose(growth_share.sum(axis=1), 1.0, rtol=1e-9)
    assert np.all(time_share[:, 0] == 0)
    assert np.all((time_share >= 0) & (time_share <= 1))


def test_growth_with_open_gates_is_refused(short):
    flexible = short["flexible"].copy(deep=True)
    flexible["gates"] = flexible.gates.clip(min=0.1)
    grown = np.linspace(0, 1.155, flexible.sizes["record"])
    flexible["invariant"] = flexible.invariant * 0 + grown[None]
    flexible["growth_outside"] = flexible.invariant
    outside = [row.name for row in numbers.accept(flexible, short["forgetful"]) if row.verdict is Verdict.OUTSIDE]
    assert outside == [
        "flexible: share of the growth of Q with a shut gate",
        "flexible: largest change of Q with both gates open",
    ]


def test_seeds_that_never_grow_have_no_share(short):
    flexible = short["flexible"].copy(deep=True)
    flexible["invariant"] = flexible.invariant * 0
    rows = {row.name: row for row in numbers.accept(flexible, short["forgetful"])}
    assert rows["flexible: share of the growth of Q with a shut gate"].verdict is Verdict.OUTSIDE
    assert rows["flexible: share of seeds in which Q grows"].measured.value == 0


def test_plot(short):
    drawn = figure.plot(short)
    assert [ax.get_title(loc="left") for ax in drawn.axes[:4]] == list("ABCD")
    drawn.canvas.draw()
    plt.close(drawn)


def test_online_is_the_published_discretisation():
    online = figure.online(figure.PARAMETERS)
    assert online.dynamics is Dynamics.ONLINE
    assert 1 / (online.records_per_block + 1) == PUBLISHED_RECORD


@pytest.mark.slow
def test_fast_run_is_accepted():
    rows = figure.accept(simulated(figure, figure.FAST))
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
