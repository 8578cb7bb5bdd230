"""Scores of runs in which tasks switch at irregular times: what a switch costs, and for how long."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from ntadyn.interface import AbstractSystem
from ntadyn.metrics.specialisation import specialisation
from ntadyn.metrics.stretches import Adaptation, Stretches, adaptation, first_loss, stretches, time_average
from ntadyn.sweeps.scores import OUTCOME, Recorded

TASK = "task_in_force"
# Adapted is a loss below this: a fifth of that of a network of the published size that says nothing, |W*|^2/2 = 0.25.
ADAPTED = 0.05


def task_in_force(system: AbstractSystem, state: PyTree, task: Array) -> Int[Array, ""]:
    """Index of the task with the largest weight."""
    del system, state
    return jnp.argmax(task)


def later_half(record: Recorded) -> Bool[Array, " record"]:
    """The records of the later half of the time, padding excluded."""
    return record.real & (record.times >= 0.5 * record.times[-1])


def stretches_of(record: Recorded) -> Stretches:
    """Its stretches; padding belongs to the last one, which never counts as complete."""
    return stretches(record.values[TASK])


def last_contrast(record: Recorded) -> Float[Array, ""]:
    """Matched minus mismatched similarity at the end, paths assigned optimally by their similarity at the end."""
    at_end = jnp.arange(record.times.shape[0]) == record.times.shape[0] - 1
    return specialisation(record.values["similarity"], at_end).final_contrast


class AdaptationTime(eqx.Module):
    """Mean time from a switch until the loss is low, later half of the run, of stretches long enough for it."""

    threshold: float = eqx.field(static=True, default=ADAPTED)

    def __call__(self, record: Recorded) -> Float[Array, ""]:
        """The mean; NaN if no stretch was long enough."""
        return adapted(record, self.threshold).mean_time(later_half(record))


class CensoredShare(eqx.Module):
    """Share of the stretches that end before the loss is low, later half of the run."""

    threshold: float = eqx.field(static=True, default=ADAPTED)

    def __call__(self, record: Recorded) -> Float[Array, ""]:
        """The share; NaN if no stretch begins and ends with a switch."""
        return adapted(record, self.threshold).censored_share(later_half(record))


class LossOfTask(eqx.Module):
    """Time-averaged loss while one task is in force, later half of the run."""

    task: int = eqx.field(static=True)

    def __call__(self, record: Recorded) -> Float[Array, ""]:
        """The mean; NaN if the task does not occur."""
        among = later_half(record) & (record.values[TASK] == self.task)
        return time_average(record.times, record.values["loss"], among)


def adapted(record: Recorded, threshold: float) -> Adaptation:
    """Adaptation in all stretches."""
    return adaptation(record.times, record.values["loss"], stretches_of(record), threshold)


def loss_after_switch(record: Recorded) -> Float[Array, ""]:
    """Loss with which the first trial after a switch is met, mean over the later half of the run."""
    return first_loss(record.values["loss"], stretches_of(record), later_half(record))


def mean_loss(record: Recorded) -> Float[Array, ""]:
    """Time-averaged loss over the later half of the run, by trapezoids between ends of trials."""
    return time_average(record.times, record.values["loss"], later_half(record))


def switches(record: Recorded) -> Int[Array, ""]:
    """Number of changes of task."""
    return jnp.sum(stretches_of(record).begins) - 1


IRREGULAR = OUTCOME.and_also(
    {TASK: task_in_force},
    {item.__name__: item for item in (last_contrast, loss_after_switch, mean_loss, switches)}
    | {"adaptation_time": AdaptationTime(), "censored_share": CensoredShare()},
)
