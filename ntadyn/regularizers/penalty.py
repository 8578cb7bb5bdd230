"""What a penalty is, the penalty that does nothing, and sums of penalties."""

import abc
import dataclasses
import functools
import operator
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool

from ntadyn.regularizers.coefficients import Coefficient, Group, Scalar, check_nonnegative, scalar_like


class AbstractPenalty(eqx.Module):
    """An energy `R(x)` on one parameter group, with a gradient rule at its kinks; `a + b` adds energies."""

    @property
    @abc.abstractmethod
    def kinked(self) -> bool:
        """Whether the slope of `R` jumps across coordinate planes.

        A gate may slide on such a plane, where solvers that rely on a smooth field go wrong. This is about the form of
        the penalty: `k` may be 0. Norms of several entries together (`L2`, `ColumnL2`, `UnitL2Norm`) do not count,
        because their slope jumps only where all those entries vanish at once. (On groups of one entry they are
        absolute values all the same.)
        """

    def jumps(self, x: Group) -> Bool[Array, ""]:
        """Whether the slope of `R` does jump across coordinate planes: if `kinked`, by its coefficients.

        Args:
            x: the parameter group, any shape; only its dtype matters.
        """
        del x
        return jnp.asarray(self.kinked)

    @abc.abstractmethod
    def energy(self, x: Group) -> Scalar:
        """`R(x)`, whose `jax.grad` equals `gradient` everywhere, kinks included.

        Args:
            x: the parameter group: gates (p,) or (p, o), or weights (p, o, i); gates of any shape count as one vector.

        Returns:
            The energy, a scalar of the dtype of `x`.
        """

    @abc.abstractmethod
    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """Gradient at `x` of the smooth continuation of `R` from the orthant `sign`.

        Args:
            x: the parameter group, any shape.
            sign: like `x`, entries -1, 0 or +1. An entry 0 selects the tie rule of that coordinate, the mean of the
                two one-sided slopes. Penalties without coordinate kinks ignore `sign`.

        Returns:
            The gradient, like `x`.
        """

    @abc.abstractmethod
    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`argmin_z |z - x|^2 / (2 step) + R(z)`: one implicit Euler step of `x' = -grad R`.

        Where the objective is not convex: the stationary point that continues the gradient flow from `x`.

        Args:
            x: the parameter group, any shape.
            step: time divided by the group's time constant, >= 0.

        Returns:
            The new parameters, like `x`.

        Raises:
            ValueError: if `step` is negative or not one number, or if there is no closed form (see `Sum.proximal`).
        """

    def joint_proximal(self, others: tuple["AbstractPenalty", ...], x: Group, step: float | Scalar) -> Group | None:
        """`argmin_z |z - x|^2 / (2 step) + R(z) + sum_k R_k(z)`, where that has a closed form.

        Args:
            others: the penalties `R_k` that act on the same group.
            x: the parameter group, any shape.
            step: time divided by the group's time constant, >= 0.

        Returns:
            The new parameters, like `x`; None if this penalty knows no closed form together with these others. Unless
            a class overrides this, it knows one only when alone.
        """
        return None if others else self.proximal(x, step)

    def flow_along(
        self, other: Callable[[Group, Scalar], Group], x: Group, duration: Scalar, time_constant: Scalar
    ) -> Group:
        """One step of `tau x' = f(x) - grad R(x)`: half a step of the penalty, one of f, half a step of the penalty.

        Second order in the duration where `R` is smooth; classes whose kinks would spoil this override it.

        Args:
            other: the flow of `tau x' = f(x)`: (parameters, duration) -> parameters.
            x: the parameter group, any shape.
            duration: length of the step, in the unit of the time constant.
            time_constant: tau.

        Returns:
            The new parameters, like `x`.

        Raises:
            ValueError: if the penalty has no closed-form proximal map (see `Sum.proximal`).
        """
        half = 0.5 * duration / time_constant
        return self.proximal(other(self.proximal(x, half), duration), half)

    @abc.abstractmethod
    def scaled(self, factor: Coefficient) -> "AbstractPenalty":
        """The penalty with energy `factor R(x)`.

        Args:
            factor: >= 0; an array gives penalties to map over.

        Returns:
            A penalty of the same kind.

        Raises:
            ValueError: if `factor` is negative or not finite.
        """

    @abc.abstractmethod
    def split(self) -> tuple["AbstractPenalty", "AbstractPenalty"]:
        """The penalty as (orthant-smooth part, shrinking part), whose energies add up to it.

        Returns:
            The part whose kinks are the coordinate planes, and the part made of norms (whose proximal map is its exact
            flow if it is a single term). A missing part is `Zero()`.
        """

    def gradient(self, x: Group) -> Group:
        """`grad R(x)` with the tie rule `sign(0) = 0`: `branch_gradient(x, sign(x))`.

        Args:
            x: the parameter group, any shape.

        Returns:
            The gradient, like `x`.
        """
        return self.branch_gradient(x, jnp.sign(x))

    def __add__(self, other: "AbstractPenalty") -> "AbstractPenalty":
        """The penalty with energy `R_self + R_other`, without nested sums and `Zero` terms."""
        if not isinstance(other, AbstractPenalty):
            return NotImplemented
        return combine((self, other))


class AbstractTerm(AbstractPenalty):
    """A single penalty `k * (...)`; `k >= 0` is checked at construction if its value is known."""

    k: eqx.AbstractVar[Coefficient]
    shrinks: eqx.AbstractClassVar[bool]  # which part `split` puts it into

    def __check_init__(self):
        check_nonnegative(f"{type(self).__name__}: the coefficient k", self.k)

    def coefficient(self, x: Group) -> Scalar:
        """`k` as one number of the dtype of `x`.

        Raises:
            ValueError: for an array that is not mapped over.
        """
        return scalar_like(f"{type(self).__name__}: the coefficient k", self.k, x)

    def jumps(self, x: Group) -> Bool[Array, ""]:
        """`k > 0`, if the term is `kinked`."""
        return (self.coefficient(x) > 0) & self.kinked

    def checked_step(self, step: float | Scalar, x: Group) -> Scalar:
        """`step` as one number of the dtype of `x`.

        Raises:
            ValueError: if it is negative, or an array.
        """
        check_nonnegative(f"{type(self).__name__}: step", step)
        return scalar_like(f"{type(self).__name__}: step", step, x)

    def split(self) -> tuple[AbstractPenalty, AbstractPenalty]:
        """See `AbstractPenalty.split`."""
        return (Zero(), self) if self.shrinks else (self, Zero())

    def scaled(self, factor: Coefficient) -> AbstractPenalty:
        """The same penalty with coefficient `factor k`."""
        check_nonnegative(f"{type(self).__name__}.scaled: the factor", factor)
        return dataclasses.replace(self, k=factor * self.k)


class Zero(AbstractPenalty):
    """No penalty: `R(x) = 0`."""

    kinked: ClassVar[bool] = False

    def energy(self, x: Group) -> Scalar:
        """0."""
        return jnp.zeros((), x.dtype)

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """0."""
        del sign
        return jnp.zeros_like(x)

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z = x`."""
        del step
        return x

    def split(self) -> tuple[AbstractPenalty, AbstractPenalty]:
        """Two zeros."""
        return self, self

    def scaled(self, factor: Coefficient) -> "Zero":
        """Zero again."""
        check_nonnegative("Zero.scaled: the factor", factor)
        return self


def _flatten(terms) -> tuple[AbstractPenalty, ...]:
    """The terms, without nested sums and `Zero`."""
    flat: list[AbstractPenalty] = []
    for term in terms:
        if isinstance(term, Sum):
            flat.extend(term.terms)
        elif isinstance(term, AbstractPenalty):
            flat.extend(() if isinstance(term, Zero) else (term,))
        else:
            raise ValueError(
                f"Sum takes penalties, got {term!r} of type {type(term).__name__}. "
                f"Build the terms first, for example Sum((Nonnegativity(0.1), UnitL1Norm(0.9)))."
            )
    return tuple(flat)


def combine(terms) -> AbstractPenalty:
    """The simplest penalty that equals the sum of the terms."""
    flat = _flatten(terms)
    if not flat:
        return Zero()
    return flat[0] if len(flat) == 1 else Sum(flat)


class Sum(AbstractPenalty):
    """`R(x) = sum_k R_k(x)` on one parameter group; what `a + b` returns.

    Attributes:
        terms: the penalties, without nested sums and `Zero`.

    Raises:
        ValueError: if a term is not a penalty.
    """

    terms: tuple[AbstractPenalty, ...] = eqx.field(converter=_flatten)

    @property
    def kinked(self) -> bool:
        """True if any of the terms is kinked."""
        return any(term.kinked for term in self.terms)

    def jumps(self, x: Group) -> Bool[Array, ""]:
        """Whether that of any of the terms does."""
        return functools.reduce(operator.or_, (term.jumps(x) for term in self.terms), jnp.asarray(False))

    def energy(self, x: Group) -> Scalar:
        """Sum of the terms' energies."""
        return sum((term.energy(x) for term in self.terms), start=jnp.zeros((), x.dtype))

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """Sum of the terms' branch gradients."""
        return sum((term.branch_gradient(x, sign) for term in self.terms), start=jnp.zeros_like(x))

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """The joint proximal map of all terms, if one of them knows it in closed form; `x` if there are no terms.

        It is known for single terms, and for `Nonnegativity` with `UnitL1Norm` (see `UnitL1Norm.joint_proximal`).

        Args:
            x: the parameter group, any shape.
            step: time divided by the group's time constant, >= 0.

        Returns:
            The new parameters, like `x`.

        Raises:
            ValueError: for any other sum of several terms, because proximal maps do not add.
        """
        if not self.terms:
            return x
        for index, term in enumerate(self.terms):
            found = term.joint_proximal(self.terms[:index] + self.terms[index + 1 :], x, step)
            if found is not None:
                return found
        names = " + ".join(type(term).__name__ for term in self.terms)
        raise ValueError(
            f"The sum {names} has no closed-form proximal map here. Apply the proximal maps of its `terms` one "
            f"after the other (first order in the step; forwards, then backwards with half steps: second order), "
            f"or integrate `branch_gradient` with the signs held fixed, or treat the parts of `split()` separately."
        )

    def flow_along(
        self, other: Callable[[Group, Scalar], Group], x: Group, duration: Scalar, time_constant: Scalar
    ) -> Group:
        """The flow of the only term, or half steps of the sum; see `AbstractPenalty.flow_along`."""
        one = self.terms[0].flow_along if len(self.terms) == 1 else super().flow_along
        return one(other, x, duration, time_constant)

    def split(self) -> tuple[AbstractPenalty, AbstractPenalty]:
        """The sums of the orthant-smooth parts and of the shrinking parts of all terms."""
        parts = [term.split() for term in self.terms]
        return combine(smooth for smooth, _ in parts), combine(shrinking for _, shrinking in parts)

    def scaled(self, factor: Coefficient) -> "Sum":
        """The sum of the scaled terms."""
        return Sum(tuple(term.scaled(factor) for term in self.terms))
