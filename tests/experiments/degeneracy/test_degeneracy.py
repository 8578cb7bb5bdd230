"""The experiments on learning coefficients at small sizes: they are accepted, they can be refused, and drawn."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.degeneracy.published.networks import rank_reduced_networks
from experiments.degeneracy.published.numbers import is_regular
from experiments.degeneracy.work_precision.problems import by_turns, gate_table
from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated

pytestmark = pytest.mark.slow


def of_published(data: Any) -> None:
    data["random"].sgld[:] *= 1.2


def of_preconditioned(data: Any) -> None:
    data["slow"].value[0] = data["slow"].exact


def of_work_precision(data: Any) -> None:
    data["quadratic"].value.loc[{"way": "MALA"}] *= 1.1


BROKEN: dict[str, tuple[Callable[[Any], None], ...]] = {
    "published": (of_published, of_preconditioned),
    "work_precision": (of_work_precision,),
}


@pytest.fixture(autouse=True)
def usual_promotion() -> Iterator[None]:
    """Experiments run with the usual promotion of dtypes, and in threads of their own."""
    before = jax.config.values["jax_numpy_dtype_promotion"]
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    yield
    jax.config.update("jax_numpy_dtype_promotion", before)


@pytest.mark.representatives(1)
@pytest.mark.parametrize("name", BROKEN)
def test_it_is_accepted_can_be_refused_and_drawn(name):
    experiment = importlib.import_module(f"experiments.degeneracy.{name}")
    data = simulated(experiment, experiment.FAST)
    outside = [row for row in experiment.accept(data) if row.verdict is Verdict.OUTSIDE]
    assert outside == []
    drawn = experiment.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    for break_it in BROKEN[name]:
        broken = {name: dataset.copy(deep=True) for name, dataset in data.items()}
        break_it(broken)
        assert any(row.verdict is Verdict.OUTSIDE for row in experiment.accept(broken))
    if name == "published":
        assert is_regular(data["random"].isel(case=0))
        assert not is_regular(data["regressions"].isel(case=0))


def test_drawing_layers_by_turns_finds_the_coefficient_of_a_table_that_is_held_tightly():
    problem = gate_table()
    value, error = by_turns(problem.centre, 1e8, 1e4, chains=8, sweeps=2000)
    assert abs(value - 12) < 0.01 * 12 + 3 * error
    assert error < 0.1


def test_networks_of_lower_rank_reproduce_themselves_and_are_compared_with_the_coefficient_of_their_rank():
    for case in rank_reduced_networks(3, 150, seed=1):
        assert float(case.loss(case.point)) == 0
        rank = np.linalg.matrix_rank(np.asarray(case.loss.target))
        assert case.name.endswith(f"rank {rank}")
        assert sum(layer.size for layer in case.point) <= 150
