import dataclasses

import equinox as eqx
import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_7, figure_a15
from experiments.sandbrink_2024.numbers import images as numbers
from experiments.sandbrink_2024.runs import images
from experiments.sandbrink_2024.runs.feature_network import FeatureNetwork, Features, learned_features
from experiments.sandbrink_2024.runs.images import FLEXIBLE, FLEXIBLE_L1, FORGETFUL, REGIMES, Parameters
from ntadyn.continual import shuffled_epochs
from ntadyn.tasks import digits
from ntadyn.tasks.images import IDENTITY, PARITY, ImageSet, relabelled
from tests.misses import outside, stated

SMALL = Parameters(num_seeds=2, num_blocks=3, steps=6, record_every=3, batch=4, seed=1)


@pytest.fixture(scope="module")
def features():
    """Thirty made-up features of four numbers, large enough for gates to be driven below zero; five held out."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 30)
    values = 6 * rng.normal(size=(10, 4))[labels] + rng.normal(size=(30, 4))
    return values, labels, np.arange(30) >= 25


@pytest.fixture(scope="module")
def readouts(features):
    return images.readouts_dataset(relabelled(*features, {"A": IDENTITY, "B": PARITY}), SMALL)


def by_hand(features, regime: images.Regime, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Gates and accuracy on both tasks after every step, in NumPy: (steps + 1, 2), (steps + 1, 2)."""
    values, labels, held_out = features
    of_network, of_order = jax.random.split(jax.random.split(jax.random.key(SMALL.seed), SMALL.num_seeds)[seed])
    order = np.asarray(shuffled_epochs(of_order, (25, 25), SMALL.batch, 12))
    weights = 1e-4 / 2 * np.asarray(jax.random.normal(of_network, (2, 10, 4)))
    gates, pointer, found, right = np.full(2, 0.5), [0, 0], [], []
    names = np.asarray([IDENTITY, PARITY])

    def record():
        found.append(gates)
        answers = np.argmax(values[held_out] @ np.einsum("p,poi->oi", gates, weights).T, axis=1)
        right.append([np.mean(answers == names[task][labels[held_out]]) for task in (0, 1)])

    record()
    for step in range(SMALL.num_blocks * SMALL.steps):
        task = step // SMALL.steps % 2
        rows = order[task, pointer[task]]
        pointer[task] += 1
        x, target = values[~held_out][rows], np.eye(10)[names[task][labels[~held_out][rows]]]
        logits = x @ np.einsum("p,poi->oi", gates, weights).T
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        slope = (p / p.sum(axis=1, keepdims=True) - target).T @ x / len(rows)
        l1, l2 = np.abs(gates).sum(), np.linalg.norm(gates)
        of_gates = np.einsum("poi,oi->p", weights, slope) - regime.nonnegative * (gates < 0)
        of_gates = of_gates + regime.unit_l1 * (l1 - 1) * np.sign(gates) + regime.unit_l2 * (l2 - 1) * gates / l2
        of_weights = gates[:, None, None] * slope
        # The published rates: 1e-4 for weights, 0.2 for fast gates.
        weights = weights - 1e-4 * of_weights
        gates = gates - (0.2 if regime.gates == 0.5 else 1e-4) * of_gates
        record()
    return np.asarray(found), np.asarray(right)


@pytest.mark.representatives(2)
@pytest.mark.parametrize("name", REGIMES)
def test_readouts_are_those_of_numpy(readouts, features, name):
    # Records are at steps 0, 3, 6 of every block, the last of one block and the first of the next at the same step.
    steps = np.array([0, 3, 6, 6, 9, 12, 12, 15, 18])
    task = np.repeat([0, 1, 0], 3)
    np.testing.assert_allclose(readouts.time, 0.1 * steps)
    for seed in range(SMALL.num_seeds):
        gates, right = by_hand(features, REGIMES[name], seed)
        found = readouts.sel(regime=name).isel(seed=seed)
        np.testing.assert_allclose(found.gates, gates[steps], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.accuracy, right[steps, task], rtol=1e-12)
        np.testing.assert_allclose(found.accuracy_other, right[steps, 1 - task], rtol=1e-12)
    assert np.all(readouts.result == 0)


def test_published_rates():
    flexible, _, forgetful = REGIMES.values()
    assert (images.STEP / flexible.gates, images.STEP / flexible.weights) == pytest.approx((0.2, 1e-4))
    assert forgetful.gates == forgetful.weights == flexible.weights


@pytest.fixture(scope="module")
def network():
    return FeatureNetwork.initialise(jax.random.key(2), (6, 7), 5)


@pytest.mark.parametrize(("side", "flat"), [(8, 48), (28, 1728)])
def test_sizes_of_layers(side, flat):
    network = eqx.filter_eval_shape(FeatureNetwork.initialise, jax.random.key(1), (side, side), None)
    assert network.convolution.weight.shape == (3, 1, 4, 4)
    assert (network.wide.weight.shape, network.narrow.weight.shape) == ((512, flat), (64, 512))
    assert (network.bottleneck, network.readout.weight.shape) == (None, (10, 64))


@pytest.mark.slow
def test_layers_start_uniform_within_the_root_of_their_fan_in(network):
    layers = {
        16: network.convolution,
        18: network.wide,
        512: network.narrow,
        64: network.bottleneck,
        5: network.readout,
    }
    for fan_in, layer in layers.items():
        for leaf in (np.asarray(layer.weight), np.asarray(layer.bias)):
            assert leaf.dtype == np.float32
            assert 0.2 < np.abs(leaf).max() * fan_in**0.5 <= 1
    scaled = np.asarray(network.narrow.weight).ravel() * 512**0.5
    # Uniform on (-1, 1): a mean square of a third, and nothing beyond.
    assert np.abs(scaled).max() > 0.999
    assert np.mean(scaled**2) == pytest.approx(1 / 3, abs=0.01)


def test_features_are_what_the_layers_make_of_pixels(network):
    pixels = np.random.default_rng(0).random((6, 7)).astype(np.float32)
    centred, weight = 2 * pixels.astype(float) - 1, np.asarray(network.convolution.weight[:, 0], float)
    seen = np.stack([(weight * centred[r : r + 4, c : c + 4]).sum((1, 2)) for r in range(3) for c in range(4)], 1)
    seen = seen.reshape(3, 3, 4) + np.asarray(network.convolution.bias, float)
    pooled = np.max([seen[:, r : r + 2, c : c + 3] for r in (0, 1) for c in (0, 1)], axis=0)
    h = np.maximum(pooled, 0).ravel()
    for layer, bend in (
        (network.wide, lambda x: 1 / (1 + np.exp(-x))),
        (network.narrow, lambda x: np.maximum(x, 0)),
        (network.bottleneck, lambda x: np.maximum(x, 0)),
    ):
        assert layer is not None
        h = bend(np.asarray(layer.weight, float) @ h + np.asarray(layer.bias, float))
    np.testing.assert_allclose(network.features(pixels), h, rtol=1e-5, atol=1e-6)
    assert network(pixels).shape == (10,)


@pytest.mark.parametrize(("shape", "bottleneck"), [((4, 8), None), ((8, 8), 0)])
def test_images_too_small_for_the_network_are_refused(shape, bottleneck):
    with pytest.raises(ValueError, match="at least 5 x 5 pixels, and a bottleneck at least 1"):
        FeatureNetwork.initialise(jax.random.key(0), shape, bottleneck)


def test_rescaling_is_one_factor_measured_on_practised_images():
    values = np.random.default_rng(1).normal(size=(6, 3))
    rows = np.arange(6) < 4
    found = Features(values, 1.0, 1.0).rescaled(rows, 1250.0)
    assert found.mean_squared_norm(rows) == pytest.approx(1250)
    np.testing.assert_allclose(found.values / values, (found.values / values)[0, 0])
    assert Features(values[:4], 1.0, 1.0).rescaled(rows[:4], 1250.0).values[0, 0] == found.values[0, 0]


@pytest.fixture
def as_experiments_do():
    """Optax mixes integer counts with floats; runs may be in threads, which see the setting of the process."""
    before = jax.config.values["jax_numpy_dtype_promotion"]
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    yield
    jax.config.update("jax_numpy_dtype_promotion", before)


@pytest.fixture
def data():
    """Made up: flexible networks are at 0.97 five steps after a switch, forgetful ones rise to 0.9 over each block."""
    blocks, per_block = np.repeat(np.arange(6), 201), np.tile(np.arange(201), 6)
    time = 100.0 * blocks + 0.5 * per_block
    rise = np.where(per_block == 0, 0.2, 0.97)
    slow = 0.2 + 0.72 * per_block / 200
    accuracy = np.stack([rise, rise, slow])[:, None] * np.ones((1, 2, 1))
    task = blocks % 2
    gates = {FLEXIBLE: (0.2, 2.7), FLEXIBLE_L1: (0.05, 1.5), FORGETFUL: (0.8, 0.8)}
    one = np.stack([np.stack([np.where(task == 0, b, a), np.where(task == 0, a, b)], -1) for a, b in gates.values()])
    # The second seed has its paths the other way round.
    both = np.stack([one, one[..., ::-1]], axis=1)
    dims = ("regime", "seed", "record")
    readouts = xr.Dataset(
        {"accuracy": (dims, accuracy), "gates": ((*dims, "path"), both), "result": (dims[:2], np.zeros((3, 2), int))},
        {"regime": list(REGIMES), "time": ("record", time), "block": ("record", blocks)},
    )
    found = digits.images()
    features = images.features_dataset(found, *[Features(np.ones((len(found.labels), 64)), 1.0, 0.975)] * 2)
    features["fixed"] = ("naming", [0.2, 0.2])
    return {"features": features, "parity": readouts, "warm_cool": readouts}


@pytest.mark.parametrize("figure", [figure_7, figure_a15])
def test_what_is_as_it_must_be_is_accepted(data, figure):
    rows = figure.accept(data)
    assert outside(rows) == []
    assert sum(row.verdict is Verdict.PASSED for row in rows) >= 8


def test_measures(data):
    readouts = data["parity"]
    # Linear between the records at 0 (0.2) and at 0.5 (0.97).
    np.testing.assert_allclose(numbers.time_to(readouts, FLEXIBLE, 0.9), 0.5 * 0.7 / 0.77)
    np.testing.assert_allclose(numbers.time_to(readouts, FORGETFUL, 0.9), 100 * 0.7 / 0.72)
    assert np.all(np.isinf(numbers.time_to(readouts, FORGETFUL, 0.95)))
    np.testing.assert_allclose(numbers.accuracy_after(readouts, FORGETFUL, 100), 0.2 + 0.072)
    np.testing.assert_allclose(numbers.accuracy_at_end(readouts, FORGETFUL), 0.92)
    gates = numbers.sorted_gates(readouts, FLEXIBLE)
    np.testing.assert_allclose(gates[:, -1], [[0.2, 2.7]] * 2)
    np.testing.assert_allclose(gates[:, 0], [[2.7, 0.2]] * 2)
    np.testing.assert_allclose(numbers.distance_when_learned(readouts, FLEXIBLE), np.hypot(0.2, 1.7))
    assert np.all(np.isnan(numbers.distance_when_learned(readouts, FORGETFUL, 0.95)))


def test_a_network_that_is_slow_or_stuck_is_refused(data):
    def names(regime, rows) -> list[str]:
        other = data["parity"].copy(deep=True)
        other.accuracy.loc[{"regime": regime}] = rows(other.accuracy.sel(regime=regime).values)
        return outside(figure_7.accept({**data, "parity": other}))

    fast = data["parity"].accuracy.sel(regime=FLEXIBLE).values
    assert "parity, forgetful: time to 90 %, fastest late block" in names(FORGETFUL, lambda _: fast)
    slow = data["parity"].accuracy.sel(regime=FORGETFUL).values
    assert "parity, flexible, L1: time to 90 %, slowest late block" in names(FLEXIBLE_L1, lambda _: slow)
    stuck = names(FLEXIBLE, lambda accuracy: np.full_like(accuracy, 0.2))
    assert "parity, flexible, L2: time to 90 %, slowest late block" in stuck
    assert "parity, flexible, L2: accuracy at the end of late blocks" in stuck
    known = names(FLEXIBLE, lambda accuracy: np.full_like(accuracy, 0.97))
    assert known == ["parity, flexible, L2: accuracy at a switch"]


@pytest.mark.parametrize(("figure", "axes"), [(figure_7, 4), (figure_a15, 4)])
def test_pictures_say_what_the_images_are(data, figure, axes):
    picture = figure.plot(data)
    assert len(picture.axes) == axes
    assert "8x8 digits (scikit-learn): a fifth of every digit held out by seed 0" in picture.get_suptitle()
    plt.close(picture)


def test_a_bad_folder_is_refused_before_any_simulation(tmp_path):
    with pytest.raises(ValueError, match="has no t10k-images-idx3-ubyte"):
        figure_7.with_images(figure_7.PARAMETERS, tmp_path)


def test_both_figures_read_one_run():
    (one,), (other,) = (figure.runs(figure.PARAMETERS) for figure in (figure_7, figure_a15))
    assert one.place == other.place


@pytest.mark.slow
@pytest.mark.usefixtures("optimised", "as_experiments_do")
def test_quick_run_is_accepted_but_for_what_is_stated():
    """Two seeds, four blocks of 600 steps, features of fewer steps."""
    found = simulated(figure_7, figure_7.FAST)
    for name, figure in (("figure_7", figure_7), ("figure_a15", figure_a15)):
        assert set(outside(figure.accept(found))) <= set(stated(name, fast=True))
    assert "parity, flexible, L1: accuracy 100 steps after the third switch" in {
        row.name for row in figure_7.accept(found) if row.verdict is Verdict.PASSED
    }


@pytest.mark.slow
@pytest.mark.usefixtures("optimised", "as_experiments_do")
def test_a_folder_of_mnist_is_learned(shared):
    quick = dataclasses.replace(figure_7.FAST, feature_steps=40, num_seeds=1, num_blocks=2, steps=50)
    found = simulated(figure_7, figure_7.with_images(quick, shared / "data"))
    assert found["features"].attrs["name"] == "data, 28x28 (IDX)"
    assert "10000 images of t10k alone, split 80/20 by seed 0" in figure_7.plot(found).get_suptitle()
    assert int(found["features"].num_held_out) == 2000
    assert float(found["features"].accuracy) > 0.6
    assert np.all(numbers.accuracy_at_end(found["parity"], FLEXIBLE)[:, 0] > 0.5)
    plt.close("all")


@pytest.mark.slow
@pytest.mark.usefixtures("as_experiments_do")
def test_features_of_few_images_are_learned():
    """Two stripes, up and across: told apart after some steps, with fewer images than a batch holds."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)
    pixels = 0.1 * rng.random((40, 6, 6))
    pixels[labels == 0, 2:4] += 0.8
    pixels[labels == 1, :, 2:4] += 0.8
    found = learned_features(ImageSet(pixels.astype(np.float32), labels, np.arange(40) >= 30, "stripes", ""), 150)
    assert found.values.shape == (40, 64)
    assert (found.practised, found.held_out) == (1.0, 1.0)
