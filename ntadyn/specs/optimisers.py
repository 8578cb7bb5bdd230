"""Optimisers as plain values: what a learner that switches is trained by, so that their parameters can be swept.

Each is a dataclass of the parameters of one optimiser of `ntadyn.nested.optimisers` or of optax, which says what they
mean and where they come from. Nothing here imports JAX.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ntadyn.specs.kinds import is_number

if TYPE_CHECKING:
    from ntadyn.nested import Optimiser


@dataclass(frozen=True)
class Descent:
    """Plain descent, which remembers nothing."""

    learning_rate: float = 0.1
    """eta."""

    def build(self) -> "Optimiser":
        """The optimiser."""
        import optax

        from ntadyn.nested import Optimiser

        return Optimiser(optax.sgd, (self.learning_rate,))


@dataclass(frozen=True)
class Momentum:
    """A sum of gradients that forgets."""

    learning_rate: float = 0.02
    """eta, of what is added to the sum."""
    retention: float = 0.9
    """What is kept of the sum at every step, from 0 to 1."""

    def build(self) -> "Optimiser":
        """The optimiser."""
        from ntadyn.nested import Optimiser, optimisers

        return Optimiser(optimisers.momentum, (self.learning_rate, self.retention))


@dataclass(frozen=True)
class DeltaMomentum:
    """A momentum that forgets along the direction in which it is written."""

    learning_rate: float = 0.05
    """eta, of what is added to the sum."""
    retention: float = 0.9
    """What is kept of the sum at every step, from 0 to 1."""
    forgetting: float = 0.5
    """What is lost of it along the gradient, from 0 to below 1 + retention."""

    def build(self) -> "Optimiser":
        """The optimiser."""
        from ntadyn.nested import Optimiser, optimisers

        return Optimiser(optimisers.delta_momentum, (self.learning_rate, self.retention, self.forgetting))


@dataclass(frozen=True)
class Muon:
    """A momentum that is read through the orthogonal factor of its matrices."""

    learning_rate: float = 0.05
    """eta, the size of a step in every direction."""
    retention: float = 0.9
    """What is kept of the sum at every step, from 0 to 1."""

    def build(self) -> "Optimiser":
        """The optimiser."""
        from ntadyn.nested import Optimiser, optimisers

        return Optimiser(optimisers.momentum_with_read_out, (self.learning_rate, self.retention))


@dataclass(frozen=True)
class Adam:
    """A mean of gradients over the root of that of their squares."""

    learning_rate: float = 0.02
    """eta, the size of a step in every entry."""
    retention: float = 0.9
    """What is kept of the mean of gradients at every step, from 0 to 1."""
    squares: float = 0.999
    """What is kept of the mean of their squares at every step, from 0 to 1."""

    def build(self) -> "Optimiser":
        """The optimiser."""
        import optax

        from ntadyn.nested import Optimiser

        return Optimiser(optax.adam, (self.learning_rate, self.retention, self.squares))


@dataclass(frozen=True)
class TwoMomenta:
    """A momentum of every step beside one of every chunk of steps (M3)."""

    learning_rate: float = 0.02
    """eta, the size of a step."""
    retention: float = 0.9
    """What is kept of the fast momentum at every step, from 0 to 1."""
    slow: float = 0.9
    """What is kept of the slow momentum at every chunk, from 0 to 1."""
    chunk: int = 32
    """Steps per chunk."""

    def build(self) -> "Optimiser":
        """The optimiser."""
        from ntadyn.nested import Optimiser, optimisers

        made = optimisers.MultiScaleMomentum(self.learning_rate, fast=self.retention, slow=self.slow, chunk=self.chunk)
        return Optimiser(optimisers.MultiScaleMomentum.transformation, (made,))


def check(optimiser: Any) -> None:
    """Refuse what is no optimiser, and parameters with which it would not be stable.

    Args:
        optimiser: one of this module, or a dataclass with a method `build` of your own.

    Raises:
        ValueError: if it is refused.
    """
    if not callable(getattr(optimiser, "build", None)):
        raise ValueError(
            f"optimiser is {optimiser!r}; it must be one of ntadyn.specs.optimisers, or a dataclass of your own whose "
            f"`build` returns an ntadyn.nested.Optimiser."
        )
    given = {name: value for name, value in vars(optimiser).items() if is_number(value)}
    if not given.get("learning_rate", 1.0) > 0:
        raise ValueError(f"optimiser.learning_rate is {given['learning_rate']}; it must be positive.")
    for name in ("retention", "slow", "squares"):
        if not 0 <= given.get(name, 0.0) <= 1:
            raise ValueError(f"optimiser.{name} is {given[name]}; it must be from 0 (nothing is kept) to 1 (all is).")
    most = 1 + given.get("retention", 1.0)
    if not 0 <= given.get("forgetting", 0.0) < most:
        raise ValueError(
            f"optimiser.forgetting is {given['forgetting']}; it is stable from 0 to below 1 + retention = {most:g}."
        )
    if given.get("chunk", 1) < 1:
        raise ValueError(f"optimiser.chunk is {given['chunk']}; a chunk has one step at least.")
