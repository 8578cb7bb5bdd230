"""Orthogonal factors by Newton-Schulz iterations, and momentum that is read out through them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.nested.optimisers.momentum import Rate, rate_at
from ntadyn.nested.optimisers.per_matrix import check_rate, check_share, per_matrix, zeros_like

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of Muon: five steps bring singular values between 0.01 and 1 to [0.68, 1.14], fast and not to one."""
CUBIC = (1.5, -0.5, 0.0)
"""The classical coefficients: slow at first, and converge to U V^T."""


def orthogonalised(
    matrix: Float[Array, "o i"], coefficients: tuple[float, float, float] = QUINTIC, steps: int = 5
) -> Float[Array, "o i"]:
    """X <- c_0 X + (c_1 A + c_2 A^2) X with A = X X^T, from X = M / |M|_F: an approximation of U V^T for M = U S V^T.

    Args:
        matrix: M, any shape; a zero matrix stays zero.
        coefficients: c_0, c_1, c_2.
        steps: number of iterations.

    Raises:
        ValueError: for fewer than one step.

    Source: Jordan et al., Muon (2024); Behrouz et al., Nested Learning (NeurIPS 2025), equation 24.
    """
    if steps < 1:
        raise ValueError(f"orthogonalised: steps is {steps}; at least one is needed.")
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    size = jnp.sqrt(jnp.sum(wide**2))
    first, second, third = coefficients

    def iteration(_: Any, x: Array) -> Array:
        gram = x @ x.T
        return first * x + (second * gram + third * (gram @ gram)) @ x

    found = jax.lax.fori_loop(0, steps, iteration, wide / jnp.where(size > 0, size, 1))
    return found if matrix.shape[0] <= matrix.shape[1] else found.T


class ReadOutState(NamedTuple):
    """What momentum with a read-out carries along.

    Attributes:
        momentum: m, like the parameters.
        count: steps taken.
    """

    momentum: PyTree
    count: Int[Array, ""]


def momentum_with_read_out(
    learning_rate: Rate, retention: float | Array = 0.95, read_out: Callable[[Array], Array] = orthogonalised
) -> optax.GradientTransformation:
    """M <- a m - g, W <- W + eta sigma(m): momentum that is read through a function of its matrices.

    With the default read-out this is Muon without Nesterov's correction and without scaling by shape: up to an epsilon,
    `optax.contrib.scale_by_muon(nesterov=False)`, which is the one to use in production. There, mind that
    `optax.contrib.muon` hands every parameter that is no matrix to Adam unless it is told otherwise: stacks of shape
    (paths, outputs, inputs) need `MuonDimensionNumbers(reduction_axis=-1, output_axis=-2)`. Here a stack is one matrix
    for every path.

    Args:
        learning_rate: eta, a number or a schedule.
        retention: a in [0, 1].
        read_out: sigma, from matrices to matrices of the same shape.

    Returns:
        A transformation whose updates are added to the parameters.

    Raises:
        ValueError: for a rate that is not positive, or a retention outside [0, 1].

    Source: Behrouz et al., Nested Learning (NeurIPS 2025), equation 24, as a read-out of the state: applied to the
    gradient, a linear memory under Newton-Schulz would not be Muon.
    """
    check_rate("momentum_with_read_out: learning_rate", learning_rate)
    check_share("momentum_with_read_out: retention", retention)

    def init(params: PyTree) -> ReadOutState:
        return ReadOutState(zeros_like(params), jnp.zeros((), jnp.int32))

    def update(updates: PyTree, state: Any, params: PyTree = None) -> tuple[PyTree, ReadOutState]:
        del params
        rate = rate_at(learning_rate, state.count)
        moved = jax.tree.map(lambda m, g: jnp.asarray(retention, m.dtype) * m - g, state.momentum, updates)
        read = per_matrix(lambda m: jnp.asarray(rate, m.dtype) * read_out(m), moved)
        return read, ReadOutState(moved, state.count + 1)

    return optax.GradientTransformation(init, update)
