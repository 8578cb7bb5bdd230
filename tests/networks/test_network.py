import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.networks import DeepLinear, GatedLinear, NeuronGatedLinear
from tests.systems import general_network

WEIGHTS = np.ones((2, 3, 4))
KINDS = pytest.mark.parametrize(("kind", "gates"), [(GatedLinear, np.ones(2)), (NeuronGatedLinear, np.ones((2, 3)))])


@KINDS
def test_wrong_shapes_are_refused(kind, gates):
    with pytest.raises(ValueError, match=r"need gates of shape .*; got \(3,\)"):
        kind(np.ones(3), WEIGHTS)
    with pytest.raises(ValueError, match=r"\(paths, d_out, d_in\); got \(2, 3\)"):
        kind(gates, WEIGHTS[:, :, 0])


@KINDS
def test_mixed_or_integer_dtypes_are_refused(kind, gates):
    with pytest.raises(ValueError, match="gates are float32 and weights are float64; give both the same"):
        kind(gates.astype(np.float32), WEIGHTS)
    with pytest.raises(ValueError, match="floating-point; got int64"):
        kind(gates.astype(np.int64), WEIGHTS.astype(np.int64))


@KINDS
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(kind, gates, bad):
    with pytest.raises(ValueError, match="gates contain NaN or infinity"):
        kind(gates * bad, WEIGHTS)
    with pytest.raises(ValueError, match="weights contain NaN or infinity"):
        kind(gates, WEIGHTS * bad)


@KINDS
def test_initial_values_have_the_documented_size(kind, gates):
    network = kind.initialise(jax.random.key(0), (2, 30, 50), 0.1, 0.25)
    assert network.gates.shape == (2, 30)[: gates.ndim]
    np.testing.assert_array_equal(network.gates, 0.25)
    # 3000 draws: the sample deviation is off by one part in 77 (one standard error); four of those are allowed.
    assert float(jnp.std(network.weights)) == pytest.approx(0.1 / 50**0.5, rel=4 / (2 * 3000) ** 0.5)
    for shape in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="at least one path, one output and one input"):
            kind.initialise(jax.random.key(0), shape)


def test_the_map_of_a_network_is_the_sum_of_its_gated_paths():
    key_gates, key_weights, key_input = jax.random.split(jax.random.key(1), 3)
    weights, x = jax.random.normal(key_weights, (2, 3, 4)), jax.random.normal(key_input, (4,))
    row_gates = jax.random.normal(key_gates, (2, 3))
    per_neuron = NeuronGatedLinear(row_gates, weights)
    expected = sum(np.asarray(row_gates[p]) * (np.asarray(weights[p]) @ np.asarray(x)) for p in range(2))
    np.testing.assert_allclose(per_neuron(x), expected, rtol=1e-12)
    per_path = GatedLinear(row_gates[:, 0], weights)
    np.testing.assert_allclose(
        per_path(x), NeuronGatedLinear(jnp.repeat(row_gates[:, :1], 3, 1), weights)(x), rtol=1e-12
    )


def test_two_layers_are_refused_where_they_do_not_fit():
    with pytest.raises(ValueError, match=r"\(units, d_in\); got \(2, 3, 4\)"):
        DeepLinear(np.ones((2, 3)), WEIGHTS)
    with pytest.raises(ValueError, match=r"weights of shape \(3, 4\) need gates of shape \(3, 2\); got \(5, 2\)"):
        DeepLinear(np.ones((5, 2)), WEIGHTS[0])
    with pytest.raises(ValueError, match=r"need gates of shape \(3, 3\); got \(3,\)"):
        DeepLinear(np.ones(3), WEIGHTS[0])
    with pytest.raises(ValueError, match="gates contain NaN or infinity"):
        DeepLinear(np.full((3, 2), np.nan), WEIGHTS[0])
    with pytest.raises(ValueError, match="at least one path, one output and one input"):
        DeepLinear.initialise(jax.random.key(0), (0, 2, 3))


def test_both_layers_start_at_the_same_published_size():
    network = DeepLinear.initialise(jax.random.key(0), (60, 50, 25), 0.1)
    # 3000 and 1500 draws; four standard errors are allowed.
    assert float(jnp.std(network.second_layer)) == pytest.approx(0.1 / 25**0.5, rel=4 / (2 * 3000) ** 0.5)
    assert float(jnp.std(network.first_layer)) == pytest.approx(0.1 / 25**0.5, rel=4 / (2 * 1500) ** 0.5)
    correlation = np.corrcoef(network.second_layer[:25].T.ravel(), network.first_layer.ravel())[0, 1]
    assert abs(correlation) < 4 / 1500**0.5
    np.testing.assert_array_equal(DeepLinear.initialise(jax.random.key(0), (6, 5, 2), gate=0.25).gates, 0.25)


def test_two_layers_map_as_a_product_of_matrices():
    network = general_network(DeepLinear, paths=4)
    x = jnp.asarray([0.3, -0.2, 0.7])
    np.testing.assert_allclose(network(x), network.second_layer @ (network.first_layer @ x), rtol=1e-14)


def test_a_block_diagonal_second_layer_gates_single_neurons():
    gated = general_network(NeuronGatedLinear, paths=2)
    second_layer = jnp.concatenate([jnp.diag(gates) for gates in gated.gates], axis=1)
    # Unit p d_out + i carries row i of path p: the row order that published matchings refer to.
    deep = DeepLinear(second_layer.T, gated.weights.reshape(4, 3))
    np.testing.assert_allclose(deep.total_map(), gated.total_map(), rtol=0, atol=1e-15)


@pytest.mark.parametrize("kind", [GatedLinear, NeuronGatedLinear, DeepLinear])
def test_what_a_network_says_of_its_map_is_true_of_its_derivative(kind):
    network = general_network(kind)
    by_rows = jnp.einsum("po,poi->oi", network.row_gates(), network.row_weights())
    np.testing.assert_allclose(network.total_map(), by_rows, rtol=0, atol=1e-15)
    remap = lambda weights: kind(network.gates, weights).total_map()  # noqa: E731
    change = jax.random.normal(jax.random.key(2), (2, 3))
    _, pull_back = jax.vjp(remap, network.weights)
    np.testing.assert_allclose(network.pull_back(change), pull_back(change)[0], rtol=0, atol=1e-15)
    rates, directions = network.output_modes()
    directions = jnp.eye(2) if directions is None else directions
    expected = (directions * rates[None]) @ directions.T @ change
    np.testing.assert_allclose(remap(network.pull_back(change)), expected, rtol=0, atol=1e-14)
