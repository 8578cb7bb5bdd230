"""What is trained on the next character."""

import dataclasses
from dataclasses import dataclass

from experiments.harness.runs import Run
from experiments.nested.rates import TEXT, at_chosen_rates
from experiments.nested.trainings import ABLATIONS, MODELS, training_runs
from ntadyn.training import preset

EQUAL_STEPS, EQUAL_TIME, WITHOUT = "equal steps", "equal time", "without"
"""Names of tables."""


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        models: rows of the tables.
        ablations: HOPE without one of its ideas.
        num_seeds: repetitions with other starts and data.
        steps: of training.
        rates: learning rates that the first seed of the table of equal steps chooses from.
        seconds: of training a seed in the table of equal time.
    """

    models: tuple[str, ...] = MODELS
    ablations: tuple[str, ...] = ABLATIONS
    num_seeds: int = 3
    steps: int = 800
    rates: tuple[float, ...] = (2e-3, 4e-3, 8e-3, 1.6e-2)
    seconds: float = 30.0


def runs(parameters: Parameters) -> list[Run]:
    """The main table first, which chooses the rates of all others."""
    spec = dataclasses.replace(
        preset("charlm"),
        steps=parameters.steps,
        rates=parameters.rates,
        seeds=parameters.num_seeds,
        evaluations=min(10, parameters.steps),
    )
    others = [
        *training_runs(EQUAL_TIME, dataclasses.replace(spec, seconds=parameters.seconds), parameters.models),
        *training_runs(WITHOUT, spec, parameters.ablations),
    ]
    return training_runs(EQUAL_STEPS, spec, parameters.models) + at_chosen_rates(others, TEXT)
