import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.networks import GatedLinear, NeuronGatedLinear

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
