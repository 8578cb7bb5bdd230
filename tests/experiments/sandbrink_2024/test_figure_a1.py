import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a1
from ntadyn.specs.configuration import Dynamics
from tests.misses import stated

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    return simulated(figure_a1, figure_a1.FAST)


def named(data, start):
    return [row for row in figure_a1.accept(data) if row.name.startswith(start)]


def test_the_published_toy_has_its_numbers(data):
    rows = named(data, "toy, published scheme")
    assert len(rows) == 7
    assert all_accepted(rows), rows


def test_its_flow_has_them_at_the_same_times_but_for_the_error_of_explicit_steps(data):
    rows = named(data, "toy, flow")
    assert len(rows) == 4
    (gates,) = [row for row in rows if row.verdict is Verdict.OUTSIDE]
    assert gates.name == "toy, flow: gates at t = 1 to 6"
    assert abs(gates.measured.value - gates.expected) < 0.007
    later = data["toy"].assign_coords(time=data["toy"].time + 0.5)
    assert len([row for row in named({**data, "toy": later}, "toy, flow") if row.verdict is Verdict.OUTSIDE]) == 2


@pytest.fixture
def aligned():
    """A full model and a toy that agree to the last bits."""
    times = np.linspace(0, 20, 41)
    gates = np.stack([1.1 * np.sin(times) ** 2, np.cos(times) ** 2], axis=-1)
    values = {"loss": (("record",), np.exp(-times)), "gates": (("record", "path"), gates)}
    one = xr.Dataset({**values, "magnitude": (("record", "path"), gates)}, {"time": ("record", times)})
    return xr.concat([one, one + 1e-14], xr.DataArray(["full", "toy"], dims="model", name="model"))


def test_models_in_modes_must_agree_to_rounding(data, aligned):
    rows = named({**data, "aligned": aligned}, "in modes")
    assert len(rows) == 4
    assert all_accepted(rows), rows
    aligned.gates[{"model": 0, "record": 5}] += 1e-9
    assert named({**data, "aligned": aligned}, "in modes: gates")[0].verdict is Verdict.OUTSIDE


def test_paths_of_the_full_model_end_up_in_the_order_of_their_teachers(data):
    full = data["full"]
    # Blocks 1, 3, ... train the first teacher; at their ends its path is open and the other one is shut.
    for block, path in ((18, 0), (19, 1)):
        end = full.isel(record=np.flatnonzero(full.block.values == block)[-1])
        assert np.all(end.gates.values[:, path] > 0.9)
        assert np.all(end.gates.values[:, 1 - path] < 0.1)


def test_an_unspecialised_full_model_is_refused(data):
    worse = data["full"].assign(magnitude=0.6 * data["full"].magnitude)
    (row,) = named({**data, "full": worse}, "full: largest singular value at the end")
    assert row.verdict is Verdict.OUTSIDE


def test_picture_has_a_column_for_every_pair(data, aligned):
    for shown, letters in ((data, "ABCDEF"), ({**data, "aligned": aligned}, "ABCDEFGHI")):
        figure = figure_a1.plot(shown)
        assert [ax.get_title(loc="left") for ax in figure.axes] == list(letters)
        figure.canvas.draw()
        plt.close(figure)


def test_online_changes_nothing_but_the_batches():
    online = figure_a1.online(figure_a1.PARAMETERS)
    assert dataclasses.replace(online, dynamics=Dynamics.GRADIENT_FLOW) == figure_a1.PARAMETERS
    assert online.dynamics is Dynamics.ONLINE


@pytest.mark.exhaustive
@pytest.mark.usefixtures("optimised")
def test_the_full_run_has_every_number_but_for_what_is_stated():
    rows = figure_a1.accept(simulated(figure_a1, figure_a1.PARAMETERS))
    assert [row.name for row in rows if row.verdict is Verdict.OUTSIDE] == stated("figure_a1")
    assert sum(row.name.startswith("in modes") for row in rows) == 4
