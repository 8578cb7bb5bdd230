"""What is trained on associative recall."""

import dataclasses
from dataclasses import dataclass

from experiments.harness.runs import Run
from experiments.nested.rates import RECALL, at_chosen_rates
from experiments.nested.trainings import ABLATIONS, MODELS, training_runs
from ntadyn.nested.continuum import CHUNKS
from ntadyn.training import Recall, TrainingSpec, preset

FOUR, EQUAL_TIME, ANEW, WITHOUT, ONE_CLOCK = "four pairs", "equal time", "bound anew", "without", "one clock"
"""Names of tables; that of another number of pairs is `of_pairs`."""


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        models: rows of the tables.
        ablations: HOPE without one of its ideas.
        of_levels: models whose levels have clocks of their own, in the table where all levels have one clock.
        pairs: shown in the tables of capacity; four are the main one.
        num_seeds: repetitions with other starts and data.
        steps: of training.
        rates: learning rates that the first seed of the table of four pairs chooses from.
        seconds: of training a seed in the table of equal time.
        held_out: sequences of the test.
        depth: blocks of every model; compiling one takes twice as long with twice as many.
    """

    models: tuple[str, ...] = MODELS
    ablations: tuple[str, ...] = ABLATIONS
    of_levels: tuple[str, ...] = ("hope-attention", "hope")
    pairs: tuple[int, ...] = (2, 4, 8, 16)
    num_seeds: int = 3
    steps: int = 800
    rates: tuple[float, ...] = (2e-3, 4e-3, 8e-3, 1.6e-2)
    seconds: float = 20.0
    held_out: int = 512
    depth: int = 2


def of_pairs(number: int) -> str:
    """The name of the table of so many pairs."""
    return FOUR if number == 4 else f"{number} pairs"


def runs(parameters: Parameters) -> list[Run]:
    """The main table first, which chooses the rates of all others."""
    main = trained_on(parameters, Recall(pairs=4))
    others = []
    for number in parameters.pairs:
        if number != 4:
            spec = trained_on(parameters, Recall(pairs=number))
            others += training_runs(of_pairs(number), spec, parameters.models)
    others += training_runs(ANEW, trained_on(parameters, Recall(pairs=8, rebound=4)), parameters.models)
    at_equal_time = dataclasses.replace(main, seconds=parameters.seconds)
    others += training_runs(EQUAL_TIME, at_equal_time, parameters.models)
    levels = len(CHUNKS)
    one_clock = dataclasses.replace(main, chunks=(1,) * levels, shares=(1.0,) * levels)
    others += training_runs(ONE_CLOCK, one_clock, parameters.of_levels)
    others += training_runs(WITHOUT, main, parameters.ablations)
    return training_runs(FOUR, main, parameters.models) + at_chosen_rates(others, RECALL)


def trained_on(parameters: Parameters, data: Recall) -> TrainingSpec:
    """How every model is trained on one kind of recall."""
    return dataclasses.replace(
        preset("mqar"),
        depth=parameters.depth,
        data=dataclasses.replace(data, held_out=parameters.held_out),
        steps=parameters.steps,
        rates=parameters.rates,
        seeds=parameters.num_seeds,
        evaluations=min(10, parameters.steps),
    )
