"""The experiments on nested learning at small sizes: they are accepted, they can be refused, and they can be drawn."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import matplotlib.pyplot as plt
import pytest

from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.nested.contexts.simulation import Parameters as Contexts
from experiments.nested.momentum.simulation import Parameters as Momentum

pytestmark = pytest.mark.slow


def of_contexts(data: Any) -> None:
    data["map"].context_alignment[:] = 0.75
    data["points"].area.loc[{"network": "flat", "order": "resumes"}] *= 0.5


def of_momentum(data: Any) -> None:
    data["switching"].loss.loc[{"rule": "delta momentum"}] = data["switching"].loss.sel(rule="momentum")
    data["valley"].fixed[:] = 100


def of_blocks(data: Any) -> None:
    data["linear"].loss.loc[{"learner": "two that add up"}] *= 0.5


def of_levels(data: Any) -> None:
    data["levels"]["rank"][:] = 1
    data["manifold"].distance[:] = 1.0


def of_hope(data: Any) -> None:
    data["four pairs hope"]["parameters"] = data["four pairs hope"].parameters * 1.1


def of_hope_text(data: Any) -> None:
    data["equal steps transformer"].ngram_bits[:] += 0.1
    data["equal steps hope"]["parameters"] = data["equal steps hope"].parameters * 1.1


def of_hope_streams(data: Any) -> None:
    data["two texts hope"]["parameters"] = data["two texts hope"].parameters * 1.1


def of_ledger(data: Any) -> None:
    data["ledger"].printed[:] = data["ledger"].ours


SMALL = {
    "contexts": Contexts(size=5, size_of_three=0, num_seeds=1),
    "momentum": Momentum(num_rates=9, retentions=(0.0, 0.8, 0.95), steps=200, size=5, num_seeds=2),
}
BROKEN: dict[str, Callable[[Any], None]] = {
    "contexts": of_contexts,
    "momentum": of_momentum,
    "blocks": of_blocks,
    "levels": of_levels,
    "ledger": of_ledger,
    "hope": of_hope,
    "hope_text": of_hope_text,
    "hope_streams": of_hope_streams,
}


@pytest.fixture(autouse=True)
def usual_promotion() -> Iterator[None]:
    """Optimisers of optax are written for the usual promotion of dtypes; runs are computed in threads of their own."""
    before = jax.config.values["jax_numpy_dtype_promotion"]
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    yield
    jax.config.update("jax_numpy_dtype_promotion", before)


# Compiling a training of every model, or a network of every kind, takes minutes.
LONG = ("contexts", "momentum", "blocks", "levels", "hope", "hope_text", "hope_streams")
EACH = [pytest.param(name, marks=[pytest.mark.exhaustive] * (name in LONG)) for name in BROKEN]


@pytest.mark.parametrize("name", EACH)
def test_it_is_accepted_can_be_refused_and_drawn(name):
    experiment = importlib.import_module(f"experiments.nested.{name}")
    data = simulated(experiment, SMALL.get(name, experiment.FAST))
    outside = [row for row in experiment.accept(data) if row.verdict is Verdict.OUTSIDE]
    assert outside == []
    drawn = experiment.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    BROKEN[name](data)
    assert any(row.verdict is Verdict.OUTSIDE for row in experiment.accept(data))
