import dataclasses

import pytest

from experiments.continual import arena as experiment
from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated

# A contest takes a compilation or two for every method.
pytestmark = pytest.mark.slow

PARAMETERS = dataclasses.replace(experiment.FAST, methods=("fine-tuning", "growing"))


@pytest.fixture(scope="module")
def quick():
    return simulated(experiment, PARAMETERS)


def outside(data):
    return [row.name for row in experiment.accept(data) if row.verdict is Verdict.OUTSIDE]


def test_quick_run_is_accepted(quick):
    assert all_accepted(experiment.accept(quick)), outside(quick)


def test_a_single_map_that_knows_everything_is_refused(quick):
    population = quick["population"].copy(deep=True)
    population["latent"] = population.latent * 0.5
    assert outside({"population": population}) == ["population, fine-tuning: latent loss, one path"]


def test_growth_that_forgets_is_refused(quick):
    population = quick["population"].copy(deep=True)
    population["latent"] = population.latent + 0.01
    assert outside({"population": population}) == ["population, growing: latent loss"]


def test_plot(quick):
    assert len(experiment.plot(quick).axes) >= 4
