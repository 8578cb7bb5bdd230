"""A hierarchy of gates on a stream of contexts, as plain values. Nothing here imports JAX."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ntadyn.specs.configuration import RelativePenalties, TeacherKind, Teachers, TeacherScale
from ntadyn.specs.continual import reference_penalties

if TYPE_CHECKING:
    from ntadyn.simulation.method import AbstractMethod
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum

# Penalties on weights, which no gate has.
WEIGHT_TERMS = ("column_l1", "column_l2", "frobenius")


@dataclass(frozen=True)
class Contexts:
    """Tasks in blocks, and contexts of tasks in blocks of blocks."""

    branches: tuple[int, ...] = (2, 2)
    """Contexts and tasks of each; more levels make contexts of contexts, the coarsest first."""
    visits: tuple[int, ...] = (4,)
    """Blocks of a visit to a context; with more levels, visits of a visit, the coarsest first."""
    num_blocks: int = 64
    """Number of blocks."""
    block_duration: float = 1.0
    """Length of a block, in the unit of the time constants."""
    resumes: bool = False
    """Whether a context goes on with the task that it was left with, and not with the next."""


@dataclass(frozen=True)
class TreeOfGates:
    """The student."""

    branches: tuple[int, ...] = (2, 2)
    """Gates above and paths below each; a single number makes a flat network of so many paths."""
    initial_scale: float = 0.01
    """Initial weights have standard deviation initial_scale / sqrt(d_in)."""
    initial_gate: float = 0.5
    """Initial value of every gate of every level."""


@dataclass(frozen=True)
class Clocks:
    """Time constants, each as a multiple of another."""

    weights: float = 1.3
    """tau_W."""
    gates_to_weights: float = 0.03
    """tau_c / tau_W of the gates of paths."""
    contexts_to_gates: float = 3.0
    """tau_g / tau_c: of every level of gates over the level below."""


@dataclass(frozen=True)
class ContextHierarchy:
    """Gates of contexts above gates of paths, on a stream of tasks that come in contexts.

    The default is two contexts of two tasks, whose four teachers ask for orthogonal answers output by output.
    """

    teachers: Teachers = field(
        default_factory=lambda: Teachers(kind=TeacherKind.MATCHED_ROWS_ORTHOGONAL, num_tasks=4, scale=TeacherScale.UNIT)
    )
    network: TreeOfGates = field(default_factory=TreeOfGates)
    stream: Contexts = field(default_factory=Contexts)
    clocks: Clocks = field(default_factory=Clocks)
    penalties: RelativePenalties = field(default_factory=reference_penalties)
    """Of the gates of the paths of every context."""
    context_penalties: RelativePenalties = field(default_factory=reference_penalties)
    """Of the gates of contexts, all that hang on one gate together."""
    weight_space: bool = False
    """Whether weights are followed, and not their overlaps alone."""
    max_step: float | None = None
    """Largest step; if omitted, chosen from the time constants."""

    def build(self, keys: "Keys") -> tuple[Any, Any]:
        """System and initial state of one repetition; real numbers and keys may be traced."""
        from ntadyn.specs import hierarchy_building

        return hierarchy_building.build(self, keys)

    def build_curriculum(self, system: Any) -> "AbstractCurriculum":
        """The blocks."""
        del system
        from ntadyn.tasks import curricula

        stream = self.stream
        return curricula.in_contexts(
            stream.branches, stream.visits, stream.num_blocks, stream.block_duration, stream.resumes
        )

    def build_method(self, system: Any, state: Any) -> "AbstractMethod":
        """Fixed steps."""
        from ntadyn.simulation import FixedSteps
        from ntadyn.simulation.defaults import default_step

        step = default_step(system, state) if self.max_step is None else self.max_step
        return FixedSteps(max_step=step)

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            ValueError: for such values.
        """
        if math.prod(self.stream.branches) != self.teachers.num_tasks:
            raise ValueError(
                f"stream.branches {self.stream.branches} make {math.prod(self.stream.branches)} tasks, but there are "
                f"{self.teachers.num_tasks} teachers; set teachers.num_tasks to the product of the branches."
            )
        levels = len(self.stream.branches) - 1
        if len(self.stream.visits) != levels or min((self.stream.num_blocks, *self.stream.visits)) < 1:
            raise ValueError(
                f"stream.visits is {self.stream.visits} and stream.num_blocks {self.stream.num_blocks}; give positive "
                f"numbers, {levels} of visits for stream.branches {self.stream.branches}."
            )
        if not self.network.branches or min(self.network.branches) < 1:
            raise ValueError(f"network.branches is {self.network.branches}; give at least one positive number.")
        of_weights = [name for name in self.context_penalties.listed if name in WEIGHT_TERMS]
        if of_weights:
            raise ValueError(
                f"context_penalties has terms on weights ({', '.join(of_weights)}); give them in penalties."
            )
        for name, value in vars(self.clocks).items():
            if not hasattr(value, "dtype") and not 0 < value < math.inf:
                raise ValueError(f"clocks.{name} is {value}; it must be positive and finite.")
