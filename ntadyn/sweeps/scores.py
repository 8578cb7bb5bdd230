"""What is kept of one trajectory in a sweep."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ntadyn.metrics import published_sorting, specialisation, total_alignment
from ntadyn.results import result_codes
from ntadyn.simulation import Trajectory

RECORDED = ("loss", "gates", "similarity")


class Scores(eqx.Module):
    """Scores of one trajectory, all scalars but the gates.

    Attributes:
        alignment: total alignment at the end, paths assigned optimally by their similarity over the last two blocks.
        published_alignment: total alignment at the end under the published sorting rule, which can pick a wrong order.
        contrast: mean similarity of assigned pairs minus that of the others, over the last two blocks.
        loss: task loss at the end.
        gates: gates at the end, shape (paths,) or (paths, d_out).
        result: 0 where the trajectory succeeded, 1 where it diverged, 2 for any other failure.
    """

    alignment: Float[Array, ""]
    published_alignment: Float[Array, ""]
    contrast: Float[Array, ""]
    loss: Float[Array, ""]
    gates: Float[Array, "..."]
    result: Int[Array, ""]


def score(trajectory: Trajectory, real: Bool[Array, " record"]) -> Scores:
    """Scores of a trajectory that recorded `RECORDED`.

    Args:
        trajectory: one trajectory.
        real: which of its records are not padding.

    Returns:
        Its scores; NaN where it diverged.
    """
    similarity, loss = trajectory.values["similarity"], trajectory.values["loss"]
    window = real & (trajectory.blocks >= trajectory.blocks[-1] - 1)
    last_blocks = specialisation(similarity, window)
    # The published rule averages over the whole record; padding repeats the last one and would shift that mean.
    weight = real.astype(similarity.dtype)
    mean = jnp.einsum("t,tmp->mp", weight / jnp.sum(weight), similarity)
    published = published_sorting(jnp.stack([mean])).order
    return Scores(
        alignment=total_alignment(similarity[-1], last_blocks.assignment),
        published_alignment=jnp.mean(jnp.diagonal(similarity[-1][:, published])),
        contrast=last_blocks.contrast,
        loss=loss[-1],
        gates=trajectory.values["gates"][-1],
        result=result_codes(trajectory.result),
    )
