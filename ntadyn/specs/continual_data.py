"""A learner on a stream of examples under a strategy, as plain values. Nothing here imports JAX."""

import enum
import importlib.util
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ntadyn.specs.kinds import is_number
from ntadyn.specs.strategies import FineTuning

if TYPE_CHECKING:
    from jaxtyping import PRNGKeyArray, PyTree

    from ntadyn.simulation.method import AbstractMethod
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum
    from ntadyn.tasks.csv_stream import Stream
    from ntadyn.tasks.examples import ExampleTasks

# Apart in angle, so that neighbours are confused but opposite ones are not.
DEGREES_BETWEEN_TASKS = 36


class DigitStream(enum.Enum):
    """What is done with the handwritten digits of scikit-learn."""

    PERMUTED = "permuted"
    ROTATED = "rotated"
    SPLIT_BY_TASK = "split_by_task"
    SPLIT_BY_DOMAIN = "split_by_domain"
    SPLIT_BY_CLASS = "split_by_class"


@dataclass(frozen=True)
class ContinualData:
    """One learner on a stream of examples: a network, a strategy against forgetting, descent on batches.

    A subclass says in `examples` what there is to learn. The network is a perceptron with one hidden layer unless a
    subclass builds another in `build_network`: any Equinox module that maps an input to outputs.
    """

    strategy: Any = field(default_factory=FineTuning)
    """What is done about forgetting, one of `ntadyn.specs.strategies`."""
    units: int = 32
    """Units in the hidden layer."""
    learning_rate: float = 0.8
    """Of plain descent. At gentler rates less is forgotten: below 0.5, split digits are hardly a test."""
    steps_per_block: int = 500
    """Steps while one task is in force."""
    rounds: int = 1
    """How often all tasks come, in turn."""
    batch_size: int = 32
    """Fresh examples per step."""
    for_choices: bool = False
    """Judge by a part of what is practised, as for the choice of hyper-parameters; what is held out is not touched."""

    def examples(self) -> "ExampleTasks":
        """The tasks."""
        raise NotImplementedError(f"{type(self).__name__} must return its tasks from `examples`.")

    def order(self, num_tasks: int) -> tuple[int, ...]:
        """The task of every block of one round; all tasks in turn unless a subclass says otherwise."""
        return tuple(range(num_tasks))

    def build_network(self, key: "PRNGKeyArray", d_in: int, d_out: int) -> "PyTree":
        """The network in its initial state."""
        import equinox as eqx

        return eqx.nn.MLP(d_in, d_out, self.units, 1, key=key)

    def build(self, keys: "Keys") -> tuple[Any, Any]:
        """System and initial state of one repetition; real numbers and keys may be traced."""
        from ntadyn.specs import continual_building

        return continual_building.build_on_data(self, keys)

    def build_curriculum(self, system: Any) -> "AbstractCurriculum":
        """The blocks; time is counted in steps."""
        from ntadyn.tasks import curricula

        order = self.order(system.num_tasks) * self.rounds
        return curricula.sequence(order, float(self.steps_per_block), system.num_tasks)

    def build_method(self, system: Any, state: Any) -> "AbstractMethod":
        """Steps of one."""
        from ntadyn.simulation import Updates

        del system, state
        return Updates(1.0)

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            ValueError: for such values.
        """
        for name in ("units", "steps_per_block", "rounds", "batch_size"):
            value = getattr(self, name)
            if is_number(value) and value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1.")
        if is_number(self.learning_rate) and not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be positive and finite.")


@dataclass(frozen=True)
class ContinualDigits(ContinualData):
    """Handwritten digits of 8 x 8 pixels in five tasks: in five orders, turned by five angles, or two at a time."""

    stream: DigitStream = DigitStream.SPLIT_BY_TASK
    """What sets tasks apart."""
    num_tasks: int = 5
    """Number of tasks; of split digits there are five."""

    def examples(self) -> "ExampleTasks":
        """The tasks; the orders of pixels are the same in all repetitions."""
        import jax

        from ntadyn.tasks import digits

        makers = {
            DigitStream.PERMUTED: lambda: digits.permuted(jax.random.key(0), self.num_tasks),
            DigitStream.ROTATED: lambda: digits.rotated([DEGREES_BETWEEN_TASKS * k for k in range(self.num_tasks)]),
            DigitStream.SPLIT_BY_TASK: digits.split_task_incremental,
            DigitStream.SPLIT_BY_DOMAIN: digits.split_domain_incremental,
            DigitStream.SPLIT_BY_CLASS: digits.split_class_incremental,
        }
        return makers[self.stream]()

    def check(self) -> None:
        """See `ContinualData.check`; split digits have five tasks, and digits come with scikit-learn."""
        super().check()
        if importlib.util.find_spec("sklearn") is None:
            raise ValueError('the digits come with scikit-learn; install it by `pip install "ntadyn[images]"`.')
        if self.num_tasks < 1 or (self.stream.name.startswith("SPLIT") and self.num_tasks != 5):
            raise ValueError(
                f"num_tasks is {self.num_tasks}; ten digits, two at a time, are 5 tasks, and all other streams need at "
                f"least 1."
            )


@dataclass(frozen=True)
class ContinualFile(ContinualData):
    """Examples from a CSV file: a column "task", a column with the class, all others numbers, taken as they are.

    A block for every stretch of rows of one task, in the order of the file.
    """

    file: str = ""
    """The file."""
    label: str = "class"
    """The column of the class."""
    task: str = "task"
    """The column of the task."""

    def examples(self) -> "ExampleTasks":
        """The tasks of the file, in the order in which they first occur."""
        return self._stream().tasks

    def order(self, num_tasks: int) -> tuple[int, ...]:
        """The tasks of the stretches of the file."""
        del num_tasks
        return tuple(int(task) for task in self._stream().curriculum.tasks)

    def _stream(self) -> "Stream":
        from ntadyn.tasks import csv_stream

        return csv_stream.classification_stream(self.file, self.label, csv_stream.Layout(task=self.task))
