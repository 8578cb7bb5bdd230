import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.continual import ewc_frontier as experiment
from experiments.continual.ewc_frontier import numbers
from experiments.continual.ewc_frontier.simulation import Parameters
from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated

# Both learners take ten seconds or more, most of it compilation.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def quick():
    return simulated(experiment, Parameters(num_strengths=5, num_seeds=2))


def outside(data):
    return [row.name for row in numbers.accept(data) if row.verdict is Verdict.OUTSIDE]


def test_quick_run_is_accepted(quick):
    rows = experiment.accept(quick)
    assert all_accepted(rows), outside(quick)


def test_losses_off_the_line_are_refused(quick):
    ewc = quick["ewc"].copy(deep=True)
    ewc["loss"] = ewc.loss * 0.99
    assert outside(quick | {"ewc": ewc}) == [
        "EWC: sqrt(L_A) + sqrt(L_B), furthest of all strengths",
        "EWC: share forgotten of A",
        "EWC: smallest mean loss",
        "EWC on many short blocks: smallest sqrt(L_A) + sqrt(L_B)",
    ]


def test_a_network_that_never_specialised_is_refused(quick):
    flexible = quick["flexible"].copy(deep=True)
    flexible["adapting"] = flexible.adapting * 0 + 2.5
    flexible["latent"] = flexible.latent * 0 + 2.5
    assert outside(quick | {"flexible": flexible}) == [
        "flexible, after a tenth of a block of its gates: share of the line",
        "flexible, best gates: share of the line",
    ]


def test_gates_adapt_from_where_the_stream_ended(quick):
    flexible = quick["flexible"]
    start = flexible.adapting.isel(time=0).transpose(*flexible.behavioural.dims)
    np.testing.assert_allclose(start, flexible.behavioural, rtol=1e-12)
    assert np.all(flexible.latent.values <= flexible.adapting.isel(time=-1).values + 1e-12)


def test_plot(quick):
    drawn = experiment.plot(quick)
    assert [ax.get_title(loc="left") for ax in drawn.axes[:3]] == list("ABC")
    drawn.canvas.draw()
    plt.close(drawn)
