"""Learners on streams of teachers to start sweeps from. Nothing here imports JAX."""

import dataclasses
from typing import Any

from ntadyn.specs import strategies
from ntadyn.specs.configuration import NO_PENALTIES, Network, TimeConstants
from ntadyn.specs.continual import ContinualTeachers

# So slow that gates stand still.
FROZEN = 1e9
NOTHING = strategies.FineTuning()


def flexible(strategy: Any = NOTHING) -> ContinualTeachers:
    """Three paths with fast, bounded gates for three tasks, under a strategy."""
    return dataclasses.replace(ContinualTeachers(), strategy=strategy)


def single(strategy: Any = NOTHING) -> ContinualTeachers:
    """A single path whose gate stands still at one, under a strategy."""
    return dataclasses.replace(
        ContinualTeachers(),
        network=Network(num_paths=1, initial_gate=1.0),
        time_constants=TimeConstants(gates=FROZEN),
        penalties=NO_PENALTIES,
        strategy=strategy,
    )


def continual_flexible() -> ContinualTeachers:
    """Three paths with fast, bounded gates: nothing else is done about forgetting."""
    return flexible()


def continual_forgetful() -> ContinualTeachers:
    """Three paths with gates as slow as weights and without a penalty."""
    whole = flexible()
    slow = TimeConstants(gates=whole.time_constants.weights, weights=whole.time_constants.weights)
    return dataclasses.replace(whole, time_constants=slow, penalties=NO_PENALTIES)


def continual_fine_tuning() -> ContinualTeachers:
    """A single path that learns every task as it comes."""
    return single()


def continual_ewc() -> ContinualTeachers:
    """A single path under elastic weight consolidation."""
    return single(strategies.EWC())


def continual_flexible_ewc() -> ContinualTeachers:
    """Three paths with fast, bounded gates under elastic weight consolidation."""
    return flexible(strategies.EWC(0.1))


CONTINUAL = {
    item.__name__.replace("_", "-"): item
    for item in (
        continual_flexible,
        continual_forgetful,
        continual_fine_tuning,
        continual_ewc,
        continual_flexible_ewc,
    )
}
