"""Curricula designed for a configuration as a labelled data set, beside the best constant block length."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np
import xarray as xr

from ntadyn.interface.gated_linear import AbstractGatedFlow
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.specs.building import build, first, keys
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import plain, replaced
from ntadyn.specs.sensitivity import builder, check_differentiable
from ntadyn.stability.curriculum_design import (
    Cohort,
    Design,
    Found,
    by_gradient,
    scores,
    starting_logits,
    without_gradient,
)

SEARCHES = {"gradient": by_gradient, "no gradient": without_gradient}
CONSTANT = "constant"


def design_of(configuration: Configuration, most_blocks: int, least: float, steps: int, test_blocks: int) -> Design:
    """What a curriculum of a configuration's total time is chosen for: the contrast after a few of its own blocks.

    Args:
        configuration: total time, and block duration of the test phase.
        most_blocks: the largest number of blocks of training.
        least: the shortest block.
        steps: per unit of time.
        test_blocks: number of blocks of the test phase.

    Raises:
        ValueError: for a configuration that cannot be differentiated or has not two tasks in path networks, or numbers
            that do not fit.
    """
    check_differentiable(configuration)
    if configuration.teachers.num_tasks != 2:
        raise ValueError(f"teachers.num_tasks is {configuration.teachers.num_tasks}; designed curricula alternate two.")
    if test_blocks < 1:
        raise ValueError(f"test_blocks is {test_blocks}; the test phase has one block at least.")
    test = (float(configuration.curriculum.block_duration),) * test_blocks
    return Design(float(configuration.curriculum.end), float(least), test, most_blocks, steps)


def cohorts(configuration: Configuration, sizes: tuple[int, ...]) -> list[Cohort]:
    """Groups of networks of further and further seeds.

    Args:
        configuration: whose repetitions they are.
        sizes: how many networks each group has.
    """
    every = keys(replaced(configuration, {"randomness.num_seeds": sum(sizes)}).randomness)
    system, state = build(configuration, first(every))
    assert isinstance(system, AbstractGatedFlow)
    method = FixedSteps().fitted(system, state).laid_out()
    systems, states = builder(configuration, state.gates.dtype)(every)
    edges = np.cumsum([0, *sizes])
    groups = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        part: Any = jax.tree.map(lambda leaf, low=low, high=high: leaf[low:high], (systems, states))
        groups.append(Cohort(part[0], part[1], method))
    return groups


def designed_curricula(
    configuration: Configuration,
    design: Design,
    numbers: Iterable[int],
    seeds: tuple[int, int],
    restarts: int,
    num_steps: int,
    told: Callable[[], Any] = lambda: None,
) -> xr.Dataset:
    """Curricula of every number of blocks by both searches, and constant ones, scored on seeds that chose none of them.

    Args:
        configuration: what learns.
        design: what is asked.
        numbers: of blocks of training.
        seeds: how many choose, and how many test.
        restarts: starts of every search, the first of which is the constant curriculum.
        num_steps: evaluations from every start.
        told: called after every evaluation of a score.

    Returns:
        Dataset over (search, number, block, seed): lengths, `training_score`, `score` of every test seed, evaluations.

    Raises:
        ValueError: for numbers of blocks, seeds, restarts or steps that do not fit.
    """
    numbers = sorted(set(numbers))
    for number in numbers:
        design.check_number(number)
    if not numbers or min(*seeds, restarts, num_steps) < 1:
        raise ValueError(
            f"numbers of blocks are {numbers}, seeds {seeds}, restarts {restarts} and steps {num_steps}; give one of "
            f"each at least."
        )
    choosing, testing = cohorts(configuration, seeds)
    methods = [CONSTANT, *SEARCHES]
    shape = len(methods), len(numbers)
    lengths = np.full((*shape, design.most), np.nan)
    chosen, evaluations = np.full(shape, np.nan), np.zeros(shape, int)
    tested = np.full((*shape, seeds[1]), np.nan)
    for column, number in enumerate(numbers):
        starts = starting_logits(number, restarts)
        for row, method in enumerate(methods):
            if method == CONSTANT:
                equal = np.full(number, design.total / number)
                found = Found(equal, float(np.mean(scores(design, choosing, equal))), 1)
            else:
                found = SEARCHES[method](design, choosing, starts, num_steps, told)
            lengths[row, column, :number], chosen[row, column] = found.lengths, found.score
            evaluations[row, column] = found.evaluations
            tested[row, column] = _in_parts(design, testing, found.lengths, seeds[0])
    dataset = xr.Dataset(
        {
            "length": (("search", "number", "block"), lengths, {"long_name": "block length"}),
            "training_score": (("search", "number"), chosen, {"long_name": "mean contrast of the seeds that chose"}),
            "score": (("search", "number", "seed"), tested, {"long_name": "contrast after the test phase"}),
            "evaluations": (("search", "number"), evaluations, {"long_name": "evaluations of the mean score"}),
        },
        {"search": methods, "number": numbers, "block": np.arange(1, design.most + 1), "seed": np.arange(seeds[1])},
    )
    told_of = {"total": design.total, "least": design.least, "test": list(design.test), "steps_per_unit": design.steps}
    return dataset.assign_attrs(configuration=json.dumps(plain(configuration)), training_seeds=seeds[0], **told_of)


def best_of(dataset: xr.Dataset, method: str) -> xr.Dataset:
    """The curriculum of a method with the highest score in training, whatever its number of blocks."""
    one = dataset.sel(search=method)
    return one.isel(number=int(np.nanargmax(one.training_score.values)))


def margin(dataset: xr.Dataset, method: str) -> tuple[float, float]:
    """By how much a method's best curriculum beats the best constant one on the test seeds, with its standard error."""
    apart = (best_of(dataset, method).score - best_of(dataset, CONSTANT).score).values
    apart = apart[np.isfinite(apart)]
    return float(apart.mean()), float(apart.std(ddof=1) / np.sqrt(apart.size)) if apart.size > 1 else np.nan


def design_report(dataset: xr.Dataset) -> list[str]:
    """What was found, in lines; means with standard errors over the test seeds."""
    test = dataset.attrs["test"]
    lines = [
        f"contrast after {len(test)} test blocks of {test[0]:g}; {dataset.attrs['total']:g} units of training, blocks "
        f"of at least {dataset.attrs['least']:g}; chosen on {dataset.attrs['training_seeds']} seeds, tested on "
        f"{dataset.sizes['seed']}",
        f"{'method':13}{'blocks':>7}{'chosen':>9}{'test':>9}{'error':>8}{'failed':>8}{'calls':>7}  lengths",
    ]
    for method in dataset.search.values:
        best = int(best_of(dataset, method).number)
        for number in dataset.number.values:
            one = dataset.sel(search=method, number=number)
            score = one.score.values[np.isfinite(one.score.values)]
            error = score.std(ddof=1) / np.sqrt(score.size) if score.size > 1 else np.nan
            told = " ".join(f"{length:.2f}" for length in one.length.values if np.isfinite(length))
            mark = "  <- best" if number == best else ""
            lines.append(
                f"{method:13}{number:7}{float(one.training_score):9.4f}{score.mean():9.4f}{error:8.4f}"
                f"{one.sizes['seed'] - score.size:8}{int(one.evaluations):7}  {told}{mark}"
            )
    for method in SEARCHES:
        mean, error = margin(dataset, method)
        lines.append(f"best of {method} minus best constant, same test seeds: {mean:+.4f}, standard error {error:.4f}")
    return lines


def _in_parts(design: Design, cohort: Cohort, lengths: np.ndarray, size: int) -> np.ndarray:
    """Scores of many seeds, in parts as large as the cohort that chose, so that one program serves all."""
    number = jax.tree.leaves(cohort.states)[0].shape[0]
    found = []
    for start in range(0, number, size):
        which = np.minimum(np.arange(start, start + size), number - 1)
        part: Any = jax.tree.map(lambda leaf, which=which: leaf[which], (cohort.systems, cohort.states))
        found.append(scores(design, Cohort(part[0], part[1], cohort.method), lengths))
    return np.concatenate(found)[:number]
