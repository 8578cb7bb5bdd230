"""Writes as minimisers: the energy of which one step of a rule is the lowest point.

A step M' = A - b g from an anchor A (what is kept of the old state) is the exact minimiser of b <g, M> + 1/2 |M - A|^2:
of the *linearised* loss, held near the anchor. A rule that minimises the loss itself under the same hold is implicit,
and stable at every rate.

Source: Behrouz et al. 2025, Nested Learning (arXiv 2512.24695), with memories and optimisers as proximal steps;
Parikh and Boyd 2014, Proximal Algorithms.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

Objective = Callable[[PyTree], Float[Array, ""]]


def proximal(loss: Objective, anchor: PyTree, rate: Float[Array, ""]) -> Objective:
    """M -> b loss(M) + 1/2 |M - A|^2, which has the minimiser of loss(M) + |M - A|^2 / (2 b), and a sense at b = 0.

    Args:
        loss: of the parameters.
        anchor: A, to which the parameters are held.
        rate: b.
    """

    def energy(parameters: PyTree) -> Float[Array, ""]:
        away = jax.tree.map(lambda own, held: own - held, parameters, anchor)
        return rate * loss(parameters) + 0.5 * inner_product(away, away)

    return energy


def linearised(loss: Objective, at: PyTree) -> Objective:
    """M -> <g, M> with the gradient g of a loss at given parameters: the loss to first order, up to a constant."""
    slope = jax.grad(loss)(at)
    return lambda parameters: inner_product(slope, parameters)


def inner_product(one: PyTree, other: PyTree) -> Float[Array, ""]:
    """The sum over all entries of two trees of arrays of their products."""
    products = jax.tree.leaves(jax.tree.map(lambda left, right: jnp.sum(left * right), one, other))
    return functools.reduce(jnp.add, products)
