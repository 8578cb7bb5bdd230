"""Spectra of inputs at a small size: what the experiment misses is stated, it can be refused and drawn."""

import matplotlib.pyplot as plt
import pytest

from experiments.beyond import spectra
from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.harness.verdicts import text_of

pytestmark = pytest.mark.slow


def outside(data):
    return {row.name for row in spectra.accept(data) if row.verdict is Verdict.OUTSIDE}


def test_it_is_accepted_can_be_refused_and_drawn():
    data = simulated(spectra, spectra.FAST)
    assert outside(data) - set(text_of("spectra").misses(fast=True)) == set()
    drawn = spectra.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    data["closure"]["gates"] = data["closure"]["gates"] + 1e-6
    data["table"].seen_alignment[:] = 0.5
    broken = outside(data)
    assert "closed flow against weight space: gates, largest difference" in broken
    assert "the same: seen alignment" in broken
