import numpy as np
import pytest

from experiments.harness import blocks
from tests.composed_runs import run

RATE = 20.0


@pytest.fixture(scope="module")
def dataset():
    """A loss that starts at 1 + b in block b and falls exponentially; gates say which block it is."""
    return run(
        lambda block, t: (1 + block) * np.exp(-RATE * t),
        lambda block: np.full(3, float(block)),
        lambda block: np.eye(3),
        tasks=np.array([0, 1]),
    )


def test_edges_belong_to_the_block_that_is_asked_for(dataset):
    # A switch time has two records, one under each task.
    np.testing.assert_array_equal(blocks.at_end(dataset.gates, 0), 0.0)
    np.testing.assert_array_equal(blocks.at_start(dataset.gates, 1), 1.0)
    assert blocks.in_block(dataset, 1).time.values[[0, -1]] == pytest.approx([1.0, 2.0])


@pytest.mark.slow
def test_losses_and_times_within_a_block(dataset):
    np.testing.assert_allclose(blocks.loss_after(dataset, 1, 0.1), 2 * np.exp(-2.0), rtol=1e-12)
    # The trapezoidal rule on steps of 0.01 overestimates a convex curve by (20 * 0.01)^2 / 12.
    np.testing.assert_allclose(blocks.mean_loss(dataset, 1), 2 / RATE, rtol=5e-3)
    np.testing.assert_allclose(blocks.fall_time(dataset, 1), np.log(10) / RATE, rtol=5e-3)
    np.testing.assert_allclose(blocks.time_to_loss(dataset, 1, 0.5), np.log(4) / RATE, rtol=5e-3)
    assert np.all(np.isinf(blocks.time_to_loss(dataset, 1, 1e-12)))
