"""When a level of a nested learner moves, and how far."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ntadyn.regularizers.coefficients import known_reals

Real = float | Float[Array, ""]


class AbstractClock(eqx.Module):
    """When a level moves, and how far: two questions, which have two answers."""


class Flow(AbstractClock):
    """All the time: tau dx/dt = -dE/dx.

    Attributes:
        time_constant: tau, in the caller's unit of time.

    Raises:
        ValueError: if it is not positive.
    """

    time_constant: Real

    def __check_init__(self):
        check_positive("Flow: time constant", self.time_constant)


class EverySteps(AbstractClock):
    """After every C steps: x <- a x - (C h / tau) rule(mean of the last C gradients), all of them taken at one x.

    With a retention a of one, no rule and gradients that do not change, a level moves at the rate 1/tau whatever C is:
    C says how old its gradients are, and over how many of them it averages. It is no time constant.

    Attributes:
        time_constant: tau; the learning rate of a single step of length h is h / tau.
        number: C.

    Raises:
        ValueError: if the time constant is not positive, or there is no step.
    """

    time_constant: Real
    number: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_positive("EverySteps: time constant", self.time_constant)
        if self.number < 1:
            raise ValueError(f"EverySteps: number is {self.number}; a level can move after 1 step or more.")


class OncePerBlock(AbstractClock):
    """At the end of every block: x <- a x - rate dE/dx, on all examples of the task that was in force.

    Attributes:
        rate: a learning rate.

    Raises:
        ValueError: if the rate is not positive.
    """

    rate: Real

    def __check_init__(self):
        check_positive("OncePerBlock: rate", self.rate)


class Once(AbstractClock):
    """Before the run, and never again: x stays as it is given."""


def check_positive(name: str, value: Real) -> None:
    """Raise ValueError unless a number, where it is known, is positive and finite."""
    numbers = known_reals(name, value)
    if numbers is not None and not np.all(np.isfinite(numbers) & (numbers > 0)):
        raise ValueError(f"{name} is {value}; it must be positive and finite.")
