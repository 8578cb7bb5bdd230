"""Smooth stand-ins for penalties with kinks, for solvers that choose their steps by an error estimate.

Every kink is rounded off symmetrically over a width `w`, so that the slope at the kink itself stays that of the tie
rule: the mean of the one-sided slopes. All stand-ins are analytic in the parameters, as smooth as any solver could ask
for, and tend to the original as `w -> 0`: their energies differ from it by at most a multiple of `w`.
"""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ntadyn.regularizers.coefficients import Coefficient, Group, Scalar, known_reals, scalar_like
from ntadyn.regularizers.gate_penalties import Nonnegativity, UnitL1Norm
from ntadyn.regularizers.norm_penalties import AbstractNorm
from ntadyn.regularizers.penalty import AbstractPenalty, AbstractTerm, Sum, Zero, combine


@functools.singledispatch
def smoothed(penalty: AbstractPenalty, width: Coefficient) -> AbstractPenalty:
    """The penalty with its kinks rounded off over `width`.

    * `Nonnegativity`: `max(-c, 0)` becomes `w softplus(-c / w)`, too large by at most `w log 2`, at `c = 0`.
    * `L1`, `ColumnL1`, and inside `UnitL1Norm`: `|c|` becomes `sqrt(c^2 + w^2)`, too large by at most `w`, at `c = 0`,
      and by about `w^2 / (2 |c|)` far away. A gate at zero then adds `w` to the norm that `UnitL1Norm` holds at one.
    * `L2`, `ColumnL2`: `|x|_2` becomes `sqrt(|x|_2^2 + w^2)`. They are not `kinked`, but their flow runs into the one
      point where they have no gradient.
    * `Sum`: term by term. `Zero` and `UnitL2Norm`, whose flow leaves its one singular point, stay as they are.

    A gate that would slide along zero settles a few `w` away from it, where the rounded slope balances its drive.
    The curvature there is of order `k / w`: halving the width doubles the stiffness.

    A new kind of penalty is added with `smoothed.register(Kind)`.

    Args:
        penalty: the penalty to smooth.
        width: `w`, in units of the parameter, > 0; an array gives penalties to map over.

    Returns:
        A penalty that is not `kinked`. The terms that were replaced have the same gradient function in all orthants,
        and no proximal map.

    Raises:
        ValueError: if the width is not positive and finite, or if a kinked penalty has no smooth stand-in.
    """
    _check_width(width)
    if penalty.kinked:
        raise ValueError(
            f"smoothed: {type(penalty).__name__} has kinks, and nothing is registered to round them off. "
            f"Register a function (penalty, width) -> penalty with ntadyn.regularizers.smoothed.register."
        )
    return penalty


def _check_width(width) -> None:
    widths = known_reals("smoothed: the width", width)
    if widths is not None and not np.all(np.isfinite(widths) & (widths > 0)):
        raise ValueError(
            f"smoothed: the width must be positive and finite, got {width}. For width 0 use the penalty itself."
        )


class _AbstractSmoothed(AbstractPenalty):
    """A term with its kinks rounded off: the same function in all orthants."""

    original: eqx.AbstractVar[AbstractTerm]
    width: eqx.AbstractVar[Coefficient]

    def __check_init__(self):
        _check_width(self.width)

    @property
    def kinked(self) -> bool:
        """False."""
        return False

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """There is none: the implicit equation has no closed-form solution.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"{type(self).__name__} has no closed-form proximal map. Integrate its `gradient` with a solver for smooth "
            f"fields, or keep {type(self.original).__name__}, which has a proximal map."
        )

    def split(self) -> tuple[AbstractPenalty, AbstractPenalty]:
        """All of it counts as orthant-smooth."""
        return self, Zero()

    def scaled(self, factor: Coefficient) -> AbstractPenalty:
        """The original scaled, then smoothed."""
        return dataclasses.replace(self, original=self.original.scaled(factor))

    def _width(self, x: Group) -> Scalar:
        return scalar_like("smoothed: the width", self.width, x)


class SmoothedNonnegativity(_AbstractSmoothed):
    """`R(c) = k w sum_p softplus(-c_p / w)`.

    Attributes:
        original: the hinge, with its `k`.
        width: `w` > 0, in units of a gate.

    Raises:
        ValueError: if the width is not positive and finite.
    """

    original: Nonnegativity
    width: Coefficient

    def energy(self, x: Group) -> Scalar:
        """`k w sum_p softplus(-c_p / w)`."""
        width = self._width(x)
        return self.original.coefficient(x) * width * jnp.sum(jax.nn.softplus(-x / width))

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`-k / (1 + exp(c_p / w))`; the same in every orthant."""
        del sign
        return -self.original.coefficient(x) * jax.nn.sigmoid(-x / self._width(x))


class SmoothedUnitL1Norm(_AbstractSmoothed):
    """`R(c) = k/2 (sum_p sqrt(c_p^2 + w^2) - 1)^2`.

    Attributes:
        original: the unit-norm penalty, with its `k`.
        width: `w` > 0, in units of a gate.

    Raises:
        ValueError: if the width is not positive and finite.
    """

    original: UnitL1Norm
    width: Coefficient

    def energy(self, x: Group) -> Scalar:
        """`k/2 (sum_p sqrt(c_p^2 + w^2) - 1)^2`."""
        excess = jnp.sum(_rounded_norm(x, self._width(x), ())) - 1.0
        return 0.5 * self.original.coefficient(x) * excess**2

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`k (n - 1) c_p / sqrt(c_p^2 + w^2)` with `n` the sum of the roots; the same in every orthant."""
        del sign
        sizes = _rounded_norm(x, self._width(x), ())
        return self.original.coefficient(x) * (jnp.sum(sizes) - 1.0) * (x / sizes)


class SmoothedNorm(_AbstractSmoothed):
    """`R(x) = slope sum_g sqrt(|x_g|_2^2 + w^2)` over the groups `g` of a norm penalty.

    Attributes:
        original: the norm penalty, which gives the slope and the groups.
        width: `w` > 0, in units of the parameter.

    Raises:
        ValueError: if the width is not positive and finite.
    """

    original: AbstractNorm
    width: Coefficient

    def energy(self, x: Group) -> Scalar:
        """`slope sum_g sqrt(|x_g|_2^2 + w^2)`."""
        slope = self.original.slope(x)
        return slope * jnp.sum(_rounded_norm(x, self._width(x), self.original.group_axes))

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`slope x_g / sqrt(|x_g|_2^2 + w^2)`; the same in every orthant."""
        del sign
        slope = self.original.slope(x)
        return slope * (x / _rounded_norm(x, self._width(x), self.original.group_axes))


@smoothed.register(Sum)
def _(penalty: Sum, width: Coefficient) -> AbstractPenalty:
    _check_width(width)
    return combine(smoothed(term, width) for term in penalty.terms)


@smoothed.register(Nonnegativity)
def _(penalty: Nonnegativity, width: Coefficient) -> AbstractPenalty:
    return SmoothedNonnegativity(penalty, width)


@smoothed.register(UnitL1Norm)
def _(penalty: UnitL1Norm, width: Coefficient) -> AbstractPenalty:
    return SmoothedUnitL1Norm(penalty, width)


@smoothed.register(AbstractNorm)
def _(penalty: AbstractNorm, width: Coefficient) -> AbstractPenalty:
    return SmoothedNorm(penalty, width)


def _rounded_norm(x: Group, width: Scalar, axes: int | tuple[()] | None) -> Array:
    """`sqrt(|x_g|_2^2 + w^2)` for the groups along `axes`, which are kept with length one."""
    return jnp.sqrt(jnp.sum(x**2, axis=axes, keepdims=True) + width**2)
