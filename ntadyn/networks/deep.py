"""y = W2 W1 x: two full layers, the second of which plays the gates."""

import equinox as eqx
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.decompositions import eigh, largest_eigenvalue, smaller_gram
from ntadyn.networks.network import (
    AbstractGatedNetwork,
    check_axes,
    check_parameters,
    check_sizes,
    gaussian_gates,
    gaussian_weights,
)


class DeepLinear(AbstractGatedNetwork):
    """y = W2 W1 x, that is y_i = sum_u g_{u,i} (W1 x)_u with g = W2^T.

    Every hidden unit is a path of its own: it feeds one and the same row of W1 into all outputs, each through its own
    gate. Nothing tells the network which units belong together. The parameter group "weights" is the first layer and
    "gates" the second, so that time constants and penalties of gated networks carry over.

    Attributes:
        gates: W2^T, shape (units, d_out). Penalties see all entries as one vector.
        weights: W1, shape (units, d_in).

    Raises:
        ValueError: for shapes that do not fit, mixed dtypes, or values that are not finite.

    Source: arXiv 2411.03840, fully connected network (figures 6, A4 to A7).
    """

    gates: Float[Array, "p o"] = eqx.field(converter=jnp.asarray)
    weights: Float[Array, "p i"] = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        check_axes(self.weights, ("units", "d_in"))
        check_parameters(self.gates, self.weights, (self.weights.shape[0], *self.gates.shape[-1:]))

    @property
    def first_layer(self) -> Float[Array, "p i"]:
        """W1, shape (units, d_in)."""
        return self.weights

    @property
    def second_layer(self) -> Float[Array, "o p"]:
        """W2, shape (d_out, units)."""
        return self.gates.T

    def row_gates(self) -> Float[Array, "p o"]:
        """g_{u,i} = (W2)_{i,u}."""
        return self.gates

    def row_weights(self) -> Float[Array, "p o i"]:
        """The row of W1 that a unit feeds into every output alike."""
        return jnp.broadcast_to(self.weights[:, None, :], (*self.gates.shape, self.weights.shape[1]))

    def total_map(self) -> Float[Array, "o i"]:
        """W2 W1, shape (d_out, d_in)."""
        return self.gates.T @ self.weights

    def pull_back(self, change: Float[Array, "o i"]) -> Float[Array, "p i"]:
        """W2^T D."""
        return self.gates @ change

    def output_modes(self) -> tuple[Float[Array, " o"], Float[Array, "o o"]]:
        """The eigenvalues and eigenvectors of W2 W2^T."""
        return eigh(self.gates.T @ self.gates)

    def gate_derivatives(self) -> Float[Array, "1 p 1 i"]:
        """W1, the same for every output row."""
        return self.weights[None, :, None]

    def weight_sensitivity(self) -> Float[Array, ""]:
        """That of W2 W2^T."""
        return largest_eigenvalue(smaller_gram(self.gates))

    @classmethod
    def initialise(
        cls,
        key: PRNGKeyArray,
        shape: tuple[int, int, int],
        scale: float | Float[Array, ""] = 0.01,
        gate: float | Float[Array, "..."] | None = None,
        dtype: DTypeLike | None = None,
    ) -> "DeepLinear":
        """W1_{uj} ~ N(0, scale^2 / d_in), and W2 of the same size.

        Args:
            key: the random key of the initial state.
            shape: (units, d_out, d_in).
            scale: initialisation scale sigma_0.
            gate: W2^T instead: one number for all entries, or an array of shape (units, d_out). When omitted, entries
                are drawn from N(0, scale^2 / d_in) too, as published (not from the number of units that fan in).
            dtype: floating dtype, JAX's default one when omitted.

        Returns:
            A fresh network.

        Raises:
            ValueError: if a size is not positive.

        Source: published code of arXiv 2411.03840.
        """
        check_sizes(shape)
        units, d_out, d_in = shape
        weights = gaussian_weights(key, (units, d_in), scale, dtype)
        if gate is None:
            gate = gaussian_gates(key, (units, d_out), d_in, (0.0, scale), weights.dtype)
        return cls(jnp.full((units, d_out), gate, weights.dtype), weights)
