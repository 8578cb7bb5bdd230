"""How a second layer gates: which hidden units each output listens to, and how that changes between tasks.

"Gates" are those of a `DeepLinear`, g = W2^T of shape (units, d_out), as they are recorded.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ntadyn.metrics.alignment import row_cosine


class GateLevels(eqx.Module):
    """Means of the second layer over the units that are matched to each teacher, shape (teachers,) each.

    Attributes:
        own: gates of units to the output whose teacher row they match; the active ones are those of the current task.
        others: gates of the same units to all other outputs; 0 if there are none.
        whole: both together, the published "gate" of a two-layer network.
    """

    own: Float[Array, " m"]
    others: Float[Array, " m"]
    whole: Float[Array, " m"]


def sorted_second_layer(gates: Float[Array, "n o"], matching: Int[Array, "m k"]) -> Float[Array, "m o k"]:
    """W2~^m_{ik} = (W2)_{i, r(m,k)}: one d_out x d_out block per teacher, whose diagonal joins matched rows.

    Args:
        gates: W2^T, shape (units, d_out).
        matching: r, the unit of every teacher row, shape (teachers, d_out), for example from `assign_units`.

    Returns:
        Blocks, shape (teachers, d_out, d_out); side by side they are the heat maps of figure 6A.

    Source: arXiv 2411.03840, figures 6A and A6.
    """
    return jnp.swapaxes(gates[matching], 1, 2)


def gate_levels(blocks: Float[Array, "m o k"]) -> GateLevels:
    """Mean diagonal, mean off-diagonal entry, and mean of all entries of every block.

    Args:
        blocks: the sorted second layer, shape (teachers, d_out, d_out).

    Returns:
        The three means per teacher.

    Source: arXiv 2411.03840, figures A4B (`whole`) and A6 (`own`, `others`).
    """
    rows = blocks.shape[-1]
    diagonal, everything = jnp.trace(blocks, axis1=1, axis2=2), jnp.sum(blocks, axis=(1, 2))
    return GateLevels(
        diagonal / rows, (everything - diagonal) / max(rows * (rows - 1), 1), everything / (rows * blocks.shape[1])
    )


def largest_share(gates: Float[Array, "n o"]) -> Float[Array, " o"]:
    """max_u (W2)_{iu}^2 / sum_u (W2)_{iu}^2: the share of the strongest unit in what an output listens to.

    Args:
        gates: W2^T, shape (units, d_out).

    Returns:
        Shares, shape (d_out,): 1 for an output that listens to one unit, 1/units for one that listens to all alike,
        0 for one that listens to none.
    """
    return jnp.max(_shares(gates), axis=0)


def participation_ratio(gates: Float[Array, "n o"]) -> Float[Array, " o"]:
    """(sum_u (W2)_{iu}^2)^2 / sum_u (W2)_{iu}^4: how many units an output listens to.

    Args:
        gates: W2^T, shape (units, d_out).

    Returns:
        Numbers from 1 to the number of units, shape (d_out,); 0 for an output that listens to none.
    """
    squared = jnp.sum(_shares(gates) ** 2, axis=0)
    listens = squared > 0
    return jnp.where(listens, 1 / jnp.where(listens, squared, jnp.ones_like(squared)), jnp.zeros_like(squared))


def winning_units(gates: Float[Array, "n o"]) -> Int[Array, " o"]:
    """argmax_u |(W2)_{iu}|: the unit that every output listens to most; the first one where several do.

    Over several tasks, `num_distinct` of these says how many units ever win.
    """
    return jnp.argmax(jnp.abs(gates), axis=0).astype(jnp.int32)


def num_kept_winners(winners: Int[Array, "k o"]) -> Int[Array, ""]:
    """The number of outputs that listen most to one and the same unit in all tasks.

    Args:
        winners: `winning_units` at the end of blocks of different tasks, shape (tasks, d_out).
    """
    return jnp.sum(jnp.all(winners == winners[:1], axis=0))


def relative_change(before: Float[Array, "..."], after: Float[Array, "..."]) -> Float[Array, ""]:
    """|X' - X| / sqrt((|X|^2 + |X'|^2) / 2) with Frobenius norms: how much of a layer changes between two tasks.

    Args:
        before: the layer at the end of one task, any shape.
        after: the layer at the end of the other, same shape.

    Returns:
        0 for no change, sqrt(2) for a change to something orthogonal, 2 for a change of sign; 0 if both are zero.
    """
    apart = jnp.linalg.norm((after - before).reshape(-1))
    size = jnp.hypot(jnp.linalg.norm(before.reshape(-1)), jnp.linalg.norm(after.reshape(-1))) / 2**0.5
    return jnp.where(size > 0, apart / jnp.where(size > 0, size, jnp.ones_like(size)), jnp.zeros_like(size))


def frozen_alignment(
    frozen: Float[Array, "k n o"], weights: Float[Array, "n i"], teacher: Float[Array, "o i"]
) -> Float[Array, " k"]:
    """cos(W2^(k) W1, W*): what the present first layer does behind the second layers of other times.

    Args:
        frozen: W2^T at the last record of every trained task, shape (tasks, units, d_out).
        weights: W1 now, shape (units, d_in).
        teacher: the teacher in force, shape (d_out, d_in).

    Returns:
        One mean cosine of rows per frozen layer, shape (tasks,).

    Source: published code of arXiv 2411.03840, monolithic alignment.
    """
    return jax.vmap(lambda gates: row_cosine(gates.T @ weights, teacher))(frozen)


def _shares(gates: Array) -> Array:
    # The largest entry is divided out first, so that tiny float32 weights do not underflow when they are squared.
    largest = jnp.max(jnp.abs(gates), axis=0, keepdims=True)
    squares = (gates / jnp.where(largest > 0, largest, jnp.ones_like(largest))) ** 2
    total = jnp.sum(squares, axis=0, keepdims=True)
    return squares / jnp.where(total > 0, total, jnp.ones_like(total))
