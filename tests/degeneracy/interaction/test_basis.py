"""The Interaction Basis: planted ranks, identities, invariance, and what it must not do."""

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy.interaction.basis import Construction, interaction_basis
from ntadyn.degeneracy.interaction.derivatives import AlongRays, AtData, Outputs, matrices
from ntadyn.degeneracy.interaction.frames import Centred
from ntadyn.degeneracy.interaction.other_bases import neuron_basis, principal_basis
from ntadyn.degeneracy.interaction.sections import Dense, Sections, chain, of_mlp
from tests.degeneracy.interaction.planted import inserted, normal, rectified


@pytest.fixture(scope="module")
def perceptron():
    return of_mlp(eqx.nn.MLP(5, 3, 9, 2, dtype=jnp.float64, key=jax.random.key(1))), normal(0, 200, 5)


def test_the_example_of_the_seed_has_rank_two():
    """T16: f = [a, 2a, b, a + b]."""
    units = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    basis = interaction_basis(rectified(normal(1, 3, 4) @ units, normal(2, 2, 3)), normal(0, 100, 2))
    linear = chain(Dense(jnp.asarray(units)), Dense(jnp.asarray(normal(1, 3, 4)), None, jax.nn.relu))
    found = interaction_basis(linear, normal(0, 100, 2))
    assert [found.layers[1].activations.rank, found.layers[1].interactions.rank] == [2, 2]
    assert found.layers[1].activations.gap > 1e12
    assert found.layers[1].dead == ()
    assert max(found.lost, basis.lost) < 1e-12


def test_the_second_example_of_the_seed():
    """f = [a, b, a + b, b + a] into [1 0 2 0; 0 1 0 2]: two directions, and the weights are C' W C+, not C W C'+."""
    units = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    weight = np.array([[1.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 2.0]])
    inputs = normal(0, 50, 2)
    basis = interaction_basis(chain(Dense(jnp.asarray(units)), Dense(jnp.asarray(weight))), inputs)
    layer, after = basis.layers[1:]
    assert layer.rank == 2
    changed = after.to_hat @ weight @ layer.from_hat
    before, outputs = basis.hats(inputs)[1:]
    np.testing.assert_allclose(before @ changed.T, outputs, atol=1e-12)
    np.testing.assert_allclose(outputs @ after.from_hat.T, inputs @ (weight @ units).T, atol=1e-12)
    assert (layer.to_hat @ weight.T).shape == (2, 2)  # the seed's order does not even fit in general


@pytest.mark.parametrize("reach", [None, pytest.param(Outputs(), marks=pytest.mark.slow)])
def test_planted_ranks(reach):
    """T17: five of eight directions are active, and the next layer does not see two of those."""
    mixing, active = normal(0, 8, 5), np.linalg.qr(normal(1, 8, 5))[0]
    seen = normal(2, 6, 8) @ (np.eye(8) - active[:, :2] @ active[:, :2].T)
    network = chain(
        Dense(jnp.asarray(active @ mixing.T)),
        Dense(jnp.asarray(seen), None, jax.nn.relu),
        Dense(jnp.asarray(normal(3, 2, 6))),
    )
    construction = Construction() if reach is None else Construction(reach=reach)
    basis = interaction_basis(network, normal(4, 300, 8), construction)
    layer = basis.layers[1]
    assert (layer.activations.rank, layer.interactions.rank) == (5, 3)
    assert min(layer.activations.gap, layer.interactions.gap) > 1e9
    assert basis.lost < 1e-9
    assert basis.status == "PRESERVED"


@pytest.mark.slow
@hypothesis.given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 100))
@hypothesis.settings(max_examples=6, suppress_health_check=list(hypothesis.HealthCheck))
def test_random_ranks_of_linear_networks(active, unseen, seed):
    """r_act is what is planted, and r_jac what is left of it."""
    unseen = min(unseen, active)
    directions = np.linalg.qr(normal(seed, 7, active))[0]
    seen = normal(seed + 1, 8, 7) @ (np.eye(7) - directions[:, :unseen] @ directions[:, :unseen].T)
    network = chain(Dense(jnp.asarray(directions @ normal(seed + 2, active, 6))), Dense(jnp.asarray(seen)))
    basis = interaction_basis(network, normal(seed + 3, 40, 6))
    assert basis.layers[1].activations.rank == active
    # With nothing seen at all, the largest singular value is rounding itself.
    if unseen < active:
        assert basis.layers[1].interactions.rank == active - unseen
        assert basis.preserved


@pytest.mark.slow
@pytest.mark.parametrize(
    "construction",
    [
        Construction(),
        pytest.param(Construction(derivative=AlongRays(3)), marks=pytest.mark.slow),
        pytest.param(Construction(reach=Outputs()), marks=pytest.mark.slow),
        pytest.param(Construction(frame=Centred()), marks=pytest.mark.slow),
    ],
)
def test_identities(perceptron, construction):
    """T18: E[fhat fhat^T] = diag(lambda), E[Jhat^T Jhat] = 1, C C+ = 1."""
    sections, inputs = perceptron
    basis = interaction_basis(sections, inputs, construction)
    assert basis.lost < 1e-9
    for at, (layer, hats) in enumerate(zip(basis.layers[:-1], basis.hats(inputs)[:-1], strict=True)):
        free = slice(layer.num_apart, None)
        np.testing.assert_allclose(hats[:, free].T @ hats[:, free] / len(hats), np.diag(layer.strengths), atol=1e-10)
        np.testing.assert_allclose(layer.to_hat @ layer.from_hat, np.eye(len(layer.to_hat)), atol=1e-10)
        target = construction.reach.target(basis.sections, at, jnp.asarray(basis.layers[at + 1].to_hat))
        points = basis.sections.activations(inputs)[at]
        acting = np.concatenate([part for _, part in matrices(construction.derivative, target, points)])
        acting = acting @ layer.from_hat[:, free]
        gram = np.einsum("nri,nrj->ij", acting, acting) / len(inputs)
        np.testing.assert_allclose(gram, np.eye(layer.rank), atol=1e-10)


@pytest.mark.slow
def test_integrated_is_jacobian_for_rectified_sections_with_folded_biases(perceptron):
    sections, inputs = perceptron
    at_data = interaction_basis(sections, inputs)
    along = interaction_basis(sections, inputs, Construction(derivative=AlongRays(3)))
    for one, other in zip(at_data.layers, along.layers, strict=True):
        np.testing.assert_allclose(one.strengths, other.strengths, rtol=1e-10)


@pytest.mark.slow
def test_integrated_derivatives_are_complete():
    """Times f they give g(f) - g(0), and g(0) = 0 once biases are folded."""
    weights = jnp.asarray(normal(0, 4, 3))
    section = Dense(weights, jnp.asarray(normal(1, 4)), jnp.tanh)
    sections = chain(section, Dense(jnp.asarray(normal(2, 2, 4))))
    inputs = normal(3, 20, 3)
    points, after = sections.activations(inputs)[:2]
    target = Outputs().target(Sections((section,), constant=True), 0, jnp.eye(4))
    for derivative, complete in ((AlongRays(24), True), (AtData(), False)):
        ((_, found),) = matrices(derivative, target, points)
        off = np.max(np.abs(np.einsum("nrd,nd->nr", found, points) - after[:, :-1]))
        assert (off < 1e-10) == complete


@pytest.mark.slow
@pytest.mark.parametrize("layer", [1, 2])
def test_invariance_under_reparametrisation(layer):
    """T19, for maps of condition up to a thousand, with signs fixed by the data."""
    network, inputs = rectified(normal(0, 6, 4), normal(1, 5, 6), normal(2, 3, 5)), normal(3, 100, 4)
    left, _, right = np.linalg.svd(normal(4, 7 - layer, 7 - layer))
    matrix = left * np.logspace(0, 3, 7 - layer) @ right
    basis = interaction_basis(network, inputs)
    other = interaction_basis(inserted(network, layer, matrix), inputs)
    for one, two in zip(basis.layers, other.layers, strict=True):
        np.testing.assert_allclose(one.strengths, two.strengths, rtol=1e-8)
    for one, two in zip(basis.hats(inputs), other.hats(inputs), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-8 * np.abs(one).max())
    # The units themselves, and principal directions, are not.
    kinds = [neuron_basis, principal_basis]
    pairs = [(kind(network, inputs), kind(inserted(network, layer, matrix), inputs)) for kind in kinds]
    assert all(np.max(np.abs(a.layers[layer].strengths / b.layers[layer].strengths - 1)) > 0.1 for a, b in pairs)


def test_dead_units_are_listed_and_dropped():
    """T20: a unit that never fires, which moving along directions that nobody sees would wake."""
    first, second = normal(0, 6, 4), normal(1, 5, 6)
    first[2] = np.abs(first[2])
    inputs = normal(2, 200, 4)
    biases = [np.array([0, 0, -50.0, 0, 0, 0]), None, None]
    basis = interaction_basis(rectified(first, second, normal(3, 2, 5), biases=biases), inputs)
    assert basis.layers[1].dead == (2,)
    assert np.all(basis.layers[1].to_hat[:, 2] == 0)
    assert np.all(basis.layers[1].from_hat[2] == 0)
    assert basis.lost < 1e-9


@pytest.mark.slow
def test_a_dead_unit_that_wakes_does_no_harm():
    """Only the dead unit reads one input: the basis drops that input, and without it the unit would fire."""
    first = np.array([[1.0, 0.5, 0.0], [-0.3, 1.0, 0.0], [3.0, 0.0, -40.0]])
    inputs = normal(0, 300, 3)
    inputs[:, 2] = 1 + inputs[:, 2] ** 2
    basis = interaction_basis(rectified(first, normal(1, 2, 3)), inputs)
    assert basis.layers[1].dead == (2,)
    assert basis.layers[0].interactions.rank == 2
    rebuilt = inputs @ (basis.layers[0].from_hat @ basis.layers[0].to_hat).T
    assert np.any(rebuilt @ first[2] > 0)
    assert basis.lost < 1e-12


def test_a_direction_that_matters_only_far_away_is_not_preserved():
    """A step has no slope at any data point, yet the outputs depend on which side of it they are."""
    network = Sections((lambda f: jnp.stack([f[0], f[1] ** 2 * jnp.sign(f[0] - 10)]), Dense(jnp.ones((1, 2)))))
    steep = Sections((lambda f: jnp.stack([f[0], jnp.heaviside(f[1], 0.0)]), Dense(jnp.ones((1, 2)))))
    inputs = normal(0, 50, 2)
    assert interaction_basis(network, inputs).preserved
    basis = interaction_basis(steep, inputs)
    assert basis.layers[0].interactions.rank == 1
    assert basis.status == "NOT_PRESERVED"
    assert basis.lost > 0.1


@pytest.mark.slow
def test_blocks_stay_apart_where_data_do():
    """T25: two blocks, on all pairs of inputs of either; raw activations mix through their means."""
    weights = [np.zeros((6, 4)), np.zeros((6, 6)), np.zeros((2, 6))]
    for seed, weight in enumerate(weights):
        rows, columns = (size // 2 for size in weight.shape)
        weight[:rows, :columns] = normal(seed, rows, columns)
        weight[rows:, columns:] = normal(seed + 10, rows, columns)
    one, other = normal(5, 20, 2), normal(6, 20, 2)
    inputs = np.concatenate([np.repeat(one, 20, axis=0), np.tile(other, (20, 1))], axis=1)
    centred = interaction_basis(rectified(*weights), inputs, Construction(frame=Centred()))
    for layer in centred.layers[1:-1]:
        block = np.abs(layer.to_hat[layer.num_apart :, :-1])
        left, right = block[:, :3].max(axis=1), block[:, 3:].max(axis=1)
        assert np.all(np.minimum(left, right) < 1e-10 * np.maximum(left, right))
    raw = interaction_basis(rectified(*weights), inputs).layers[1].to_hat
    assert np.max(np.minimum(np.abs(raw[:, :3]).max(axis=1), np.abs(raw[:, 3:]).max(axis=1))) > 0.05


@pytest.mark.slow
def test_a_network_without_activity_has_no_directions():
    basis = interaction_basis(rectified(-np.ones((3, 2)), np.ones((1, 3))), np.abs(normal(0, 20, 2)))
    assert [layer.rank for layer in basis.layers] == [0, 0, 1]
    assert basis.layers[1].dead == (0, 1, 2)
    assert basis.lost == 0


def test_bad_inputs_are_refused(perceptron):
    sections, inputs = perceptron
    with pytest.raises(ValueError, match="do not take inputs"):
        interaction_basis(sections, inputs[:, :3])
    with pytest.raises(ValueError, match="finite"):
        interaction_basis(sections, np.full((3, 5), np.nan))
    with pytest.raises(ValueError, match="float64"):
        interaction_basis(chain(Dense(jnp.ones((2, 5), jnp.float32))), inputs)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Construction(tolerance=0.0)
    with pytest.raises(ValueError, match="at least one node"):
        AlongRays(0)
    with pytest.raises(ValueError, match="at least one section"):
        chain()
    with pytest.raises(ValueError, match="biases"):
        Dense(jnp.ones((2, 5)), jnp.ones(3))
    with pytest.raises(ValueError, match="in the sections|each other"):
        interaction_basis(chain(lambda f: f.reshape(5, 1), lambda f: f.ravel()), inputs)
