"""What is trained on streams that switch."""

import dataclasses
from dataclasses import dataclass

from experiments.harness.runs import Run
from experiments.nested.rates import SWITCHING, at_chosen_rates
from experiments.nested.trainings import MODELS, training_runs
from ntadyn.specs.configuration import Teachers, TeacherScale
from ntadyn.training import Regression, TrainingSpec, TwoTexts, preset
from ntadyn.training.data import Source

SAME, FRESH, TEXTS = "same teachers", "fresh teachers", "two texts"
"""Names of tables."""
REGRESSIONS = (SAME, FRESH)


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        models: rows of the tables.
        num_seeds: repetitions with other starts and data.
        steps: of training.
        rates: learning rates that the first seed chooses from; fresh teachers have those that the same ones chose.
        width: of tokens within the model.
        batch: sequences per step.
        teachers: that are the same in all sequences; with the article's 20 inputs and 10 outputs a token holds more
            numbers than the model is wide, and nothing but the mean of the teachers is learned in so few steps.
        fresh: sizes of teachers that each sequence has for itself.
        held_out: sequences of the test of regression.
        block_steps: of training on one text before the other takes its turn.
        evaluations: on the way through two texts; two per block.
    """

    models: tuple[str, ...] = MODELS
    num_seeds: int = 3
    steps: int = 800
    rates: tuple[float, ...] = (2e-3, 4e-3, 8e-3, 1.6e-2)
    width: int = 32
    batch: int = 16
    teachers: Teachers = Teachers(d_in=8, d_out=4)
    fresh: Teachers = Teachers(d_in=4, d_out=2, scale=TeacherScale.UNIT)
    held_out: int = 256
    block_steps: int = 100
    evaluations: int = 16


def runs(parameters: Parameters) -> list[Run]:
    """Regression with the same teachers, which choose rates for fresh ones, and with those; and two texts."""
    data = Regression(parameters.teachers, held_out=parameters.held_out)
    fresh = dataclasses.replace(data, teachers=parameters.fresh, source=Source.FRESH)
    texts = dataclasses.replace(
        trained_on(parameters, TwoTexts(block_steps=parameters.block_steps)),
        last_rate=preset("two-texts").last_rate,
        evaluations=parameters.evaluations,
    )
    return [
        *training_runs(SAME, trained_on(parameters, data), parameters.models),
        *at_chosen_rates(training_runs(FRESH, trained_on(parameters, fresh), parameters.models), SWITCHING),
        *training_runs(TEXTS, texts, parameters.models),
    ]


def trained_on(parameters: Parameters, data: Regression | TwoTexts) -> TrainingSpec:
    """How every model is trained on one kind of stream."""
    return TrainingSpec(
        data,
        width=parameters.width,
        batch=parameters.batch,
        steps=parameters.steps,
        rates=parameters.rates,
        seeds=parameters.num_seeds,
        evaluations=min(10, parameters.steps),
    )
