"""Learners made of levels, built from plain values."""

from typing import TYPE_CHECKING, Any

from ntadyn.continual import TeacherProblem
from ntadyn.nested import EverySteps, Level, LevelDescent, LevelDescentState
from ntadyn.nested.continuum import SumOfLevels
from ntadyn.specs import building

if TYPE_CHECKING:
    from ntadyn.specs.switching import SwitchingStudent


def build_student(spec: "SwitchingStudent", keys: building.Keys) -> tuple[LevelDescent, LevelDescentState]:
    """System and initial state of one repetition; real numbers and keys may be traced.

    Args:
        spec: what is simulated.
        keys: of teachers, initial weights and batches.

    Raises:
        ValueError: for any part that cannot be built.
    """
    tasks = building.build_tasks(spec.teachers, keys.teachers)
    size, dtype = (tasks.d_out, tasks.d_in), tasks.teachers.dtype
    network = SumOfLevels.initialise(keys.initial, 1, size, spec.initial_scale, dtype)
    # With a time constant as long as the step, the optimiser's own updates are what is added.
    level = Level("weights", weights, EverySteps(1.0), rule=spec.optimiser.build())
    problem: Any = TeacherProblem(tasks=tasks)  # pyright: ignore[reportCallIssue]
    options: dict[str, Any] = {"data_key": keys.data, "batch_size": spec.batch_size}
    system = LevelDescent(problem=problem, levels=(level,), **options)  # pyright: ignore[reportCallIssue]
    return system, system.initial_state(network)


def weights(network: SumOfLevels) -> Any:
    """W of a network of one block."""
    return network.levels[0]
