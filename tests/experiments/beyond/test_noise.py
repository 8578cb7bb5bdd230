"""Noise of batches at a small size: what the experiment misses is stated, it can be refused and drawn."""

import matplotlib.pyplot as plt
import pytest

from experiments.beyond import noise
from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.harness.verdicts import text_of

pytestmark = pytest.mark.slow


def outside(data):
    return {row.name for row in noise.accept(data) if row.verdict is Verdict.OUTSIDE}


def test_it_is_accepted_can_be_refused_and_drawn():
    data = simulated(noise, noise.FAST)
    assert outside(data) - set(text_of("noise").misses(fast=True)) == set()
    drawn = noise.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    data["map"].alignment[:, :] = 0.0
    data["short blocks"].alignment[:] = 0.99
    broken = outside(data)
    assert "short blocks, batches of 1 (kappa 0.1): alignment" in broken
