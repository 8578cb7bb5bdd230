"""Estimates of learning coefficients: from a loss and a point to a number that says how far it can be trusted."""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PRNGKeyArray, PyTree

from ntadyn.degeneracy.checks import positive
from ntadyn.degeneracy.diagnostics import Means, means
from ntadyn.degeneracy.estimate import LearningCoefficient, SecondOpinion
from ntadyn.degeneracy.kept import Kept
from ntadyn.degeneracy.library import blackjax
from ntadyn.degeneracy.neighbourhood import Gaussian
from ntadyn.degeneracy.nested_slices import NestedSlices
from ntadyn.degeneracy.problem import Loss, LossProblem
from ntadyn.degeneracy.samplers import MALA, AbstractSampler, Draws
from ntadyn.degeneracy.target import Target
from ntadyn.degeneracy.whitening import AbstractWhitening, Chart, suited

# The random stream of second opinions: far from those that keys are split into.
OF_CHECKS = 2**31 - 1
# The inverse temperature for losses that are no average over a number of examples.
WITHOUT_EXAMPLES = 1e4
# Inverse temperature over localisation: directions of less curvature than 1/100 count as flat unless told otherwise.
CUTOFF = 100.0
# Draws are made in this many parts at most: after each, progress is told and what is there is kept.
MOST_PARTS = 10

ProblemAt = Callable[[PyTree], LossProblem]


@dataclass(frozen=True)
class Settings:
    """How an estimate is made.

    Attributes:
        inverse_temperature: t; when omitted n / log n for a loss over n examples (`ExampleLoss`), else 10,000.
        localisation: gamma; offsets are of about gamma^(-1/2) in flat directions. Together with t it decides what
            counts as flat: curvatures below gamma / t. When omitted t / 100.
        sampler: of the law around the point.
        whitening: coordinates; when omitted dense up to 2000 parameters, diagonal above.
        check: another sampler of the same law, for a second opinion.

    Raises:
        ValueError: for numbers that are not positive.
    """

    inverse_temperature: float | None = None
    localisation: float | None = None
    sampler: AbstractSampler = field(default_factory=MALA)
    whitening: AbstractWhitening | None = None
    check: AbstractSampler | NestedSlices | None = None

    def __post_init__(self):
        if self.localisation is not None:
            positive("localisation", self.localisation)
        if self.inverse_temperature is not None:
            positive("inverse_temperature", self.inverse_temperature)


@dataclass(frozen=True)
class Running:
    """What happens while an estimate is made.

    Attributes:
        progress: is told how many parts of how many are done.
        keep: a folder in which what is there is kept after every part. The same call goes on from it after it was
            killed, and gives the same numbers as one that was not.
    """

    progress: Callable[[int, int], None] = lambda done, of: None
    keep: Path | str | None = None


def learning_coefficient(
    loss: Loss, point: PyTree, settings: Settings | None = None, seed: int = 0, running: Running | None = None
) -> LearningCoefficient:
    """The local learning coefficient of a loss at a point: lambda = t (E[L] - L(w*)) around w*.

    The smaller, the more degenerate: the volume of parameters with L - L(w*) < eps shrinks as eps^lambda. Where the
    loss is quadratic with r curved directions it is r/2.

    Args:
        loss: L, from a pytree like the point to a number: the average over examples of the negative log-likelihood,
            which for squared errors is half of them, summed over outputs. `Behavioural` and `ExampleLoss` are two.
        point: w*, a pytree whose floating-point arrays, in double precision, are the parameters.
        settings: temperature, localisation, sampler.
        seed: of the random numbers.
        running: progress, and a folder to go on from.

    Returns:
        The estimate. It says itself whether it is to be trusted: print it, or see `status`.

    Raises:
        ValueError: for a loss or a point that cannot be sampled.

    Source: Watanabe 2013 (the mean loss at a temperature); Lau et al. 2023, arXiv 2308.12108 (localisation).
    """
    points = jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, point)
    return learning_coefficients(AllMove(loss), points, settings, seed, running)[0]


def learning_curve(
    loss: Loss,
    point: PyTree,
    inverse_temperatures: Sequence[float] = (1e2, 1e3, 1e4, 1e5),
    settings: Settings | None = None,
    seed: int = 0,
    running: Running | None = None,
) -> list[LearningCoefficient]:
    """The same at several inverse temperatures, with one program: what counts as flat changes along the curve.

    Args:
        loss: L.
        point: w*.
        inverse_temperatures: t, one per estimate.
        settings: all but the temperature; the localisation is the same at all of them.
        seed: of the random numbers.
        running: progress, and a folder to go on from.
    """
    number = len(inverse_temperatures)
    points = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (number, *leaf.shape)) if eqx.is_array(leaf) else leaf, point
    )
    return learning_coefficients(AllMove(loss), points, settings, seed, running, inverse_temperatures)


class AllMove(eqx.Module):
    """From a point to the problem in which all its parameters move."""

    loss: Loss

    def __call__(self, point: PyTree) -> LossProblem:
        """The problem."""
        return LossProblem(self.loss, point)


def learning_coefficients(
    problem_at: ProblemAt,
    points: PyTree,
    settings: Settings | None = None,
    seed: int = 0,
    running: Running | None = None,
    inverse_temperatures: Sequence[float] | None = None,
) -> list[LearningCoefficient]:
    """Estimates at many points, for example the checkpoints of a training run, with one program for all.

    Args:
        problem_at: from a point to the loss around it: `AllMove(loss)`, `BehaviouralAt(outputs)`, or a function of
            your own, by which only some parameters move, say. The same function is compiled once.
        points: pytrees like one point, stacked: every array has a first axis that counts them.
        settings: temperature, localisation, sampler.
        seed: of the random numbers; points have streams of their own.
        running: progress, and a folder to go on from.
        inverse_temperatures: t for every point, in place of that of the settings.

    Returns:
        One estimate per point.

    Raises:
        ValueError: for losses or points that cannot be sampled, or a folder that holds another run.
    """
    blackjax()  # refuses before anything is compiled if it is not there
    settings, running = settings or Settings(), running or Running()
    first = problem_at(_at(points, 0))
    temperatures = _temperatures(first, points, settings, inverse_temperatures)
    whitening = settings.whitening or suited(first.dimension)
    usual = settings.inverse_temperature or _usual_temperature(first)
    localisation = jnp.full_like(temperatures, settings.localisation or usual / CUTOFF)
    cases = Cases(problem_at, points, temperatures, localisation, whitening)
    made_of = (settings.sampler, settings.check, seed)
    kept = Kept(running.keep, lambda: (_probed, (cases, _offsets(first)), made_of))
    found = _sampled(cases, settings.sampler, jax.random.key(seed), _Part(kept, "first", running.progress))
    seconds = _second_opinions(cases, settings, seed, _Part(kept, "second", running.progress))
    names = {"sampler": type(settings.sampler).__name__, "random_seed": seed, "precision": str(first.dtype)}
    return [
        _estimate(found, case, {**names, "second_opinion": second, "dimension": first.dimension})
        for case, second in enumerate(seconds)
    ]


class Cases(eqx.Module):
    """Points with a temperature each.

    Attributes:
        problem_at: from a point to its problem.
        points: stacked.
        inverse_temperatures: t, shape (cases,).
        localisations: gamma, shape (cases,).
        whitening: how charts are made.
    """

    problem_at: ProblemAt
    points: PyTree
    inverse_temperatures: Array
    localisations: Array
    whitening: AbstractWhitening

    def over(self, function: Callable[..., PyTree], *arguments: PyTree) -> PyTree:
        """`function(problem, t, gamma, *arguments)` for every case, side by side."""
        arrays, rest = eqx.partition(self.points, eqx.is_array)

        def one(arrays: PyTree, temperature: Array, localisation: Array, *arguments: PyTree) -> PyTree:
            return function(self.problem_at(eqx.combine(arrays, rest)), temperature, localisation, *arguments)

        return jax.vmap(one)(arrays, self.inverse_temperatures, self.localisations, *arguments)


@dataclass(frozen=True)
class _Part:
    kept: Kept
    name: str
    progress: Callable[[int, int], None]


@dataclass(frozen=True)
class _Sampled:
    draws: Draws
    means: Means
    distances: Means
    charts: Chart
    bias: np.ndarray
    gradients: np.ndarray
    cases: Cases


def _temperatures(first: LossProblem, points: PyTree, settings: Settings, given: Sequence[float] | None) -> Array:
    number = {leaf.shape[0] for leaf in jax.tree.leaves(points) if eqx.is_array(leaf)}
    if len(number) != 1:
        raise ValueError(f"arrays of stacked points must share their first axis; got lengths {sorted(number)}.")
    (cases,) = number
    usual = settings.inverse_temperature or _usual_temperature(first)
    chosen = [usual] * cases if given is None else list(given)
    if len(chosen) != cases:
        raise ValueError(f"{cases} points need {cases} inverse temperatures; got {len(chosen)}.")
    positive("inverse_temperature", np.asarray(chosen))
    return jnp.asarray(chosen, first.dtype)


def _usual_temperature(problem: LossProblem) -> float:
    """N / log n for a loss over n examples."""
    examples = getattr(problem.loss, "num_examples", None)
    return WITHOUT_EXAMPLES if examples is None else float(examples / np.log(examples))


def _offsets(problem: LossProblem) -> Array:
    """A few offsets at which losses are compared, to tell one from another."""
    return 0.1 * jax.random.normal(jax.random.key(0), (3, problem.dimension), problem.dtype)


def _probed(given: tuple["Cases", Array]) -> PyTree:
    cases, offsets = given
    return cases.over(lambda problem, *_: jax.vmap(jax.value_and_grad(problem.excess))(offsets))


def _at(points: PyTree, case: int) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[case] if eqx.is_array(leaf) else leaf, points)


def _sampled(cases: Cases, sampler: AbstractSampler, key: PRNGKeyArray, part: _Part) -> _Sampled:
    longest = -(-sampler.num_draws // MOST_PARTS)
    numbers = [min(longest, sampler.num_draws - begun) for begun in range(0, sampler.num_draws, longest)]
    of_start, of_draws = jax.random.split(key)
    charts, states, cost, bias = part.kept.recall(f"{part.name} warm-up", lambda: _begun(cases, sampler, of_start))
    part.progress(1, len(numbers) + 1)
    recorded = []
    for index, number in enumerate(numbers):
        now = jax.random.fold_in(of_draws, index)
        advance = functools.partial(_advanced, cases, sampler, charts, states, now, number)
        states, draws = part.kept.recall(f"{part.name} part {index}", advance)
        recorded.append(jax.tree.map(np.asarray, draws))
        part.progress(index + 2, len(numbers) + 1)
    draws = jax.tree.map(lambda *pieces: np.concatenate(pieces, axis=-1), *recorded)
    gradients = np.asarray(cost).sum(axis=1) + draws.gradients.sum(axis=(1, 2))
    scaled = np.asarray(cases.inverse_temperatures)[:, None, None] * draws.excess
    return _Sampled(draws, means(scaled), means(draws.distance), charts, np.asarray(bias), gradients, cases)


def _keys(cases: Cases, sampler: AbstractSampler, key: PRNGKeyArray) -> Key[Array, "cases chains"]:
    return jax.random.split(key, (cases.inverse_temperatures.shape[0], sampler.num_chains))


@eqx.filter_jit
def _begun(cases: Cases, sampler: AbstractSampler, key: PRNGKeyArray) -> PyTree:
    def one(problem: LossProblem, temperature: Array, localisation: Array, keys: Key[Array, " chains"]) -> PyTree:
        chart = cases.whitening.chart(problem, temperature, localisation)
        target = Target(problem, chart, temperature, localisation)
        state, cost = jax.vmap(lambda key: sampler.begin(target, key))(keys)
        return chart, state, cost, sampler.bias(target)

    return cases.over(one, _keys(cases, sampler, key))


@eqx.filter_jit
def _advanced(
    cases: Cases, sampler: AbstractSampler, charts: Chart, states: PyTree, key: PRNGKeyArray, number: int
) -> PyTree:
    def one(problem: LossProblem, temperature: Array, localisation: Array, *rest: PyTree) -> PyTree:
        chart, state, keys = rest
        target = Target(problem, chart, temperature, localisation)
        return jax.vmap(lambda state, key: sampler.advance(target, state, key, number))(state, keys)

    return cases.over(one, charts, states, _keys(cases, sampler, key))


def _estimate(found: _Sampled, case: int, known: dict) -> LearningCoefficient:
    draws = jax.tree.map(lambda part: part[case], found.draws)
    localisation = float(found.cases.localisations[case])
    chart = found.charts
    with np.errstate(invalid="ignore"):
        far = np.quantile(draws.distance, 0.99) * (localisation / known["dimension"]) ** 0.5
    return LearningCoefficient(
        value=float(found.means.mean[case]),
        error=float(found.means.error[case]),
        effective_dimension=float(chart.effective_dimension[case]),
        half_rank=float(chart.half_rank[case]),
        most_negative=float(chart.most_negative[case]),
        lowered_by_slope=float(chart.lowered_by_slope[case]),
        step_bias=float(found.bias[case]),
        rhat=float(found.means.rhat[case]),
        ess=float(found.means.ess[case]),
        distance_rhat=float(found.distances.rhat[case]),
        distance_ess=float(found.distances.ess[case]),
        acceptance=float(np.mean(draws.acceptance)),
        divergences=int(np.sum(draws.divergent)),
        distance=float(far),
        gradients=float(found.gradients[case]),
        inverse_temperature=float(found.cases.inverse_temperatures[case]),
        localisation=localisation,
        is_finite=bool(np.all(np.isfinite(draws.excess))),
        **known,
    )


def _second_opinions(cases: Cases, settings: Settings, seed: int, part: _Part) -> list[SecondOpinion | None]:
    number = cases.inverse_temperatures.shape[0]
    key = jax.random.fold_in(jax.random.key(seed), OF_CHECKS)
    if settings.check is None:
        return [None] * number
    name = type(settings.check).__name__
    if isinstance(settings.check, AbstractSampler):
        found = _sampled(cases, settings.check, key, part)
        pairs = zip(found.means.mean, found.means.error, strict=True)
        return [SecondOpinion(name, float(value), float(error), False) for value, error in pairs]
    return [_by_slices(cases, case, settings.check, jax.random.fold_in(key, case), part.kept) for case in range(number)]


def _by_slices(cases: Cases, case: int, slices: NestedSlices, key: PRNGKeyArray, kept: Kept) -> SecondOpinion:
    """What nested slices say of one case; why they say nothing, if they do."""
    problem = cases.problem_at(_at(cases.points, case))
    neighbourhood = Gaussian(cases.localisations[case])

    def measured() -> Array:
        run = slices.run(problem, neighbourhood, key)
        return jnp.asarray(run.coefficient(float(cases.inverse_temperatures[case])))

    name = type(slices).__name__
    try:
        value, error = kept.recall(f"second case {case}", measured, jnp.zeros(2))
    except ValueError as error:
        return SecondOpinion(name, math.nan, math.nan, True, str(error))
    return SecondOpinion(name, float(value), float(error), True)
