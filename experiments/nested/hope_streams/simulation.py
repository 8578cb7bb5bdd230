"""What is trained on streams that switch."""

import dataclasses
from dataclasses import dataclass

from experiments.harness.runs import Run
from experiments.nested.trainings import MODELS, training_runs
from ntadyn.training import Regression, TwoTexts, preset

SAME, FRESH, TEXTS = "same teachers", "fresh teachers", "two texts"
"""Names of tables."""
REGRESSIONS = {SAME: "regression", FRESH: "regression-fresh"}


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        models: rows of the tables.
        num_seeds: repetitions with other starts and data.
        steps: of training.
        rates: learning rates that the first seed chooses from.
        held_out: sequences of the test of regression.
        block_steps: of training on one text before the other takes its turn.
        evaluations: on the way through two texts; two per block.
    """

    models: tuple[str, ...] = MODELS
    num_seeds: int = 3
    steps: int = 800
    rates: tuple[float, ...] = (2e-3, 4e-3, 8e-3, 1.6e-2)
    held_out: int = 256
    block_steps: int = 100
    evaluations: int = 16


def runs(parameters: Parameters) -> list[Run]:
    """Regression with the same teachers and with fresh ones, and two texts."""
    common = {"steps": parameters.steps, "rates": parameters.rates, "seeds": parameters.num_seeds}
    found = []
    for table, task in REGRESSIONS.items():
        spec = preset(task)
        assert isinstance(spec.data, Regression)
        data = dataclasses.replace(spec.data, held_out=parameters.held_out)
        spec = dataclasses.replace(spec, data=data, evaluations=min(10, parameters.steps), **common)
        found += training_runs(table, spec, parameters.models)
    spec = preset("two-texts")
    assert isinstance(spec.data, TwoTexts)
    data = dataclasses.replace(spec.data, block_steps=parameters.block_steps)
    spec = dataclasses.replace(spec, data=data, evaluations=parameters.evaluations, **common)
    return found + training_runs(TEXTS, spec, parameters.models)
