"""What a stream of tasks leaves behind: forgetting, transfer, and the loss within blocks.

The matrix R has one row per block and one column per task: `R[b, j]` is the loss on task j at the end of block b.
Blocks may be many and tasks may come back; what is said of a task is always one number. Losses, unlike accuracies, are
good when small: signs are such that more transfer is better.

Axes: `b` block, `m` task, `t` record.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def forgetting(losses: Float[Array, "b m"]) -> Float[Array, " m"]:
    """`R[end, j] - min_b R[b, j]`: how much better each task was done at its best block end; never negative.

    Args:
        losses: R, shape (blocks, tasks).

    Source: Chaudhry et al. 2018 (arXiv 1801.10112), for losses.
    """
    return losses[-1] - jnp.min(losses, axis=0)


def backward_transfer(losses: Float[Array, "b m"], block_tasks: Int[Array, " b"]) -> Float[Array, " m"]:
    """`R[last(j), j] - R[end, j]`: what happened to each task since it was last practised; negative if it got worse.

    Args:
        losses: R, shape (blocks, tasks).
        block_tasks: the task of every block, shape (blocks,).

    Returns:
        Shape (tasks,); NaN for a task that was never practised.

    Source: Lopez-Paz, Ranzato 2017 (arXiv 1706.08840), with the sign of losses; last practice, because tasks come back.
    """
    visits = _visits(block_tasks, losses.shape[1])
    last = losses.shape[0] - 1 - jnp.argmax(visits[::-1], axis=0)
    own = jnp.take_along_axis(losses, last[None, :], axis=0)[0]
    return jnp.where(jnp.any(visits, axis=0), own - losses[-1], jnp.nan)


def forward_transfer(
    losses: Float[Array, "b m"], at_start: Float[Array, " m"], block_tasks: Int[Array, " b"]
) -> Float[Array, " m"]:
    """`R_start[j] - R[first(j) - 1, j]`: what practising other tasks did for each task before its first block.

    Args:
        losses: R, shape (blocks, tasks).
        at_start: the loss on every task before the first block, shape (tasks,).
        block_tasks: the task of every block, shape (blocks,).

    Returns:
        Shape (tasks,); NaN for a task that was never practised, or that came first.

    Source: Lopez-Paz, Ranzato 2017 (arXiv 1706.08840), with the sign of losses.
    """
    visits = _visits(block_tasks, losses.shape[1])
    first = jnp.argmax(visits, axis=0)
    before = jnp.take_along_axis(losses, jnp.maximum(first - 1, 0)[None, :], axis=0)[0]
    known = jnp.any(visits, axis=0) & (first > 0)
    return jnp.where(known, at_start - before, jnp.nan)


class StabilityPlasticity(eqx.Module):
    """What is given up for what, over the last blocks.

    Attributes:
        plasticity: mean loss at block ends on the task of the block: how well what is new is learned.
        stability: mean loss at block ends on the other tasks that were practised before: how well the rest is kept; NaN
            if there were none.
    """

    plasticity: Float[Array, ""]
    stability: Float[Array, ""]


def stability_plasticity(losses: Float[Array, "b m"], block_tasks: Int[Array, " b"], last: int) -> StabilityPlasticity:
    """Mean losses at the ends of the last blocks, on the task of the block and on all others practised before it.

    Args:
        losses: R, shape (blocks, tasks).
        block_tasks: the task of every block, shape (blocks,).
        last: over how many blocks.
    """
    visits = _visits(block_tasks, losses.shape[1])
    known = jnp.cumsum(visits, axis=0) > 0
    others = (known & ~visits)[-last:].astype(losses.dtype)
    number = jnp.sum(others)
    return StabilityPlasticity(
        plasticity=jnp.mean(jnp.sum(jnp.where(visits, losses, 0), axis=1)[-last:]),
        stability=jnp.where(number > 0, jnp.sum(others * losses[-last:]) / jnp.maximum(number, 1), jnp.nan),
    )


class BlockCurves(eqx.Module):
    """The loss on the task in force, block by block, shape (blocks,) each.

    Attributes:
        jump: at the first record of the block.
        end: at its last record.
        area: its integral over the block, by the trapezoidal rule between records.
    """

    jump: Float[Array, " b"]
    end: Float[Array, " b"]
    area: Float[Array, " b"]


def block_curves(
    times: Float[Array, " t"], loss: Float[Array, " t"], blocks: Int[Array, " t"], num_blocks: int
) -> BlockCurves:
    """Jump, end and area of the loss in every block.

    Args:
        times: of the records, in increasing order, shape (records,); a switch has one record in either of its blocks.
        loss: on the task in force, shape (records,).
        blocks: the block of every record, shape (records,).
        num_blocks: number of blocks, each with a record at its start and at its end.
    """
    index = jnp.arange(num_blocks)
    first = jnp.searchsorted(blocks, index, side="left")
    last = jnp.searchsorted(blocks, index, side="right") - 1
    within = blocks[1:] == blocks[:-1]
    pieces = jnp.where(within, 0.5 * (loss[1:] + loss[:-1]) * (times[1:] - times[:-1]), 0)
    area = jax.ops.segment_sum(pieces, blocks[:-1], num_segments=num_blocks)
    return BlockCurves(loss[first], loss[last], area)


def rows_of_tasks(losses: Float[Array, "b m"], block_tasks: Int[Array, " b"]) -> Float[Array, "m m"]:
    """R with one row per task, that after its last block, however many blocks there are; NaN rows for unpractised ones.

    Args:
        losses: R, shape (blocks, tasks).
        block_tasks: the task of every block, shape (blocks,).
    """
    visits = _visits(block_tasks, losses.shape[1])
    last = losses.shape[0] - 1 - jnp.argmax(visits[::-1], axis=0)
    return jnp.where(jnp.any(visits, axis=0)[:, None], losses[last], jnp.nan)


def _visits(block_tasks: Int[Array, " b"], num_tasks: int) -> Bool[Array, "b m"]:
    return block_tasks[:, None] == jnp.arange(num_tasks)[None, :]
