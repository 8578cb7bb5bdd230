"""y_i = sum_p c_{p,i} (W^p x)_i: one gate per path and output neuron."""

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


class NeuronGatedLinear(AbstractPathNetwork):
    """y_i = sum_p c_{p,i} (W^p x)_i.

    Attributes:
        gates: c, shape (paths, d_out). Penalties see all entries as one vector, path-major.
        weights: W, shape (paths, d_out, d_in).

    Raises:
        ValueError: for shapes that do not fit, mixed dtypes, or values that are not finite.

    Source: arXiv 2411.03840, subtask composition (figure 3D).
    """

    gates: Float[Array, "p o"] = eqx.field(converter=jnp.asarray)
    weights: Float[Array, "p o i"] = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        check_axes(self.weights, ("paths", "d_out", "d_in"))
        check_parameters(self.gates, self.weights, self.weights.shape[:2])

    def row_gates(self) -> Float[Array, "p o"]:
        """g_{p,i} = c_{p,i}."""
        return self.gates

    @classmethod
    def initialise(
        cls,
        key: PRNGKeyArray,
        shape: tuple[int, int, int],
        scale: float | Float[Array, ""] = 0.01,
        gate: float | Float[Array, "..."] = 0.5,
        dtype: DTypeLike | None = None,
    ) -> "NeuronGatedLinear":
        """c_{p,i} = gate and W^p_{ij} ~ N(0, scale^2 / d_in); arguments as in `GatedLinear.initialise`."""
        check_sizes(shape)
        weights = gaussian_weights(key, shape, scale, dtype)
        return cls(jnp.full(shape[:2], gate, weights.dtype), weights)
