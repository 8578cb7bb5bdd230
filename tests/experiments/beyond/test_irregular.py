"""The experiment on irregular curricula at a small size: what it misses is stated, it can be refused and drawn."""

import matplotlib.pyplot as plt
import pytest

from experiments.beyond import irregular
from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.harness.verdicts import text_of

pytestmark = pytest.mark.slow


@pytest.mark.representatives(2)
def test_it_is_accepted_can_be_refused_and_drawn():
    data = simulated(irregular, irregular.FAST)
    stated = set(text_of("irregular").misses(fast=True))
    outside = {row.name for row in irregular.accept(data) if row.verdict is Verdict.OUTSIDE}
    assert outside - stated == set()
    drawn = irregular.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    data["map"].last_alignment[:] = 1.0
    data["hazard"].censored_share[:] = 0.5
    broken = {row.name for row in irregular.accept(data) if row.verdict is Verdict.OUTSIDE} - stated
    assert "finding: blocks of 0.2, regular: share specialised" in broken
    assert any(name.startswith("hazard 0.02") for name in broken)
