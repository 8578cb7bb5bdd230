"""Chains of many seeds side by side, and the answers they would give had they been stopped at any cost."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from experiments.degeneracy.work_precision.problems import Problem
from ntadyn.degeneracy.diagnostics import means
from ntadyn.degeneracy.samplers import MALA, NUTS, SGLD, AbstractSampler, Feed, RMSPropSGLD
from ntadyn.degeneracy.target import Target
from ntadyn.degeneracy.whitening import AbstractWhitening, DenseWhitening, PlainCoordinates

CHAINS = 4
# Steps, and trajectories, in which the two exact samplers adapt.
STEPS, TRAJECTORIES = 500, 200
# Of all draws so far, what an answer leaves out.
LEFT_OUT = 0.25
# Lengths of chains whose draws, or means of neighbouring draws, are judged.
JUDGED = (4000, 2000, 1000, 500, 250, 120, 60, 30)
# Of one product of a Hessian with a vector, of which whitening needs one per parameter.
GRADIENTS_PER_PRODUCT = 2.0


class Way(NamedTuple):
    """A sampler as it is used.

    Attributes:
        sampler: from a step, which those that adapt their own do without, to a sampler.
        whitening: its coordinates.
        draws: per chain, between two looks at the cost.
        steps: to choose from; empty for samplers that adapt their own.
    """

    sampler: Callable[[Any], AbstractSampler]
    whitening: AbstractWhitening
    draws: int
    steps: tuple[float, ...] = ()


class Answers(NamedTuple):
    """Estimates by budget and lane, not a number where the budget does not reach.

    Attributes:
        value: shape (budgets, lanes).
        error: the standard error that they claim, shape (budgets, lanes).
    """

    value: Float[np.ndarray, "budgets lanes"]
    error: Float[np.ndarray, "budgets lanes"]


def _sgld(step: Any) -> SGLD:
    return SGLD(step_size=step, feed=Feed(steps_per_draw=4), num_warm_up=0)  # pyright: ignore[reportCallIssue]


def _rmsprop(step: Any) -> RMSPropSGLD:
    return RMSPropSGLD(step_size=step, feed=Feed(steps_per_draw=4), num_warm_up=0)  # pyright: ignore[reportCallIssue]


WAYS: dict[str, Way] = {
    "MALA": Way(lambda step: MALA(num_warm_up=STEPS), DenseWhitening(), 1000),  # pyright: ignore[reportCallIssue]
    "NUTS": Way(lambda step: NUTS(num_warm_up=TRAJECTORIES), DenseWhitening(), 100),  # pyright: ignore[reportCallIssue]
    "SGLD": Way(_sgld, PlainCoordinates(), 250, (3e-6, 1e-5, 3e-5, 1e-4, 3e-4)),
    "SGLD, whitened": Way(_sgld, DenseWhitening(), 250, (0.01, 0.03, 0.1, 0.3, 1.0)),
    "RMSProp-SGLD": Way(_rmsprop, PlainCoordinates(), 250, (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)),
}


class Lanes:
    """Chains of one sampler around one point, for many steps and seeds side by side, in one program.

    Attributes:
        problem: the loss around a point.
        way: the sampler.
    """

    def __init__(self, problem: Problem, way: Way):
        self.problem, self.way = problem, way
        self._begin = eqx.filter_jit(jax.vmap(self._begun))
        self._advance = eqx.filter_jit(jax.vmap(self._advanced))

    def answers(self, steps: np.ndarray, seed: int, budgets: tuple[float, ...]) -> Answers:
        """What chains answer that are stopped when their cost reaches a budget.

        Args:
            steps: one per lane, shape (lanes,).
            seed: of all lanes together.
            budgets: in gradients per lane, ascending.

        Returns:
            Estimates and claimed errors.
        """
        given, key = jnp.asarray(steps), jax.random.key(seed)
        shape = (len(steps), CHAINS)
        state, cost = self._begin(given, jax.random.split(key, shape))
        spent, excess, paid = np.asarray(cost).sum(1), [], []
        if isinstance(self.way.whitening, DenseWhitening):
            spent = spent + GRADIENTS_PER_PRODUCT * self.problem.seen().dimension
        while spent.min() < budgets[-1]:
            keys = jax.random.split(jax.random.fold_in(key, 1 + len(excess)), shape)
            state, (recorded, gradients) = self._advance(given, state, keys)
            paid.append(spent[:, None] + np.cumsum(np.asarray(gradients).sum(1), axis=-1))
            excess.append(np.asarray(recorded))
            spent = paid[-1][:, -1]
        energies = self.problem.inverse_temperature * np.concatenate(excess, axis=-1)
        found = [_stopped(energies, np.concatenate(paid, axis=-1), budget) for budget in budgets]
        return Answers(*(np.stack(part) for part in zip(*found, strict=True)))

    def _target(self) -> Target:
        seen = self.problem.seen()
        numbers = (jnp.asarray(self.problem.inverse_temperature), jnp.asarray(self.problem.localisation))
        return Target(seen, self.way.whitening.chart(seen, *numbers), *numbers)

    def _begun(self, step: Array, keys: Key[Array, " chains"]) -> Any:
        target = self._target()
        return jax.vmap(lambda key: self.way.sampler(step).begin(target, key))(keys)

    def _advanced(self, step: Array, state: Any, keys: Key[Array, " chains"]) -> Any:
        target = self._target()

        def chain(state: Any, key: Array) -> Any:
            state, draws = self.way.sampler(step).advance(target, state, key, self.way.draws)
            return state, (draws.excess, draws.gradients)

        return jax.vmap(chain)(state, keys)


def _stopped(energies: np.ndarray, paid: np.ndarray, budget: float) -> tuple[np.ndarray, np.ndarray]:
    """Means and claimed errors of all draws that a budget pays for in every lane, but for the first quarter.

    Of long chains, means of neighbours are judged in place of draws: the mean is the same, and so is its error, as long
    as neighbours are more alike than what is far apart. And few lengths occur, every one of which needs a program.
    """
    number = int(np.sum(paid <= budget, axis=-1).min())
    kept = number - int(LEFT_OUT * number)
    blocks = next((size for size in JUDGED if size <= kept), 0)
    if not blocks:
        return np.full(len(energies), np.nan), np.full(len(energies), np.nan)
    neighbours = kept // blocks
    last = energies[..., number - neighbours * blocks : number]
    found = means(last.reshape(*last.shape[:-1], blocks, neighbours).mean(-1))
    # Infinite where a lane has run away, so that it is never the best.
    return np.where(np.isfinite(found.mean), found.mean, np.inf), found.error
