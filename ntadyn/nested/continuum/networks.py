"""Networks made of K blocks, the fast ones first: how they are wired."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.networks.network import gaussian_weights


def check_number(name: str, number: int) -> None:
    """Raise ValueError unless there is a block."""
    if number < 1:
        raise ValueError(f"{name}: got {number} blocks; at least one is needed.")


class SumOfLevels(eqx.Module):
    """y = sum_l g_l W^l x: blocks side by side, whose answers add up.

    Attributes:
        levels: W^l, each of shape (d_out, d_in), the fastest first.
        gates: g, shape (levels,).
    """

    levels: tuple[Float[Array, "o i"], ...]
    gates: Float[Array, " l"]

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The output for one input."""
        return self.total_map() @ x

    def total_map(self) -> Float[Array, "o i"]:
        """sum_l g_l W^l."""
        return jnp.einsum("l,loi->oi", self.gates, jnp.stack(self.levels))

    @classmethod
    def initialise(
        cls, key: PRNGKeyArray, number: int, size: tuple[int, int], scale: float = 0.01, dtype: DTypeLike | None = None
    ) -> "SumOfLevels":
        """Gates of one and W^l_{ij} ~ N(0, scale^2 / d_in).

        Args:
            key: the random key.
            number: of levels.
            size: (d_out, d_in).
            scale: sigma_0.
            dtype: floating dtype, JAX's default one when omitted.

        Raises:
            ValueError: if there is no level.
        """
        check_number("SumOfLevels", number)
        weights = gaussian_weights(key, (number, *size), scale, dtype)
        return cls(tuple(weights), jnp.ones(number, weights.dtype))


class ChainOfLevels(eqx.Module):
    """y = W^K ... W^2 W^1 x: linear blocks one after the other, the fastest next to the input.

    Attributes:
        levels: W^l, the fastest first.
    """

    levels: tuple[Float[Array, "_ _"], ...]

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The output for one input."""
        for weights in self.levels:
            x = weights @ x
        return x

    @classmethod
    def initialise(cls, key: PRNGKeyArray, sizes: tuple[int, ...], dtype: DTypeLike | None = None) -> "ChainOfLevels":
        """Orthogonal blocks, so that no signal grows or fades.

        Args:
            key: the random key.
            sizes: d_in, those in between, and d_out.
            dtype: floating dtype, JAX's default one when omitted.

        Raises:
            ValueError: if there is no block.
        """
        check_number("ChainOfLevels", len(sizes) - 1)
        kind = jnp.zeros(()).dtype if dtype is None else dtype
        keys = jax.random.split(key, len(sizes) - 1)
        drawn = (
            jax.random.orthogonal(one, max(rows, columns), dtype=kind)[:rows, :columns]
            for one, columns, rows in zip(keys, sizes[:-1], sizes[1:], strict=True)
        )
        return cls(tuple(drawn))


class ResidualBlock(eqx.Module):
    """x + B gelu(A x / rms(x)), with B zero at the start.

    Attributes:
        first: A, shape (hidden, width).
        second: B, shape (width, hidden).
    """

    first: Float[Array, "h d"]
    second: Float[Array, "d h"]

    def __call__(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """The output for one input."""
        size = jnp.sqrt(jnp.mean(x**2) + jnp.finfo(x.dtype).eps)
        return x + self.second @ jax.nn.gelu(self.first @ (x / size))


class ResidualLevels(eqx.Module):
    """Residual blocks one after the other, the fastest first, and a linear read-out.

    Attributes:
        levels: the blocks.
        read_out: shape (d_out, d_in).

    Source: Behrouz et al., Nested Learning (NeurIPS 2025), equation 30; hidden layers of four times the width.
    """

    levels: tuple[ResidualBlock, ...]
    read_out: Float[Array, "o i"]

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The output for one input."""
        for block in self.levels:
            x = block(x)
        return self.read_out @ x

    @classmethod
    def initialise(
        cls,
        key: PRNGKeyArray,
        number: int,
        size: tuple[int, int],
        expansion: int = 4,
        scale: float = 0.01,
        dtype: DTypeLike | None = None,
    ) -> "ResidualLevels":
        """A_{ij} ~ N(0, 1 / d_in), B = 0, and a read-out of N(0, scale^2 / d_in).

        Args:
            key: the random key.
            number: of blocks.
            size: (d_out, d_in).
            expansion: hidden units over inputs.
            scale: sigma_0 of the read-out.
            dtype: floating dtype, JAX's default one when omitted.

        Raises:
            ValueError: if there is no block.
        """
        check_number("ResidualLevels", number)
        of_blocks, of_read_out = jax.random.split(key)
        width, hidden = size[1], expansion * size[1]
        first = gaussian_weights(of_blocks, (number, hidden, width), 1.0, dtype)
        blocks = tuple(ResidualBlock(one, jnp.zeros((width, hidden), first.dtype)) for one in first)
        return cls(blocks, gaussian_weights(of_read_out, size, scale, dtype))
