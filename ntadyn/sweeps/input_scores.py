"""Scores for inputs with a spectrum: what counts where some directions of the inputs are hardly ever seen."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.interface import Observable
from ntadyn.interface.observables import seen_similarity
from ntadyn.metrics.specialisation import Specialisation, specialisation
from ntadyn.sweeps.plan import Sweep
from ntadyn.sweeps.scores import Recorded

SEEN, EVERY_LOSS = "seen_similarity", "task_loss"


def every_loss(system, state: PyTree, task: Array) -> Float[Array, " m"]:
    """Task loss on every task, whichever is in force."""
    del task
    return jax.vmap(lambda task: system.loss(state, task))(system.teacher_tasks())


def seen_alignment(record: Recorded) -> Float[Array, ""]:
    """Total alignment at the end through the inputs: directions count by their variance."""
    return _seen(record).final


def seen_contrast(record: Recorded) -> Float[Array, ""]:
    """Contrast over the last two blocks through the inputs: directions count by their variance."""
    return _seen(record).contrast


def other_loss(record: Recorded) -> Float[Array, ""]:
    """Loss at the end on the tasks that are not in force, on average."""
    losses = record.values[EVERY_LOSS][-1]
    return (jnp.sum(losses) - record.values["loss"][-1]) / max(losses.shape[0] - 1, 1)


def _seen(record: Recorded) -> Specialisation:
    window = record.real & (record.blocks >= record.blocks[-1] - 1)
    return specialisation(record.values[SEEN], window)


def has_spectrum(sweep: Sweep) -> bool:
    """Whether the inputs of a configuration are not white, or one of its axes makes them so."""
    swept = any(axis.path.startswith("inputs.") for axis in sweep.parameters)
    return swept or not sweep.configuration.inputs.white


OBSERVED: dict[str, Observable] = {SEEN: seen_similarity, EVERY_LOSS: every_loss}
SPECTRUM = {item.__name__: item for item in (seen_alignment, seen_contrast, other_loss)}
