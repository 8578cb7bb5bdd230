"""Penalties that are norms: of all entries together, of every entry, or of every input column."""

import abc
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from ntadyn.regularizers.coefficients import Coefficient, Group, Scalar
from ntadyn.regularizers.driven_norms import driven_entries, driven_vectors
from ntadyn.regularizers.norms import absolute, norm_and_direction
from ntadyn.regularizers.penalty import AbstractTerm


class AbstractNorm(AbstractTerm):
    """`slope * sum_g |x_g|_2` over disjoint groups `g` of entries.

    Attributes:
        group_axes: the axes along which a group extends: one, `()` for single entries, None for all entries together.
    """

    group_axes: eqx.AbstractClassVar[int | tuple[()] | None]

    @abc.abstractmethod
    def slope(self, x: Group) -> Scalar:
        """Slope of the energy along the norm of one group, in the dtype of `x`."""

    @abc.abstractmethod
    def driven_flow(self, x: Group, drift: Group, step: float | Scalar) -> Group:
        """Where `x' = drift / step - grad R(x)` takes `x` in `step`: the exact flow of the norm under a constant drive.

        Args:
            x: the parameter group, any shape.
            drift: how far the drive alone takes it, shape of `x`.
            step: time divided by the group's time constant, >= 0.

        Returns:
            The new parameters, shape of `x`; groups that the norm holds at zero are exactly zero.

        Raises:
            ValueError: if `step` is negative or not one number.
        """

    def flow_along(
        self, other: Callable[[Group, Scalar], Group], x: Group, duration: Scalar, time_constant: Scalar
    ) -> Group:
        """One step of both flows: that of the norm under the mean drive of the other, on a path that the norm has bent.

        Half steps of the norm before and after the other flow would miss zero where the other pulls at a group with a
        force between half of the slope and all of it: the group is away from zero when the last half step begins. So
        the norm acts together with the drive. The drive is averaged along a path that begins where half a step of the
        norm against it puts the group: one that is held at zero against a drive b runs from -b h/2 to b h/2 there, so
        that everything else sees it at zero on average.

        Second order in the duration, through arrivals at zero and releases from it. Arguments as in
        `AbstractPenalty.flow_along`.
        """
        step = duration / time_constant
        early = other(x, 0.5 * duration) - x
        bent = self.driven_flow(x, early, 0.5 * step) - early
        moved = other(bent, duration)
        # Where the other flow itself leaves an entry at zero, as a kink does, the norm has no reason to move it.
        return jnp.where(moved == 0, 0.0, self.driven_flow(x, moved - bent, step))


class _AbstractEntrywise(AbstractNorm):
    """`slope * |x|_1`."""

    def energy(self, x: Group) -> Scalar:
        """`slope |x|_1`."""
        return self.slope(x) * jnp.sum(absolute(x))

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`slope s`."""
        return self.slope(x) * sign

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z = sign(x) max(|x| - slope step, 0)` for each entry: the exact gradient flow over `step`."""
        return _soft_threshold(x, self.slope(x) * self.checked_step(step, x))

    def driven_flow(self, x: Group, drift: Group, step: float | Scalar) -> Group:
        """Every entry, at one velocity on either side of zero; see `driven_entries`."""
        return driven_entries(x, drift, self.slope(x) * self.checked_step(step, x))


class _AbstractGroupwise(AbstractNorm):
    """`slope * sum_g |x_g|_2` over groups of more than one entry: lines along an axis, or all entries together."""

    group_axes: eqx.AbstractClassVar[int | None]

    def energy(self, x: Group) -> Scalar:
        """`slope sum_g |x_g|_2`."""
        slope = self.slope(x)
        return slope * jnp.sum(norm_and_direction(x, self.group_axes)[0])

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`slope x_g / |x_g|_2`, and 0 for a zero group; the same in every orthant."""
        del sign
        slope = self.slope(x)
        return slope * norm_and_direction(x, self.group_axes)[1]

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """`z_g = x_g / |x_g|_2 max(|x_g|_2 - slope step, 0)`: the exact gradient flow over `step`."""
        threshold = self.slope(x) * self.checked_step(step, x)
        norm, direction = norm_and_direction(x, self.group_axes)
        return direction * jnp.maximum(norm - threshold, 0.0)

    def driven_flow(self, x: Group, drift: Group, step: float | Scalar) -> Group:
        """Every group on its curve of pursuit; see `driven_vectors`."""
        return driven_vectors(x, drift, self.slope(x) * self.checked_step(step, x), self.group_axes)


class L1(_AbstractEntrywise):
    """`R(c) = k |c|_1`: a norm, but one whose kinks are the coordinate planes, so that it counts as orthant-smooth.

    Attributes:
        k: slope, >= 0.

    Raises:
        ValueError: if `k` is negative or not finite.

    Source: published code of arXiv 2411.03840 ("L1_c"; the published factor 1/2 is part of `k`).
    """

    k: Coefficient
    shrinks: ClassVar[bool] = False
    kinked: ClassVar[bool] = True
    group_axes: ClassVar[tuple[()]] = ()

    def slope(self, x: Group) -> Scalar:
        """`k`."""
        return self.coefficient(x)


class ColumnL1(_AbstractEntrywise):
    """`R(W) = k mean_{p,j} |W^p_{:,j}|_1` for weights (p, o, i).

    Attributes:
        k: coefficient of the mean, >= 0; each entry feels the slope `k / (P d_in)`.

    Raises:
        ValueError: if `k` is negative or not finite; from the methods, if the weights do not have three axes.

    Source: published code of arXiv 2411.03840 ("L1_W"; the published factor 1/2 is part of `k`).
    """

    k: Coefficient
    shrinks: ClassVar[bool] = True
    kinked: ClassVar[bool] = True
    group_axes: ClassVar[tuple[()]] = ()

    def slope(self, x: Group) -> Scalar:
        """`k / (P d_in)`."""
        return self.coefficient(x) / _number_of_columns(x)


class L2(_AbstractGroupwise):
    """`R(x) = k |x|_2` of all entries together, not squared: on weights, the Frobenius norm of the whole array.

    Attributes:
        k: slope, >= 0.

    Raises:
        ValueError: if `k` is negative or not finite.

    Source: published code of arXiv 2411.03840 ("L2_c", with the published factor 1/2 inside `k`; "W_norm").
    """

    k: Coefficient
    shrinks: ClassVar[bool] = True
    kinked: ClassVar[bool] = False
    group_axes: ClassVar[int | None] = None

    def slope(self, x: Group) -> Scalar:
        """`k`."""
        return self.coefficient(x)


# The same energy under the name it has for matrices.
Frobenius = L2


class ColumnL2(_AbstractGroupwise):
    """`R(W) = k mean_{p,j} |W^p_{:,j}|_2`: group lasso on the input columns of weights (p, o, i).

    Attributes:
        k: coefficient of the mean, >= 0; each of the P d_in columns feels the slope `k / (P d_in)`.

    Raises:
        ValueError: if `k` is negative or not finite; from the methods, if the weights do not have three axes.

    Source: published code of arXiv 2411.03840 ("L2_W"; `k_W`, with the published factor 1/2 inside). A zero column has
        gradient 0 here instead of not-a-number.
    """

    k: Coefficient
    shrinks: ClassVar[bool] = True
    kinked: ClassVar[bool] = False
    group_axes: ClassVar[int | None] = 1

    def slope(self, x: Group) -> Scalar:
        """`k / (P d_in)`."""
        return self.coefficient(x) / _number_of_columns(x)


def _soft_threshold(x: Group, threshold: Scalar) -> Group:
    return jnp.sign(x) * jnp.maximum(absolute(x) - threshold, 0.0)


def _number_of_columns(x: Group) -> int:
    if x.ndim != 3:
        raise ValueError(
            f"A column penalty needs weights of shape (paths, outputs, inputs), got shape {x.shape}. "
            f"Use a gate penalty for gates, or give a single matrix a leading axis of length one."
        )
    return x.shape[0] * x.shape[2]
