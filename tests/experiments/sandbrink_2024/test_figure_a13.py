import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a13
from experiments.sandbrink_2024.figure_a13 import measures, numbers, simulation
from ntadyn.specs.configuration import TeacherKind
from tests.misses import stated

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.exhaustive

BLOCKS, PER_BLOCK = 10, 99


@pytest.fixture(scope="module")
def rewritten():
    """Two paths that are copies of the task in force, from the first record of every block on."""
    block = np.repeat(np.arange(BLOCKS), PER_BLOCK)
    similarity = np.zeros((1, 1, len(block), 2, 2))
    similarity[0, 0, np.arange(len(block)), block % 2] = 1.0
    return similarity, block


def test_the_published_measure_takes_a_rewritten_network_for_a_specialised_one(rewritten):
    similarity, block = rewritten
    # The running mean is one record longer than a block: 99 records of one task and one of the other.
    np.testing.assert_allclose(measures.published_specialisation(similarity), 0.98)
    np.testing.assert_allclose(measures.lasting_similarity(similarity, block).contrast, 0.0, atol=1e-12)


def test_lasting_specialisation_is_over_permutations(rewritten):
    _, block = rewritten
    crossed = np.broadcast_to([[0.1, 0.9], [0.9, 0.3]], (1, 1, len(block), 2, 2))
    lasting = measures.lasting_similarity(crossed, block)
    np.testing.assert_allclose(lasting.matched, 0.9)
    np.testing.assert_allclose(lasting.contrast, 0.7)


def test_published_speed_leaves_out_the_peak_of_every_block_but_the_first():
    times = np.arange(8) * 0.01
    loss = np.array([1.0, 0.9, 0.8, 0.7, 2.0, 1.0, 0.7, 0.6])
    block = np.repeat([0, 1], 4)
    # Block 0 falls by 0.1 per step throughout; block 1 by 0.3 from its second record to its third.
    assert measures.published_speed(times, loss, block) == pytest.approx((10 + 30) / 2)
    assert measures.published_speed(times, loss, block, dropped=0) == pytest.approx((10 + 100) / 2)


def test_late_recovery_of_two_blocks():
    times = np.concatenate([np.linspace(k, k + 1, 101) for k in range(3)])
    block = np.repeat([0, 1, 2], 101)
    inside = times - block
    fast, slow = 2 * np.exp(-20 * inside), np.full_like(inside, 0.5)
    recovery = measures.late_recovery(times, np.stack([fast, slow])[None], block)
    np.testing.assert_allclose(recovery.peak, [[2.0, 0.5]])
    # An exponential of rate 20 is at most 20 h^2 / 8 earlier than the straight line between records h = 0.01 apart.
    assert recovery.fall_time[0, 0] == pytest.approx(np.log(10) / 20, abs=3e-4)
    assert np.isinf(recovery.fall_time[0, 1])
    assert recovery.slope[0, 0] == pytest.approx(2 * (1 - np.exp(-0.2)) / 0.01)


def test_teachers_overlap_as_stated():
    keys = jax.random.split(jax.random.key(0), 3)
    exact = np.asarray(simulation._teachers(TeacherKind.ROW_OVERLAPPING, keys))
    assert exact.shape == (5, 3, 2, 10, 20)
    unit = exact / np.linalg.norm(exact, axis=-1, keepdims=True)
    matched = np.einsum("...oi,...oi->...o", unit[:, :, 0], unit[:, :, 1])
    np.testing.assert_allclose(
        matched, np.broadcast_to(np.reshape(numbers.OVERLAPS, (5, 1, 1)), matched.shape), atol=1e-9
    )
    mean, sd = measures.row_overlaps(exact)
    # Only the 10 matched of 190 pairs of rows overlap.
    np.testing.assert_allclose(mean, np.outer(numbers.OVERLAPS, np.ones(3)) / 19, atol=1e-9)
    assert sd.shape == mean.shape


def test_literal_parameters():
    configuration = simulation.released()
    assert configuration.curriculum.block_duration == pytest.approx(0.99)
    assert round(configuration.curriculum.block_duration / simulation.PUBLISHED_STEP) == PER_BLOCK


def _scores(variants: dict[str, dict[str, tuple]]) -> xr.Dataset:
    dims = ("variant", "overlap", "repetition")
    names = next(iter(variants.values()))
    stacked = {
        name: (
            dims,
            np.stack([np.repeat(np.array(scores[name], float)[:, None], 4, 1) for scores in variants.values()]),
        )
        for name in names
    }
    return xr.Dataset(stacked, {"variant": list(variants), "overlap": list(numbers.OVERLAPS)})


@pytest.fixture
def data():
    zeros = (0.0,) * 5
    published = {
        name: {
            "published_speed": numbers.SPEED[name],
            "speed_with_peak": numbers.SPEED_WITH_PEAK,
            "published_specialisation": tuple(
                np.mean([numbers.SPECIALISATION[name], numbers.IMAGE_SPECIALISATION], axis=0)
            ),
            "specialisation": numbers.FINAL[name],
            "overlap_mean": numbers.OVERLAPS,
            "overlap_sd": zeros,
            "result": zeros,
        }
        for name in ("published", "released")
    }
    improved = {
        name: {
            "own": numbers.OWN,
            "other": numbers.OTHER_TEACHER,
            "specialisation": specialisation,
            "fall_time": (*numbers.FALL_TIME, np.inf, np.inf),
            "peak": numbers.PEAK,
            "slope": numbers.SLOPE,
            "result": zeros,
        }
        for name, specialisation in (("exact", numbers.EXACT), ("published_kind", numbers.PUBLISHED_KIND))
    }
    return {"published": _scores(published), "improved": _scores(improved)}


def _outside(data) -> list[str]:
    return [row.name for row in figure_a13.accept(data) if row.verdict is Verdict.OUTSIDE]


def test_the_expected_scores_are_accepted(data):
    assert _outside(data) == []


def test_a_network_that_keeps_nothing_is_refused(data):
    data["improved"].specialisation[0] = 0.0
    outside = _outside(data)
    assert "improved: specialisation, overlap 0.0" in outside
    assert "improved: specialisation, overlap 1.0" not in outside


def test_a_recovery_where_there_is_none_is_refused(data):
    data["improved"].fall_time[0, 3] = 0.3
    data["improved"].slope[0, 4] = 0.2
    assert _outside(data) == [
        "improved: share that misses a tenth of the peak in one of the last two blocks, overlap 0.75",
        "improved: largest slope, overlap 1.0",
    ]


def test_a_speed_that_rises_with_overlap_is_refused(data):
    data["published"].published_speed[0, 3] = 6.0
    assert "published: largest rise of published_speed from one overlap to the next" in _outside(data)


def test_plot(data):
    figure = figure_a13.plot(data)
    assert [ax.get_title() for ax in figure.axes[:3]] == ["as published", "control: released code", "improved"]
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("optimised")
def test_full_run_is_accepted_but_for_what_is_stated():
    assert _outside(simulated(figure_a13, figure_a13.PARAMETERS)) == stated("figure_a13")
