"""The trainings that ship: small ones for two cores, large ones for a GPU. Nothing here imports JAX."""

import dataclasses
from collections.abc import Callable

from ntadyn.specs.configuration import Teachers, TeacherScale
from ntadyn.specs.names import known_as
from ntadyn.training.data import Recall, Regression, SequenceData, Source, Text, TwoTexts
from ntadyn.training.spec import TrainingSpec

TASKS: dict[str, Callable[[], SequenceData]] = {
    "mqar": Recall,
    "mqar-overwrite": lambda: Recall(pairs=8, rebound=4),
    "charlm": Text,
    # Of sizes that small models learn in so few steps: a token holds more numbers than they are wide otherwise.
    "regression": lambda: Regression(Teachers(d_in=8, d_out=4)),
    "regression-fresh": lambda: Regression(Teachers(d_in=4, d_out=2, scale=TeacherScale.UNIT), source=Source.FRESH),
    "two-texts": TwoTexts,
}
"""By name: questions about pairs, some of them bound anew, the next character, teachers that switch, texts in turns."""

SIZES = ("small", "large")


def small(task: str) -> TrainingSpec:
    """About a minute per seed and learning rate on two cores, for the quicker models."""
    data = _data(task)
    if isinstance(data, Text):
        return TrainingSpec(data, width=64, batch=16)
    if isinstance(data, TwoTexts):
        # Eight blocks, at a rate that stays, so that the last text is learned as fast as the first.
        return TrainingSpec(data, width=64, batch=16, last_rate=1.0, evaluations=16)
    return TrainingSpec(data)


def large(task: str) -> TrainingSpec:
    """For one GPU: wider, deeper, longer sequences, more steps, all seeds and rates side by side."""
    data = _data(task)
    if isinstance(data, Recall):
        data = dataclasses.replace(
            data, symbols=512, length=256, pairs=8 * data.pairs, rebound=8 * data.rebound, held_out=2048
        )
    elif isinstance(data, Regression):
        data = dataclasses.replace(data, length=512, held_out=1024)
    elif isinstance(data, TwoTexts):
        data = dataclasses.replace(data, length=512, block_steps=1000)
    elif isinstance(data, Text):
        data = dataclasses.replace(data, length=512)
    last_rate, evaluations = (1.0, 16) if isinstance(data, TwoTexts) else (0.0, 20)
    return TrainingSpec(
        data,
        width=256,
        depth=4,
        batch=64,
        steps=8_000,
        rates=(5e-4, 1e-3, 2e-3),
        last_rate=last_rate,
        evaluations=evaluations,
    )


def preset(task: str, size: str = "small") -> TrainingSpec:
    """A training that ships.

        spec = dataclasses.replace(preset("mqar"), model="hope", steps=400)

    Args:
        task: a key of `TASKS`.
        size: "small" or "large".

    Raises:
        ValueError: for an unknown name.
    """
    return {"small": small, "large": large}[known_as(size, SIZES, "preset")](task)


def _data(task: str) -> SequenceData:
    return TASKS[known_as(task, TASKS, "task")]()
