"""A linear map that is trained by an optimiser on tasks in turn, as plain values. Nothing here imports JAX."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ntadyn.specs import optimisers
from ntadyn.specs.configuration import Curriculum, TeacherKind, Teachers, TeacherScale
from ntadyn.specs.kinds import is_number

if TYPE_CHECKING:
    from ntadyn.simulation.method import AbstractMethod
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum


def unit_teachers(num_tasks: int = 2) -> Teachers:
    """Tasks that ask for orthogonal answers, output by output, with rows of norm one."""
    return Teachers(kind=TeacherKind.MATCHED_ROWS_ORTHOGONAL, num_tasks=num_tasks, scale=TeacherScale.UNIT)


@dataclass(frozen=True)
class SwitchingStudent:
    """Y = W x under an optimiser, on one task after the other. The unit of time is a step.

    The default is two orthogonal tasks in turn, on the exact mean over all inputs.
    """

    optimiser: Any = field(default_factory=optimisers.Momentum)
    """What W is trained by, one of `ntadyn.specs.optimisers`."""
    curriculum: Curriculum = field(default_factory=lambda: Curriculum(block_duration=50.0, total_time=1000.0))
    """Which task is in force when, in steps: lengths are whole numbers."""
    teachers: Teachers = field(default_factory=unit_teachers)
    initial_scale: float = 0.01
    """Initial weights have standard deviation initial_scale / sqrt(d_in)."""
    batch_size: int | None = None
    """Examples per step; if omitted, the exact mean over all inputs."""

    def build(self, keys: "Keys") -> tuple[Any, Any]:
        """System and initial state of one repetition; real numbers and keys may be traced."""
        from ntadyn.specs import nested_building

        return nested_building.build_student(self, keys)

    def build_curriculum(self, system: Any) -> "AbstractCurriculum":
        """The blocks."""
        from ntadyn.specs import building

        return building.build_curriculum(self.curriculum, system.problem.tasks)

    def build_method(self, system: Any, state: Any) -> "AbstractMethod":
        """Steps of length one."""
        del system, state
        from ntadyn.simulation import Updates

        return Updates(1.0)

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            ValueError: for such values.
        """
        check_common(self.teachers, self.curriculum, self.batch_size)
        optimisers.check(self.optimiser)
        for name in ("block_duration", "total_time"):
            length = getattr(self.curriculum, name)
            if is_number(length) and length != int(length):
                raise ValueError(f"curriculum.{name} is {length}; here it counts steps: give a whole number.")


def check_common(teachers: Teachers, curriculum: Curriculum, batch_size: int | None) -> None:
    """Refuse teachers, curricula and batches that make no sense.

    Raises:
        ValueError: for such values.
    """
    from ntadyn.specs.checks import check_configuration
    from ntadyn.specs.configuration import Configuration

    check_configuration(Configuration(teachers=teachers, curriculum=curriculum, batch_size=batch_size or 1))
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1, or None for the exact mean.")
