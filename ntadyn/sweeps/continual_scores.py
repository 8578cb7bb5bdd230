"""Scores of learners on streams of tasks: what is kept of the tasks that are not in force."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ntadyn.continual import readings
from ntadyn.interface import Observable
from ntadyn.metrics import forgetting as forgetting_of
from ntadyn.sweeps.scores import Recorded

# The observables of which these are made; learners observe the first themselves.
TASK_LOSS, LATENT = "task_loss", "latent_task_loss"


def mean_task_loss(record: Recorded) -> Float[Array, ""]:
    """Loss at the end, mean over all tasks."""
    return jnp.mean(record.values[TASK_LOSS][-1])


def latent_loss(record: Recorded) -> Float[Array, ""]:
    """Loss at the end with the best nonnegative gates for each task, mean over all tasks: what the weights know."""
    return jnp.mean(record.values[LATENT][-1])


def forgetting(record: Recorded) -> Float[Array, ""]:
    """Loss at the end over the least at the end of any block, mean over all tasks."""
    ends = _block_ends(record)
    losses = jnp.where(ends[:, None], record.values[TASK_LOSS], jnp.inf)
    return jnp.mean(forgetting_of(losses.at[-1].set(record.values[TASK_LOSS][-1])))


def _block_ends(record: Recorded) -> Bool[Array, " record"]:
    """Which records are the last of their block; padding repeats the last one."""
    return record.real & (jnp.append(record.blocks[1:], -1) != record.blocks)


OBSERVED: dict[str, Observable] = {TASK_LOSS: readings.behavioural, LATENT: readings.latent}
CONTINUAL = {item.__name__: item for item in (mean_task_loss, latent_loss, forgetting)}
