"""Langevin steps that are accepted or rejected."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.degeneracy.samplers.sampler import AbstractSampler, Draws, recorded, started
from ntadyn.degeneracy.target import Target

# The acceptance at which such steps are most efficient in many dimensions (Roberts, Rosenthal 1998).
BEST_ACCEPTANCE = 0.574


class MALA(AbstractSampler):
    """u' = u + h grad log p(u) + sqrt(2h) xi, accepted with the probability of Metropolis and Hastings.

    During warm-up log h follows the acceptance, log h += (1 + i)^(-0.6) (acceptance - 0.574), and rests after it. The
    test corrects the length of steps exactly, and kinks in the loss, too.

    Attributes:
        num_chains: independent chains.
        num_warm_up: steps in which h is adapted.
        num_draws: draws per chain, one per step.

    Source: Roberts, Tweedie 1996; BlackJAX's `mala`.
    """

    num_chains: int = eqx.field(static=True, default=4)
    num_warm_up: int = eqx.field(static=True, default=1500)
    num_draws: int = eqx.field(static=True, default=4000)

    def begin(self, target: Target, key: PRNGKeyArray) -> tuple[PyTree, Float[Array, ""]]:
        """A chain whose steps are accepted as often as they should be."""
        from blackjax.mcmc import mala

        of_start, of_steps = jax.random.split(key)
        kernel: Any = mala.build_kernel()
        chain: Any = mala.init(started(target, of_start), target.log_density)
        dimension, dtype = chain.position.shape[0], chain.position.dtype

        def adapted(carried, given):
            chain, log_step = carried
            index, key = given
            chain, info = kernel(key, chain, target.log_density, jnp.exp(log_step))
            acceptance = jnp.nan_to_num(info.acceptance_rate)
            return (chain, log_step + (1 + index) ** -0.6 * (acceptance - BEST_ACCEPTANCE)), None

        indices = jnp.arange(self.num_warm_up, dtype=dtype)
        start = (chain, jnp.full((), -jnp.log(dimension) / 3, dtype))
        chain, _ = jax.lax.scan(adapted, start, (indices, jax.random.split(of_steps, self.num_warm_up)))
        return chain, jnp.full((), 1.0 + self.num_warm_up, dtype)

    def step(self, target: Target, state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Draws]:
        """One step of the adapted length."""
        from blackjax.mcmc import mala

        chain, log_step = state
        kernel: Any = mala.build_kernel()
        chain, info = kernel(key, chain, target.log_density, jnp.exp(log_step))
        draws = recorded(
            target,
            chain.position,
            chain.logdensity,
            acceptance=info.acceptance_rate,
            divergent=jnp.zeros((), bool),
            gradients=jnp.ones_like(chain.logdensity),
        )
        return (chain, log_step), draws
