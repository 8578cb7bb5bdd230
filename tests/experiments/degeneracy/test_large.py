"""The experiment on the size of estimates, small: it is accepted, it can be refused, and it can be drawn."""

from collections.abc import Iterator
from typing import Any

import jax
import matplotlib.pyplot as plt
import pytest

from experiments.degeneracy import large
from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("optimised")]


@pytest.fixture(autouse=True)
def usual_promotion() -> Iterator[None]:
    """Optimisers of optax are written for the usual promotion of dtypes; runs are computed in threads of their own."""
    before = jax.config.values["jax_numpy_dtype_promotion"]
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    yield
    jax.config.update("jax_numpy_dtype_promotion", before)


def outside(data: Any) -> list[str]:
    return [row.name for row in large.accept(data) if row.verdict is Verdict.OUTSIDE]


@pytest.mark.exhaustive
def test_it_is_accepted_can_be_refused_and_drawn():
    data: Any = simulated(large, large.FAST)
    assert outside(data) == []
    drawn = large.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    data["diagonal"].value[:] *= 1.1
    data["digits"].status.loc[{"case": "training loss"}] = "TRUSTED"
    data["chain"].value.loc[{"algorithm": "NUTS"}] = data["chain"].quadratic
    data["planted"].value.loc[{"case": "lacking"}] = data["planted"].limit.sel(case="lacking")
    refused = " | ".join(outside(data))
    for part in ("diagonal: furthest", "training loss", "NUTS at all t", "lacking directions"):
        assert part in refused
