"""What is run for work and precision: every sampler on every problem, stopped at several costs, over seeds."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.degeneracy.work_precision.problems import PROBLEMS, Problem, Reference
from experiments.degeneracy.work_precision.sampling import WAYS, Answers, Lanes
from experiments.degeneracy.work_precision.slices import MOST_DIMENSIONS, NESTED, nested_answers
from experiments.harness.runs import Run

# Where the loss has no curvature at the point, whitened coordinates are plain ones in other units.
NEEDS_CURVATURE = ("SGLD, whitened",)


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        problems: their names.
        ways: names of samplers.
        budgets: in gradients, ascending.
        num_seeds: repetitions.
        seed: the seed that all keys are derived from.
    """

    problems: tuple[str, ...] = tuple(PROBLEMS)
    ways: tuple[str, ...] = (*WAYS, NESTED)
    budgets: tuple[float, ...] = (1e3, 1e4, 1e5, 1e6)
    num_seeds: int = 10
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """One for every problem."""
    return [
        Run(
            f"work_precision_{name.replace(' ', '_')}",
            on_problem,
            {"name": name, "parameters": parameters},
            name,
        )
        for name in parameters.problems
    ]


def on_problem(name: str, parameters: Parameters) -> xr.Dataset:
    """Estimates and claimed errors by way, budget and seed; what they should be; and the steps that were chosen."""
    problem = PROBLEMS[name]()
    reference = problem.reference()
    found, chosen = [], []
    for way in parameters.ways:
        answers, steps = _of_way(problem, way, reference, parameters)
        found.append(answers)
        chosen.append(steps)
    axes = ("way", "budget", "seed")
    return xr.Dataset(
        {
            "value": (axes, np.stack([answers.value for answers in found])),
            "claimed": (axes, np.stack([answers.error for answers in found])),
            "step": (axes[:2], np.stack(chosen)),
        },
        {"way": list(parameters.ways), "budget": list(parameters.budgets)},
    ).assign_attrs(reference._asdict(), dimension=problem.seen().dimension)


def serves(way: str, dimension: int, laplace: float) -> bool:
    """Whether a way is tried on a problem at all.

    Args:
        way: its name.
        dimension: of the problem.
        laplace: its effective dimension.
    """
    if way == NESTED:
        return dimension <= MOST_DIMENSIONS
    return way not in NEEDS_CURVATURE or laplace > 0


def _of_way(problem: Problem, name: str, reference: Reference, parameters: Parameters) -> tuple[Answers, np.ndarray]:
    """Answers at every budget, each with the step that is best there on other seeds."""
    budgets, number = parameters.budgets, parameters.num_seeds
    nothing = np.full((len(budgets), number), np.nan)
    if not serves(name, problem.seen().dimension, reference.laplace):
        return Answers(nothing, nothing), nothing[:, 0]
    if name == NESTED:
        return nested_answers(problem, parameters.seed, number, budgets), nothing[:, 0]
    way = WAYS[name]
    lanes = Lanes(problem, way)
    if not way.steps:
        return lanes.answers(np.ones(number), parameters.seed, budgets), nothing[:, 0]
    # As many lanes as seeds, so that both share a program.
    tried = np.resize(np.asarray(way.steps), number)
    tuning = lanes.answers(tried, parameters.seed + 1, budgets).value
    squares = [np.mean((tuning[:, tried == step] - reference.value) ** 2, axis=1) for step in way.steps]
    chosen = np.asarray(way.steps)[np.argmin(np.nan_to_num(np.stack(squares), nan=np.inf), axis=0)]
    value, error = np.full((2, len(budgets), number), np.nan)
    for step in np.unique(chosen):
        mine = np.flatnonzero(chosen == step)
        upto = budgets[: mine[-1] + 1]
        answers = lanes.answers(np.full(number, step), parameters.seed, upto)
        value[mine], error[mine] = answers.value[mine], answers.error[mine]
    return Answers(value, error), chosen
