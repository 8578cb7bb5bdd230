"""Learners on streams of teachers to start sweeps from. Nothing here imports JAX."""

import dataclasses
from typing import Any

from ntadyn.specs import strategies
from ntadyn.specs.configuration import NO_PENALTIES, Network, TimeConstants
from ntadyn.specs.continual import ContinualTeachers, Feed

# So slow that gates stand still.
FROZEN = 1e9
# Errors of weights shrink by exp(-1 / QUICK) in a block of length one.
QUICK = 0.1
NOTHING = strategies.FineTuning()
# Paths of networks that may grow; the stream has three tasks.
CAPACITY = 6


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


def continual_online_ewc() -> ContinualTeachers:
    """A single path under elastic weight consolidation whose anchors fade."""
    return single(strategies.EWC(retention=0.95))


def continual_quick_ewc(fisher: strategies.Fisher = strategies.Fisher.MODEL) -> ContinualTeachers:
    """A single path under elastic weight consolidation, so quick that every block solves its task."""
    spec = single(strategies.EWC(fisher=fisher))
    return dataclasses.replace(spec, time_constants=TimeConstants(gates=FROZEN, weights=QUICK))


def continual_flexible_ewc() -> ContinualTeachers:
    """Three paths with fast, bounded gates under elastic weight consolidation."""
    return flexible(strategies.EWC(0.1))


def continual_lwf() -> ContinualTeachers:
    """A single path that is held to its old answers (learning without forgetting)."""
    return single(strategies.LwF())


def continual_replay() -> ContinualTeachers:
    """A single path that practises all earlier tasks beside the one in force."""
    return single(strategies.TaskReplay())


def continual_replay_32() -> ContinualTeachers:
    """A single path with a memory of 32 examples, on batches."""
    return dataclasses.replace(single(strategies.ExampleReplay(32)), feed=Feed.BATCHES)


def continual_detected_ewc() -> ContinualTeachers:
    """A single path under elastic weight consolidation that finds the switches itself, on batches."""
    return dataclasses.replace(single(strategies.Detected()), feed=Feed.BATCHES)


def continual_growing() -> ContinualTeachers:
    """A network that adds a path for what its paths do not explain (DEN), with room for six."""
    return dataclasses.replace(single(strategies.Growing()), network=Network(num_paths=CAPACITY, initial_gate=1.0))


def continual_consolidation() -> ContinualTeachers:
    """Three paths with fast, bounded gates and room for three more, which mixtures in use move into."""
    return dataclasses.replace(flexible(strategies.Consolidation()), network=Network(num_paths=CAPACITY))


def continual_prototypes() -> ContinualTeachers:
    """Three paths with fast, bounded gates that jump to where they were in the nearest context."""
    return flexible(strategies.Prototypes())


def continual_meta() -> ContinualTeachers:
    """Three paths that learn to be adapted from, by one step of their gates (MAML on a stream)."""
    return dataclasses.replace(
        flexible(strategies.MetaLearning()), penalties=NO_PENALTIES, network=Network(num_paths=3, initial_gate=0.5)
    )


def continual_joint() -> ContinualTeachers:
    """A single path that practises all tasks at once."""
    return single(strategies.MultiTask())


def continual_oracle() -> ContinualTeachers:
    """Three paths whose gates are set from outside."""
    return dataclasses.replace(flexible(strategies.OracleGates()), penalties=NO_PENALTIES)


CONTINUAL = {
    item.__name__.replace("_", "-"): item
    for item in (
        continual_flexible,
        continual_forgetful,
        continual_fine_tuning,
        continual_ewc,
        continual_online_ewc,
        continual_quick_ewc,
        continual_flexible_ewc,
        continual_lwf,
        continual_replay,
        continual_replay_32,
        continual_detected_ewc,
        continual_growing,
        continual_consolidation,
        continual_prototypes,
        continual_meta,
        continual_joint,
        continual_oracle,
    )
}
