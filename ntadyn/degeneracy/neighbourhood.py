"""What counts as near a point: the measure under which a loss is averaged, or a volume is counted."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.degeneracy.checks import as_float, positive


class AbstractNeighbourhood(eqx.Module):
    """A measure on offsets v from the centre, up to a factor."""

    @abc.abstractmethod
    def log_density(self, offset: Float[Array, " d"]) -> Float[Array, ""]:
        """Log of the density, up to a constant; minus infinity outside."""

    @abc.abstractmethod
    def draw(self, key: PRNGKeyArray, dimension: int, number: int) -> Float[Array, "number d"]:
        """Independent offsets."""


class Gaussian(AbstractNeighbourhood):
    """exp(-gamma/2 |v|^2): offsets of about gamma^(-1/2) in every direction.

    Attributes:
        localisation: gamma.

    Raises:
        ValueError: unless gamma is positive.
    """

    localisation: Float[Array, ""] = eqx.field(converter=as_float, default=100.0)

    def __check_init__(self):
        positive("localisation", self.localisation)

    def log_density(self, offset: Float[Array, " d"]) -> Float[Array, ""]:
        """-gamma/2 |v|^2."""
        return -0.5 * self.localisation * jnp.sum(offset**2)

    def draw(self, key: PRNGKeyArray, dimension: int, number: int) -> Float[Array, "number d"]:
        """Normal numbers of variance 1/gamma."""
        scale = 1 / jnp.sqrt(self.localisation)
        return scale * jax.random.normal(key, (number, dimension), self.localisation.dtype)


class Ball(AbstractNeighbourhood):
    """Uniform in |v| <= rho.

    Attributes:
        radius: rho.

    Raises:
        ValueError: unless rho is positive.
    """

    radius: Float[Array, ""] = eqx.field(converter=as_float)

    def __check_init__(self):
        positive("radius", self.radius)

    def log_density(self, offset: Float[Array, " d"]) -> Float[Array, ""]:
        """0 inside, minus infinity outside."""
        return jnp.where(jnp.sum(offset**2) <= self.radius**2, 0.0, -jnp.inf)

    def draw(self, key: PRNGKeyArray, dimension: int, number: int) -> Float[Array, "number d"]:
        """Uniform points of the ball."""
        return self.radius * jax.random.ball(key, dimension, shape=(number,), dtype=self.radius.dtype)


class Box(AbstractNeighbourhood):
    """Uniform in [-a, a]^d.

    Attributes:
        half_width: a.

    Raises:
        ValueError: unless a is positive.
    """

    half_width: Float[Array, ""] = eqx.field(converter=as_float)

    def __check_init__(self):
        positive("half_width", self.half_width)

    def log_density(self, offset: Float[Array, " d"]) -> Float[Array, ""]:
        """0 inside, minus infinity outside."""
        return jnp.where(jnp.all(jnp.abs(offset) <= self.half_width), 0.0, -jnp.inf)

    def draw(self, key: PRNGKeyArray, dimension: int, number: int) -> Float[Array, "number d"]:
        """Uniform points of the box."""
        unit = jax.random.uniform(key, (number, dimension), self.half_width.dtype, -1.0, 1.0)
        return self.half_width * unit
