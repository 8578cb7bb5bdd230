"""Hamiltonian trajectories that end where they turn."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.degeneracy.library import blackjax, its_promotion
from ntadyn.degeneracy.samplers.sampler import AbstractSampler, Draws, recorded, started
from ntadyn.degeneracy.target import Target


class NUTS(AbstractSampler):
    """The no-U-turn sampler, with step and diagonal mass matrix adapted in windows during warm-up.

    Some nine times as dear per draw as `MALA`, and less slowed by curved valleys. It counts divergences at kinks.

    Attributes:
        num_chains: independent chains.
        num_warm_up: trajectories of the adaptation.
        num_draws: draws per chain, one per trajectory.
        target_acceptance: that the step is adapted to; higher values mean shorter steps.

    Source: Hoffman, Gelman 2014; BlackJAX's `nuts` and `window_adaptation`.
    """

    num_chains: int = eqx.field(static=True, default=4)
    num_warm_up: int = eqx.field(static=True, default=500)
    num_draws: int = eqx.field(static=True, default=1000)
    target_acceptance: float = eqx.field(static=True, default=0.85)

    def begin(self, target: Target, key: PRNGKeyArray) -> tuple[PyTree, Float[Array, ""]]:
        """A chain with its step and masses."""

        def adapted(target: Target, key: PRNGKeyArray) -> PyTree:
            of_start, of_steps = jax.random.split(key)
            library = blackjax()
            adaptation = library.window_adaptation(
                library.nuts, target.log_density, target_acceptance_rate=self.target_acceptance
            )
            with its_promotion():
                (chain, parameters), info = adaptation.run(of_steps, started(target, of_start), self.num_warm_up)
            cost = jnp.sum(info.info.num_integration_steps).astype(chain.logdensity.dtype)
            return (chain, parameters["step_size"], parameters["inverse_mass_matrix"]), cost

        return _one_by_one(adapted, target, key)

    def step(self, target: Target, state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Draws]:
        """One trajectory."""

        def moved(target: Target, state: PyTree, key: PRNGKeyArray) -> PyTree:
            chain, step, masses = state
            with its_promotion():
                chain, info = blackjax().nuts(target.log_density, step, masses).step(key, chain)
            gradients = jnp.asarray(info.num_integration_steps).astype(chain.logdensity.dtype)
            return (chain, step, masses), info.acceptance_rate, info.is_divergent, gradients

        state, acceptance, divergent, gradients = _one_by_one(moved, target, state, key)
        chain = state[0]
        how = {"acceptance": acceptance, "divergent": divergent, "gradients": gradients}
        return state, recorded(target, chain.position, chain.logdensity, **how)


def _one_by_one(function: Callable[..., PyTree], *given: PyTree) -> PyTree:
    """`function(*given)`, which a batch calls in turn.

    Side by side all would wait for the longest trajectory; and XLA, told to compile whole loops, aborts on such a batch
    of nested loops (jaxlib 0.10.2).
    """
    arrays, static = eqx.partition(given, eqx.is_array)
    return sequential_vmap(lambda arrays: function(*eqx.combine(arrays, static)))(arrays)
