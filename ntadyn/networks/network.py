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
    """y_i = sum_p g_{p,i} (W^p x)_i: a map that is linear in the gates, and linear in the weights.

    A network is a value: it holds parameters, knows its map, and nothing about time. The names of its fields are the
    names of its parameter groups; time constants and penalties refer to them. Paths may share weights between output
    rows (`DeepLinear`) or gates between them (`GatedLinear`): what a network is to the systems that train it, it says
    by the methods below.
    """

    gates: eqx.AbstractVar[Array]
    weights: eqx.AbstractVar[Array]

    @abc.abstractmethod
    def row_gates(self) -> Float[Array, "p o"]:
        """g: the gate of every output row of every path, shape (paths, d_out)."""

    @abc.abstractmethod
    def row_weights(self) -> Float[Array, "p o i"]:
        """W^p: the row that every path feeds into every output, shape (paths, d_out, d_in)."""

    @abc.abstractmethod
    def total_map(self) -> Float[Array, "o i"]:
        """sum_p g_p W^p: the linear map that the network computes, shape (d_out, d_in)."""

    @abc.abstractmethod
    def pull_back(self, change: Float[Array, "o i"]) -> Array:
        """J^T D, with J the derivative of the total map by the weights: how weights move to change the map along D.

        Args:
            change: D, shape (d_out, d_in).

        Returns:
            An array like the weights.
        """

    @abc.abstractmethod
    def output_modes(self) -> tuple[Float[Array, " n"], Float[Array, "o n"] | None]:
        """J J^T = U diag(r) U^T on output rows: the change of the total map by weights that move along J^T D.

        Returns:
            The rates r, shape (d_out,), and the directions U in columns, or None where every output row is one.
        """

    def gate_derivatives(self) -> Float[Array, "b p r i"]:
        """dY/dg, with Y the total map: r rows of it for each of b blocks of gates that no row shares.

        Returns:
            Shape (1, paths, d_out, d_in) if all rows share their gates, else (d_out, paths, 1, d_in).
        """
        weights = self.row_weights()
        return weights[None] if self.gates.ndim == 1 else weights.swapaxes(0, 1)[:, :, None]

    def weight_sensitivity(self) -> Float[Array, ""]:
        """An upper bound of the largest rate r of `output_modes`."""
        return jnp.sum(self.row_gates() ** 2)

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The output y = sum_p g_p W^p x for one input x of shape (d_in,); use `jax.vmap` for a batch."""
        return self.total_map() @ x


class AbstractPathNetwork(AbstractGatedNetwork):
    """A network whose paths have a weight matrix each, shape (paths, d_out, d_in)."""

    weights: eqx.AbstractVar[Float[Array, "p o i"]]

    def row_weights(self) -> Float[Array, "p o i"]:
        """W itself."""
        return self.weights

    def total_map(self) -> Float[Array, "o i"]:
        """sum_p g_p W^p: the linear map that the network computes, shape (d_out, d_in)."""
        return jnp.einsum("po,poi->oi", self.row_gates(), self.weights)

    def pull_back(self, change: Float[Array, "o i"]) -> Float[Array, "p o i"]:
        """g_{p,o} D_{o,i}."""
        return self.row_gates()[:, :, None] * change[None]

    def output_modes(self) -> tuple[Float[Array, " n"], None]:
        """Every output row for itself, at the rate sum_p g_{p,o}^2."""
        return jnp.sum(self.row_gates() ** 2, axis=0), None

    def weight_sensitivity(self) -> Float[Array, ""]:
        """max_o sum_p g_{p,o}^2."""
        return jnp.max(self.output_modes()[0])


def gaussian_weights(
    key: PRNGKeyArray, shape: tuple[int, ...], scale: float | Float[Array, ""], dtype: DTypeLike | None = None
) -> Float[Array, "*rows i"]:
    """W_{..j} ~ N(0, scale^2 / d_in).

    Args:
        key: the random key of the initial state.
        shape: (paths, d_out, d_in) or (units, d_in).
        scale: initialisation scale sigma_0, may be traced; the published default is 0.01.
        dtype: floating dtype; JAX's default one when omitted.

    Returns:
        Weights of that shape.

    Source: arXiv 2411.03840 and its published code, initialisation.
    """
    dtype = jnp.zeros(()).dtype if dtype is None else dtype
    return jnp.asarray(scale, dtype) * jax.random.normal(key, shape, dtype) / shape[-1] ** 0.5


def gaussian_gates(
    key: PRNGKeyArray,
    shape: tuple[int, ...],
    d_in: int,
    mean_and_scale: tuple[float | Float[Array, ""], float | Float[Array, ""]],
    dtype: DTypeLike,
) -> Float[Array, "..."]:
    """Gates c ~ N(mean, scale^2 / d_in): as far from a common value as the weights of d_in inputs are from zero.

    Args:
        key: the random key of the initial state; the draws are independent of those of `gaussian_weights`.
        shape: the shape of the gates.
        d_in: number of inputs.
        mean_and_scale: the common value, and the scale of deviations from it; both may be traced.
        dtype: floating dtype.

    Returns:
        Gates of that shape; exactly the common value where the scale is zero.
    """
    mean, scale = (jnp.asarray(value, dtype) for value in mean_and_scale)
    return mean + scale * jax.random.normal(jax.random.fold_in(key, 1), shape, dtype) / d_in**0.5


def check_sizes(shape: tuple[int, int, int]) -> None:
    """Raise ValueError unless (paths, d_out, d_in) are all positive."""
    if min(shape) < 1:
        raise ValueError(
            f"a network needs at least one path, one output and one input; got (paths, d_out, d_in) = {shape}."
        )


def check_axes(weights: Array, axes: tuple[str, ...]) -> None:
    """Raise ValueError unless the weights have the named axes, for example ("paths", "d_out", "d_in")."""
    if weights.ndim != len(axes):
        raise ValueError(f"weights must have shape ({', '.join(axes)}); got {weights.shape}.")


def check_parameters(gates: Array, weights: Array, gate_shape: tuple[int, ...]) -> None:
    """Reject parameters that cannot form a network, with a message that says what to pass.

    Args:
        gates: the gates as given.
        weights: the weights as given.
        gate_shape: the shape that the gates must have for these weights.

    Raises:
        ValueError: on a wrong shape, on mixed or non-floating dtypes, on NaN or infinity (where values are known).
    """
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
