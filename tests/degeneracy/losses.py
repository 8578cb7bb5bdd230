"""Losses that several tests measure, and how briefly they sample them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntadyn.degeneracy.samplers import MALA

MIXED = np.array([[0.7, 0.3], [0.3, 0.7]])
SHORT = MALA(num_warm_up=500, num_draws=1000)  # pyright: ignore[reportCallIssue]


class Quadratic(eqx.Module):
    """g.w + w.Hw/2 with H = Q diag(h) Q^T."""

    hessian: Float[Array, "d d"]
    slope: Float[Array, " d"]

    def __call__(self, point: Float[Array, " d"]) -> Float[Array, ""]:
        """The value."""
        return self.slope @ point + 0.5 * point @ self.hessian @ point


def random_quadratic(seed: int, curvatures: np.ndarray, slope: float = 0.0) -> Quadratic:
    """With given eigenvalues in random directions."""
    random = np.random.default_rng(seed)
    directions, _ = np.linalg.qr(random.normal(size=(len(curvatures), len(curvatures))))
    return Quadratic(
        jnp.asarray(directions @ np.diag(curvatures) @ directions.T), slope * jnp.asarray(directions[:, 0])
    )


class Monomial(eqx.Module):
    """w1^(2 k1) w2^(2 k2)."""

    powers: Float[Array, " d"]

    def __call__(self, point: Float[Array, " d"]) -> Float[Array, ""]:
        """The value."""
        return jnp.prod(jnp.abs(point) ** (2 * self.powers))


class TwoLayers(eqx.Module):
    """|W2 W1 - T|^2 / (2 s)."""

    target: Float[Array, "o i"]
    scale: float = 1.0

    def __call__(self, layers: tuple[Array, Array]) -> Float[Array, ""]:
        """The value for (W2, W1)."""
        second, first = layers
        return jnp.sum((second @ first - self.target) ** 2) / (2 * self.scale)


def orthogonal_rows(seed: int, rows: int, columns: int) -> Array:
    """Rows of norm one that are orthogonal to each other."""
    return jnp.linalg.qr(jax.random.normal(jax.random.key(seed), (columns, rows)))[0].T


def table(gates, inputs=6):
    """The gates of two tasks, and weights that solve both; and the loss."""
    gates, teachers = jnp.asarray(gates), orthogonal_rows(0, 2, inputs)
    return (gates, jnp.linalg.solve(gates, teachers)), TwoLayers(teachers, scale=2.0)
