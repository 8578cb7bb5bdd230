"""Langevin steps without a test: what the field uses, biased by the length of its steps and by batches."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree

from ntadyn.degeneracy import quadratic
from ntadyn.degeneracy.checks import as_float, positive
from ntadyn.degeneracy.samplers.batches import Feed
from ntadyn.degeneracy.samplers.sampler import AbstractSampler, Draws, started
from ntadyn.degeneracy.target import Target


class SGLD(AbstractSampler):
    """u' = u + eps/2 grad log p(u) + sqrt(eps) xi, on batches or on all examples.

    A quadratic loss is sampled with variances that are larger by 1 / (1 - eps r / 4), with r the curvatures of the
    energy in the coordinates of the chart: `bias` says by how much the coefficient is too large. The noise of batches
    raises it further, by nobody knows how much.

    Attributes:
        step_size: eps; in whitened coordinates all r are one.
        feed: the examples of a gradient, and steps between records.
        num_chains: independent chains.
        num_warm_up: steps that are not recorded.
        num_draws: records per chain.

    Source: Welling, Teh 2011; BlackJAX's `sgld`, whose step is eps/2.
    """

    step_size: Float[Array, ""] = eqx.field(converter=as_float, default=0.1)
    feed: Feed = Feed()
    num_chains: int = eqx.field(static=True, default=4)
    num_warm_up: int = eqx.field(static=True, default=1500)
    num_draws: int = eqx.field(static=True, default=4000)

    def __check_init__(self):
        positive("step_size", self.step_size)

    def begin(self, target: Target, key: PRNGKeyArray) -> tuple[PyTree, Float[Array, ""]]:
        """A chain after its warm-up."""
        of_start, of_steps = jax.random.split(key)
        coordinates = self._moved(target, started(target, of_start), of_steps, self.num_warm_up)
        return coordinates, self.feed.cost(target, self.num_warm_up)

    def step(self, target: Target, state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Draws]:
        """The steps up to the next record."""
        coordinates = self._moved(target, state, key, self.feed.steps_per_draw)
        return coordinates, self.feed.record(target, coordinates, self.feed.steps_per_draw)

    def bias(self, target: Target) -> Float[Array, ""]:
        """That of a quadratic loss; infinity where the steps are unstable, and not a number on batches."""
        if self.feed.batch_size is not None:
            return jnp.full_like(target.inverse_temperature, jnp.nan)
        return quadratic.raised_by_steps(target.chart.counted, target.chart.rates, self.step_size)

    def _moved(self, target: Target, coordinates: Array, key: PRNGKeyArray, number: int) -> Array:
        from blackjax.sgmcmc import sgld

        kernel, slope = sgld.build_kernel(), functools.partial(self.feed.slope, target)

        def move(coordinates: Array, batch: Array | None, key: PRNGKeyArray) -> Any:
            return kernel(key, coordinates, slope, batch, self.step_size / 2)  # pyright: ignore[reportArgumentType]

        return _walked(self.feed, target, move, coordinates, jax.random.split(key, number))


class RMSPropSGLD(AbstractSampler):
    """u' = u + eps/2 G grad log p(u) + sqrt(eps G) xi, with G = 1 / (lambda + sqrt(V)) from the gradients seen so far.

    V' = alpha V + (1 - alpha) (grad log p)^2, per coordinate. The term that would make the law exact in the limit of
    short steps, the divergence of G, is left out, as in the published estimators; there is no prediction of its bias.

    Attributes:
        step_size: eps.
        decay: alpha.
        floor: lambda.
        feed: the examples of a gradient, and steps between records.
        num_chains: independent chains.
        num_warm_up: steps that are not recorded.
        num_draws: records per chain.

    Source: Li, Chen, Carlson, Carin 2016; best of its kind in Hitchcock, Hoogland 2025, arXiv 2507.21449.
    """

    step_size: Float[Array, ""] = eqx.field(converter=as_float, default=0.1)
    decay: float = 0.99
    floor: float = 0.1
    feed: Feed = Feed()
    num_chains: int = eqx.field(static=True, default=4)
    num_warm_up: int = eqx.field(static=True, default=1500)
    num_draws: int = eqx.field(static=True, default=4000)

    def __check_init__(self):
        positive("step_size", self.step_size)

    def begin(self, target: Target, key: PRNGKeyArray) -> tuple[PyTree, Float[Array, ""]]:
        """A chain after its warm-up."""
        of_start, of_batch, of_steps = jax.random.split(key, 3)
        coordinates = started(target, of_start)
        squares = self.feed.slope(target, coordinates, self.feed.batch(target, of_batch)) ** 2
        state = self._moved(target, (coordinates, squares), of_steps, self.num_warm_up)
        return state, self.feed.cost(target, 1 + self.num_warm_up)

    def step(self, target: Target, state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Draws]:
        """The steps up to the next record."""
        state = self._moved(target, state, key, self.feed.steps_per_draw)
        return state, self.feed.record(target, state[0], self.feed.steps_per_draw)

    def bias(self, target: Target) -> Float[Array, ""]:
        """Not a number: nobody knows it."""
        return jnp.full_like(target.inverse_temperature, jnp.nan)

    def _moved(self, target: Target, state: PyTree, key: PRNGKeyArray, number: int) -> PyTree:
        def move(state: PyTree, batch: Array | None, key: PRNGKeyArray) -> PyTree:
            coordinates, squares = state
            slope = self.feed.slope(target, coordinates, batch)
            squares = self.decay * squares + (1 - self.decay) * slope**2
            gain = self.step_size / (self.floor + jnp.sqrt(squares))
            noise = jax.random.normal(key, coordinates.shape, coordinates.dtype)
            return coordinates + 0.5 * gain * slope + jnp.sqrt(gain) * noise, squares

        return _walked(self.feed, target, move, state, jax.random.split(key, number))


class SGHMC(AbstractSampler):
    """Underdamped Langevin steps without a test. Experimental: nothing is known here about its bias.

    Attributes:
        step_size: of the integrator.
        friction: alpha.
        num_integration_steps: steps between two fresh momenta.
        feed: the examples of a gradient, and fresh momenta between records.
        num_chains: independent chains.
        num_warm_up: momenta before the first record.
        num_draws: records per chain.

    Source: Chen, Fox, Guestrin 2014; BlackJAX's `sghmc`.
    """

    step_size: Float[Array, ""] = eqx.field(converter=as_float, default=0.1)
    friction: float = 0.01
    num_integration_steps: int = eqx.field(static=True, default=10)
    feed: Feed = Feed()
    num_chains: int = eqx.field(static=True, default=4)
    num_warm_up: int = eqx.field(static=True, default=500)
    num_draws: int = eqx.field(static=True, default=1000)

    def __check_init__(self):
        positive("step_size", self.step_size)

    def begin(self, target: Target, key: PRNGKeyArray) -> tuple[PyTree, Float[Array, ""]]:
        """A chain after its warm-up."""
        of_start, of_steps = jax.random.split(key)
        coordinates = self._moved(target, started(target, of_start), of_steps, self.num_warm_up)
        return coordinates, self.feed.cost(target, self.num_warm_up * self.num_integration_steps)

    def step(self, target: Target, state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Draws]:
        """The trajectories up to the next record."""
        coordinates = self._moved(target, state, key, self.feed.steps_per_draw)
        return coordinates, self.feed.record(target, coordinates, self.feed.steps_per_draw * self.num_integration_steps)

    def bias(self, target: Target) -> Float[Array, ""]:
        """Not a number: nobody knows it."""
        return jnp.full_like(target.inverse_temperature, jnp.nan)

    def _moved(self, target: Target, coordinates: Array, key: PRNGKeyArray, number: int) -> Array:
        from blackjax.sgmcmc import sghmc

        kernel, slope = sghmc.build_kernel(self.friction), functools.partial(self.feed.slope, target)

        def move(coordinates: Array, batch: Array | None, key: PRNGKeyArray) -> Any:
            return kernel(key, coordinates, slope, batch, self.step_size, self.num_integration_steps)  # pyright: ignore

        return _walked(self.feed, target, move, coordinates, jax.random.split(key, number))


def _walked(feed: Feed, target: Target, move: Callable, state: PyTree, keys: Key[Array, " steps"]) -> PyTree:
    """The state after `move(state, batch, key)` for every key, each with a fresh batch."""

    def one(state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, None]:
        of_batch, of_noise = jax.random.split(key)
        return move(state, feed.batch(target, of_batch), of_noise), None

    return jax.lax.scan(one, state, keys)[0]
