"""Scores of learners made of levels."""

import jax.numpy as jnp
import pytest

from ntadyn.simulation.outcome import RESULTS
from ntadyn.sweeps.level_scores import practice_loss
from ntadyn.sweeps.scores import Recorded


@pytest.mark.parametrize(
    ("blocks", "cumulative", "expected"),
    [
        # Of three blocks the last two count; padding repeats the last record.
        ([0, 0, 1, 1, 2, 2, 2], [0.0, 5.0, 5.0, 9.0, 9.0, 10.0, 10.0], 5.0 / 3.0),
        ([0, 0, 1, 1, 1, 1, 1], [0.0, 5.0, 5.0, 9.0, 9.0, 9.0, 9.0], 4.0 / 2.0),
        ([0, 0, 0, 0, 0, 0, 0], [0.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0], 3.0),
    ],
)
def test_practice_costs_what_the_later_half_of_the_blocks_adds(blocks, cumulative, expected):
    times = {3: [0.0, 2.0, 2.0, 4.0, 4.0, 5.0, 5.0], 2: [0.0, 2.0, 2.0, 4.0, 4.0, 4.0, 4.0], 1: [0.0] + [2.0] * 6}
    number = blocks[-1] + 1
    real = jnp.arange(7) < 2 * number
    values = {"cumulative_loss": jnp.asarray(cumulative)}
    record = Recorded(jnp.asarray(times[number]), jnp.asarray(blocks), values, real, RESULTS.successful)
    assert float(practice_loss(record)) == pytest.approx(expected)
