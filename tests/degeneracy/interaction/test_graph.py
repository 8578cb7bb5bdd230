"""Interaction graphs, their modules, and what is left when edges are cut."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy.gate_table import GateTable
from ntadyn.degeneracy.interaction.ablation import Ablation, gini
from ntadyn.degeneracy.interaction.basis import interaction_basis
from ntadyn.degeneracy.interaction.graph import DecadesAbove, InteractionGraph, interaction_graph
from ntadyn.degeneracy.interaction.joint_diagonalisation import joint_diagonaliser
from ntadyn.degeneracy.interaction.modularity import modularity, modularity_report, permuted
from ntadyn.degeneracy.interaction.other_bases import neuron_basis, principal_basis
from ntadyn.degeneracy.interaction.resolving import GAPS, clusters, context_grams, resolved
from ntadyn.degeneracy.interaction.sections import Dense, chain
from ntadyn.degeneracy.interaction.unrolling import maps_of_contexts, separation, unrolled, unrolled_table
from ntadyn.networks import (
    ByUnit,
    DeepLinear,
    GatedLinear,
    GatedMLP,
    GatedNetwork,
    NeuronGatedLinear,
    Perceptron,
)
from tests.degeneracy.interaction.planted import normal, rectified


def white(seed, number, size):
    """Inputs of covariance one, exactly."""
    return np.linalg.qr(normal(seed, number, size))[0] * number**0.5


@pytest.fixture(scope="module")
def specialised():
    """Two paths with teachers from the rows of one orthogonal matrix, one for each of two contexts."""
    rows = np.linalg.qr(normal(0, 6, 6))[0].reshape(2, 3, 6)
    found = unrolled(GatedLinear(jnp.asarray([1.0, 0.0]), jnp.asarray(rows)), np.eye(2))
    inputs = white(1, 100, 6)
    return found, inputs, interaction_basis(found.sections, inputs)


@pytest.mark.parametrize("number", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_modularity_of_disjoint_modules(number):
    """T23: 1 - 1/K, by our own formula and by that of scikit-network, and the search finds them."""
    from scipy.sparse import csr_matrix
    from sknetwork.clustering import get_modularity

    blocks = np.kron(np.eye(number), np.full((3, 2), 0.7))
    graph = InteractionGraph("planted", (blocks,), tuple(np.repeat(range(number), 3).tolist()))
    adjacency, parts = graph.adjacency(), graph.context_partition()
    assert abs(modularity(adjacency, parts) - (1 - 1 / number)) < 1e-12
    assert abs(get_modularity(csr_matrix(adjacency), parts) - (1 - 1 / number)) < 1e-12
    found = modularity_report(graph)
    assert found.optimised == pytest.approx(found.given, abs=1e-12)
    assert len(set(found.parts)) == number
    assert found.z > 4


def test_modularity_agrees_with_the_library_on_random_graphs():
    """With weights, resolution and parts at random; and with the double sum of the definition."""
    from scipy.sparse import csr_matrix
    from sknetwork.clustering import get_modularity

    weights = np.abs(normal(0, 9, 9))
    weights += weights.T
    parts = np.arange(9) % 3
    degrees, total = weights.sum(axis=0), weights.sum()
    same = parts[:, None] == parts
    for resolution in (0.5, 1.0, 2.0):
        by_definition = np.sum((weights - resolution * np.outer(degrees, degrees) / total)[same]) / total
        assert modularity(weights, parts, resolution) == pytest.approx(by_definition, abs=1e-14)
        by_library = get_modularity(csr_matrix(weights), parts, resolution=resolution)
        assert by_library == pytest.approx(by_definition, abs=1e-12)


@pytest.mark.slow
def test_permuted_weights_are_not_modular():
    """T26."""
    graph = InteractionGraph("noise", (np.abs(normal(0, 6, 5)), np.abs(normal(1, 6, 6))), (0, 0, 0, 1, 1, 1))
    found = modularity_report(permuted(graph, 3))
    assert abs(found.z) < 3
    assert found.optimised > 0.05  # though the best partition of noise is modular


def test_equal_strengths_need_contexts(specialised):
    """T24."""
    network, inputs, basis = specialised
    np.testing.assert_allclose(basis.layers[1].strengths, 1, atol=1e-12)
    assert clusters(basis.layers[1]) == [tuple(range(6))]
    grams = context_grams(basis, inputs, network.contexts)
    found = {}
    for gap in GAPS:
        other = resolved(basis, inputs, network.contexts, gap, grams)
        graph = interaction_graph(other, inputs, network.contexts)
        found[gap] = modularity(graph.from_layer(-2).adjacency(), graph.from_layer(-2).context_partition())
        assert other.preserved
    assert found.pop(0.0) < 0.4
    np.testing.assert_allclose(list(found.values()), 0.5, atol=1e-6)
    assert separation(maps_of_contexts(network)) == pytest.approx(1, abs=1e-12)


@pytest.mark.slow
def test_without_unrolling_every_direction_has_one_partner():
    """The basis of a linear network is that of its singular vectors: no modules can be seen, by construction."""
    first, last = normal(0, 6, 4), normal(1, 3, 6)
    linear = chain(Dense(jnp.asarray(first)), Dense(jnp.asarray(last)))
    inputs = white(2, 100, 4)
    basis = interaction_basis(linear, inputs)
    values = np.linalg.svd(last @ first, compute_uv=False)
    np.testing.assert_allclose(basis.layers[1].strengths, values**2, rtol=1e-10)
    np.testing.assert_allclose(interaction_graph(basis, inputs).edges[0], np.diag(values**2), atol=1e-10)


def test_edges_of_a_linear_last_section(specialised):
    """E = (B_m C+)_kj^2 lambda_j."""
    network, inputs, basis = specialised
    last = interaction_graph(basis, inputs).edges[1]
    weights = np.asarray(network.sections.sections[1].weight) @ basis.layers[1].from_hat
    np.testing.assert_allclose(last, weights**2 * basis.layers[1].strengths, atol=1e-12)


KINDS = ["gated", "neuron-gated", "deep", "mlp", "modules", "modules by unit"]


@pytest.mark.parametrize("kind", ["mlp by unit", *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS)])
def test_unrolled_networks_are_the_networks_of_all_contexts(kind):
    units = ByUnit(1.5) if "unit" in kind else None
    match kind.split()[0]:
        case "gated":
            network = GatedLinear(jnp.ones(2), jnp.asarray(normal(0, 2, 3, 4)))
        case "neuron-gated":
            network = NeuronGatedLinear(jnp.ones((2, 3)), jnp.asarray(normal(0, 2, 3, 4)))
        case "deep":
            network = DeepLinear(jnp.ones((5, 3)), jnp.asarray(normal(0, 5, 4)))
        case "mlp":
            network = GatedMLP.initialise(jax.random.key(0), (2, 3, 5, 4), gating=units)
        case "modules":
            paths = [Perceptron(jnp.asarray(normal(at, 5, 4)), jnp.asarray(normal(9, 3, 5))) for at in range(2)]
            network = GatedNetwork.of(paths, units)
    gates = normal(1, 2, *network.gates.shape)
    found = unrolled(network, gates)
    x = jnp.asarray(normal(2, 4))
    each = [type(network)(jnp.asarray(row), *list(vars(network).values())[1:])(x) for row in gates]
    np.testing.assert_allclose(found.sections(x), jnp.concatenate(each), atol=1e-12)
    assert found.contexts == (0, 0, 0, 1, 1, 1)
    if kind == "gated":
        table = unrolled_table(network, GateTable(jnp.asarray(gates), network.weights))
        np.testing.assert_array_equal(table.sections(x), found.sections(x))


def test_three_contexts_are_diagonalised_together():
    """Three commuting contrasts hidden by a rotation; one matrix alone gives its eigenvectors."""
    rotation = np.linalg.qr(normal(0, 5, 5))[0]
    hidden = rotation * normal(1, 3, 1, 5) @ rotation.T
    found = np.abs(rotation.T @ joint_diagonaliser(hidden))
    np.testing.assert_allclose(np.sort(found, axis=0)[:-1], 0, atol=1e-12)
    alone = joint_diagonaliser(hidden[:1])
    diagonal = alone.T @ hidden[0] @ alone
    np.testing.assert_allclose(diagonal, np.diag(np.diagonal(diagonal)), atol=1e-12)


def test_separation_of_maps():
    shared, own = normal(0, 2, 5), normal(1, 2, 5)
    assert separation(np.stack([shared, shared])) == pytest.approx(0, abs=1e-12)
    assert 0 < separation(np.stack([shared, shared + own])) < 1
    with pytest.raises(ValueError, match="at least two contexts"):
        separation(shared[None])
    with pytest.raises(ValueError, match="is zero"):
        separation(np.stack([shared, 0 * shared]))


@pytest.fixture(scope="module")
def ablated():
    network, inputs = rectified(normal(0, 6, 4), normal(1, 3, 6), biases=[normal(2, 6), None]), normal(3, 100, 4)
    kinds = {"neuron": neuron_basis, "principal": principal_basis, "interaction": interaction_basis}
    return {name: Ablation(kind(network, inputs), inputs) for name, kind in kinds.items()}, network, inputs


@pytest.mark.slow
@pytest.mark.parametrize("name", ["neuron", "principal", "interaction"])
def test_ablation_curves(ablated, name):
    """All edges leave the function as it is and none leaves nothing of it, but for biases that are kept apart."""
    ablation = ablated[0][name]
    found = ablation.curve((0, ablation.num_edges // 2, ablation.num_edges))
    assert found.name == name
    assert found.error[-1] < 1e-9 < found.error[1] < 1
    assert found.error[0] == pytest.approx(1) if name != "neuron" else found.error[0] > 0.3
    needed = ablation.edges_needed(0.1)
    assert ablation.error(needed) <= 0.1 < ablation.error(needed - 1)


@pytest.mark.slow
def test_an_edge_is_cut_where_it_ends(ablated):
    """In the basis of units, cutting edges of the first layer is setting weights to zero."""
    ablations, network, inputs = ablated
    ablation, kept = ablations["neuron"], 30
    weights = [np.asarray(section.weight) for section in network.sections]
    shares = [edges / edges.sum() for edges in ablation.graph.edges]
    least = np.sort(np.concatenate([each.ravel() for each in shares]))[-kept]
    cut = [np.where(each >= least, weight, 0) for each, weight in zip(shares, weights, strict=True)]
    outputs, whole = (
        rectified(*some, biases=[network.sections[0].bias, None]).activations(inputs)[-1] for some in (cut, weights)
    )
    assert ablation.error(kept) == pytest.approx(np.linalg.norm(outputs - whole) / np.linalg.norm(whole), rel=1e-10)


@pytest.mark.slow
def test_what_cannot_be_kept_is_refused(ablated):
    with pytest.raises(ValueError, match="edges to keep"):
        ablated[0]["neuron"].error(10**6)
    with pytest.raises(ValueError, match="with all"):
        ablated[0]["principal"].edges_needed(0.0)


def test_sparsity_of_weights():
    assert gini(np.full(7, 3.0)) == pytest.approx(0)
    assert gini([0, 0, 0, 5]) == pytest.approx(0.75)
    weights = np.abs(normal(0, 30))
    by_definition = np.abs(weights[:, None] - weights).sum() / (2 * 30 * weights.sum())
    assert gini(weights) == pytest.approx(by_definition)
    np.testing.assert_allclose(DecadesAbove(1e-2)(np.array([0, 1e-3, 1e-1, 10])), [0, 0, 1, 3], atol=1e-12)


def test_what_is_no_graph_is_refused(specialised):
    network, inputs, basis = specialised
    graph = interaction_graph(basis, inputs)
    for call, message in [
        (lambda: interaction_graph(basis, inputs, (0, 1)), "one whole number for each of the 6 outputs"),
        (lambda: interaction_graph(basis, inputs, (0, 0, 0, 2, 2, 2)), "without a gap"),
        (lambda: resolved(basis, inputs, network.contexts, -0.1), "at least 0"),
        (graph.context_partition, "no contexts"),
        (lambda: graph.from_layer(2), "begin in layers 0 to 1"),
        (lambda: modularity(-np.ones((2, 2)), [0, 1]), "not negative"),
        (lambda: DecadesAbove(0.0), "positive"),
        (lambda: gini([]), "must be some"),
        (lambda: unrolled(GatedLinear(jnp.ones(2), jnp.ones((2, 3, 4))), np.ones((2, 3))), "one such set of gates"),
        (lambda: unrolled(network.sections, np.ones((2, 3))), "one such set of gates"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
