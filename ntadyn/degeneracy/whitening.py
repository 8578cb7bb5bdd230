"""Coordinates in which the law around a point is as round as its curvature allows, and what that curvature says."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ntadyn.decompositions import eigh
from ntadyn.degeneracy import quadratic
from ntadyn.degeneracy.lanczos import quadrature, ritz_pairs, traces
from ntadyn.degeneracy.problem import LossProblem

# Curvatures below this fraction of the largest are zero up to rounding.
RANK_TOLERANCE = 1e-10
# Of the estimates of traces: their relative error is about 1 / sqrt(8 lambda).
PROBES, LANCZOS_STEPS = 16, 40
# In how many directions the sides of a kink are looked at.
SIDES = 8


class Chart(eqx.Module):
    """Offsets v = Q diag(s) Q^T u + r (1 - Q Q^T) u, and what the quadratic part of the loss says.

    Attributes:
        scales: s, shape (k,).
        directions: Q, orthonormal columns, shape (d, k); None for the identity.
        rest: r, the scale of directions that Q leaves out; None if it leaves out none.
        effective_dimension: the Laplace approximation of the learning coefficient, see `quadratic`.
        lowered_by_slope: the bias of a centre that is no minimum, see `quadratic`.
        half_rank: half the number of curved directions; not a number where they are not counted.
        most_negative: the lowest curvature of the loss; below zero the centre is no minimum.
        rates: curvatures of the energy t L + gamma/2 |v|^2 in the coordinates u; not numbers where they are not known.
        counted: how much of each of these directions counts, see `quadratic`.
        starts_at_centre: whether chains start there, and not at a draw of normal coordinates.
    """

    scales: Float[Array, " k"]
    directions: Float[Array, "d k"] | None
    rest: Float[Array, ""] | None
    effective_dimension: Float[Array, ""]
    lowered_by_slope: Float[Array, ""]
    half_rank: Float[Array, ""]
    most_negative: Float[Array, ""]
    rates: Float[Array, " n"]
    counted: Float[Array, " n"]
    starts_at_centre: bool = eqx.field(static=True, default=False)

    def offset(self, coordinates: Float[Array, " d"]) -> Float[Array, " d"]:
        """V from u; where Q is complete u are coordinates along its columns."""
        if self.directions is None:
            return self.scales * coordinates
        if self.rest is None:
            return self.directions @ (self.scales * coordinates)
        along = coordinates @ self.directions
        return self.rest * coordinates + self.directions @ ((self.scales - self.rest) * along)


class AbstractWhitening(eqx.Module):
    """A choice of coordinates around a point."""

    @abc.abstractmethod
    def chart(
        self, problem: LossProblem, inverse_temperature: Float[Array, ""], localisation: Float[Array, ""]
    ) -> Chart:
        """The coordinates for one temperature t and localisation gamma."""


class DenseWhitening(AbstractWhitening):
    """V = A^(-1/2) u with A = t H_+ + gamma, H_+ the Hessian with negative eigenvalues set to zero.

    Costs d^2 numbers and d^3 operations per point; a quadratic loss becomes exactly round.
    """

    def chart(
        self, problem: LossProblem, inverse_temperature: Float[Array, ""], localisation: Float[Array, ""]
    ) -> Chart:
        """Eigenvectors of the Hessian, each scaled by a^(-1/2)."""
        curvatures, slopes, directions = _spectrum(problem)
        precisions = inverse_temperature * jnp.maximum(curvatures, 0) + localisation
        return _exact(curvatures, slopes, (inverse_temperature, localisation), 1 / jnp.sqrt(precisions), directions)


class PlainCoordinates(AbstractWhitening):
    """V = u: steps are as long in steep directions as in flat ones, as in the published estimators.

    Chains start at the centre, as theirs do: no other start suits all directions. The spectrum of the Hessian is
    computed all the same, for what it says; costs as of `DenseWhitening`.
    """

    def chart(
        self, problem: LossProblem, inverse_temperature: Float[Array, ""], localisation: Float[Array, ""]
    ) -> Chart:
        """No scaling; rates are those of the eigenvectors."""
        curvatures, slopes, _ = _spectrum(problem)
        return _exact(curvatures, slopes, (inverse_temperature, localisation), jnp.ones_like(curvatures), None)


class LeadingWhitening(AbstractWhitening):
    """As `DenseWhitening` along the most curved directions, v_i = u_i / sqrt(gamma) along all others.

    For more parameters than a dense Hessian allows, of which few are curved: directions and curvatures are Ritz pairs
    of as many products of the Hessian with a vector. Effective dimension and slope bias are integrals over the spectrum
    by Lanczos quadrature; the rank is not counted.

    Attributes:
        number: of directions.
    """

    number: int = eqx.field(static=True, default=500)

    def chart(
        self, problem: LossProblem, inverse_temperature: Float[Array, ""], localisation: Float[Array, ""]
    ) -> Chart:
        """Ritz vectors, each scaled by a^(-1/2)."""
        product = _product(problem)
        start = jax.random.normal(jax.random.key(1), (problem.dimension,), problem.dtype)
        curvatures, directions, _ = ritz_pairs(product, start, min(self.number, problem.dimension))
        return _by_quadrature(problem, product, curvatures, (inverse_temperature, localisation), directions)


class DiagonalWhitening(AbstractWhitening):
    """V_i = u_i / sqrt(t H_ii + gamma), for more parameters than a dense Hessian allows.

    The diagonal costs d products of the Hessian with a vector. Effective dimension and slope bias are integrals over
    the spectrum by Lanczos quadrature; the rank is not counted.

    Attributes:
        batch: how many products are made at once.
    """

    batch: int = eqx.field(static=True, default=16)

    def chart(
        self, problem: LossProblem, inverse_temperature: Float[Array, ""], localisation: Float[Array, ""]
    ) -> Chart:
        """Scaling by the diagonal of the Hessian."""
        product = _product(problem)

        def entry(index: Array) -> Array:
            return product(jnp.zeros(problem.dimension, problem.dtype).at[index].set(1))[index]

        diagonal = lax.map(entry, jnp.arange(problem.dimension), batch_size=self.batch)
        return _by_quadrature(problem, product, diagonal, (inverse_temperature, localisation), None)


def suited(dimension: int) -> AbstractWhitening:
    """Dense up to `MOST_DENSE` parameters, diagonal above."""
    return DenseWhitening() if dimension <= MOST_DENSE else DiagonalWhitening()


# The largest number of parameters whose Hessian is kept and decomposed: 32 MB and some ten seconds.
MOST_DENSE = 2000


def _spectrum(problem: LossProblem) -> tuple[Array, Array, Array]:
    """Curvatures, and slopes along their directions, at the centre."""
    centre = jnp.zeros(problem.dimension, problem.dtype)
    hessian = jax.hessian(problem.excess)(centre)
    curvatures, directions = eigh(0.5 * (hessian + hessian.T))
    return curvatures, directions.T @ _slope(problem), directions


def _product(problem: LossProblem) -> Callable[[Array], Array]:
    """V -> H v at the centre."""
    return jax.linearize(jax.grad(problem.excess), jnp.zeros(problem.dimension, problem.dtype))[1]


def _by_quadrature(
    problem: LossProblem,
    product: Callable[[Array], Array],
    curvatures: Array,
    temperature: tuple[Array, Array],
    directions: Array | None,
) -> Chart:
    """The chart that scales by curvatures along some directions, or by the diagonal; the spectrum is not known."""
    inverse_temperature, localisation = temperature
    precisions = inverse_temperature * jnp.maximum(curvatures, 0) + localisation
    rest = None if directions is None else 1 / jnp.sqrt(localisation)
    said = _integrals(problem, product, temperature)
    counted = quadratic.counted(curvatures, inverse_temperature, localisation)
    return Chart(1 / jnp.sqrt(precisions), directions, rest, *said, jnp.full_like(counted, jnp.nan), counted)


def _integrals(
    problem: LossProblem, product: Callable[[Array], Array], temperature: tuple[Array, Array]
) -> tuple[Array, Array, Array, Array]:
    """Effective dimension, slope bias, half rank, lowest curvature; of many parameters without the Hessian itself."""
    inverse_temperature, localisation = temperature
    if problem.dimension <= MOST_DENSE:
        curvatures, slopes, _ = _spectrum(problem)
        known = _exact(curvatures, slopes, temperature, curvatures, None)
        return known.effective_dimension, known.lowered_by_slope, known.half_rank, known.most_negative
    steps = min(LANCZOS_STEPS, problem.dimension)

    def counts(curvatures: Array) -> Array:
        return quadratic.counted(curvatures, inverse_temperature, localisation)

    found = traces(product, counts, jax.random.key(0), problem.dimension, PROBES, steps)
    nodes, weights = quadrature(product, _slope(problem), steps)
    precisions = inverse_temperature * jnp.maximum(nodes, 0) + localisation
    lowered = jnp.sum(weights * inverse_temperature**2 / precisions * (1 - counts(nodes)))
    start = jax.random.normal(jax.random.key(3), (problem.dimension,), problem.dtype)
    lowest = jnp.min(quadrature(product, start, steps)[0])
    return jnp.mean(found), lowered, jnp.full((), jnp.nan, problem.dtype), lowest


def _slope(problem: LossProblem) -> Array:
    """The gradient at the centre; of a kink, the side that goes down, and nothing where all sides go up."""
    random = jax.random.normal(jax.random.key(2), (SIDES, problem.dimension), problem.dtype)

    def both_sides(aside: Array) -> tuple[Array, Array]:
        return jax.grad(problem.excess)(aside), jax.grad(problem.excess)(-aside)

    asides = jnp.finfo(problem.dtype).eps ** 0.5 * random
    ahead, behind = lax.map(both_sides, asides)
    goes_up = jnp.all(jnp.sum(ahead * asides, axis=1) >= 0) & jnp.all(jnp.sum(behind * asides, axis=1) <= 0)
    # In the order of the coordinate, not of the probe.
    above = jnp.where(asides[0] > 0, ahead[0], behind[0])
    below = jnp.where(asides[0] > 0, behind[0], ahead[0])
    forwards, backwards = jnp.minimum(above, 0), jnp.maximum(below, 0)
    return jnp.where(goes_up, 0, jnp.where(-forwards > backwards, forwards, backwards))


def _exact(
    curvatures: Array, slopes: Array, temperature: tuple[Array, Array], scales: Array, directions: Array | None
) -> Chart:
    inverse_temperature, localisation = temperature
    counted = quadratic.counted(curvatures, inverse_temperature, localisation)
    rates = inverse_temperature * jnp.maximum(curvatures, 0) + localisation
    size = jnp.maximum(jnp.max(jnp.abs(curvatures)), localisation / inverse_temperature)
    curved = curvatures > RANK_TOLERANCE * size
    return Chart(
        scales=scales,
        directions=directions,
        rest=None,
        effective_dimension=jnp.sum(counted),
        lowered_by_slope=quadratic.lowered_by_slope(curvatures, slopes, inverse_temperature, localisation),
        half_rank=0.5 * jnp.sum(curved).astype(curvatures.dtype),
        most_negative=jnp.minimum(jnp.min(curvatures), 0),
        rates=rates * scales**2 if directions is not None else rates,
        counted=counted,
        starts_at_centre=directions is None,
    )
