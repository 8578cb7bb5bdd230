"""The published schedules as plain values: which task every block brings, by name. Nothing here imports JAX.

Source: Sandbrink et al., NeurIPS 2024 (arXiv 2411.03840), and its published code.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["NAMED", "TwoPhases", "named_order", "published_switch_block"]


class TwoPhases(NamedTuple):
    """A published schedule: task index from block index `b`, number of base tasks `M` and of composites `C`.

    Attributes:
        meaning: what it shows, in words.
        training: `(b, M, C) -> index`, before the switch block.
        testing: the same from the switch block on.
        num_base: the only `M` for which the indices are the tasks in the name; None where they follow `M`.
    """

    meaning: str
    training: Callable[[int, int, int], int]
    testing: Callable[[int, int, int], int]
    num_base: int | None = None


def _base(b: int, M: int, C: int) -> int:
    return b % M


def _ring(b: int, M: int, C: int) -> int:
    return b % M + M


NAMED: Mapping[str, TwoPhases] = MappingProxyType(
    {
        "A_B__": TwoPhases("all base tasks in turn: A, B, and with more tasks C, D, ...", _base, _base),
        "A_B__AB__": TwoPhases("A, B in turn, then the composite AB", _base, lambda b, M, C: 2, num_base=2),
        "B_AB__A_B_AB__": TwoPhases(
            "B, AB in turn, then A, B, AB in turn", lambda b, M, C: b % M + 1, lambda b, M, C: b % (M + C)
        ),
        "B_AB__A_B__": TwoPhases("B, AB in turn, then A, B in turn", lambda b, M, C: b % M + 1, _base),
        "AB_BC__": TwoPhases(
            "the composites AB, BC in turn", lambda b, M, C: b % (M - 1) + M, lambda b, M, C: b % (M - 1) + M
        ),
        "AB_BC_CA__": TwoPhases("the composites AB, BC, CA in turn", _ring, _ring),
        "A_B_C__AB_BC_CA__": TwoPhases("A, B, C in turn, then AB, BC, CA in turn", _base, _ring),
        "AB_BC_CA__A_B_C__": TwoPhases("AB, BC, CA in turn, then A, B, C in turn", _ring, _base),
        "AB_CD__AD__": TwoPhases(
            "AB, CD in turn, then DA", lambda b, M, C: 4 + 2 * (b % 2), lambda b, M, C: 7, num_base=4
        ),
        "AB_BC_CD_DA__AC_BD__": TwoPhases(
            "AB, BC, CD, DA in turn, then AC, BD (needs diagonals, which only Python can add)",
            _ring,
            lambda b, M, C: b % 2 + 2 * M,
        ),
    }
)
"""The published schedules. A double underscore ends the training phase and the test phase.

Source: published code, blocked curricula.
"""


def named_order(name: str, num_blocks: int, num_base: int, num_composites: int) -> list[int]:
    """The task of every block of a published schedule, which changes to its test phase at block `int(0.75 num_blocks)`.

    Args:
        name: one of `NAMED`.
        num_blocks: number of blocks, both phases together.
        num_base: number of base tasks.
        num_composites: number of composites after them.

    Raises:
        ValueError: if the name is not known, a number is too small, or the schedule asks for tasks that are not there.
    """
    if name not in NAMED:
        raise ValueError(
            f"named: got the curriculum {name!r}; known are {', '.join(NAMED)}. Choose one, or list the task of every "
            "block (`--curriculum.tasks 0 1 1 0`, or curriculum.tasks in a configuration)."
        )
    schedule = NAMED[name]
    if num_blocks < 1 or num_base < 2 or num_composites < 0:
        raise ValueError(
            f"named: got num_blocks = {num_blocks}, num_base = {num_base}, num_composites = {num_composites}; allowed "
            "are at least 1, 2 and 0. Raise the one that is too small (num_base is teachers.num_tasks)."
        )
    if schedule.num_base not in (None, num_base):
        raise ValueError(
            f"named: got num_base = {num_base} for {name!r}; its task indices are written for num_base = "
            f"{schedule.num_base}. Use that many base tasks (teachers.num_tasks), or list the task of every block."
        )
    switch = published_switch_block(num_blocks)
    order = [schedule.training(block, num_base, num_composites) for block in range(switch)]
    order += [schedule.testing(block, num_base, num_composites) for block in range(switch, num_blocks)]
    num_tasks = num_base + num_composites
    if max(order) >= num_tasks:
        raise ValueError(
            f"named: {name!r} asks for task {max(order)}, got {num_base} base tasks and {num_composites} composites, "
            f"which allows indices 0 to {num_tasks - 1}. Add composites (teachers.composites; FOUR_TASK_PAIRS has the "
            "diagonals)."
        )
    return order


def published_switch_block(num_blocks: int) -> int:
    """`int(0.75 num_blocks)`: first block of the test phase.

    Source: published code, blocked curricula.
    """
    return int(0.75 * num_blocks)
