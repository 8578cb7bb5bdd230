"""Gated sums of paths with hidden units, against their formulas in numpy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.networks import ByPath, BySoftmax, ByUnit, Convolutional, GatedMLP, GatedNetwork, Perceptron

PATHS, D_OUT, UNITS, D_IN = 3, 2, 4, 5
GATINGS = {"path": ByPath(), "unit": ByUnit(2.0), "softmax": BySoftmax(jnp.asarray(0.7))}


def made(gating, seed=0):
    network = GatedMLP.initialise(jax.random.key(seed), (PATHS, D_OUT, UNITS, D_IN), 1.0, gating)
    gates = jax.random.normal(jax.random.key(seed + 1), network.gates.shape)
    return eqx.tree_at(lambda tree: tree.gates, network, gates)


def by_hand(network, x, opened):
    total = np.zeros(D_OUT)
    for p in range(PATHS):
        features = np.maximum(np.asarray(network.hidden[p]) @ np.asarray(x), 0)
        total += np.asarray(network.readouts[p]) @ (opened[p] * features)
    return total


@pytest.fixture(scope="module")
def x():
    return jnp.asarray(np.random.default_rng(3).normal(size=D_IN))


@pytest.mark.parametrize("name", GATINGS)
def test_a_gated_perceptron_is_its_formula(name, x):
    network = made(GATINGS[name])
    gates = np.asarray(network.gates)
    opened = {
        "path": lambda: gates,
        "unit": lambda: 2.0 * gates,
        "softmax": lambda: np.exp(gates / 0.7) / np.exp(gates / 0.7).sum(),
    }[name]()
    np.testing.assert_allclose(network.open_gates(), opened, rtol=1e-14)
    np.testing.assert_allclose(network(x), by_hand(network, x, opened), rtol=1e-13)
    alone = [by_hand(network, x, np.eye(PATHS)[p]) for p in range(PATHS)]
    np.testing.assert_allclose(network.path_outputs(x), alone, rtol=1e-13)


@pytest.mark.parametrize("name", GATINGS)
def test_any_paths_are_the_same_sum(name, x):
    network = made(GATINGS[name])
    each = [Perceptron(u, v) for u, v in zip(network.hidden, network.readouts, strict=True)]
    general = GatedNetwork.of(each, GATINGS[name])
    assert not isinstance(general.paths, tuple)
    general = eqx.tree_at(lambda tree: tree.gates, general, network.gates)
    apart = GatedNetwork(network.gates, tuple(each), GATINGS[name])
    for other in (general, apart):
        np.testing.assert_allclose(other(x), network(x), rtol=1e-13)
        np.testing.assert_allclose(other.path_outputs(x), network.path_outputs(x), rtol=1e-13)


@pytest.mark.parametrize("gating", GATINGS.values())
def test_equal_gates_open_every_path_by_the_same_share(gating):
    network = GatedMLP.initialise(jax.random.key(0), (PATHS, D_OUT, UNITS, D_IN), 0.3, gating)
    np.testing.assert_allclose(network.open_gates(), 1 / PATHS, rtol=1e-15)


def test_initial_weights_have_the_size_that_is_asked_for():
    network = GatedMLP.initialise(jax.random.key(0), (20, 30, 40, 50), 0.3)
    assert float(jnp.std(network.hidden)) == pytest.approx(0.3 / 50**0.5, rel=0.02)
    assert float(jnp.std(network.readouts)) == pytest.approx(0.3 / 40**0.5, rel=0.02)


def test_paths_of_different_kinds_and_sizes(x):
    keys = jax.random.split(jax.random.key(0), 2)
    wide = eqx.nn.MLP(D_IN, D_OUT, 7, 2, key=keys[0])
    plain = eqx.nn.Linear(D_IN, D_OUT, key=keys[1])
    network = GatedNetwork.of((wide, plain))
    assert isinstance(network.paths, tuple)
    np.testing.assert_allclose(network(x), (np.asarray(wide(x)) + np.asarray(plain(x))) / 2, rtol=1e-14)


@pytest.mark.parametrize("gating", [ByPath(), ByUnit()])
def test_a_convolution_slides_its_kernels(gating):
    side, channels = 8, 2
    keys = jax.random.split(jax.random.key(0), 2)
    paths = [Convolutional.initialise(key, side, channels, D_OUT) for key in keys]
    assert paths[0].num_units == channels * 9
    image = np.random.default_rng(0).normal(size=(side, side))

    def alone(path):
        kernels, bias = (np.asarray(part) for part in (path.kernels.weight, path.kernels.bias))
        found = [
            np.sum(kernels[k, 0] * image[2 * r : 2 * r + 3, 2 * c : 2 * c + 3]) + bias[k, 0, 0]
            for k in range(channels)
            for r in range(3)
            for c in range(3)
        ]
        return np.maximum(found, 0)

    half = [np.asarray(path.outputs.weight) @ (0.5 * alone(path)) for path in paths]
    biases = [np.asarray(path.outputs.bias) * (0.5 if isinstance(gating, ByPath) else 1.0) for path in paths]
    network = GatedNetwork.of(paths, gating)
    np.testing.assert_allclose(network(jnp.asarray(image.ravel())), sum(half) + sum(biases), rtol=1e-12)


def test_what_does_not_fit_is_refused():
    linear = eqx.nn.Linear(D_IN, D_OUT, key=jax.random.key(0))
    network = made(ByPath())
    refused = {
        "positive and finite": [lambda: BySoftmax(jnp.asarray(0.0)), lambda: ByUnit(0.0)],
        "need gates of shape": [lambda: GatedMLP(jnp.ones(2), network.hidden, network.readouts)],
        "as many paths and units": [lambda: GatedMLP(network.gates, network.hidden, network.readouts[:, :, :2])],
        "NaN or infinity": [lambda: GatedMLP(network.gates, network.hidden * jnp.nan, network.readouts)],
        "at least one path": [
            lambda: GatedMLP.initialise(jax.random.key(0), (0, 1, 1, 1)),
            lambda: GatedNetwork.of(()),
        ],
        "for 1 paths": [lambda: GatedNetwork(jnp.ones(2), (linear,))],
        "does not say what its units are": [lambda: GatedNetwork(jnp.ones((1, 4)), (linear,), ByUnit())],
        "equally many units": [lambda: GatedNetwork.of((linear,), ByUnit())],
        "at least 3 pixels": [lambda: Convolutional.initialise(jax.random.key(0), 2, 1, 1)],
    }
    for message, calls in refused.items():
        for call in calls:
            with pytest.raises(ValueError, match=message):
                call()
