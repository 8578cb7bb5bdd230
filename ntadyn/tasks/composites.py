"""Composite tasks: teachers made of two base teachers each.

Axes: `k` composite, `o` output row, `i` input.

Source: Sandbrink et al., NeurIPS 2024 (arXiv 2411.03840), and its published code.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from ntadyn.tasks.known import known_values
from ntadyn.tasks.sizes import check_composable, check_interleaving
from ntadyn.tasks.task_set import TaskSet

__all__ = ["FOUR_TASK_PAIRS", "published_pairs", "with_interleaved_composites", "with_sum_composites"]


def published_pairs(num_base: int) -> tuple[tuple[int, int], ...]:
    """`(0, 1), (1, 2), ..., (M-1, 0)`: neighbours in a ring; the closing pair only for more than two base tasks.

    Raises:
        ValueError: if there are fewer than two base tasks.

    Source: published code, composite teachers.
    """
    check_composable(num_base)
    ring = tuple((first, first + 1) for first in range(num_base - 1))
    return ring if num_base == 2 else (*ring, (num_base - 1, 0))


FOUR_TASK_PAIRS = (*published_pairs(4), (0, 2), (1, 3))
"""AB, BC, CD, DA and the diagonals AC, BD, as the curriculum "AB_BC_CD_DA__AC_BD__" needs them."""


def with_sum_composites(
    tasks: TaskSet, mixing: Real[ArrayLike, ""] = 0.5, pairs: Sequence[tuple[int, int]] | None = None
) -> TaskSet:
    """`W*^{kl} = mixing W*^k + (1 - mixing) W*^l`, appended to the tasks (task composition).

    Args:
        tasks: the tasks to extend.
        mixing: weight of the first task of a pair, from 0 to 1. Unchecked when traced.
        pairs: base-task indices to combine, in the order of the result; None is `published_pairs`.

    Raises:
        ValueError: if a pair does not name two different base tasks, if a composite is there already, or if `mixing`
            is out of range.

    Source: published code, "shared teachers" (Fig 3C).
    """
    known = known_values(mixing)
    if known is not None and not 0.0 <= known <= 1.0:
        raise ValueError(
            f"with_sum_composites: got mixing = {mixing}; allowed is 0 to 1. The second task gets 1 - mixing."
        )
    first, second, names = _paired(tasks, pairs)
    share = jnp.asarray(mixing, tasks.teachers.dtype)
    return _extended(tasks, share * first + (1.0 - share) * second, names)


def with_interleaved_composites(tasks: TaskSet, pairs: Sequence[tuple[int, int]] | None = None) -> TaskSet:
    """`W*^{kl}` takes rows 0, 2, ... from `W*^k` and rows 1, 3, ... from `W*^l` (subtask composition).

    Args:
        tasks: the tasks to extend.
        pairs: base-task indices to combine, in the order of the result; None is `published_pairs`.

    Raises:
        ValueError: if a pair does not name two different base tasks, if a composite is there already, or if there is
            only one output row.

    Source: published code, "concat teachers" (Fig 3D). The published code forgets AC and BD there; any pairs work here.
    """
    check_interleaving(tasks.d_out)
    first, second, names = _paired(tasks, pairs)
    is_odd_row = (jnp.arange(tasks.d_out) % 2 == 1).reshape(1, tasks.d_out, 1)
    return _extended(tasks, jnp.where(is_odd_row, second, first), names)


def _paired(
    tasks: TaskSet, pairs: Sequence[tuple[int, int]] | None
) -> tuple[Float[Array, "k o i"], Float[Array, "k o i"], tuple[str, ...]]:
    pairs = published_pairs(tasks.num_base) if pairs is None else tuple(pairs)
    allowed = range(tasks.num_base)
    bad = [pair for pair in pairs if len(pair) != 2 or not set(pair) <= set(allowed) or pair[0] == pair[1]]
    if bad or not pairs:
        raise ValueError(
            f"composites: got pairs {pairs}, of which {bad} are not allowed; give at least one pair of different base "
            f"tasks, with indices 0 to {tasks.num_base - 1}."
        )
    first, second = np.asarray(pairs).T
    names = tuple(tasks.names[k] + tasks.names[n] for k, n in pairs)
    return tasks.teachers[first], tasks.teachers[second], names


def _extended(tasks: TaskSet, composites: Float[Array, "k o i"], names: tuple[str, ...]) -> TaskSet:
    return TaskSet(jnp.concatenate([tasks.teachers, composites]), tasks.names + names, tasks.num_base)
