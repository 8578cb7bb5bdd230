"""Scores of learners made of levels."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.sweeps.scores import Recorded

# The observable of which it is made; learners observe it themselves.
CUMULATIVE_LOSS = "cumulative_loss"


def practice_loss(record: Recorded) -> Float[Array, ""]:
    """Loss on what is practised, before it is learned from; mean over all steps of the later half of the blocks."""
    total, half = record.values[CUMULATIVE_LOSS], (record.blocks[-1] + 1) // 2
    start = jnp.argmax(record.blocks >= half)
    return (total[-1] - total[start]) / (record.times[-1] - record.times[start])


LEVELS = {item.__name__: item for item in (practice_loss,)}
