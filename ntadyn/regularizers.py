"""Penalties: energies on gates and weights, with their rule at the kink and their proximal map.

A penalty is an energy `R(x)` of one parameter group. It is not differentiable everywhere, so that "its gradient" needs
a rule: every penalty states one by `branch_gradient`, the gradient of the smooth function that coincides with `R` in a
given orthant and continues beyond it. A solver that freezes the orthant during a step therefore sees a smooth force.

Two families behave differently under time stepping, and `split` separates them:

* Orthant-smooth penalties (`Nonnegativity`, `UnitL1Norm`, `UnitL2Norm`, `L1`) are smooth inside every orthant away
  from the origin. What a solver has to watch are the coordinate planes, on which a gate may slide.
* Shrinking penalties (`L2`, `Frobenius`, `ColumnL1`, `ColumnL2`) are norms, or means of norms over disjoint groups of
  entries. The force of a norm does not change along its own flow until the vector vanishes, where it stays; hence
  their proximal map over a time `h` *is* their gradient flow over `h`. (So is that of `L1`.)
"""

import abc
from typing import ClassVar, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

Coefficient: TypeAlias = float | int | Float[Array, "..."]
Group: TypeAlias = Float[Array, "..."]
Scalar: TypeAlias = Float[Array, ""]

# Up to this many entries, comparing all pairs is faster on a CPU than a vmapped sort (11 times for two gates).
_PAIRWISE_LIMIT = 64


def _is_concrete(value) -> bool:
    numeric = isinstance(value, float | int | np.ndarray | np.generic | jax.Array)
    return numeric and not isinstance(value, Tracer)


def _check_nonnegative(name: str, value) -> None:
    """Raise if a concrete `value` is negative or not finite; traced values pass unchecked."""
    if not _is_concrete(value):
        return
    numbers = np.asarray(value)
    if not np.all(np.isfinite(numbers) & (numbers >= 0)):
        raise ValueError(
            f"{name} must be finite and >= 0, got {value}. To switch a penalty off, use 0 or leave it out."
        )


def _scalar_like(name: str, value, like: Array) -> Scalar:
    """`value` as a scalar of the dtype of `like`."""
    if jnp.ndim(value) != 0:
        raise ValueError(
            f"{name} has shape {jnp.shape(value)} where one number is needed. "
            f"Map over a sweep with jax.vmap or equinox.filter_vmap."
        )
    return jnp.asarray(value, like.dtype)


def _norm_and_direction(x: Group, axis: int | None) -> tuple[Group, Group]:
    """`|x|_2` along `axis` (kept as an axis of length one) and `x / |x|_2`, both exactly 0 for a zero vector."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=axis, keepdims=True))
    # Below the smallest normal number a division may flush to 0 / 0.
    is_nonzero = largest >= jnp.finfo(x.dtype).tiny
    scale = jnp.where(is_nonzero, largest, 1.0)
    # Scaling keeps the squares of tiny entries from underflowing. The norm does not depend on the scale, so that
    # holding it fixed leaves every derivative exact.
    scaled = x / scale
    # The inner `where` keeps the infinite derivative of the square root at zero out of the trace.
    root = jnp.sqrt(jnp.where(is_nonzero, jnp.sum(scaled**2, axis=axis, keepdims=True), 1.0))
    return jnp.where(is_nonzero, scale * root, 0.0), jnp.where(is_nonzero, scaled / root, 0.0)


def _absolute(x: Group) -> Group:
    # jax differentiates abs(0) to +1; this is the same number with derivative sign(x), 0 at a tie.
    return jnp.sign(x) * x


def _soft_threshold(x: Group, threshold: Scalar) -> Group:
    return jnp.sign(x) * jnp.maximum(_absolute(x) - threshold, 0.0)


def _sums_of_largest(values: Float[Array, " n"]) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """For each entry, sum and number of the entries at least as large, in any order."""
    if values.size <= _PAIRWISE_LIMIT:
        at_least = (values[None, :] >= values[:, None]).astype(values.dtype)
        return jnp.sum(at_least * values[None, :], axis=1), jnp.sum(at_least, axis=1)
    return jnp.cumsum(jnp.sort(values, descending=True)), jnp.arange(1, values.size + 1).astype(values.dtype)


def _unit_l1_proximal(x: Group, stiffness: Scalar, hinge: Scalar) -> Group:
    """`argmin_z |z - x|^2 / 2 + stiffness/2 (|z|_1 - 1)^2 + hinge sum_p max(-z_p, 0)`.

    Flipping the sign of an entry of size `a` changes only `(z_p - x_p)^2 / 2` and the hinge, by an amount whose sign
    does not depend on `a`: positive is better for `x_p > -hinge/2`, negative below. With the signs settled the sizes
    minimise the convex `sum_p (a_p - v_p)^2 / 2 + stiffness/2 (sum_p a_p - 1)^2` over `a >= 0`, where `v = x` on the
    positive side and `v = -x - hinge` on the negative one. Hence `a = max(v - t, 0)`, `t = stiffness (sum_p a_p - 1)`.

    Every subset `A` of entries bounds the water level, `t >= stiffness (sum_A v - 1) / (1 + |A| stiffness)`; the set of
    the entries above it attains the bound and consists of the largest. So `t` is the largest of those bounds.
    """
    is_positive = x >= -0.5 * hinge
    # Without a hinge nothing decides the side of an entry at zero: it stays (at the lowest possible water level).
    is_tied = (x == 0.0) & (hinge == 0.0)
    sign = jnp.where(is_tied, 0.0, jnp.where(is_positive, 1.0, -1.0)).astype(x.dtype)
    v = jnp.where(is_tied, -stiffness, jnp.where(is_positive, x, -x - hinge))
    sums, counts = _sums_of_largest(v.ravel())
    level = jnp.maximum(jnp.max(stiffness * (sums - 1.0) / (1.0 + counts * stiffness)), -stiffness)
    return sign * jnp.maximum(v - level, 0.0)


def _number_of_columns(x: Group) -> int:
    if x.ndim != 3:
        raise ValueError(
            f"A column penalty needs weights of shape (paths, outputs, inputs), got shape {x.shape}. "
            f"Put gates under a gate penalty, or give one matrix a leading axis of length one."
        )
    return x.shape[0] * x.shape[2]


class AbstractPenalty(eqx.Module):
    """An energy `R(x)` on one parameter group, with a gradient rule at its kinks; `a + b` adds energies."""

    @abc.abstractmethod
    def energy(self, x: Group) -> Scalar:
        """`R(x)`, whose `jax.grad` equals `gradient` everywhere, kinks included.

        Args:
            x: the parameter group: gates (p,) or (p, o), or weights (p, o, i). Gates of any shape count as one vector.

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

        Where the minimand is not convex, the stationary point that continues the gradient flow from `x`.

        Args:
            x: the parameter group, any shape.
            step: time divided by the group's time constant, >= 0.

        Returns:
            The new parameters, like `x`.

        Raises:
            ValueError: if `step` is negative or not one number, or if there is no closed form (see `Sum.proximal`).
        """

    @abc.abstractmethod
    def split(self) -> tuple["AbstractPenalty", "AbstractPenalty"]:
        """The penalty as (orthant-smooth part, shrinking part), whose energies add up to it.

        Returns:
            The part whose kinks are the coordinate planes, and the part made of norms (if that is a single term, its
            proximal map is its exact flow). A missing part is `Zero()`.
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
        """The penalty with energy `R_self + R_other`, opened and without `Zero` terms."""
        if not isinstance(other, AbstractPenalty):
            return NotImplemented
        return _combine((self, other))


class _AbstractTerm(AbstractPenalty):
    """A single penalty `k * (...)`; `k >= 0` is checked at construction when its value is known."""

    k: eqx.AbstractVar[Coefficient]
    shrinks: eqx.AbstractClassVar[bool]  # the part that `split` puts it in

    def __check_init__(self):
        _check_nonnegative(f"{type(self).__name__}: the coefficient k", self.k)

    def _k(self, x: Group) -> Scalar:
        return _scalar_like(f"{type(self).__name__}: the coefficient k", self.k, x)

    def _step(self, step: float | Scalar, x: Group) -> Scalar:
        _check_nonnegative(f"{type(self).__name__}.proximal: step", step)
        return _scalar_like(f"{type(self).__name__}.proximal: step", step, x)

    def split(self) -> tuple[AbstractPenalty, AbstractPenalty]:
        """See `AbstractPenalty.split`."""
        return (Zero(), self) if self.shrinks else (self, Zero())


class Zero(AbstractPenalty):
    """No penalty: `R(x) = 0`."""

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


class Nonnegativity(_AbstractTerm):
    """`R(c) = k sum_p max(-c_p, 0)`: a hinge that pulls negative gates up with the constant force `k`.

    The force is finite: a gate that is driven down harder than `k` does go negative.

    Attributes:
        k: slope of the hinge, >= 0 (energy per unit gate).

    Raises:
        ValueError: if `k` is negative or not finite.

    Source: gate regulariser of the flexible network; specification 1, sections 2.1-2.3 (`k_nn`, and half of it at
        a gate exactly zero).
    """

    k: Coefficient
    shrinks: ClassVar[bool] = False

    def energy(self, x: Group) -> Scalar:
        """`k sum_p max(-c_p, 0)`."""
        return self._k(x) * jnp.sum(jnp.maximum(-x, 0.0))

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`-k (1 - s) / 2`: 0 for positive, `-k/2` for tied, `-k` for negative gates."""
        return -self._k(x) * 0.5 * (1.0 - sign)

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z = max(c, 0) + min(c + k step, 0)`: negative gates rise by `k step`, but not past zero."""
        return jnp.maximum(x, 0.0) + jnp.minimum(x + self._k(x) * self._step(step, x), 0.0)


class UnitL1Norm(_AbstractTerm):
    """`R(c) = k/2 (|c|_1 - 1)^2`: gates on the surface where their absolute values sum to one.

    Attributes:
        k: stiffness, >= 0. With `m` gates away from zero the curvature of the energy along their signs is `m k`.

    Raises:
        ValueError: if `k` is negative or not finite.

    Source: specification 1, sections 2.1-2.3 (`k_1`; `sign(0) = 0`).
    """

    k: Coefficient
    shrinks: ClassVar[bool] = False

    def energy(self, x: Group) -> Scalar:
        """`k/2 (|c|_1 - 1)^2`."""
        return 0.5 * self._k(x) * (jnp.sum(_absolute(x)) - 1.0) ** 2

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`k (s . c - 1) s`: linear in the gates, and without force on tied ones."""
        return self._k(x) * (jnp.sum(sign * x) - 1.0) * sign

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z_p = sign(c_p) max(|c_p| - t, 0)` with `t = k h (|z|_1 - 1)`, `h` the step, solved exactly.

        * `|c|_1 > 1`: `t > 0` is the water level at which the gates that stay above it lose just enough norm; the
          others land exactly on zero. The unique minimiser.
        * `|c|_1 <= 1`: `t <= 0`, and all `m` non-zero gates grow by `|t| = k h (1 - |c|_1) / (1 + m k h)` away from
          zero, so that `|z|_1 <= 1`. The minimand is not convex there, but flipping a gate only takes it further from
          `c`: without zero gates this is the unique minimiser, too.
        * A gate exactly at zero stays. Below norm one that is stationary only by the tie rule `sign(0) = 0`: the kink
          repels, and both sides lower the minimand equally. The flow with the tie rule stays, and so does this map.
          What else acts on the gate decides; the sum with a `Nonnegativity` of `k > 0` chooses the positive side.

        See `AbstractPenalty.proximal` for the arguments.
        """
        return _unit_l1_proximal(x, self._k(x) * self._step(step, x), jnp.zeros((), x.dtype))


class UnitL2Norm(_AbstractTerm):
    """`R(c) = k/2 (|c|_2 - 1)^2`: gates on the unit sphere.

    Attributes:
        k: stiffness, >= 0. Smooth away from the origin; not convex inside the sphere, where the curvature across the
            radius is `k (1 - 1/|c|_2) < 0`.

    Raises:
        ValueError: if `k` is negative or not finite.

    Source: specification 1, sections 2.1-2.3 (`k_2`); at zero the gradient is 0 here instead of not-a-number.
    """

    k: Coefficient
    shrinks: ClassVar[bool] = False

    def energy(self, x: Group) -> Scalar:
        """`k/2 (|c|_2 - 1)^2`."""
        norm, _ = _norm_and_direction(x, None)
        return 0.5 * self._k(x) * jnp.sum((norm - 1.0) ** 2)

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`k (|c|_2 - 1) c / |c|_2`, and 0 at the origin; the same in every orthant."""
        del sign
        norm, direction = _norm_and_direction(x, None)
        return self._k(x) * (norm - 1.0) * direction

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z = c/|c|_2 (|c|_2 + k step) / (1 + k step)`: the global minimiser, except at the origin.

        From the origin all directions are equally good; the zero vector stays, as under the gradient's tie rule.
        """
        norm, direction = _norm_and_direction(x, None)
        k_step = self._k(x) * self._step(step, x)
        return direction * ((norm + k_step) / (1.0 + k_step))


class _AbstractEntrywise(_AbstractTerm):
    """`slope * |x|_1`."""

    @abc.abstractmethod
    def _slope(self, x: Group) -> Scalar: ...

    def energy(self, x: Group) -> Scalar:
        """`slope |x|_1`."""
        return self._slope(x) * jnp.sum(_absolute(x))

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`slope s`."""
        return self._slope(x) * sign

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z = sign(x) max(|x| - slope step, 0)` for each entry: the exact gradient flow over `step`."""
        return _soft_threshold(x, self._slope(x) * self._step(step, x))


class _AbstractGroupwise(_AbstractTerm):
    """`slope * sum_g |x_g|_2` over disjoint groups `g`: the lines along `_axis`, or all entries together."""

    _axis: eqx.AbstractClassVar[int | None]

    @abc.abstractmethod
    def _slope(self, x: Group) -> Scalar: ...

    def energy(self, x: Group) -> Scalar:
        """`slope sum_g |x_g|_2`."""
        slope = self._slope(x)
        return slope * jnp.sum(_norm_and_direction(x, self._axis)[0])

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`slope x_g / |x_g|_2`, and 0 for a zero group; the same in every orthant."""
        del sign
        slope = self._slope(x)
        return slope * _norm_and_direction(x, self._axis)[1]

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z_g = x_g / |x_g|_2 max(|x_g|_2 - slope step, 0)`: the exact gradient flow over `step`."""
        threshold = self._slope(x) * self._step(step, x)
        norm, direction = _norm_and_direction(x, self._axis)
        return direction * jnp.maximum(norm - threshold, 0.0)


class L1(_AbstractEntrywise):
    """`R(c) = k |c|_1`; a norm, but its kinks are the coordinate planes, and so it counts as orthant-smooth.

    Attributes:
        k: slope, >= 0.

    Raises:
        ValueError: if `k` is negative or not finite.

    Source: specification 1, section 2.1 ("L1_c"; the published factor 1/2 is part of `k`).
    """

    k: Coefficient
    shrinks: ClassVar[bool] = False

    def _slope(self, x: Group) -> Scalar:
        return self._k(x)


class ColumnL1(_AbstractEntrywise):
    """`R(W) = k mean_{p,j} |W^p_{:,j}|_1` for weights (p, o, i).

    Attributes:
        k: coefficient of the mean, >= 0; each entry feels the slope `k / (P d_in)`.

    Raises:
        ValueError: if `k` is negative or not finite; from the methods, if the weights do not have three axes.

    Source: specification 1, section 2.1 ("L1_W"; the published factor 1/2 is part of `k`).
    """

    k: Coefficient
    shrinks: ClassVar[bool] = True

    def _slope(self, x: Group) -> Scalar:
        return self._k(x) / _number_of_columns(x)


class L2(_AbstractGroupwise):
    """`R(x) = k |x|_2` of all entries together, not squared: on weights, the Frobenius norm of the whole array.

    Attributes:
        k: slope, >= 0.

    Raises:
        ValueError: if `k` is negative or not finite.

    Source: specification 1, section 2.1 ("L2_c", with the published factor 1/2 inside `k`; "W_norm").
    """

    k: Coefficient
    shrinks: ClassVar[bool] = True
    _axis: ClassVar[int | None] = None

    def _slope(self, x: Group) -> Scalar:
        return self._k(x)


# The same energy under the name it has for matrices.
Frobenius = L2


class ColumnL2(_AbstractGroupwise):
    """`R(W) = k mean_{p,j} |W^p_{:,j}|_2`: group lasso on the input columns of weights (p, o, i).

    Attributes:
        k: coefficient of the mean, >= 0; each of the P d_in columns feels the slope `k / (P d_in)`.

    Raises:
        ValueError: if `k` is negative or not finite; from the methods, if the weights do not have three axes.

    Source: specification 1, sections 2.1-2.3 ("L2_W"; `k_W`, with the published factor 1/2 inside). A zero column has
        gradient 0 here instead of not-a-number.
    """

    k: Coefficient
    shrinks: ClassVar[bool] = True
    _axis: ClassVar[int | None] = 1

    def _slope(self, x: Group) -> Scalar:
        return self._k(x) / _number_of_columns(x)


def _flatten(terms) -> tuple[AbstractPenalty, ...]:
    """The terms with nested sums opened and `Zero` left out."""
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


def _combine(terms) -> AbstractPenalty:
    """The plainest penalty that equals the sum of the terms."""
    flat = _flatten(terms)
    if not flat:
        return Zero()
    return flat[0] if len(flat) == 1 else Sum(flat)


class Sum(AbstractPenalty):
    """`R(x) = sum_k R_k(x)` on one parameter group; what `a + b` returns.

    Attributes:
        terms: the penalties, with nested sums opened and `Zero` left out.

    Raises:
        ValueError: if a term is not a penalty.
    """

    terms: tuple[AbstractPenalty, ...] = eqx.field(converter=_flatten)

    def energy(self, x: Group) -> Scalar:
        """Sum of the terms' energies."""
        return sum((term.energy(x) for term in self.terms), start=jnp.zeros((), x.dtype))

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """Sum of the terms' branch gradients."""
        return sum((term.branch_gradient(x, sign) for term in self.terms), start=jnp.zeros_like(x))

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """The proximal map of the only term; `x` without terms; exact for `Nonnegativity` + `UnitL1Norm`.

        That pair has a closed form, the global minimiser: the gates above `-k step / 2` (`k` of the hinge) end on the
        positive side or at zero, the others on the negative side or at zero, and one water level serves all. At norm
        one and above it equals the hinge's map followed by the one of the norm. Below norm one it resolves what the
        separate maps cannot: a gate at zero leaves it upwards. It departs from the flow only within `k step / 2` below
        zero and where `k_1 (1 - |z|_1) > k`: there the kink repels downwards, while the minimum lies above.

        Args:
            x: the parameter group, any shape.
            step: time divided by the group's time constant, >= 0.

        Returns:
            The new parameters, like `x`.

        Raises:
            ValueError: for any other sum of several terms, because proximal maps do not add.
        """
        if {type(term) for term in self.terms} == {Nonnegativity, UnitL1Norm}:
            hinges = [term._k(x) * term._step(step, x) for term in self.terms if isinstance(term, Nonnegativity)]
            norms = [term._k(x) * term._step(step, x) for term in self.terms if isinstance(term, UnitL1Norm)]
            zero = jnp.zeros((), x.dtype)
            return _unit_l1_proximal(x, sum(norms, start=zero), sum(hinges, start=zero))
        if len(self.terms) > 1:
            names = " + ".join(type(term).__name__ for term in self.terms)
            raise ValueError(
                f"The sum {names} has no closed-form proximal map here. Apply the proximal maps of its `terms` one "
                f"after the other (first order in the step; forwards, then backwards with half steps: second order), "
                f"or integrate `branch_gradient` with the signs held fixed, or treat the parts of `split()` apart."
            )
        return self.terms[0].proximal(x, step) if self.terms else x

    def split(self) -> tuple[AbstractPenalty, AbstractPenalty]:
        """The sums of the orthant-smooth parts and of the shrinking parts of all terms."""
        parts = [term.split() for term in self.terms]
        return _combine(smooth for smooth, _ in parts), _combine(shrinking for _, shrinking in parts)


def from_relative_weights(
    strength: Coefficient,
    *,
    nonnegative: Coefficient | None = None,
    unit_l1: Coefficient | None = None,
    unit_l2: Coefficient | None = None,
    l1: Coefficient | None = None,
    l2: Coefficient | None = None,
    column_l1: Coefficient | None = None,
    column_l2: Coefficient | None = None,
    frobenius: Coefficient | None = None,
) -> dict[str, AbstractPenalty]:
    """`k_r = f_r strength w_r / sum_r w_r`: penalties in the relative weights of the published configurations.

    The sum runs over all listed weights, so that listing one more term dilutes the others. The factors `f_r` are 10
    (`nonnegative`, `unit_l1`), 1 (`unit_l2`, `frobenius`) and 1/2 (`l1`, `l2`, `column_l1`, `column_l2`).

    Args:
        strength: overall regularisation strength, >= 0; an array gives penalties to map over.
        nonnegative: relative weight of `Nonnegativity` on the gates; None leaves the term out.
        unit_l1: relative weight of `UnitL1Norm` on the gates.
        unit_l2: relative weight of `UnitL2Norm` on the gates.
        l1: relative weight of `L1` on the gates.
        l2: relative weight of `L2` on the gates.
        column_l1: relative weight of `ColumnL1` on the weights.
        column_l2: relative weight of `ColumnL2` on the weights.
        frobenius: relative weight of `Frobenius` on the weights.

    Returns:
        The penalties by parameter group, "gates" and "weights"; a group without terms is absent.

    Raises:
        ValueError: if the strength or a weight is negative or not finite, or if all listed weights are zero.

    Source: specification 1, sections 2 and 2.2.
    """
    _check_nonnegative("strength", strength)
    published = {
        "gates": (
            ("nonnegative", nonnegative, 10.0, Nonnegativity),
            ("unit_l1", unit_l1, 10.0, UnitL1Norm),
            ("unit_l2", unit_l2, 1.0, UnitL2Norm),
            ("l1", l1, 0.5, L1),
            ("l2", l2, 0.5, L2),
        ),
        "weights": (
            ("column_l1", column_l1, 0.5, ColumnL1),
            ("column_l2", column_l2, 0.5, ColumnL2),
            ("frobenius", frobenius, 1.0, Frobenius),
        ),
    }
    listed = [(name, weight) for rows in published.values() for name, weight, _, _ in rows if weight is not None]
    for name, weight in listed:
        _check_nonnegative(f"the relative weight {name}", weight)
    total = sum((weight for _, weight in listed), start=0.0)
    if listed and _is_concrete(total) and not np.all(np.asarray(total) > 0):
        raise ValueError(
            f"The relative weights {dict(listed)} sum to zero, so that their shares are undefined. "
            f"Give at least one positive weight; to switch everything off use strength 0 or list no weight."
        )
    return {
        group: _combine(
            kind(factor * strength * weight / total) for _, weight, factor, kind in rows if weight is not None
        )
        for group, rows in published.items()
        if any(weight is not None for _, weight, _, _ in rows)
    }
