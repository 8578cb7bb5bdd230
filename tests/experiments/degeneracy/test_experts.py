"""Networks of experts taken apart: sections are the network, explanations are null, and a small run can be drawn."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.degeneracy import experts
from experiments.degeneracy.experts.explanations import ledger_of
from experiments.degeneracy.experts.network import Experts, Router, Table, sections_of
from experiments.degeneracy.experts.simulation import owned
from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from ntadyn.degeneracy.interaction import unrolled
from ntadyn.networks import GatedMLP


@pytest.fixture(autouse=True)
def usual_promotion() -> Iterator[None]:
    """Optimisers of optax are written for the usual promotion of dtypes; runs are computed in threads of their own."""
    before = jax.config.values["jax_numpy_dtype_promotion"]
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    yield
    jax.config.update("jax_numpy_dtype_promotion", before)


def test_a_table_is_the_unrolled_network_and_every_kind_of_null_direction_is_explained():
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(40, 5)) @ np.eye(5, 6)
    inputs[1:, 4] = 0  # a direction that one example has for itself
    inputs[:, 5] = 1  # a pixel that is always on
    network = GatedMLP.initialise(jax.random.key(0), (2, 3, 2, 6), scale=1.0)
    gates = jnp.asarray([[0.9, 0.2], [0.1, 0.7]])
    found = Experts(network.hidden, network.readouts, Table(gates))
    ours, theirs = (one.activations(inputs)[-1] for one in (sections_of(found), unrolled(network, gates).sections))
    np.testing.assert_allclose(ours, theirs, atol=1e-14)
    # One scale of every unit, one of every path.
    table = ledger_of(found, inputs)
    assert table.nullity >= 6
    assert table.unexplained == 0
    router = Router(jnp.asarray(draw.normal(size=(3, 6))), jnp.asarray(draw.normal(size=(2, 3))))
    hidden, readouts = jnp.asarray(draw.normal(size=(3, 2, 6))), jnp.asarray(draw.normal(size=(3, 3, 2)))
    mixture = ledger_of(Experts(hidden, readouts, router), inputs)
    explained = {entry.name: entry.explained for entry in mixture.entries}
    # A common vote in every pixel and task; what the constant pixel says, of which the common part is counted.
    assert explained["scales of gates"] == 6 + 2 + 2
    assert explained["single examples"] == 1
    assert mixture.unexplained == 0


def test_interaction_is_owned_by_halves_or_whole():
    assert owned(np.ones((2, 3, 4))) == 0.5
    apart = np.zeros((2, 3, 4))
    apart[0, :, :2] = apart[1, :, 2:] = 1
    assert owned(apart) == 1


@pytest.mark.exhaustive
def test_a_small_mixture_is_accepted_can_be_refused_and_drawn():
    data: Any = simulated(experts, experts.FAST)
    outside = [row.name for row in experts.accept(data) if row.verdict is Verdict.OUTSIDE]
    assert outside == []
    drawn = experts.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    data["mixture"].lost[:] = 1e-3
    assert any(row.verdict is Verdict.OUTSIDE for row in experts.accept(data))
