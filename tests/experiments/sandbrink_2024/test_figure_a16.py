import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.blocks import at_end
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a16
from experiments.sandbrink_2024.figure_a16 import numbers, simulation
from experiments.sandbrink_2024.runs.toy import ToyRun

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    return simulated(figure_a16, simulation.Parameters(num_seeds=3, records_per_unit=20))


def test_seeds_of_one_start_differ_in_their_data_only(data):
    first = data["one_start"].isel(record=0)
    assert np.ptp(first.population_loss.values) == 0
    assert np.all(np.diff(np.sort(first.size.values.max(axis=1))) == 0)
    assert np.ptp(data["varied_start"].population_loss.isel(record=0).values) > 0
    assert np.ptp(data["one_start"].loss.isel(record=0).values) > 0


def test_blocks_are_33_samples_long(data):
    one = data["one_start"]
    assert one.attrs["edges"][-1] == pytest.approx(20 * 0.99)
    assert one.sizes["record"] == 20 * 34
    np.testing.assert_allclose(np.diff(one.time.values[:34]), 0.03, rtol=1e-9)


def test_reduced_model_from_the_start_that_was_meant_is_that_of_figure_a1(data):
    rows = [row for row in figure_a16.accept(data) if "distance from figure A1" in row.name]
    assert len(rows) == 6
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]


def test_a_penalty_rescaled_like_the_time_constant_is_refused(data, monkeypatch):
    def stronger(weights):
        run = simulation._toy(weights)
        return ToyRun(**{**vars(run), "strengths": tuple(2 * strength for strength in run.strengths)})

    meant = simulation._reduced(simulation.follow_flow(stronger(simulation.STARTS["intended"]), 0.01, 19))
    assert np.abs(at_end(meant.gates, 1) - numbers.REDUCED_GATES[2]).max() > 0.05


def test_exchanged_paths_are_refused(data):
    exchanged = data | {"reduced": data["reduced"].isel(path=[1, 0])}
    rows = [row for row in figure_a16.accept(exchanged) if "distance from figure A1" in row.name]
    assert all(row.verdict is Verdict.OUTSIDE for row in rows)


def test_published_start_mixes_degrees_and_radians():
    np.testing.assert_allclose(simulation.STARTS["published"], [(0.973, -0.230), (-0.230, 0.973)], atol=5e-4)


def test_samples_are_counted_until_the_threshold(data):
    one = data["one_start"].copy(deep=True)
    one["population_loss"] = one.population_loss * 0 + 1.0
    assert np.all(np.isinf(numbers.samples_to(one, 2)))
    after = np.flatnonzero(one.block.values == 2)[5:]
    one["population_loss"][:, after] = 0.01
    assert list(numbers.samples_to(one, 2)) == [5.0, 5.0, 5.0]


def test_plot(data):
    figure = figure_a16.plot(data)
    assert [ax.get_title(loc="left") for ax in figure.axes] == [f"{c}{r}" for r in "123" for c in "ABC"]
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.exhaustive
def test_full_run_is_accepted():
    rows = figure_a16.accept(simulated(figure_a16, figure_a16.PARAMETERS))
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
