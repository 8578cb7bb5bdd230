"""Continuum memories on tasks in turn, as plain values. Nothing here imports JAX."""

import enum
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ntadyn.specs.configuration import Curriculum, Teachers
from ntadyn.specs.kinds import is_number
from ntadyn.specs.switching import check_common, unit_teachers

if TYPE_CHECKING:
    from ntadyn.simulation.method import AbstractMethod
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum


class Wiring(enum.Enum):
    """Blocks side by side, whose answers add up, or one after the other, the fastest next to the input."""

    SUM = "sum"
    CHAIN = "chain"


@dataclass(frozen=True)
class Blocks:
    """Linear blocks, each moved after as many steps as its chunk has."""

    wiring: Wiring = Wiring.CHAIN
    """Side by side or one after the other."""
    chunks: tuple[int, ...] = (1, 8, 64)
    """Steps per chunk of every block, each dividing the next, or equal to it."""
    fastest: float = 0.05
    """tau_1."""
    slowing: float = 4.0
    """tau of every block over that of the block before."""
    retention: float = 1.0
    """What the fastest block keeps of itself at every move, from 0 to 1."""
    resets: bool = False
    """Whether the fastest block goes back to its start when a task comes into force."""

    def build(self, problem: Any, keys: "Keys", batch_size: int | None) -> tuple[Any, Any]:
        """System and network."""
        from ntadyn.specs import nested_building

        return nested_building.build_blocks(self, problem, keys, batch_size)


@dataclass(frozen=True)
class Starts:
    """One linear map that starts anew at the end of every chunk, from where slower levels have learned to start."""

    chunks: tuple[int, ...] = (8, 64)
    """Steps after which the levels above move, increasing, each dividing the next."""
    fastest: float = 0.05
    """tau of the map."""
    share: float = 0.5
    """How far a level goes towards where the level below it ended, from above 0 to 1."""

    def build(self, problem: Any, keys: "Keys", batch_size: int | None) -> tuple[Any, Any]:
        """System and network."""
        from ntadyn.specs import nested_building

        return nested_building.build_starts(self, problem, keys, batch_size)


@dataclass(frozen=True)
class ContinuumMemory:
    """Levels with chunks of their own on one stream of teachers.

    The default is a chain of three blocks on two orthogonal tasks in turn, on the exact mean over all inputs.
    """

    memory: Any = field(default_factory=Blocks)
    """`Blocks` or `Starts`, of this module."""
    curriculum: Curriculum = field(default_factory=lambda: Curriculum(total_time=20.0))
    teachers: Teachers = field(default_factory=unit_teachers)
    batch_size: int | None = None
    """Examples per step; if omitted, the exact mean over all inputs."""
    step: float = 0.002
    """Length of a step h; learning rates are h / tau."""

    def build(self, keys: "Keys") -> tuple[Any, Any]:
        """System and initial state of one repetition; real numbers and keys may be traced."""
        from ntadyn.specs import nested_building

        return nested_building.build_continuum(self, keys)

    def build_curriculum(self, system: Any) -> "AbstractCurriculum":
        """The blocks of practice."""
        from ntadyn.specs import building

        return building.build_curriculum(self.curriculum, system.problem.tasks)

    def build_method(self, system: Any, state: Any) -> "AbstractMethod":
        """Steps of the given length."""
        del system, state
        from ntadyn.simulation import Updates

        return Updates(self.step)

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            ValueError: for such values.
        """
        check_common(self.teachers, self.curriculum, self.batch_size)
        memory = self.memory
        if not callable(getattr(memory, "build", None)):
            raise ValueError(
                f"memory is {memory!r}; it must be Blocks or Starts of ntadyn.specs.continuum, or a dataclass of your "
                f"own whose `build` returns a system and a network."
            )
        positive = {"step": self.step, **{f"memory.{name}": getattr(memory, name, 1.0) for name in _POSITIVE}}
        for name, value in positive.items():
            if is_number(value) and not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}; it must be positive and finite.")
        for name in ("retention", "share"):
            value = getattr(memory, name, 1.0)
            if is_number(value) and not 0 <= value <= 1:
                raise ValueError(f"memory.{name} is {value}; it must be from 0 to 1.")


_POSITIVE = ("fastest", "slowing", "share")
