"""The published schedules by name, and how the published code counts blocks and steps.

Source: Sandbrink et al., NeurIPS 2024 (arXiv 2411.03840), and its published code.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ntadyn.tasks.curricula import BlockDurations, Blocked, sequence

__all__ = [
    "NAMED",
    "TwoPhases",
    "named",
    "published_num_blocks",
    "published_step_count",
    "published_switch_block",
]


class TwoPhases(NamedTuple):
    """A published schedule: task index from block index `b (b,)`, base tasks `M` and composites `C`.

    Attributes:
        training: `(b, M, C) -> index`, before the switch block.
        testing: the same from the switch block on.
        num_base: the only `M` for which the indices are the tasks in the name; None where they follow `M`.
    """

    training: Callable[[np.ndarray, int, int], np.ndarray]
    testing: Callable[[np.ndarray, int, int], np.ndarray]
    num_base: int | None = None


NAMED: Mapping[str, TwoPhases] = MappingProxyType(
    {
        "A_B__": TwoPhases(lambda b, M, C: b % M, lambda b, M, C: b % M),
        "A_B__AB__": TwoPhases(lambda b, M, C: b % M, lambda b, M, C: np.full_like(b, 2), num_base=2),
        "B_AB__A_B_AB__": TwoPhases(lambda b, M, C: b % M + 1, lambda b, M, C: b % (M + C)),
        "B_AB__A_B__": TwoPhases(lambda b, M, C: b % M + 1, lambda b, M, C: b % M),
        "AB_BC__": TwoPhases(lambda b, M, C: b % (M - 1) + M, lambda b, M, C: b % (M - 1) + M),
        "AB_BC_CA__": TwoPhases(lambda b, M, C: b % M + M, lambda b, M, C: b % M + M),
        "A_B_C__AB_BC_CA__": TwoPhases(lambda b, M, C: b % M, lambda b, M, C: b % M + M),
        "AB_BC_CA__A_B_C__": TwoPhases(lambda b, M, C: b % M + M, lambda b, M, C: b % M),
        "AB_CD__AD__": TwoPhases(lambda b, M, C: 4 + 2 * (b % 2), lambda b, M, C: np.full_like(b, 7), num_base=4),
        "AB_BC_CD_DA__AC_BD__": TwoPhases(lambda b, M, C: b % M + M, lambda b, M, C: b % 2 + 2 * M),
    }
)
"""The published schedules. A double underscore ends the training phase and the test phase.

Source: published code, blocked curricula.
"""


def named(name: str, num_blocks: int, num_base: int, num_composites: int, duration: BlockDurations) -> Blocked:
    """A published schedule, which changes from training to test at block `int(0.75 num_blocks)`.

    The published runs count one block more than they ask for (`published_num_blocks`): Fig 3 asks for 30 blocks, has
    31, and changes at block 23. Pass 31 here for that.

    Args:
        name: one of `NAMED`.
        num_blocks: number of blocks, both phases together.
        num_base: number of base tasks, `TaskSet.num_base`.
        num_composites: number of composites after them, `TaskSet.num_composites`.
        duration: one duration for all blocks, or `(b,)`.

    Raises:
        ValueError: if the name is not known, a number is too small, the schedule asks for tasks that are not there, or
            a duration is not positive.

    Source: published code, blocked curricula.
    """
    if name not in NAMED:
        raise ValueError(
            f"named: got the curriculum {name!r}; known are {', '.join(NAMED)}. Choose one, or give the task of each "
            "block to sequence(...)."
        )
    schedule = NAMED[name]
    if num_blocks < 1 or num_base < 2 or num_composites < 0:
        raise ValueError(
            f"named: got num_blocks = {num_blocks}, num_base = {num_base}, num_composites = {num_composites}; allowed "
            "are at least 1, 2 and 0. Raise the one that is too small."
        )
    if schedule.num_base not in (None, num_base):
        raise ValueError(
            f"named: got num_base = {num_base} for {name!r}; its task indices are written for num_base = "
            f"{schedule.num_base}. Use that many base tasks, or sequence(...)."
        )
    block, counts = np.arange(num_blocks), (num_base, num_composites)
    is_training = block < published_switch_block(num_blocks)
    tasks = np.where(is_training, schedule.training(block, *counts), schedule.testing(block, *counts))
    num_tasks = num_base + num_composites
    if tasks.max() >= num_tasks:
        raise ValueError(
            f"named: {name!r} asks for task {tasks.max()}, got {num_base} base tasks and {num_composites} composites, "
            f"which allows indices 0 to {num_tasks - 1}. Add composites (FOUR_TASK_PAIRS has the diagonals)."
        )
    return sequence(tasks, duration, num_tasks)


def published_step_count(duration: float | int, dt: float | int) -> int:
    """`duration // dt` in floating point: Euler steps in a block of the published runs.

    Floor division of rounded numbers loses a step more often than not: a unit block has 999 steps of 0.001, so that
    block `k` of those runs starts at `0.999 k`.

    Args:
        duration: nominal length of a block.
        dt: Euler step.

    Raises:
        ValueError: if `duration` or `dt` is not positive.

    Source: published code, block bookkeeping.
    """
    _check_positive("published_step_count", duration=duration, dt=dt)
    return int(duration // dt)


def published_num_blocks(total: float | int, duration: float | int) -> int:
    """`int(total // duration + 1)`: blocks that the published code counts in a run of length `total`.

    It uses this count for the switch block of a schedule, and simulates yet one block more; records end at `total`.

    Args:
        total: length of the run.
        duration: nominal length of a block.

    Raises:
        ValueError: if `total` or `duration` is not positive.

    Source: published code, block bookkeeping.
    """
    _check_positive("published_num_blocks", total=total, duration=duration)
    return int(total // duration + 1)


def published_switch_block(num_blocks: int) -> int:
    """`int(0.75 num_blocks)`: first block of the test phase.

    Source: published code, blocked curricula.
    """
    return int(0.75 * num_blocks)


def _check_positive(maker: str, **numbers: float | int) -> None:
    if not all(0.0 < value < np.inf for value in numbers.values()):
        given = ", ".join(f"{name} = {value}" for name, value in numbers.items())
        raise ValueError(f"{maker}: got {given}; all must be positive and finite. Give times above 0.")
