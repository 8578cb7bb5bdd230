"""The published schedules by name, and how the published code counts blocks and steps.

Source: Sandbrink et al., NeurIPS 2024 (arXiv 2411.03840), and its published code.
"""

import numpy as np

from ntadyn.tasks.curricula import BlockDurations, sequence
from ntadyn.tasks.curriculum import Blocked
from ntadyn.tasks.schedules import NAMED, TwoPhases, named_order, published_switch_block

__all__ = [
    "NAMED",
    "TwoPhases",
    "named",
    "published_num_blocks",
    "published_step_count",
    "published_switch_block",
]


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
    order = named_order(name, num_blocks, num_base, num_composites)
    return sequence(np.asarray(order), duration, num_base + num_composites)


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


def _check_positive(maker: str, **numbers: float | int) -> None:
    if not all(0.0 < value < np.inf for value in numbers.values()):
        given = ", ".join(f"{name} = {value}" for name, value in numbers.items())
        raise ValueError(f"{maker}: got {given}; all must be positive and finite. Give times above 0.")
