"""What a sampler is to an estimate."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ntadyn.degeneracy.target import Target


class Draws(eqx.Module):
    """What one chain records, draw by draw.

    Attributes:
        excess: L - L(w*), shape (n,).
        distance: |v|, shape (n,).
        acceptance: the probability to accept, shape (n,); not a number for samplers without a test.
        divergent: whether a trajectory left the law it should follow, shape (n,).
        gradients: the cost, in gradients of the full loss, shape (n,).
    """

    excess: Float[Array, "*draws"]
    distance: Float[Array, "*draws"]
    acceptance: Float[Array, "*draws"]
    divergent: Bool[Array, "*draws"]
    gradients: Float[Array, "*draws"]


class AbstractSampler(eqx.Module):
    """Chains of points whose law is, or approaches, that of a target.

    Attributes:
        num_chains: independent chains.
        num_warm_up: steps before the first draw, which are never recorded.
        num_draws: draws per chain.
    """

    num_chains: eqx.AbstractVar[int]
    num_warm_up: eqx.AbstractVar[int]
    num_draws: eqx.AbstractVar[int]

    def __check_init__(self):
        if self.num_chains < 1 or self.num_draws < 4 or self.num_warm_up < 0:
            raise ValueError(
                f"{type(self).__name__}: {self.num_chains} chains of {self.num_draws} draws after {self.num_warm_up} "
                "steps of warm-up; at least one chain, four draws and no negative warm-up are needed."
            )

    @abc.abstractmethod
    def begin(self, target: Target, key: PRNGKeyArray) -> tuple[PyTree, Float[Array, ""]]:
        """One chain after its warm-up, and what that has cost in gradients of the full loss."""

    @abc.abstractmethod
    def step(self, target: Target, state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Draws]:
        """One draw: the next state, and what is recorded, each of shape ()."""

    def bias(self, target: Target) -> Float[Array, ""]:
        """How much the steps themselves raise the coefficient, as far as that is known; 0 for exact samplers."""
        return jnp.zeros_like(target.inverse_temperature)

    def advance(self, target: Target, state: PyTree, key: PRNGKeyArray, number: int) -> tuple[PyTree, Draws]:
        """A number of draws of one chain."""
        return jax.lax.scan(lambda state, key: self.step(target, state, key), state, jax.random.split(key, number))


def started(target: Target, key: PRNGKeyArray) -> Float[Array, " d"]:
    """Coordinates to start a chain from: one draw of the Gaussian that the chart takes the law for, or the centre."""
    drawn = jax.random.normal(key, (target.problem.dimension,), target.problem.dtype)
    return jnp.zeros_like(drawn) if target.chart.starts_at_centre else drawn


def recorded(target: Target, coordinates: Any, log_density: Array, **how: Array) -> Draws:
    """What to record of a point whose log density is known."""
    offset = target.chart.offset(coordinates)
    return Draws(excess=target.excess_from(log_density, offset), distance=jnp.linalg.norm(offset), **how)
