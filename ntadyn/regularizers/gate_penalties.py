"""Penalties on gates: for nonnegative values, and for norm one."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.regularizers.coefficients import Coefficient, Group, Scalar
from ntadyn.regularizers.norms import absolute, norm_and_direction
from ntadyn.regularizers.penalty import AbstractPenalty, AbstractTerm

# Up to this many entries, comparing all pairs is faster on a CPU than a vmapped sort (11 times for two gates).
_PAIRWISE_LIMIT = 64


class Nonnegativity(AbstractTerm):
    """`R(c) = k sum_p max(-c_p, 0)`: a hinge that pulls negative gates up with the constant force `k`.

    The force is finite: a gate that is driven down harder than `k` becomes negative.

    Attributes:
        k: slope of the hinge, >= 0 (energy per unit gate).

    Raises:
        ValueError: if `k` is negative or not finite.

    Source: gate regulariser of the flexible network; published code of arXiv 2411.03840 (`k_nn`, and half of that for
        a gate at exactly zero).
    """

    k: Coefficient
    shrinks: ClassVar[bool] = False
    kinked: ClassVar[bool] = True

    def energy(self, x: Group) -> Scalar:
        """`k sum_p max(-c_p, 0)`."""
        return self.coefficient(x) * jnp.sum(jnp.maximum(-x, 0.0))

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`-k (1 - s) / 2`: 0 for positive, `-k/2` for tied, `-k` for negative gates."""
        return -self.coefficient(x) * 0.5 * (1.0 - sign)

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z = max(c, 0) + min(c + k step, 0)`: negative gates rise by `k step`, but not past zero."""
        return jnp.maximum(x, 0.0) + jnp.minimum(x + self.coefficient(x) * self.checked_step(step, x), 0.0)


class UnitL1Norm(AbstractTerm):
    """`R(c) = k/2 (|c|_1 - 1)^2`: gates on the surface where their absolute values sum to one.

    Attributes:
        k: stiffness, >= 0. With `m` gates away from zero the curvature of the energy along their signs is `m k`.

    Raises:
        ValueError: if `k` is negative or not finite.

    Source: published code of arXiv 2411.03840 (`k_1`; `sign(0) = 0`).
    """

    k: Coefficient
    shrinks: ClassVar[bool] = False
    kinked: ClassVar[bool] = True

    def energy(self, x: Group) -> Scalar:
        """`k/2 (|c|_1 - 1)^2`."""
        return 0.5 * self.coefficient(x) * (jnp.sum(absolute(x)) - 1.0) ** 2

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`k (s . c - 1) s`: linear in the gates, and without force on tied ones."""
        return self.coefficient(x) * (jnp.sum(sign * x) - 1.0) * sign

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z_p = sign(c_p) max(|c_p| - t, 0)` with `t = k h (|z|_1 - 1)`, `h` the step, solved exactly.

        * `|c|_1 > 1`: `t > 0` is the water level at which the gates above it lose just enough norm; the others land
          exactly on zero. This is the unique minimiser.
        * `|c|_1 <= 1`: `t <= 0`, and all `m` non-zero gates grow by `|t| = k h (1 - |c|_1) / (1 + m k h)` away from
          zero, so that `|z|_1 <= 1`. The objective is not convex there, but flipping a gate only takes it further from
          `c`: without zero gates this, too, is the unique minimiser.
        * A gate exactly at zero stays. Below norm one that is stationary only by the tie rule `sign(0) = 0`: the kink
          repels, and both sides lower the objective equally. The flow with the tie rule stays, and so does this map.
          Whatever else acts on the gate decides; a sum with a `Nonnegativity` of `k > 0` chooses the positive side.

        See `AbstractPenalty.proximal` for the arguments.
        """
        return _unit_l1_proximal(x, self.coefficient(x) * self.checked_step(step, x), jnp.zeros((), x.dtype))

    def joint_proximal(self, others: tuple[AbstractPenalty, ...], x: Group, step: float | Scalar) -> Group | None:
        """The global minimiser, exact, together with `Nonnegativity`; several penalties of either kind add up.

        The gates above `-k step / 2` (`k` of the hinge) end on the positive side or at zero, the others on the negative
        side or at zero, and one water level serves all. At norm one and above, this equals the map of the hinge
        followed by that of the norm. Below norm one it settles what the separate maps cannot: a gate at zero leaves
        upwards. It departs from the flow only within `k step / 2` below zero where `k_1 (1 - |z|_1) > k`: there the
        kink repels downwards, while the minimum lies above.

        See `AbstractPenalty.joint_proximal` for the arguments.
        """
        stiffness = hinge = jnp.zeros((), x.dtype)
        for term in (self, *others):
            if isinstance(term, UnitL1Norm):
                stiffness = stiffness + term.coefficient(x) * term.checked_step(step, x)
            elif isinstance(term, Nonnegativity):
                hinge = hinge + term.coefficient(x) * term.checked_step(step, x)
            else:
                return None
        return _unit_l1_proximal(x, stiffness, hinge)


class UnitL2Norm(AbstractTerm):
    """`R(c) = k/2 (|c|_2 - 1)^2`: gates on the unit sphere.

    Attributes:
        k: stiffness, >= 0. Smooth away from the origin; not convex inside the sphere, where the curvature across the
            radius is `k (1 - 1/|c|_2) < 0`.

    Raises:
        ValueError: if `k` is negative or not finite.

    Source: published code of arXiv 2411.03840 (`k_2`); at zero the gradient is 0 here instead of not-a-number.
    """

    k: Coefficient
    shrinks: ClassVar[bool] = False
    kinked: ClassVar[bool] = False

    def energy(self, x: Group) -> Scalar:
        """`k/2 (|c|_2 - 1)^2`."""
        norm, _ = norm_and_direction(x, None)
        return 0.5 * self.coefficient(x) * jnp.sum((norm - 1.0) ** 2)

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`k (|c|_2 - 1) c / |c|_2`, and 0 at the origin; the same in every orthant."""
        del sign
        norm, direction = norm_and_direction(x, None)
        return self.coefficient(x) * (norm - 1.0) * direction

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z = c/|c|_2 (|c|_2 + k step) / (1 + k step)`: the global minimiser, except at the origin.

        At the origin all directions are equally good; the zero vector stays there, as under the gradient's tie rule.
        """
        norm, direction = norm_and_direction(x, None)
        k_step = self.coefficient(x) * self.checked_step(step, x)
        return direction * ((norm + k_step) / (1.0 + k_step))


def _sums_of_largest(values: Float[Array, " n"]) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """For each entry, the sum and the number of the entries at least as large, in any order."""
    if values.size <= _PAIRWISE_LIMIT:
        at_least = (values[None, :] >= values[:, None]).astype(values.dtype)
        return jnp.sum(at_least * values[None, :], axis=1), jnp.sum(at_least, axis=1)
    return jnp.cumsum(jnp.sort(values, descending=True)), jnp.arange(1, values.size + 1).astype(values.dtype)


def _unit_l1_proximal(x: Group, stiffness: Scalar, hinge: Scalar) -> Group:
    """`argmin_z |z - x|^2 / 2 + stiffness/2 (|z|_1 - 1)^2 + hinge sum_p max(-z_p, 0)`.

    Flipping the sign of an entry of size `a` changes only `(z_p - x_p)^2 / 2` and the hinge, by an amount whose sign
    does not depend on `a`: positive is better for `x_p > -hinge/2`, negative below. With the signs settled, the sizes
    minimise the convex `sum_p (a_p - v_p)^2 / 2 + stiffness/2 (sum_p a_p - 1)^2` over `a >= 0`, where `v = x` on the
    positive side and `v = -x - hinge` on the negative one. Hence `a = max(v - t, 0)`, `t = stiffness (sum_p a_p - 1)`.

    Every subset `A` of entries bounds the water level, `t >= stiffness (sum_A v - 1) / (1 + |A| stiffness)`; the set of
    the entries above it attains the bound and consists of the largest. So `t` is the largest of those bounds.
    """
    is_positive = x >= -0.5 * hinge
    # Without a hinge, nothing decides the side of an entry at zero, and it stays (at the lowest possible water level).
    is_tied = (x == 0.0) & (hinge == 0.0)
    sign = jnp.where(is_tied, 0.0, jnp.where(is_positive, 1.0, -1.0)).astype(x.dtype)
    v = jnp.where(is_tied, -stiffness, jnp.where(is_positive, x, -x - hinge))
    sums, counts = _sums_of_largest(v.ravel())
    level = jnp.maximum(jnp.max(stiffness * (sums - 1.0) / (1.0 + counts * stiffness)), -stiffness)
    return sign * jnp.maximum(v - level, 0.0)
