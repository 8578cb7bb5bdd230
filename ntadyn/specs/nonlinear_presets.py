"""Gated networks with hidden units, to start sweeps from. Nothing here imports JAX."""

import dataclasses

from ntadyn.specs.configuration import Penalties
from ntadyn.specs.nonlinear import (
    Convolutions,
    GatedStudent,
    LabelMaps,
    LearningRates,
    Perceptrons,
    SoftmaxGates,
    Turns,
)

NO_PENALTY = Penalties()


def nonlinear_flexible() -> GatedStudent:
    """Two paths of rectified units with fast, bounded gates, on two rectified teachers in turn; time in steps."""
    return GatedStudent()


def nonlinear_forgetful() -> GatedStudent:
    """The same with gates as slow as weights and without a penalty."""
    return dataclasses.replace(GatedStudent(), learning_rates=LearningRates(0.02, 0.02), penalties=NO_PENALTY)


def nonlinear_fast() -> GatedStudent:
    """The same with fast gates without a penalty."""
    return dataclasses.replace(GatedStudent(), penalties=NO_PENALTY)


def nonlinear_slow() -> GatedStudent:
    """The same with bounded gates as slow as weights."""
    return dataclasses.replace(GatedStudent(), learning_rates=LearningRates(0.02, 0.02))


def nonlinear_softmax() -> GatedStudent:
    """The same with gates that compete by a softmax."""
    return dataclasses.replace(
        GatedStudent(), gating=SoftmaxGates(), learning_rates=LearningRates(1.0, 0.02), penalties=NO_PENALTY
    )


def digits_flexible() -> GatedStudent:
    """Two paths of rectified units with fast, bounded gates, on digits under two labellings in turn; time in steps."""
    return GatedStudent(
        tasks=LabelMaps(),
        paths=Perceptrons(units=32, initial_scale=1.0),
        learning_rates=LearningRates(gates=0.1, weights=0.005),
        penalties=Penalties(nonnegative=2.5, unit_l1=2.5),
        curriculum=Turns(block_duration=800.0, num_blocks=8),
        batch_size=100,
    )


def digits_forgetful() -> GatedStudent:
    """The same with gates as slow as weights and without a penalty."""
    return dataclasses.replace(digits_flexible(), learning_rates=LearningRates(0.005, 0.005), penalties=NO_PENALTY)


def digits_fast() -> GatedStudent:
    """The same with fast gates without a penalty."""
    return dataclasses.replace(digits_flexible(), penalties=NO_PENALTY)


def digits_slow() -> GatedStudent:
    """The same with bounded gates as slow as weights."""
    return dataclasses.replace(digits_flexible(), learning_rates=LearningRates(0.005, 0.005))


def digits_softmax() -> GatedStudent:
    """The same with gates that compete by a softmax."""
    return dataclasses.replace(
        digits_flexible(), gating=SoftmaxGates(), learning_rates=LearningRates(1.0, 0.005), penalties=NO_PENALTY
    )


def digits_convolutional() -> GatedStudent:
    """Two convolutional paths with fast, bounded gates, on the same digits."""
    return dataclasses.replace(digits_flexible(), paths=Convolutions())


NONLINEAR = {
    item.__name__.replace("_", "-"): item
    for item in (
        nonlinear_flexible,
        nonlinear_forgetful,
        nonlinear_fast,
        nonlinear_slow,
        nonlinear_softmax,
        digits_flexible,
        digits_forgetful,
        digits_fast,
        digits_slow,
        digits_softmax,
        digits_convolutional,
    )
}
