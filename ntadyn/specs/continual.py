"""A learner on a stream of teachers under a strategy, as plain values. Nothing here imports JAX."""

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ntadyn.specs.configuration import (
    Curriculum,
    Network,
    RelativePenalties,
    TeacherKind,
    Teachers,
    TeacherScale,
    TimeConstants,
)
from ntadyn.specs.strategies import FineTuning

if TYPE_CHECKING:
    from ntadyn.simulation.method import AbstractMethod
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum

# Learning rates of batches are this over the time constants.
BATCH_STEP = 1e-3


class Feed(enum.Enum):
    """What a learner is fed with: the exact mean over all inputs, or batches."""

    POPULATION = "population"
    BATCHES = "batches"


def reference_penalties() -> RelativePenalties:
    """0.3 times 5 for negative gates and 10/11 for their norm: with weaker ones three tasks may end in a rotation."""
    nonnegative, unit_l1 = 5.0, 10 / 11
    return RelativePenalties(strength=0.3 * (nonnegative + unit_l1), nonnegative=nonnegative, unit_l1=unit_l1)


@dataclass(frozen=True)
class ContinualTeachers:
    """One learner on one stream of teachers: gated paths, a strategy against forgetting, population or batches.

    The default is the stream of the arena: three tasks that ask for orthogonal answers, output by output, in 24 blocks
    of length one, and the flexible network of three paths.
    """

    teachers: Teachers = field(
        default_factory=lambda: Teachers(kind=TeacherKind.MATCHED_ROWS_ORTHOGONAL, num_tasks=3, scale=TeacherScale.UNIT)
    )
    network: Network = field(default_factory=lambda: Network(num_paths=3))
    curriculum: Curriculum = field(default_factory=lambda: Curriculum(num_blocks=24))
    time_constants: TimeConstants = field(default_factory=TimeConstants)
    penalties: RelativePenalties = field(default_factory=reference_penalties)
    strategy: Any = field(default_factory=FineTuning)
    """What is done about forgetting, one of `ntadyn.specs.strategies`."""
    feed: Feed = Feed.POPULATION
    """The exact mean over all inputs, or batches."""
    batch_size: int = 32
    """Examples per step, for batches."""
    max_step: float | None = None
    """Largest step; if omitted, chosen from the time constants, or 0.001 for batches."""

    def build(self, keys: "Keys") -> tuple[Any, Any]:
        """System and initial state of one repetition; real numbers and keys may be traced."""
        from ntadyn.specs import continual_building

        return continual_building.build(self, keys)

    def build_curriculum(self, system: Any) -> "AbstractCurriculum":
        """The blocks."""
        from ntadyn.specs import building

        return building.build_curriculum(self.curriculum, system.problem.tasks)

    def build_method(self, system: Any, state: Any) -> "AbstractMethod":
        """The method that fits the learner."""
        from ntadyn.specs import continual_building

        return continual_building.build_method(self, system, state)

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            ValueError: for such values.
        """
        from ntadyn.specs.checks import check_configuration
        from ntadyn.specs.configuration import Configuration

        check_configuration(
            Configuration(
                teachers=self.teachers,
                network=self.network,
                curriculum=self.curriculum,
                time_constants=self.time_constants,
                penalties=self.penalties,
                batch_size=self.batch_size,
                max_step=self.max_step,
            )
        )
        if not callable(getattr(self.strategy, "build", None)):
            raise ValueError(
                f"strategy is {self.strategy!r}; it must be one of ntadyn.specs.strategies, or a dataclass of your own "
                f"whose `build` returns a strategy of ntadyn.continual."
            )
