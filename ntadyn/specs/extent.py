"""How much a configuration asks for: blocks and their tasks, and the length of a step. Nothing here imports JAX."""

import math

from ntadyn import limits
from ntadyn.specs.configuration import (
    Composites,
    Configuration,
    Curriculum,
    Dynamics,
    TeacherKind,
    Teachers,
    TeacherScale,
)
from ntadyn.tasks import schedules, sizes

# The published step of descent on batches.
DEFAULT_ONLINE_STEP = 1e-3


def default_step_for(configuration: Configuration, size: float) -> float:
    """The default step of the population flow for teachers of norm `size`; time constants must be numbers."""
    taus = configuration.time_constants
    return limits.STEP_OF_EXCHANGE * math.sqrt(taus.gates * taus.weights) / size


def num_steps(configuration: Configuration) -> float:
    """About how many steps a run takes; its times must be numbers."""
    step = configuration.max_step
    if step is None:
        online = configuration.dynamics is Dynamics.ONLINE
        step = (
            DEFAULT_ONLINE_STEP if online else default_step_for(configuration, size_of_teachers(configuration.teachers))
        )
    return configuration.curriculum.end / step


def batch_noise(configuration: Configuration) -> float | None:
    """Kappa = (h / tau_W) (d_in + 1) / B of dynamics online, which tells whether batches matter; None for others.

    Below .02 batches are as good as the population; see `ntadyn.dynamics.OnlineSGD.batch_noise`.
    """
    if configuration.dynamics is not Dynamics.ONLINE:
        return None
    step = DEFAULT_ONLINE_STEP if configuration.max_step is None else configuration.max_step
    inputs = int(configuration.teachers.d_in)
    return step / configuration.time_constants.weights * (inputs + 1) / int(configuration.batch_size)


def size_of_teachers(teachers: Teachers) -> float:
    """|W*|: the norm of one teacher, on average."""
    rows, columns = int(teachers.d_out), int(teachers.d_in)
    values = max(1, min(rows, columns) // int(teachers.num_tasks))
    scales = {TeacherScale.D_IN: columns**-0.5, TeacherScale.UNIT: 1.0, TeacherScale.NUM_SV: values**-0.5}
    entries = {TeacherKind.IID: rows * columns, TeacherKind.SVD: values}
    return scales[teachers.scale] * math.sqrt(entries.get(teachers.kind, rows))


def num_blocks(curriculum: Curriculum) -> int:
    """Number of blocks, including a last one that is cut short; times must be numbers."""
    if curriculum.total_time is None:
        return len(curriculum.tasks or ()) if curriculum.num_blocks is None else int(curriculum.num_blocks)
    blocks = curriculum.total_time / curriculum.block_duration
    return max(1, math.ceil(blocks * (1 - 1e-9)))


def order_of_tasks(configuration: Configuration, most: int = 10_000) -> list[int]:
    """The task of every block, or of the first `most` blocks.

    Args:
        configuration: what is run; its times must be numbers.
        most: the largest number of blocks.

    Returns:
        Numbers of tasks, composites after the base tasks.

    Raises:
        ValueError: if the curriculum is unknown, or asks for tasks that do not exist.
    """
    curriculum, teachers = configuration.curriculum, configuration.teachers
    number, num_base = min(num_blocks(curriculum), most), int(teachers.num_tasks)
    if curriculum.tasks is not None:
        repeated = curriculum.tasks * (number // len(curriculum.tasks) + 1)
        return list(repeated[:number])
    name = curriculum.name or ""
    return schedules.named_order(name, number, num_base, num_composites(configuration))


def num_composites(configuration: Configuration) -> int:
    """Number of composite tasks."""
    if configuration.teachers.composites is Composites.NONE:
        return 0
    return sizes.num_composites(int(configuration.teachers.num_tasks))


def end_as_given(curriculum: Curriculum) -> str:
    """The parameters that set the length of a run, as text."""
    if curriculum.total_time is not None:
        return f"total_time {curriculum.total_time:g}"
    number = num_blocks(curriculum)
    what = "tasks" if curriculum.num_blocks is None else "num_blocks"
    return f"{what}: {number} blocks of block_duration {curriculum.block_duration:g}"
