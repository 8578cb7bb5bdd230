"""Paths with hidden units that gates can reach: features, and a read-out of them."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray


class AbstractPath(eqx.Module):
    """f(x) = readout(features(x)): a path that says what its hidden units are."""

    @property
    @abc.abstractmethod
    def num_units(self) -> int:
        """Number of hidden units."""

    @abc.abstractmethod
    def features(self, x: Float[Array, " i"]) -> Float[Array, " h"]:
        """The hidden units."""

    @abc.abstractmethod
    def readout(self, features: Float[Array, " h"]) -> Float[Array, " o"]:
        """What outputs make of them."""

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The outputs for one input."""
        return self.readout(self.features(x))


class Perceptron(AbstractPath):
    """f(x) = V relu(U x): one hidden layer of rectified units, without biases.

    Attributes:
        hidden: U, shape (units, d_in).
        outputs: V, shape (d_out, units).
    """

    hidden: Float[Array, "*m h i"]
    outputs: Float[Array, "*m o h"]

    @property
    def num_units(self) -> int:
        """Number of hidden units."""
        return self.hidden.shape[-2]

    def features(self, x: Float[Array, " i"]) -> Float[Array, " h"]:
        """relu(U x)."""
        return jax.nn.relu(self.hidden @ x)

    def readout(self, features: Float[Array, " h"]) -> Float[Array, " o"]:
        """V h."""
        return self.outputs @ features


class Convolutional(AbstractPath):
    """f(x) = V relu(K * x) + b: a layer of convolutions of a square image, and a linear read-out.

    Attributes:
        kernels: K, 3 x 3 pixels, moved by two pixels at a time.
        outputs: V and b.
        side: pixels along an edge of the image; inputs are its side^2 pixels, row by row.
    """

    kernels: eqx.nn.Conv2d
    outputs: eqx.nn.Linear
    side: int = eqx.field(static=True)

    @classmethod
    def initialise(
        cls, key: PRNGKeyArray, side: int, channels: int, d_out: int, dtype: DTypeLike | None = None
    ) -> "Convolutional":
        """Weights and biases from the uniform distribution within 1 / sqrt(fan-in).

        Args:
            key: the random key of the initial state.
            side: pixels along an edge.
            channels: kernels.
            d_out: outputs.
            dtype: floating dtype, JAX's default one when omitted.

        Raises:
            ValueError: for an image that is smaller than a kernel, or no channel or output.
        """
        if side < 3 or min(channels, d_out) < 1:
            raise ValueError(
                f"Convolutional: got an edge of {side} pixels, {channels} channels and {d_out} outputs; images need an "
                f"edge of at least 3 pixels, and paths a channel and an output."
            )
        of_kernels, of_outputs = jax.random.split(key)
        dtype = jnp.zeros(()).dtype if dtype is None else dtype
        kernels = eqx.nn.Conv2d(1, channels, 3, stride=2, dtype=dtype, key=of_kernels)
        units = channels * ((side - 3) // 2 + 1) ** 2
        return cls(kernels, eqx.nn.Linear(units, d_out, dtype=dtype, key=of_outputs), side)

    @property
    def num_units(self) -> int:
        """Number of hidden units."""
        return self.outputs.in_features  # pyright: ignore[reportReturnType]

    def features(self, x: Float[Array, " i"]) -> Float[Array, " h"]:
        """relu(K * x), flattened."""
        return jax.nn.relu(self.kernels(x.reshape(1, self.side, self.side))).ravel()

    def readout(self, features: Float[Array, " h"]) -> Float[Array, " o"]:
        """V h + b."""
        return self.outputs(features)
