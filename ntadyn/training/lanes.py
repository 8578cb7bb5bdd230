"""Lanes from their start, or from where they were stopped, to their end."""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from ntadyn.tasks.sequence_data import Sequences
from ntadyn.training.checkpoint import Kept, load, save
from ntadyn.training.program import Lane, Program, State

LOOK_EVERY = 16
"""Steps between looks at the losses, which wait for the device."""
SAVE_SECONDS = 30.0


@dataclass(frozen=True)
class Watch:
    """What goes along with a training.

    Attributes:
        progress: is called with the number of steps, lanes together, that were done since the last call.
        folder: where lanes are kept; nowhere if omitted.
        save_seconds: time between files; they are also written at the end.
    """

    progress: Callable[[int], None] = lambda number: None
    folder: Path | None = None
    save_seconds: float = SAVE_SECONDS


def evaluation_steps(steps: int, evaluations: int) -> np.ndarray:
    """After how many steps held-out examples are answered: at even distances, before the first and after the last.

    Args:
        steps: of the training.
        evaluations: how often, besides that before the first step.
    """
    return np.round(np.linspace(0, steps, evaluations + 1)).astype(int)


def train_lanes(
    program: Program, lanes: tuple[Lane, ...], steps: int, held_out: Mapping[str, Sequences], watch: Watch
) -> Kept:
    """Train some lanes side by side, and go on from the file if there is one.

    Args:
        program: of the training.
        lanes: seeds and rates.
        steps: of the training.
        held_out: examples for choices, by part.
        watch: what goes along.

    Returns:
        What they have come to; lanes whose losses are all no numbers any more stop early.
    """
    looked_at = evaluation_steps(steps, program.spec.evaluations)
    kept = _empty(program.start(lanes), steps, len(looked_at), len(held_out))
    file = None if watch.folder is None else watch.folder / name_of(lanes)
    if file is not None and file.exists():
        kept = load(kept, file)
        watch.progress(int(kept.step) * len(lanes))
    state, done, saved = kept.state, int(kept.step), time.monotonic()

    def now() -> float:
        return time.perf_counter() - program.compile_seconds

    def evaluate(step: int) -> None:
        begin = now()
        kept.held_out[:, looked_at == step] = _losses(program, state, held_out)[:, None]
        kept.seconds[1] += now() - begin

    stops = sorted({*range(0, steps, LOOK_EVERY), *map(int, looked_at)})
    for first, end in itertools.pairwise(stops):
        if first < done:
            continue
        if first in looked_at:
            evaluate(first)
        begin, losses = now(), []
        for step in range(first, end):
            state, loss = program.step(state, lanes, step, steps)
            losses.append(loss)
        kept.losses[:, first:end] = np.stack([np.asarray(loss) for loss in losses], axis=1)
        kept.seconds[0] += now() - begin
        watch.progress((end - first) * len(lanes))
        if not np.isfinite(kept.losses[:, end - 1]).any():
            watch.progress((steps - end) * len(lanes))
            break
        if file is not None and end < steps and time.monotonic() - saved > watch.save_seconds:
            save(_at(kept, state, end), file)
            saved = time.monotonic()
    if done < steps:
        evaluate(steps)
        kept = _at(kept, state, steps)
        if file is not None:
            save(kept, file)
    return kept


def name_of(lanes: tuple[Lane, ...]) -> str:
    """The name of the file of some lanes."""
    ends = (lanes[0], *lanes[1:][-1:])
    return f"{'-to-'.join(f'seed-{lane.seed}-rate-{lane.rate!r}' for lane in ends)}.lanes"


def _empty(state: State, steps: int, evaluations: int, parts: int) -> Kept:
    number = len(jax.tree.leaves(state.models)[0])
    nothing = np.full((number, steps), np.nan), np.full((number, evaluations, parts), np.nan)
    return Kept(state, np.asarray(0), *nothing, np.zeros(2))


def _at(kept: Kept, state: State, step: int) -> Kept:
    return Kept(state, np.asarray(step), kept.losses, kept.held_out, kept.seconds)


def _losses(program: Program, state: State, held_out: Mapping[str, Sequences]) -> np.ndarray:
    """Mean loss on every part, shape (lanes, parts)."""
    means = []
    for examples in held_out.values():
        weights = np.asarray(examples.weights, float)
        means.append(np.sum(program.scores(state, examples)["loss"] * weights, axis=(1, 2)) / weights.sum())
    return np.stack(means, axis=1)
