"""The convolutional network whose features figures 7 and A15 read out: trained once, then frozen."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ntadyn.continual import shuffled_epochs
from ntadyn.tasks.images import NUM_CLASSES, ImageSet

CHANNELS, KERNEL, WIDE, NARROW = 3, 4, 512, 64
RATE, DECAY, BATCH, SEED = 1e-3, 1e-4, 512, 5678
_AT_ONCE = 1000  # images whose features are computed together


class FeatureNetwork(eqx.Module):
    """Convolution, pooling and two layers to features; one linear layer from these to classes.

    Convolution 1 -> 3 with kernel 4, maxima over 2 x 2 at stride 1, relu; linear to 512, sigmoid; linear to 64, relu;
    where there is a bottleneck, linear to it, relu. All weights and biases start uniform within 1/sqrt(fan-in), which
    is what Equinox does. In float32.

    Attributes:
        convolution: `(1, H, W)` -> `(3, H - 3, W - 3)`.
        pool: to `(3, H - 4, W - 4)`.
        wide: to 512.
        narrow: to 64.
        bottleneck: from 64 to the features, or None if these are the 64.
        readout: from the features to classes.
    """

    convolution: eqx.nn.Conv2d
    pool: eqx.nn.MaxPool2d
    wide: eqx.nn.Linear
    narrow: eqx.nn.Linear
    bottleneck: eqx.nn.Linear | None
    readout: eqx.nn.Linear

    @classmethod
    def initialise(cls, key: PRNGKeyArray, shape: tuple[int, int], bottleneck: int | None) -> "FeatureNetwork":
        """A fresh network.

        Args:
            key: of all layers, each of which has one of its own.
            shape: height and width of an image.
            bottleneck: number of features, or None for the 64 of the layer before.

        Raises:
            ValueError: for images smaller than 5 x 5, or a bottleneck that is not positive.
        """
        if min(shape) <= KERNEL or (bottleneck is not None and bottleneck < 1):
            raise ValueError(
                f"FeatureNetwork: got images of {shape} pixels and a bottleneck of {bottleneck}; images need at least "
                f"{KERNEL + 1} x {KERNEL + 1} pixels, and a bottleneck at least 1 unit, or None."
            )
        keys = jax.random.split(key, 5)

        def linear(into: int, out: int, at: int) -> eqx.nn.Linear:
            return eqx.nn.Linear(into, out, key=keys[at], dtype=jnp.float32)

        flat = CHANNELS * (shape[0] - KERNEL) * (shape[1] - KERNEL)
        return cls(
            eqx.nn.Conv2d(1, CHANNELS, KERNEL, key=keys[0], dtype=jnp.float32),
            eqx.nn.MaxPool2d(2),
            linear(flat, WIDE, 1),
            linear(WIDE, NARROW, 2),
            None if bottleneck is None else linear(NARROW, bottleneck, 3),
            linear(NARROW if bottleneck is None else bottleneck, NUM_CLASSES, 4),
        )

    def features(self, pixels: Float[Array, "h w"]) -> Float[Array, " f"]:
        """What enters the last layer, for one image of pixels between 0 and 1."""
        centred = (pixels[None] - 0.5) / 0.5
        seen = jax.nn.relu(self.pool(self.convolution(centred))).reshape(-1)
        found = jax.nn.relu(self.narrow(jax.nn.sigmoid(self.wide(seen))))
        return found if self.bottleneck is None else jax.nn.relu(self.bottleneck(found))

    def __call__(self, pixels: Float[Array, "h w"]) -> Float[Array, " k"]:
        """The logarithms of class probabilities, up to a constant, for one image."""
        return self.readout(self.features(pixels))


class Features(NamedTuple):
    """Frozen features of a set of images.

    Attributes:
        values: `(n, features)`.
        practised, held_out: the share of images that the network itself classifies correctly.
    """

    values: np.ndarray
    practised: float
    held_out: float

    def mean_squared_norm(self, rows: np.ndarray) -> float:
        """The mean of |h|^2 over some images."""
        return float(np.mean(np.sum(self.values[rows] ** 2, axis=1)))

    def rescaled(self, rows: np.ndarray, squared_norm: float) -> "Features":
        """The same times one factor, so that the mean of |h|^2 over some images is `squared_norm`."""
        factor = np.sqrt(squared_norm / self.mean_squared_norm(rows))
        return self._replace(values=self.values * factor)


def learned_features(images: ImageSet, steps: int, bottleneck: int | None = None) -> Features:
    """Features of all images, of a network that has learned the classes of those that are not held out.

    AdamW on batches of 512 (of all, if there are fewer), shuffled anew for every epoch, the last partial batch dropped.

    Args:
        images: the set.
        steps: of training.
        bottleneck: number of features, see `FeatureNetwork.initialise`.
    """
    of_network, of_order = jax.random.split(jax.random.key(SEED))
    network = FeatureNetwork.initialise(of_network, (images.pixels.shape[1], images.pixels.shape[2]), bottleneck)
    rows = np.flatnonzero(~images.held_out)
    order = shuffled_epochs(of_order, (len(rows),), min(BATCH, len(rows)), steps)[0]
    pixels, labels = jnp.asarray(images.pixels[rows]), jnp.asarray(images.labels[rows])
    rule = optax.adamw(RATE, weight_decay=DECAY)
    state = rule.init(eqx.filter(network, eqx.is_inexact_array))  # pyright: ignore[reportArgumentType]
    # A step takes milliseconds, beside which a call from Python costs nothing.
    for batch in order:
        network, state = _step(rule, network, state, pixels, labels, batch)
    parts = [
        _read(network, jnp.asarray(part)) for part in np.array_split(images.pixels, -(-len(images.labels) // _AT_ONCE))
    ]
    values, classes = (np.concatenate([np.asarray(part[at]) for part in parts]) for at in (0, 1))
    right = classes == images.labels
    return Features(
        values.astype(np.float64), float(right[~images.held_out].mean()), float(right[images.held_out].mean())
    )


@eqx.filter_jit
def _step(rule, network: FeatureNetwork, state, pixels: Array, labels: Int[Array, " n"], rows: Int[Array, " b"]):
    """One step on the mean cross-entropy of a batch."""

    def loss(network: FeatureNetwork) -> Array:
        outputs = jax.vmap(network)(pixels[rows])
        return optax.softmax_cross_entropy_with_integer_labels(outputs, labels[rows]).mean()

    gradient = eqx.filter_grad(loss)(network)
    updates, state = rule.update(gradient, state, eqx.filter(network, eqx.is_inexact_array))
    return eqx.apply_updates(network, updates), state


@eqx.filter_jit
def _read(network: FeatureNetwork, pixels: Array) -> tuple[Array, Array]:
    """Features, and the classes that the network itself names."""
    features = jax.vmap(network.features)(pixels)
    return features, jnp.argmax(jax.vmap(network.readout)(features), axis=1)
