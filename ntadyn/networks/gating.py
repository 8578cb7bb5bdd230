"""How gates open the paths of a network: path by path, unit by unit, or in competition with each other."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, Float


class AbstractGating(eqx.Module):
    """From the gates as they are learned to what paths are multiplied by."""

    @abc.abstractmethod
    def shape(self, num_paths: int, num_units: int) -> tuple[int, ...]:
        """The shape of the gates of a network whose paths have so many hidden units each."""

    @abc.abstractmethod
    def opened(self, gates: Float[Array, "p ..."]) -> Float[Array, "p ..."]:
        """What paths, or their units, are multiplied by; the same shape."""

    @abc.abstractmethod
    def equal(self, num_paths: int, num_units: int, dtype: DTypeLike | None = None) -> Float[Array, "p ..."]:
        """Gates by which everything is multiplied by 1 / (number of paths)."""


class ByPath(AbstractGating):
    """y = sum_p c_p f_p(x): one gate per path."""

    def shape(self, num_paths: int, num_units: int) -> tuple[int, ...]:
        """(paths,)."""
        del num_units
        return (num_paths,)

    def opened(self, gates: Float[Array, " p"]) -> Float[Array, " p"]:
        """The gates themselves."""
        return gates

    def equal(self, num_paths: int, num_units: int, dtype: DTypeLike | None = None) -> Float[Array, " p"]:
        """1 / paths."""
        return jnp.full(self.shape(num_paths, num_units), 1 / num_paths, dtype)


class ByUnit(AbstractGating):
    """y = sum_p V^p (s c^p o phi^p(x)): one gate per hidden unit of every path, `o` unit by unit.

    Attributes:
        scale: s. Penalties hold the norm of all c near one; with s = sqrt(units), one path whose gates are all equal
            then has the size that it has with a single gate of one.

    Raises:
        ValueError: for a scale that is not positive and finite.
    """

    scale: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        if not 0 < self.scale < float("inf"):
            raise ValueError(f"ByUnit: the scale is {self.scale}; it must be positive and finite.")

    def shape(self, num_paths: int, num_units: int) -> tuple[int, ...]:
        """(paths, units)."""
        return (num_paths, num_units)

    def opened(self, gates: Float[Array, "p h"]) -> Float[Array, "p h"]:
        """Gates times s."""
        return self.scale * gates

    def equal(self, num_paths: int, num_units: int, dtype: DTypeLike | None = None) -> Float[Array, "p h"]:
        """1 / (s paths)."""
        return jnp.full(self.shape(num_paths, num_units), 1 / (self.scale * num_paths), dtype)


class BySoftmax(AbstractGating):
    """y = sum_p g_p f_p(x), g = softmax(c / T): gates that compete for a sum of one.

    Under plain descent from c = 0, temperature T with the learning rate eta is temperature 1 with the rate eta / T^2:
    c / T obeys the same equation.

    Attributes:
        temperature: T, an array, so that it can be swept; a parameter group "gating" of networks, which an infinite
            time constant keeps as it is.

    Raises:
        ValueError: for a temperature that is not positive and finite.
    """

    temperature: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=1.0)

    def __check_init__(self):
        # Traced values, and what stands for a value in trees without any, pass unchecked.
        known = isinstance(self.temperature, jax.Array) and not isinstance(self.temperature, Tracer)
        if known and not np.all((self.temperature > 0) & np.isfinite(self.temperature)):
            raise ValueError(f"the temperature of a softmax is {self.temperature}; it must be positive and finite.")

    def shape(self, num_paths: int, num_units: int) -> tuple[int, ...]:
        """(paths,)."""
        del num_units
        return (num_paths,)

    def opened(self, gates: Float[Array, " p"]) -> Float[Array, " p"]:
        """softmax(c / T)."""
        return jax.nn.softmax(gates / self.temperature)

    def equal(self, num_paths: int, num_units: int, dtype: DTypeLike | None = None) -> Float[Array, " p"]:
        """0."""
        return jnp.zeros(self.shape(num_paths, num_units), dtype)
