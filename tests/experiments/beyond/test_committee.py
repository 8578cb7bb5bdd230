"""Committees beside gated paths at a small size: what the experiment misses is stated, it can be refused and drawn."""

import matplotlib.pyplot as plt
import pytest

from experiments.beyond import committee
from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.harness.verdicts import text_of

pytestmark = pytest.mark.slow


def outside(data):
    return {row.name for row in committee.accept(data) if row.verdict is Verdict.OUTSIDE}


@pytest.mark.representatives(2)
def test_it_is_accepted_can_be_refused_and_drawn():
    data = simulated(committee, committee.FAST)
    assert outside(data) - set(text_of("committee").misses(fast=True)) == set()
    drawn = committee.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    data["units"].late[:] = 0.3
    data["gates"].latent_rise[:] = 0.3
    broken = outside(data)
    assert "hidden units, late: forgetting of one and the same task" in broken
    assert "short blocks, flexible: largest rise with the best gates, over V" in broken
