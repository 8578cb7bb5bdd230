"""How a score of a run moves with its time constants, block duration and penalty: derivatives through every step.

Forward mode through a fixed number of steps, with event times differentiated. All parameters enter as logarithms, so
that times alone obey a sum rule: at a fixed number of blocks, scaling tau_c, tau_W and tau_B together only rescales
time, so that their derivatives of any score without a unit of time add up to zero, and those of a time to itself.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.gated_linear import AbstractGatedFlow
from ntadyn.interface.observables import similarity
from ntadyn.metrics.assignment import optimal_assignment
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.integration import integrate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum

PARAMETERS = ("gates", "weights", "block_duration", "strength")
"""What scores are differentiated by, as logarithms: tau_c, tau_W, tau_B and lambda."""

Score = Callable[[Float[Array, "t m p"], Float[Array, " t"]], Float[Array, ""]]
"""(similarity over records, their times) -> number."""


class Sensitivity(NamedTuple):
    """A score of every run and its derivatives; NaN where a run failed or does not have the score.

    Attributes:
        values: the scores, shape (runs,).
        gradients: their derivatives by the logarithms of `PARAMETERS`, shape (runs, 4).
    """

    values: Float[np.ndarray, " runs"]
    gradients: Float[np.ndarray, "runs parameters"]

    @property
    def count(self) -> int:
        """How many runs have the score."""
        return int(np.sum(np.all(np.isfinite(self.gradients), axis=1) & np.isfinite(self.values)))


def contrasts(similarities: Float[Array, "t m p"]) -> Float[Array, " t"]:
    """Mean similarity of matched teachers and paths minus that of others, under the matching of the last record."""
    pairs = similarities[:, :, optimal_assignment(similarities[-1])]
    number = pairs.shape[1]
    matched = jnp.trace(pairs, axis1=1, axis2=2)
    others = jnp.sum(pairs, axis=(1, 2)) - matched
    return matched / number - others / max(number * (number - 1), 1)


def final_contrast(similarities: Float[Array, "t m p"], times: Float[Array, " t"]) -> Float[Array, ""]:
    """The contrast at the end."""
    del times
    return contrasts(similarities)[-1]


def time_to(threshold: float) -> Score:
    """The score of the time at which the contrast first exceeds a threshold, NaN where it does not.

    Between two records it is taken to rise along a line.

    Args:
        threshold: of the contrast.
    """

    def score(similarities: Array, times: Array) -> Array:
        values = contrasts(similarities) - threshold
        above = values > 0
        index = jnp.maximum(jnp.argmax(above), 1)
        before, after = values[index - 1], values[index]
        rise = jnp.where(after == before, 1, after - before)
        crossed = times[index - 1] - before * (times[index] - times[index - 1]) / rise
        return jnp.where(jnp.any(above) & ~above[0], crossed, jnp.nan)

    return score


def sensitivities(
    systems: AbstractGatedFlow,
    curriculum: AbstractCurriculum,
    states: PyTree,
    method: FixedSteps,
    grid: TimeGrid,
    scores: Mapping[str, Score],
) -> dict[str, Sensitivity]:
    """Scores of a batch of runs with their derivatives by the logarithms of `PARAMETERS`.

    Args:
        systems: a batch, leading axis = run, on all arrays.
        curriculum: the blocks, common to all.
        states: initial states, leading axis = run.
        method: how to step, see `FixedSteps.fitted`.
        grid: the steps, whose number is fixed while lengths are scaled.
        scores: name -> function of the recorded similarities and times.

    Returns:
        Name -> scores and derivatives.
    """
    names = tuple(scores)
    values, gradients = _differentiated(systems, curriculum, states, method, grid, tuple(scores.values()))
    return {name: Sensitivity(np.asarray(values[:, k]), np.asarray(gradients[:, k])) for k, name in enumerate(names)}


def scaled(
    system: AbstractGatedFlow, curriculum: AbstractCurriculum, grid: TimeGrid, logs: Float[Array, " parameters"]
) -> tuple[AbstractGatedFlow, AbstractCurriculum, TimeGrid]:
    """A run whose parameters are e^logs times as large, in as many steps.

    Args:
        system: with gates and weights; the coefficients of all its penalties are scaled.
        curriculum: all its blocks are scaled.
        grid: laid out for it.
        logs: in the order of `PARAMETERS`.
    """
    gates, weights, blocks, strength = jnp.exp(logs)
    system = eqx.tree_at(
        lambda system: (system.time_constants["gates"], system.time_constants["weights"], system.penalties),
        system,
        (
            system.time_constants["gates"] * gates,
            system.time_constants["weights"] * weights,
            jax.tree.map(lambda coefficient: coefficient * strength, system.penalties),
        ),
    )
    grid = eqx.tree_at(
        lambda grid: (grid.start, grid.end, grid.length),
        grid,
        (grid.start * blocks, grid.end * blocks, grid.length * blocks),
    )
    return system, curriculum.with_durations(curriculum.durations * blocks), grid


@eqx.filter_jit
def _differentiated(
    systems: AbstractGatedFlow,
    curriculum: AbstractCurriculum,
    states: PyTree,
    method: FixedSteps,
    grid: TimeGrid,
    scores: tuple[Score, ...],
) -> tuple[Array, Array]:
    def one(system: AbstractGatedFlow, state: PyTree) -> tuple[Array, Array]:
        def of_logs(logs: Array) -> tuple[Array, Array]:
            own, blocks, steps = scaled(system, curriculum, grid, logs)
            run = integrate(own, blocks, state, method, steps, {"similarity": similarity})
            found = jnp.stack([score(run.values["similarity"], steps.end) for score in scores])
            found = jnp.where(run.result == RESULTS.successful, found, jnp.nan)
            return found, found

        logs = jnp.zeros(len(PARAMETERS), grid.length.dtype)
        gradient, value = jax.jacfwd(of_logs, has_aux=True)(logs)
        # The derivative of a number that does not exist.
        return value, jnp.where(jnp.isnan(value)[:, None], jnp.nan, gradient)

    return eqx.filter_vmap(one)(systems, states)
