"""y = sum_p c_p W^p x: one gate per path."""

import equinox as eqx
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.networks.network import (
    AbstractPathNetwork,
    check_axes,
    check_parameters,
    check_sizes,
    gaussian_weights,
)


class GatedLinear(AbstractPathNetwork):
    """y = sum_p c_p W^p x.

    Attributes:
        gates: c, shape (paths,).
        weights: W, shape (paths, d_out, d_in).

    Raises:
        ValueError: for shapes that do not fit, mixed dtypes, or values that are not finite.

    Source: arXiv 2411.03840, section 2.
    """

    gates: Float[Array, " p"] = eqx.field(converter=jnp.asarray)
    weights: Float[Array, "p o i"] = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        check_axes(self.weights, ("paths", "d_out", "d_in"))
        check_parameters(self.gates, self.weights, self.weights.shape[:1])

    def row_gates(self) -> Float[Array, "p o"]:
        """g_{p,i} = c_p for every output row i."""
        return jnp.broadcast_to(self.gates[:, None], self.weights.shape[:2])

    @classmethod
    def initialise(
        cls,
        key: PRNGKeyArray,
        shape: tuple[int, int, int],
        scale: float | Float[Array, ""] = 0.01,
        gate: float | Float[Array, "..."] = 0.5,
        dtype: DTypeLike | None = None,
    ) -> "GatedLinear":
        """c_p = gate and W^p_{ij} ~ N(0, scale^2 / d_in).

        Args:
            key: the random key of the initial state.
            shape: (paths, d_out, d_in).
            scale: initialisation scale sigma_0.
            gate: the common initial gate, or an array of all of them.
            dtype: floating dtype, JAX's default one when omitted.

        Returns:
            A fresh network.

        Raises:
            ValueError: if a size is not positive.

        Source: published code of arXiv 2411.03840.
        """
        check_sizes(shape)
        weights = gaussian_weights(key, shape, scale, dtype)
        return cls(jnp.full(shape[:1], gate, weights.dtype), weights)
