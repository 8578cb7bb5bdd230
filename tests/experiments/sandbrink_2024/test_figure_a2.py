import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a2
from experiments.sandbrink_2024.figure_a2 import numbers
from experiments.sandbrink_2024.figure_a2.simulation import RANKS, Parameters

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    return simulated(figure_a2, figure_a2.FAST)


@pytest.fixture
def stored():
    """Batches as the published figure has them."""
    return xr.Dataset(
        {
            "peak": (("rank", "seed"), np.asarray(numbers.STORED_SPEED)[:, None]),
            "peak_update": (("rank", "seed"), np.asarray(numbers.STORED_SPEED)[:, None]),
            "size": (("rank", "seed", "path"), np.tile(np.asarray(numbers.STORED_SIZE)[:, None, None], (1, 1, 2))),
        },
        {"rank": list(RANKS)},
    )


def test_late_students_of_one_dimension_each_obey_the_law(data):
    late = data["flow"].sel(variant="scaled penalty and tau_c")
    # After twenty blocks most students are pure, and gates move as fast as they are large.
    pure = late.late_cosine.values > numbers.PURE
    assert pure.mean() > 0.7
    np.testing.assert_allclose((late.late_speed / late.late_size).values[pure], 1, atol=0.05)


def test_larger_teachers_move_gates_faster(data):
    speed = data["flow"].late_speed.sel(variant="scaled penalty and tau_c").median(["seed", "switch"])
    assert np.all(np.diff(speed) > 0)
    np.testing.assert_allclose(speed, RANKS, rtol=0.2)


def test_stored_numbers_pass_and_others_do_not(data, stored):
    rows = figure_a2.accept({**data, "batches": stored})
    demanded = [row for row in rows if row.name.startswith("batches")]
    assert len(demanded) == 2 * len(RANKS) + 2
    assert all_accepted(demanded)
    noisier = {**data, "batches": stored.assign(peak=1.7 * stored.peak)}
    outside = [row.name for row in figure_a2.accept(noisier) if row.verdict is Verdict.OUTSIDE]
    assert sum(name.startswith("batches: fastest gate") for name in outside) == len(RANKS)


def test_picture_draws_what_there_is(data, stored):
    for shown in (data, {**data, "batches": stored}):
        figure = figure_a2.plot(shown)
        assert [ax.get_title(loc="left") for ax in figure.axes] == ["A", "B"]
        figure.canvas.draw()
        plt.close(figure)


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_batches_record_every_update():
    parameters = Parameters(num_seeds=1, num_batch_seeds=1, num_blocks=2)
    batches = simulated(figure_a2, parameters)["batches"]
    assert dict(batches.sizes) == {"rank": len(RANKS), "seed": 1, "path": 2}
    # No gate has moved much faster than its drive could be so early, and none has stood still.
    assert np.all((batches.peak > 0.05) & (batches.peak < 2 * np.asarray(RANKS)[:, None]))
