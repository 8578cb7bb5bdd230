import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a14
from experiments.sandbrink_2024.figure_a14 import numbers
from tests.composed_runs import run, through
from tests.misses import stated

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.exhaustive

TASKS = np.arange(50) % 3 + 3
SCALE = 6 / 20  # losses of the present convention over those of the older one


def _fall(time: float, peak: float):
    """A loss that falls to a tenth in that time."""
    return through({0.0: peak, time: 0.1 * peak, 1.0: 1e-3 * peak})


@pytest.fixture
def data():
    times = np.interp(np.arange(50), list(numbers.FALL_TIMES), list(numbers.FALL_TIMES.values()))

    def gates(block: int) -> np.ndarray:
        pair = (0.7, 0.3) if block < 15 else (0.55, 0.45)
        values = np.full(3, 0.04)
        values[[block % 3, (block + 1) % 3]] = pair
        return values

    def similarity(block: int) -> np.ndarray:
        own = 0.9 if block < 30 else 0.95
        return (own - 0.04) * np.eye(3) + 0.04

    def copies(block: int) -> np.ndarray:
        """All paths are the composite in force."""
        values = np.full((3, 3), 0.71)
        values[(block + 2) % 3] = 0.0
        return values

    # A block ends below 0.02 although its loss has only just fallen to a tenth.
    published = run(lambda b, t: SCALE * _fall(times[b], 0.25 if b == 0 else 0.24)(t), gates, similarity, TASKS)
    released = run(lambda b, t: _fall(0.175, 0.075)(t), lambda b: np.full(3, 0.333), copies, TASKS)
    return {"published": _with_composites(published, 0.7), "released": _with_composites(released, 0.999)}


def _with_composites(dataset: xr.Dataset, in_force: float) -> xr.Dataset:
    """Every path has this similarity to the composite in force, and one half to the others."""
    tasks = TASKS[dataset.block.values]
    composites = np.where(np.arange(3, 6) == tasks[:, None], in_force, 0.5)[None, :, :, None]
    base = dataset.similarity.values
    both = np.concatenate([base, np.broadcast_to(composites, base.shape)], axis=2)
    return dataset.drop_vars("similarity").assign(similarity=(("seed", "record", "teacher", "path"), both))


def _outside(data) -> list[str]:
    return [row.name for row in figure_a14.accept(data) if row.verdict is Verdict.OUTSIDE]


def test_the_expected_runs_are_accepted(data):
    assert _outside(data) == []


def test_the_control_is_refused_as_published_and_the_other_way_round(data):
    outside = _outside({"published": data["released"], "released": data["published"]})
    assert "demanded: similarity to the own base teacher" in outside
    assert "demanded: similarity to the other base teachers" in outside
    assert "released: similarity to the own base teacher" in outside
    assert "released: similarity to the composite in force" in outside
    assert "released: gates" not in outside


def test_a_trace_of_one_other_teacher_is_refused(data):
    data["published"].similarity[:, :, 0, 1] += 0.1
    outside = _outside(data)
    assert outside == ["largest entry off the diagonal of the mean similarity, t = 50"]


def test_a_control_that_slows_down_in_one_block_is_refused(data):
    inside = np.flatnonzero(data["released"].block.values == 30)
    data["released"].loss[:, inside[1:-1]] = 0.075
    assert _outside(data) == ["released: time to a tenth of the peak, median, highest of blocks 2 to 50"]


def test_plot(data):
    figure = figure_a14.plot(data)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["B", "", "C", "", "D", ""]
    # Losses of the older state of the code, in its units.
    loss = figure.axes[0].lines[0].get_ydata()
    assert float(np.max(loss)) == pytest.approx(0.25)
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("optimised")
def test_full_run_is_accepted_but_for_what_is_stated():
    outside = _outside(simulated(figure_a14, figure_a14.PARAMETERS))
    assert outside == stated("figure_a14")
