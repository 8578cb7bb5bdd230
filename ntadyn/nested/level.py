"""One level of a nested learner: parameters with an objective, a rule and a clock of their own."""

import abc
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, PyTree

from ntadyn.continual.problem import AbstractProblem
from ntadyn.nested.clocks import AbstractClock, Real
from ntadyn.nested.update_rule import AbstractUpdateRule, Transformation, as_update_rule
from ntadyn.regularizers import AbstractPenalty
from ntadyn.tasks.examples import Batch

NO_RULE = Transformation(optax.identity())
"""Steps along the gradient itself."""


class AbstractObjective(eqx.Module):
    """What a level descends, as a function of the whole network and of its own part of it."""

    @abc.abstractmethod
    def __call__(self, problem: AbstractProblem, network: PyTree, part: PyTree, batch: Batch) -> Float[Array, ""]:
        """E.

        Args:
            problem: what is asked.
            network: all levels.
            part: the parameters of this level, as they are in the network.
            batch: what there is to learn from.
        """

    def has_kinks(self) -> bool:
        """Whether its slope jumps where an entry of the part is zero."""
        return False


class TaskLoss(AbstractObjective):
    """L: the loss of the whole network on what is in force."""

    def __call__(self, problem: AbstractProblem, network: PyTree, part: PyTree, batch: Batch) -> Float[Array, ""]:
        """See `AbstractObjective`."""
        del part
        return problem.loss(network, batch)


class PenalisedLoss(AbstractObjective):
    """L + R(x): the loss, and a penalty on the parameters of the level, which must be one array.

    Attributes:
        penalty: R.
    """

    penalty: AbstractPenalty

    def __call__(self, problem: AbstractProblem, network: PyTree, part: PyTree, batch: Batch) -> Float[Array, ""]:
        """See `AbstractObjective`."""
        return problem.loss(network, batch) + self.penalty.energy(part)

    def has_kinks(self) -> bool:
        """Whether the penalty has."""
        return self.penalty.kinked


class Level(eqx.Module):
    """One level of a nested learner.

    Attributes:
        name: what tables call it.
        where: network -> its parameters, one part of the network or a tuple of parts, as `eqx.tree_at` takes it.
        clock: when it moves.
        objective: what it descends; the loss if omitted.
        rule: what is made of a gradient before a step is taken along it, for levels that make steps: a transformation
            of optax, or an `Optimiser` whose numbers are data.
        retention: a in [0, 1], by which the parameters are multiplied at every move: 1 keeps them all.
        resets: whether the parameters go back to where they were at the start of the run, at the start of every block.

    Raises:
        ValueError: if the retention is not between 0 and 1.
    """

    name: str = eqx.field(static=True)
    where: Callable[[Any], Any] = eqx.field(static=True)
    clock: AbstractClock
    objective: AbstractObjective = TaskLoss()
    rule: AbstractUpdateRule = eqx.field(converter=as_update_rule, default=NO_RULE)
    retention: Real = 1.0
    resets: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        if isinstance(self.retention, float | int) and not 0 <= self.retention <= 1:
            raise ValueError(f"level {self.name!r}: retention is {self.retention}; it multiplies, from 0 to 1.")

    def slope(self, problem: AbstractProblem, network: PyTree, batch: Batch) -> PyTree:
        """dE/dx at the network as it is, a pytree like x."""

        def energy(part: PyTree) -> Float[Array, ""]:
            return self.objective(problem, self.put(network, part), part, batch)

        return eqx.filter_grad(energy)(self.where(network))

    def put(self, network: PyTree, part: PyTree) -> PyTree:
        """The network with other parameters of this level."""
        return eqx.tree_at(self.where, network, part)

    def stepped(self, part: PyTree, direction: PyTree, rate: Real) -> PyTree:
        """A x - rate u, for every array of floating-point numbers."""

        def moved(x: Any, u: Any) -> Any:
            return x if u is None else jnp.asarray(self.retention, x.dtype) * x - jnp.asarray(rate, x.dtype) * u

        return jax.tree.map(moved, part, direction)


def owned(network: PyTree, levels: Sequence[Level]) -> PyTree:
    """Which arrays of floating-point numbers some level owns: a pytree of booleans like the network.

    Raises:
        ValueError: for an array that two levels own, or a level that owns none.
    """
    nobody = jax.tree.map(lambda leaf: False, network)
    total = nobody
    for level in levels:
        part = jax.tree.map(eqx.is_inexact_array, level.where(network))
        if not any(jax.tree.leaves(part)):
            raise ValueError(f"level {level.name!r} owns no array of floating-point numbers; mend its `where`.")
        mine = level.put(nobody, part)
        if any(jax.tree.leaves(jax.tree.map(lambda one, other: one and other, total, mine))):
            raise ValueError(f"level {level.name!r} owns parameters that another level owns already; give each one.")
        total = jax.tree.map(lambda one, other: one or other, total, mine)
    return total


def starts_of(network: PyTree, levels: Sequence[Level]) -> tuple[PyTree, ...] | None:
    """The parameters of levels that reset, as they are at the start of a run; None if there are none."""
    return tuple(level.where(network) for level in levels if level.resets) or None


def reset(network: PyTree, levels: Sequence[Level], starts: tuple[PyTree, ...] | None) -> PyTree:
    """The network with the levels that reset back where they were."""
    for level, start in zip((level for level in levels if level.resets), starts or (), strict=True):
        network = level.put(network, start)
    return network


def check_levels(levels: Sequence[Level], allowed: tuple[type, ...], needed: type, system: str) -> None:
    """Refuse levels that a system cannot hold.

    Args:
        levels: all of them.
        allowed: the clocks that the system knows.
        needed: the clock that one level at least must have.
        system: its name, for messages.

    Raises:
        ValueError: for names that are not unique, other clocks, or if nothing moves in the way of the system.
    """
    names = [level.name for level in levels]
    if len(set(names)) < len(names):
        raise ValueError(f"{system}: levels are named {names}; give each a name of its own.")
    for level in levels:
        if not isinstance(level.clock, allowed):
            known = ", ".join(kind.__name__ for kind in allowed)
            raise ValueError(
                f"{system}: level {level.name!r} has the clock {type(level.clock).__name__}; allowed are {known}."
            )
    if not any(isinstance(level.clock, needed) for level in levels):
        raise ValueError(f"{system}: no level has the clock {needed.__name__}; give one at least.")


def either(condition: Bool[Array, ""], one: PyTree, other: PyTree) -> PyTree:
    """The arrays of one tree or of another one of the same form, by a condition that may be traced."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b) if eqx.is_array(a) else a, one, other)
