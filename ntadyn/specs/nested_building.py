"""Learners made of levels, built from plain values."""

from typing import TYPE_CHECKING, Any

from jaxtyping import Array, Float

from ntadyn.continual import TeacherProblem
from ntadyn.nested import EverySteps, Level, LevelDescent, LevelDescentState
from ntadyn.nested.continuum import ChainOfLevels, NestedStarts, SumOfLevels, continuum, slowing_time_constants
from ntadyn.networks.network import gaussian_weights
from ntadyn.specs import building
from ntadyn.specs.continuum import Wiring
from ntadyn.tasks import TaskSet

if TYPE_CHECKING:
    from ntadyn.specs.continuum import Blocks, ContinuumMemory, Starts
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
    network = _one_map(tasks, keys, spec.initial_scale)
    # With a time constant as long as the step, the optimiser's own updates are what is added.
    level = Level("weights", _weights, EverySteps(1.0), rule=spec.optimiser.build())
    system = _descent(TeacherProblem(tasks=tasks), (level,), keys, spec.batch_size)  # pyright: ignore[reportCallIssue]
    return system, system.initial_state(network)


def build_continuum(spec: "ContinuumMemory", keys: building.Keys) -> tuple[Any, Any]:
    """System and initial state of one repetition, see `build_student`."""
    tasks = building.build_tasks(spec.teachers, keys.teachers)
    problem = TeacherProblem(tasks=tasks)  # pyright: ignore[reportCallIssue]
    system, network = spec.memory.build(problem, keys, spec.batch_size)
    return system, system.initial_state(network)


def build_blocks(
    spec: "Blocks", problem: TeacherProblem, keys: building.Keys, batch_size: int | None
) -> tuple[LevelDescent, SumOfLevels | ChainOfLevels]:
    """Blocks as levels, and the network that they are of.

    Args:
        spec: the levels.
        problem: what is asked.
        keys: of initial weights and batches.
        batch_size: examples per step; None for the exact mean.

    Raises:
        ValueError: for chunks that do not nest.
    """
    tasks, number = problem.tasks, len(spec.chunks)
    dtype = tasks.teachers.dtype
    if spec.wiring is Wiring.SUM:
        network: Any = SumOfLevels.initialise(keys.initial, number, (tasks.d_out, tasks.d_in), dtype=dtype)
    else:
        network = ChainOfLevels.initialise(keys.initial, (*[tasks.d_in] * number, tasks.d_out), dtype)
    rest = number - 1
    levels = continuum(
        slowing_time_constants(spec.fastest, number, spec.slowing),
        spec.chunks,
        (spec.retention, *[1.0] * rest),
        (spec.resets, *[False] * rest),
    )
    return _descent(problem, levels, keys, batch_size), network


def build_starts(
    spec: "Starts", problem: TeacherProblem, keys: building.Keys, batch_size: int | None
) -> tuple[NestedStarts, ChainOfLevels]:
    """Nested starts, and the map that starts; see `build_blocks`."""
    options: dict[str, Any] = {
        "time_constant": spec.fastest,
        "data_key": keys.data,
        "chunks": spec.chunks,
        "shares": (spec.share,) * len(spec.chunks),
        "batch_size": batch_size,
    }
    system = NestedStarts(problem=problem, **options)  # pyright: ignore[reportCallIssue]
    return system, _one_map(problem.tasks, keys)


def _one_map(tasks: TaskSet, keys: building.Keys, scale: float | Float[Array, ""] = 0.01) -> ChainOfLevels:
    """Y = W x, with small random weights."""
    return ChainOfLevels((gaussian_weights(keys.initial, (tasks.d_out, tasks.d_in), scale, tasks.teachers.dtype),))


def _weights(network: ChainOfLevels) -> Any:
    """W of a chain of one block."""
    return network.levels[0]


def _descent(
    problem: TeacherProblem, levels: tuple[Level, ...], keys: building.Keys, batch_size: int | None
) -> LevelDescent:
    options: dict[str, Any] = {"data_key": keys.data, "batch_size": batch_size}
    return LevelDescent(problem=problem, levels=levels, **options)  # pyright: ignore[reportCallIssue]
