"""Nested slices in the place of chains: the same questions, with the number of live points for the length of chains."""

import equinox as eqx
import jax
import numpy as np

from experiments.degeneracy.work_precision.problems import Problem
from experiments.degeneracy.work_precision.sampling import Answers
from ntadyn.degeneracy.neighbourhood import Gaussian
from ntadyn.degeneracy.nested_run import NestedRun
from ntadyn.degeneracy.nested_slices import NestedSlices

NESTED = "nested slices"
# Beyond, moves along lines are too many.
MOST_DIMENSIONS = 8
# Where runs end: below it, no problem here has a weight at its temperature.
LOG_VOLUME = -14.0
# Of a loss, where a gradient costs one.
GRADIENTS_PER_LOSS = 1 / 3
# The fewest live points, from whose runs the cost of others is foretold; they die in tenths.
FEWEST, TENTH = 20, 10


def nested_answers(problem: Problem, seed: int, number: int, budgets: tuple[float, ...]) -> Answers:
    """One run per seed and budget, with as many live points as it pays for.

    Args:
        problem: the loss around a point.
        seed: of all runs.
        number: of seeds.
        budgets: in gradients.

    Returns:
        Estimates and claimed errors; not a number where fewer than 20 points can be paid for.
    """
    nothing = np.full(number, np.nan)
    few = _runs(problem, FEWEST, seed + 1, number)
    per_point = float(np.mean([run.num_evaluations for run in few])) * GRADIENTS_PER_LOSS / FEWEST
    found = []
    for budget in budgets:
        live = int(budget / per_point) // TENTH * TENTH
        if live < FEWEST:
            found.append((nothing, nothing))
            continue
        answers = [run.coefficient(problem.inverse_temperature) for run in _runs(problem, live, seed, number)]
        found.append(tuple(np.asarray(part) for part in zip(*answers, strict=True)))
    return Answers(*(np.stack(part) for part in zip(*found, strict=True)))


def _runs(problem: Problem, live: int, seed: int, number: int) -> list[NestedRun]:
    sampler = NestedSlices(live, live // TENTH, log_volume=LOG_VOLUME)
    neighbourhood = Gaussian(problem.localisation)  # pyright: ignore[reportCallIssue]

    @eqx.filter_jit
    def all_of(keys: jax.Array) -> NestedRun:
        return jax.vmap(lambda key: sampler.sample(problem.seen(), neighbourhood, key))(keys)

    runs = jax.tree.map(np.asarray, all_of(jax.random.split(jax.random.key(seed), number)))
    return [jax.tree.map(lambda part, index=index: part[index], runs) for index in range(number)]
