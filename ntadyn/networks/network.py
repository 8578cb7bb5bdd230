"""What a gated linear network is."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray


class AbstractGatedNetwork(eqx.Module):
    """y_i = sum_p g_{p,i} (W^p x)_i, with row gates g made from the network's own gates.

    A network is a value: it holds parameters, knows its map, and nothing about time. The names of its fields are the
    names of its parameter groups; time constants and penalties refer to them.
    """

    gates: eqx.AbstractVar[Array]
    weights: eqx.AbstractVar[Float[Array, "p o i"]]

    @abc.abstractmethod
    def row_gates(self) -> Float[Array, "p o"]:
        """The gate of every output row of every path, shape (paths, d_out)."""

    def total_map(self) -> Float[Array, "o i"]:
        """sum_p g_p W^p: the linear map that the network computes, shape (d_out, d_in)."""
        return jnp.einsum("po,poi->oi", self.row_gates(), self.weights)

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The output y = sum_p g_p W^p x for one input x of shape (d_in,); use `jax.vmap` for a batch."""
        return self.total_map() @ x


def gaussian_weights(
    key: PRNGKeyArray, shape: tuple[int, int, int], scale: float | Float[Array, ""], dtype: DTypeLike | None = None
) -> Float[Array, "p o i"]:
    """W^p_{ij} ~ N(0, scale^2 / d_in).

    Args:
        key: the random key of the initial state.
        shape: (paths, d_out, d_in).
        scale: initialisation scale sigma_0, may be traced; the published default is 0.01.
        dtype: floating dtype; JAX's default one when omitted.

    Returns:
        Weights of shape (paths, d_out, d_in).

    Raises:
        ValueError: if a size is not positive.

    Source: arXiv 2411.03840 and its published code, initialisation.
    """
    if min(shape) < 1:
        raise ValueError(
            f"a network needs at least one path, one output and one input; got (paths, d_out, d_in) = {shape}."
        )
    dtype = jnp.zeros(()).dtype if dtype is None else dtype
    return jnp.asarray(scale, dtype) * jax.random.normal(key, shape, dtype) / shape[-1] ** 0.5


def check_parameters(gates: Array, weights: Array, gate_shape: tuple[int, ...]) -> None:
    """Reject parameters that cannot form a network, with a message that says what to pass.

    Args:
        gates: the gates as given.
        weights: the weights as given, expected (paths, d_out, d_in).
        gate_shape: the shape that the gates must have for these weights.

    Raises:
        ValueError: on a wrong shape, on mixed or non-floating dtypes, on NaN or infinity (where values are known).
    """
    if weights.ndim != 3:
        raise ValueError(f"weights must have shape (paths, d_out, d_in); got {weights.shape}.")
    if gates.shape != gate_shape:
        raise ValueError(f"weights of shape {weights.shape} need gates of shape {gate_shape}; got {gates.shape}.")
    if gates.dtype != weights.dtype:
        raise ValueError(
            f"gates are {gates.dtype} and weights are {weights.dtype}; give both the same floating dtype, "
            f"for example gates.astype(weights.dtype)."
        )
    if not jnp.issubdtype(weights.dtype, jnp.floating):
        raise ValueError(f"parameters must be floating-point; got {weights.dtype}.")
    for name, value in (("gates", gates), ("weights", weights)):
        if not isinstance(value, Tracer) and not np.all(np.isfinite(np.asarray(value))):
            raise ValueError(f"{name} contain NaN or infinity; pass finite initial values.")
