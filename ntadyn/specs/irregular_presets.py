"""Tasks that switch at random times, to start simulations and sweeps from. Nothing here imports JAX."""

from typing import Any

from ntadyn.specs import sequences
from ntadyn.specs.configuration import Curriculum, TimeConstants
from ntadyn.specs.irregular import Irregular
from ntadyn.specs.presets import figure_5_published

TRIAL, TOTAL_TIME = 0.02, 20.0


def irregular(sequence: Any) -> Irregular:
    """The network of figure 5 with gates a little slower than at its fastest, in trials that are short beside tau_W.

    Args:
        sequence: how tasks switch, one of `ntadyn.specs.sequences`.
    """
    base = figure_5_published()
    return Irregular(
        curriculum=Curriculum(block_duration=TRIAL, total_time=TOTAL_TIME),
        time_constants=TimeConstants(gates=0.02, weights=base.time_constants.weights),
        penalties=base.penalties,
        network=base.network,
        sequence=sequence,
    )


def irregular_hazard() -> Irregular:
    """Two tasks in trials; before each trial the task switches with the same probability."""
    return irregular(sequences.Hazard())


def irregular_redraw() -> Irregular:
    """The same, where the task is drawn anew with some probability, so that one can come more often."""
    return irregular(sequences.Redraw())


def irregular_gamma() -> Irregular:
    """The same with gamma-distributed block lengths, of any mean and coefficient of variation."""
    return irregular(sequences.GammaBlocks())


def irregular_markov() -> Irregular:
    """The same with a matrix of transitions between tasks."""
    return irregular(sequences.Markov())


IRREGULAR = {
    item.__name__.replace("_", "-"): item
    for item in (irregular_hazard, irregular_redraw, irregular_gamma, irregular_markov)
}
