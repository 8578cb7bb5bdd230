"""Block lengths of a curriculum chosen for what is left after a test phase: by gradient, and without.

Training of a fixed total time is divided into blocks whose lengths are free but for a lower bound,

    tau_b = tau_min + (T - N tau_min) softmax(z)_b,

and scored by the mean over seeds of the contrast after a fixed test phase of constant blocks, which goes on
alternating. Without the test phase the best curriculum is the one that hardly switches; without the bound it merges
blocks. The number of blocks N is not differentiable: it is an outer loop.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PyTree
from scipy.optimize import minimize

from ntadyn.interface.gated_linear import AbstractGatedFlow
from ntadyn.interface.observables import similarity
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.integration import integrate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.stability.sensitivity import final_contrast
from ntadyn.tasks.curriculum import Blocked

RATE, SPREAD = 0.15, 0.7
Told = Callable[[], Any]


class Design(eqx.Module):
    """What a curriculum is chosen for.

    Attributes:
        total: T, the time of training.
        least: tau_min, the shortest block.
        test: lengths of the blocks of the test phase.
        most: the largest number of blocks of training; all numbers share one program.
        steps: per unit of time. Their number is fixed while lengths are differentiated.

    Raises:
        ValueError: for numbers that are not positive, or more blocks than fit.
    """

    total: float
    least: float
    test: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    most: int = 8
    steps: int = 60

    def __check_init__(self):
        if not (self.total > 0 and self.least > 0 and self.steps > 0 and self.test and min(self.test) > 0):
            raise ValueError(
                f"total is {self.total}, least {self.least}, steps {self.steps} and test {self.test}; all must be "
                f"positive, with one block of test at least."
            )
        if self.most < 1 or self.most * self.least > self.total:
            raise ValueError(
                f"{self.most} blocks of at least {self.least:g} do not fit into {self.total:g}; give 1 to "
                f"{int(self.total / self.least)} blocks, or shorter ones."
            )

    def lengths(self, logits: Float[Array, " n"]) -> Float[Array, " n"]:
        """Block lengths of training."""
        spare = self.total - logits.size * self.least
        return self.least + spare * jax.nn.softmax(logits)

    def check_number(self, number: int) -> None:
        """Refuse a number of blocks that is out of range.

        Raises:
            ValueError: for such a number.
        """
        if not 1 <= number <= self.most:
            raise ValueError(f"{number} blocks of training; allowed are 1 to {self.most}, for which this was made.")


class Cohort(eqx.Module):
    """Networks that are trained side by side, one per seed.

    Attributes:
        systems: a batch, leading axis = seed.
        states: initial states, leading axis = seed.
        method: how to step, see `FixedSteps.fitted`.
    """

    systems: AbstractGatedFlow
    states: PyTree
    method: FixedSteps


class Found(NamedTuple):
    """The best lengths of a search.

    Attributes:
        lengths: of the blocks of training.
        score: of the cohort in training, which chose them.
        evaluations: how many scores were computed, with their gradients or without.
    """

    lengths: Float[np.ndarray, " n"]
    score: float
    evaluations: int


def scores(design: Design, cohort: Cohort, lengths: np.ndarray) -> Float[np.ndarray, " seeds"]:
    """The contrast after the test phase for every seed; NaN for a run that failed.

    Args:
        design: what is asked.
        cohort: who learns.
        lengths: of the blocks of training, at most `design.most`.
    """
    design.check_number(len(lengths))
    return np.asarray(_scores(design, cohort, *_padded(design, lengths)))


def mean_and_gradient(design: Design, cohort: Cohort, lengths: np.ndarray) -> tuple[float, Float[np.ndarray, " n"]]:
    """The mean score and its derivative by every length, in forward mode.

    Args:
        design: what is asked.
        cohort: who learns.
        lengths: of the blocks of training.
    """
    design.check_number(len(lengths))
    value, gradient = _differentiated(design, cohort, *_padded(design, lengths))
    return float(value), np.asarray(gradient)[: len(lengths)]


def by_gradient(
    design: Design, cohort: Cohort, starts: Float[np.ndarray, "restarts n"], num_steps: int, told: Told = lambda: None
) -> Found:
    """Adam on the logits, from every start; the best of all lengths that were met.

    Args:
        design: what is asked.
        cohort: who learns.
        starts: logits.
        num_steps: of Adam, from every start.
        told: called after every evaluation.
    """
    best, count = Found(np.empty(0), -np.inf, 0), 0
    adam = optax.adam(RATE)
    for start in starts:
        logits: Any = jnp.asarray(start)
        memory = adam.init(logits)
        for _ in range(num_steps):
            lengths, pulled_back = jax.vjp(design.lengths, logits)
            score, gradient = mean_and_gradient(design, cohort, np.asarray(lengths))
            count += 1
            told()
            if score > best.score:
                best = Found(np.asarray(lengths), score, count)
            (uphill,) = pulled_back(jnp.asarray(gradient))
            with jax.numpy_dtype_promotion("standard"):  # Optax counts steps in whole numbers
                change, memory = adam.update(-uphill, memory, logits)
            logits = optax.apply_updates(logits, change)
    return best._replace(evaluations=count)


def without_gradient(
    design: Design, cohort: Cohort, starts: Float[np.ndarray, "restarts n"], num_steps: int, told: Told = lambda: None
) -> Found:
    """Nelder and Mead's method on the same logits, from the same starts, with as many evaluations.

    Args:
        design: what is asked.
        cohort: who learns.
        starts: logits.
        num_steps: evaluations from every start.
        told: called after every evaluation.
    """
    best, count = Found(np.empty(0), -np.inf, 0), 0

    def loss(logits: np.ndarray) -> float:
        nonlocal best, count
        lengths = np.asarray(design.lengths(jnp.asarray(logits)))
        score = float(np.mean(scores(design, cohort, lengths)))
        count += 1
        told()
        if score > best.score:
            best = Found(lengths, score, count)
        return -score if np.isfinite(score) else np.inf

    for start in starts:
        simplex = np.vstack([start, start + SPREAD * np.eye(start.size)])
        options = {"maxfev": num_steps, "adaptive": True, "initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-4}
        minimize(loss, start, method="Nelder-Mead", options=options)
    return best._replace(evaluations=count)


def starting_logits(number: int, restarts: int, seed: int = 0) -> Float[np.ndarray, "restarts n"]:
    """Equal lengths first, and then random ones.

    Args:
        number: of blocks.
        restarts: how many starts.
        seed: of the random ones.
    """
    drawn = np.random.default_rng(seed).normal(0.0, SPREAD, (restarts, number))
    drawn[0] = 0.0
    return drawn


def _padded(design: Design, lengths: np.ndarray) -> tuple[Array, Array]:
    """Lengths of training, test, and blocks that are never reached; and the number of steps of each."""
    whole = np.concatenate([lengths, design.test])
    padding = np.zeros(design.most - len(lengths))
    steps = np.maximum(np.ceil(whole * design.steps * (1 - 1e-9)), 1)
    durations = np.concatenate([whole, padding + 1])
    return jnp.asarray(durations), jnp.asarray(np.concatenate([steps, padding]).astype(np.int32))


def _contrasts(
    design: Design, cohort: Cohort, durations: Float[Array, " b"], num_steps: Int[Array, " b"]
) -> Float[Array, " seeds"]:
    number = durations.size
    curriculum = Blocked(tasks=jnp.arange(number) % 2, durations=durations, num_tasks=2)
    edges = curriculum.edges
    # Every block begins with a record, and blocks that are never reached are intervals without steps.
    real, zero = num_steps > 0, jnp.zeros_like(durations)
    last = jnp.sum(real) - 1
    block = jnp.minimum(jnp.arange(number), last)
    ends = jnp.where(real, edges[1:], edges[last + 1])
    starts = jnp.where(real, edges[:-1], edges[last + 1])
    both = [
        jnp.stack(pair, axis=1).ravel()
        for pair in (
            (starts, starts),
            (starts, ends),
            (zero, jnp.where(real, durations, 0)),
            (block, block),
            (jnp.zeros_like(num_steps), num_steps),
        )
    ]
    grid = TimeGrid(both[0], both[1], both[2], both[3], both[4])

    def one(system: AbstractGatedFlow, state: PyTree) -> Array:
        run = integrate(system, curriculum, state, cohort.method, grid, {})
        cosines = similarity(system, run.final_state, curriculum.task(0, edges[0]))
        contrast = final_contrast(cosines[None], edges[:1])
        return jnp.where(run.result == RESULTS.successful, contrast, jnp.nan)

    return eqx.filter_vmap(one)(cohort.systems, cohort.states)


@eqx.filter_jit
def _scores(design: Design, cohort: Cohort, durations: Array, num_steps: Array) -> Array:
    return _contrasts(design, cohort, durations, num_steps)


@eqx.filter_jit
def _differentiated(design: Design, cohort: Cohort, durations: Array, num_steps: Array) -> tuple[Array, Array]:
    training = jnp.arange(durations.size)[None] == jnp.arange(design.most)[:, None]

    def along(direction: Array) -> tuple[Array, Array]:
        return jax.jvp(lambda d: jnp.mean(_contrasts(design, cohort, d, num_steps)), (durations,), (direction,))

    values, gradient = jax.vmap(along, out_axes=(0, 0))(training.astype(durations.dtype))
    return values[0], gradient
