"""A configuration whose tasks switch at random times: every repetition has a sequence of its own. No JAX here."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ntadyn.specs import sequences
from ntadyn.specs.configuration import DEFAULT_CURRICULUM, Configuration

if TYPE_CHECKING:
    from ntadyn.interface import AbstractGatedLinear
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum, Blocked


@dataclass(frozen=True)
class Irregular(Configuration):
    """A `Configuration` whose run is cut into trials, of length `curriculum.block_duration`, with tasks that are drawn.

    The sequence of a repetition comes from its data stream; with crossed `Streams`, sequences and initial states vary
    one by one. In a sweep, all that is a real number, such as `sequence.rate`, is data of one compiled program.
    """

    sequence: Any = field(default_factory=sequences.Hazard)
    """How tasks switch, one of `ntadyn.specs.sequences`."""

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            ValueError: for such values.
        """
        from ntadyn.specs.extent import num_composites

        super().check()
        if self.curriculum.tasks is not None or self.curriculum.name != DEFAULT_CURRICULUM:
            raise ValueError(
                "curriculum.name or curriculum.tasks and sequence both say the tasks; leave the former at their "
                "defaults, or run a Configuration."
            )
        num_tasks = int(self.teachers.num_tasks) + num_composites(self)
        sequences.check(self.sequence, num_tasks, self.curriculum.block_duration)

    @property
    def laid_out(self) -> tuple[str, ...]:
        """Parameters that only the blocks depend on, so that sweeps compile nothing for them."""
        return ("sequence.path", "sequence.end") if isinstance(self.sequence, sequences.FromCSV) else ()

    def build_curriculum(self, system: "AbstractGatedLinear") -> "AbstractCurriculum":
        """The trials, whose tasks `draw_curriculum` replaces; or those of a file."""
        from ntadyn.specs import building

        if isinstance(self.sequence, sequences.FromCSV):
            from ntadyn.tasks import sequence_csv

            given, unit = self.sequence, self.curriculum.block_duration
            return sequence_csv.from_csv(given.path, unit, system.tasks.num_tasks, end=given.end).curriculum
        return building.build_curriculum(self.curriculum, system.tasks)

    def draw_curriculum(self, trials: "Blocked", keys: "Keys") -> "AbstractCurriculum":
        """The trials of one repetition; real numbers and keys may be traced."""
        import jax

        # The key itself draws the batches of online learning.
        return self.sequence.draw(trials, jax.random.fold_in(keys.data, _OF_SEQUENCES))


_OF_SEQUENCES = 0x5E9
