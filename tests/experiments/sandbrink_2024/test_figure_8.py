import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_8
from experiments.sandbrink_2024.figure_8 import numbers, simulation
from ntadyn.specs.configuration import Dynamics
from tests.misses import stated

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.slow

HUMAN = "user,practice,trial,task,correct\n" + "\n".join(
    f"u{user},{game},{trial},{'ab'[trial // 5 % 2]},{int((trial + user) % 7 > 0)}"
    for user in range(3)
    for game in (1, 10, 100, 1000)
    for trial in range(15)
)


@pytest.fixture
def model() -> xr.Dataset:
    """The published curves as if they had come out, with two seeds evenly around them."""
    regimes, dynamics = list(simulation.STRENGTHS), list(simulation.DYNAMICS)
    loss = np.array([numbers.IMAGE[regime] for regime in regimes])
    loss = np.concatenate([np.full((2, 4, 1), numbers.SWITCHED), loss], axis=2)
    loss = np.stack([loss - 1e-4, loss + 1e-4], axis=1)
    ends = np.full((3, 2, 2, 8), 1e-3)
    ends[:, 1] = 1e-20
    alignment = np.stack([np.full((2, 2), 0.993), np.full((2, 2), 0.99), np.full((2, 2), 0.986)])
    dims = ("dynamics", "regime", "seed")
    return xr.Dataset(
        {
            "loss": ((*dims, "switch", "timestep"), np.stack(3 * [loss])),
            "block_end": ((*dims, "block"), ends),
            "alignment": (dims, alignment),
            "result": (dims, np.zeros((3, 2, 2), int)),
        },
        {"dynamics": dynamics, "regime": regimes, "switch": np.arange(1, 5), "timestep": np.arange(6)},
    )


def _outside(model: xr.Dataset) -> list[str]:
    return [row.name for row in numbers.accept(model, None) if row.verdict is Verdict.OUTSIDE]


def test_published_curves_satisfy_the_rows(model):
    rows = numbers.accept(model, None)
    assert _outside(model) == []
    assert sum(", update" in row.name and row.verdict is Verdict.PASSED for row in rows) == 40


def test_networks_the_wrong_way_round_are_refused(model):
    swapped = model.assign(loss=model.loss.isel(regime=[1, 0]).assign_coords(regime=model.regime))
    names = _outside(swapped)
    assert "flexible: updates at which switch 4 is not below switch 1" in names
    assert "forgetful: pairs of neighbouring curves out of order" in names


def test_a_curve_that_is_off_is_refused_at_its_own_tolerance(model):
    def moved(regime: str, switch: int, by: float) -> list[str]:
        other = model.copy(deep=True)
        other.loss.loc[{"regime": regime, "switch": switch, "timestep": 5}] += by
        return [name for name in _outside(other) if name.endswith(f"switch {switch}, update 5")]

    assert moved("forgetful", 1, 0.011)
    assert not moved("flexible", 2, 0.05)
    assert moved("flexible", 2, 0.061)


def test_forgetful_blocks_must_end_at_rounding(model):
    model["block_end"].loc[{"regime": "forgetful", "block": 0}] = 1e-6
    assert _outside(model) == ["forgetful: largest loss at the ends of blocks 1 to 4"]


def test_population_updates_of_the_published_length():
    parameters = dataclasses.replace(figure_8.FAST, num_seeds=2)
    dataset = simulation.simulate(simulation.configuration(parameters, Dynamics.GRADIENT_FLOW))
    forgetful = dataset.sel(regime="forgetful").loss.mean("seed")
    np.testing.assert_allclose(forgetful.sel(timestep=0), numbers.SWITCHED, rtol=1e-6)
    # Without the noise of batches the published losses of the last curve are up to 0.014 higher.
    np.testing.assert_allclose(forgetful.sel(timestep=slice(1, None)), numbers.IMAGE["forgetful"], atol=0.02)
    assert float(dataset.block_end.sel(regime="forgetful").isel(block=slice(4)).max()) < 1e-19
    assert dataset.sizes["block"] == simulation.NUM_BLOCKS
    assert np.all(dataset.alignment.sel(regime="flexible") > 0.98)


def test_people_are_drawn_from_a_file_only(model, tmp_path):
    without = figure_8.plot({"model": model})
    assert len(without.axes) == 2
    path = tmp_path / "trials.csv"
    path.write_text(HUMAN)
    parameters = figure_8.with_trials(figure_8.PARAMETERS, path)
    human = simulation.people_of(path, parameters.first_games)
    figure = figure_8.plot({"model": model, "human": human})
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["A", "B", ""]
    figure.canvas.draw()
    rows = {row.name: row for row in figure_8.accept({"model": model, "human": human})}
    assert rows["people: users"].measured.value == 3
    plt.close("all")


def test_a_bad_file_of_trials_is_refused_before_any_simulation(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(HUMAN.replace("correct", "right"))
    with pytest.raises(ValueError, match=r"lacks the columns \['correct'\]"):
        figure_8.with_trials(figure_8.PARAMETERS, path)


@pytest.mark.exhaustive
def test_full_run_is_accepted_but_for_what_is_stated():
    outside = _outside(simulated(figure_8, figure_8.PARAMETERS)["model"])
    assert outside == stated("figure_8")
