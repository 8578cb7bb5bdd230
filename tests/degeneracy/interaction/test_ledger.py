"""Every null direction explained or counted as unexplained."""

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy.closed_form import hessian_counts
from ntadyn.degeneracy.gate_table import GateTable
from ntadyn.degeneracy.interaction.ledger import Explanation, ledger
from ntadyn.degeneracy.interaction.null_directions import degeneracy_ledger
from ntadyn.degeneracy.interaction.sections import Dense, chain, of_mlp
from ntadyn.degeneracy.interaction.table_ledger import table_ledger
from ntadyn.networks import DeepLinear, GatedLinear, NeuronGatedLinear
from tests.degeneracy.interaction.planted import normal, rectified, synchronised

PLANTED = [(2, 2, 2, False), (2, 3, 3, False), (3, 4, 6, False)]


@pytest.mark.parametrize(("sizes", "nullity"), [((), 7), ((2,), 9), ((3,), 13), ((2, 3), 15)])
def test_nullity_of_planted_blocks(sizes, nullity):
    """T21."""
    found = degeneracy_ledger(*synchronised(sizes, examples=1000))
    assert (found.nullity, found.unexplained) == (nullity, 0)
    assert [(entry.name, entry.explained) for entry in found.entries if entry.explained] == [
        ("synchronised units", nullity)
    ]
    assert found.spectrum.gap > 1e10


@pytest.mark.slow
@hypothesis.given(st.lists(st.integers(2, 4), max_size=3).filter(lambda sizes: sum(sizes) <= 7), st.integers(0, 50))
@hypothesis.settings(max_examples=5, suppress_health_check=list(hypothesis.HealthCheck))
def test_random_block_structures(sizes, seed):
    """T21 for any blocks, those larger than what is read of them included."""
    found = degeneracy_ledger(*synchronised(tuple(sizes), seed=seed, examples=1000))
    # A block is a map of six inputs on three outputs, of rank r = min(s, 3); such maps have r (9 - r) dimensions. For
    # s <= 3 that leaves s^2 directions of its 9 s parameters free, for s = 4 two more.
    ranks = [min(size, 3) for size in sizes]
    free = [9 * size - rank * (9 - rank) for size, rank in zip(sizes, ranks, strict=True)]
    assert found.nullity == sum(free) + 7 - sum(sizes)
    assert found.unexplained == 0


@pytest.mark.slow
def test_planted_activation_and_gradient_ranks():
    """A linear network of inputs of rank 3 in 5 whose read-out has rank 1: all null directions are named."""
    inputs = normal(0, 40, 3) @ normal(1, 3, 5)
    network = chain(Dense(jnp.asarray(normal(2, 4, 5))), Dense(jnp.asarray(np.outer(normal(3, 2), normal(4, 4)))))
    found = degeneracy_ledger(network, inputs)
    claimed = {entry.name: entry.claimed for entry in found.entries}
    # d_(l+1) (d_l - r_act): 4 x 2 of the first layer, 2 x 1 of the second; r_act (d_(l+1) - r_grad): 3 x 3.
    assert claimed["activations span too little"] == 8 + 2
    assert claimed["gradients span too little"] == 9
    assert claimed["linear layers"] == 16
    # dF = dV U + V dU on inputs of rank 3: 2 x 3 of the first, none more of the second.
    assert (found.rank, found.unexplained) == (6, 0)


@pytest.mark.slow
@pytest.mark.parametrize("examples", [6, 200])
def test_unexplained_directions_are_counted(examples):
    """A deep rectified network; six examples leave many directions free for no structural reason."""
    network = of_mlp(eqx.nn.MLP(4, 2, 6, 3, dtype=jnp.float64, key=jax.random.key(1)))
    found = degeneracy_ledger(network, normal(0, examples, 4))
    assert found.dimension == 128
    assert found.nullity == 128 - found.rank >= 128 - 2 * examples
    assert found.unexplained >= (20 if examples == 6 else 0)
    assert sum(entry.explained for entry in found.entries) + found.unexplained == found.nullity
    assert all(0 <= entry.explained <= entry.claimed for entry in found.entries)
    assert str(found).splitlines()[-1].split() == ["unexplained", str(found.unexplained)]


@pytest.mark.slow
def test_biases_can_be_moved_on_where_units_are_always_on():
    """GL(s) and a shift for each of s units."""
    network = rectified(normal(0, 2, 3), normal(1, 2, 2), biases=[np.full(2, 50.0), np.zeros(2)])
    found = degeneracy_ledger(network, normal(2, 30, 3))
    assert found.nullity == 4 + 2
    assert found.unexplained == 0


def test_a_claim_that_is_not_null_explains_nothing():
    wrong = Explanation("wrong", np.eye(3)[:1])
    right = Explanation("right", np.array([[0.0, 1.0, -1.0], [0.0, 2.0, -2.0]]))
    found = ledger(lambda w, x: x * (2 * w[0] + w[1] + w[2]), jnp.ones(3), np.ones((1, 1)), [wrong, right, right])
    assert [(entry.claimed, entry.explained) for entry in found.entries] == [(1, 0), (2, 1), (2, 0)]
    assert (found.rank, found.nullity, found.unexplained) == (1, 2, 1)


@pytest.mark.parametrize(
    ("tasks", "paths", "size", "equal"),
    [(2, 2, 6, True), *(pytest.param(*each, marks=pytest.mark.slow) for each in PLANTED)],
)
def test_gated_linear_tables_are_explained_in_full(tasks, paths, size, equal):
    """T12 once more, and the forgetful point, where all tasks have the same gates."""
    gates = np.tile(normal(0, 1, paths), (tasks, 1)) if equal else normal(0, tasks, paths)
    weights = normal(1, paths, 1, size)
    network = GatedLinear(jnp.asarray(gates[0]), jnp.asarray(weights))
    found = table_ledger(network, GateTable(jnp.asarray(gates), jnp.asarray(weights)))
    counts = hessian_counts(gates, weights)
    assert (found.rank, found.nullity, found.unexplained) == (counts.rank, counts.nullity, 0)


@pytest.mark.slow
def test_tables_of_other_networks():
    """Gates of neurons add up over neurons; a full first layer and its tasks are one network of two layers."""
    weights = normal(0, 2, 3, 4)
    gates = normal(1, 2, 2, 3)
    network = NeuronGatedLinear(jnp.asarray(gates[0]), jnp.asarray(weights))
    found = table_ledger(network, GateTable(jnp.asarray(gates), jnp.asarray(weights)))
    assert (found.dimension, found.nullity, found.unexplained) == (12 + 24, 3 * 4, 0)
    assert np.all(np.diff(found.spectrum.values[: found.rank]) <= 0)
    deep = DeepLinear(jnp.asarray(normal(2, 5, 2)), jnp.asarray(normal(3, 5, 6)))
    found = table_ledger(deep, GateTable(jnp.asarray(normal(4, 2, 5, 2)), deep.weights))
    # (B, W1) of four outputs in all, five units, six inputs: rank 4 x 6 + 5 x 4 - 4 x 4 ... and GL(5).
    assert (found.dimension, found.unexplained) == (20 + 30, 0)
    assert found.rank == hessian_counts(np.ones((1, 1)), np.ones((1, 1))).rank * (4 * 6)


def test_bad_ledgers_are_refused():
    with pytest.raises(ValueError, match="1 to 5000; got 10000"):
        ledger(lambda w, x: x, jnp.zeros(10_000), np.ones((1, 1)))
    with pytest.raises(ValueError, match="directions have 3 entries each; those of short do not"):
        ledger(lambda w, x: x, jnp.zeros(3), np.ones((1, 1)), [Explanation("short", np.ones((1, 2)))])
