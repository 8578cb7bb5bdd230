"""How fast a state changes, and which part of that a time step has to resolve."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from ntadyn.regularizers import AbstractPenalty

# Numbers of products with a Jacobian or a Hessian. The estimate is a few per cent too low where two rates are close.
_PRODUCTS = 8
_CURVATURE_PRODUCTS = 3


class Rates(eqx.Module):
    """The second derivatives of an energy, per unit of time; upper bounds, all scalars.

    In variables scaled by the square roots of their time constants, the flow is steepest descent and its Jacobian is
    the Hessian of the energy: one block for the gates, one for the weights, and one that couples them. The third is
    bounded by the drive plus the geometric mean of the other two, because the loss is a square of a product of gates
    and weights.

    Attributes:
        gates: how fast gates relax with frozen weights, |d^2 L/dc^2| / tau_c.
        weights: how fast weights relax with frozen gates, |d^2 L/dW^2| / tau_W.
        drive: how fast the error would make small gates and weights grow, |E Sigma| / sqrt(tau_c tau_W).
    """

    gates: Float[Array, ""]
    weights: Float[Array, ""]
    drive: Float[Array, ""]

    @property
    def exchange(self) -> Float[Array, ""]:
        """How fast gates and weights change each other: what a step that solves each of them exactly has to resolve."""
        return self.drive + jnp.sqrt(self.gates * self.weights)

    @property
    def fastest(self) -> Float[Array, ""]:
        """The fastest rate of the loss: what an explicit step has to resolve.

        Weights count twice: their overlaps, which the reduced systems follow, relax twice as fast as the weights do.
        """
        return jnp.maximum(self.gates, 2 * self.weights) + self.exchange


def rate_of_teachers(teachers: Float[Array, "m o i"], time_constants: dict[str, Float[Array, ""]]) -> Float[Array, ""]:
    """max_m |W*^m|_F / sqrt(tau tau') for white inputs, with tau and tau' of the fastest and the slowest group."""
    taus = jnp.stack([jnp.asarray(tau) for tau in time_constants.values()])
    size = jnp.max(jnp.sqrt(jnp.sum(teachers**2, axis=(-2, -1))))
    return size / jnp.sqrt(jnp.min(taus, axis=0) * jnp.max(taus, axis=0))


def curvature(penalty: AbstractPenalty, x: Float[Array, "..."]) -> Float[Array, ""]:
    """The largest second derivative of a penalty within the orthant of x, by power iteration.

    Args:
        penalty: R.
        x: the parameter group, any shape.

    Returns:
        |d^2 R/dx^2|, a scalar.
    """
    sign = jnp.where(x < 0, -1, 1).astype(x.dtype)
    # Penalties on sums are stiffest where all entries grow together; no two entries get the same weight, so that
    # directions in which entries oppose each other are found, too.
    start = sign * (1 + 0.5 * _spread(x))
    slope = lambda x: penalty.branch_gradient(x, sign)  # noqa: E731
    return _growth(lambda v: jax.jvp(slope, (x,), (v,))[1], start, _CURVATURE_PRODUCTS)


def spectral_radius(field: Callable[[PyTree], PyTree], state: PyTree) -> Float[Array, ""]:
    """The modulus of the largest eigenvalue of the Jacobian of a vector field, by power iteration.

    Args:
        field: state -> d(state)/dt.
        state: the point at which it is taken, a pytree of floating-point arrays.

    Returns:
        A rate, per unit of time: the mean growth of two products, which does not depend on the units of the variables
        even if two eigenvalues have opposite signs.
    """
    flat, unravel = ravel_pytree(state)
    field_of = lambda x: ravel_pytree(field(unravel(x)))[0]  # noqa: E731
    return _growth(lambda v: jax.jvp(field_of, (flat,), (v,))[1], 1 + 0.5 * _spread(flat), _PRODUCTS)


def _growth(product: Callable[[Array], Array], start: Array, number: int) -> Float[Array, ""]:
    """The growth of the norm per product, as the geometric mean over the last two."""
    vector, previous, last = start, jnp.zeros((), start.dtype), jnp.zeros((), start.dtype)
    for _ in range(number):
        vector = vector / _positive(jnp.sqrt(jnp.sum(vector**2)))
        vector = product(vector)
        previous, last = last, jnp.sqrt(jnp.sum(vector**2))
    return jnp.sqrt(previous * last)


def _positive(x: Array) -> Array:
    return jnp.where(x > 0, x, 1)


def _spread(like: Array) -> Array:
    """Numbers between -1 and 1, no two alike: fractional parts of multiples of the golden ratio."""
    index = jnp.arange(like.size, dtype=like.dtype).reshape(like.shape)
    return 2 * jnp.mod(index * 0.6180339887498949, 1.0) - 1
