"""What the arena must show: closed forms, another simulation, and who is better than whom."""

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, Measurement, at_least, at_most, mean_of, near, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER, OURS

LAST = 3  # blocks, of which the other simulation reports the mean
BOUND = 10 / 3  # (M - 1)/M o/2 for M = 3 orthogonal tasks of o = 10 rows of length one
# Tolerances are those of the population; batches of 32 need no more. Over seeds, the standard deviation of what is
# compared here is at most 0.003 for the loss in force of a single path, 0.006 with slow gates, 0.02 with fast ones, and
# 2e-4 for losses with the best gates; means are those of the population to 0.001, but for the loss in force of networks
# with gates, to which the noise of batches adds 0.07 (slow) and 0.03 (fast).
AGREEMENT = 0.02  # with explicit steps of 0.001, which the other simulation made
# Three standard deviations over seeds of the loss of EWC that finds its switches.
DETECTED = 0.01
SOLVED = 20 / 3  # (M - 1)/M o, of a single map that solves the last task and nothing else


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of the streams.
    """
    return [row for stream, dataset in data.items() for row in _of_stream(stream, dataset)]


def _of_stream(stream: str, dataset: xr.Dataset) -> Iterator[Acceptance]:
    def has(name: str) -> bool:
        return name in dataset.row.values

    def measure(name: str, of: Callable[[xr.Dataset], np.ndarray]) -> Measurement:
        return mean_of(of(dataset.sel(row=name)))

    def told(name: str, what: str) -> str:
        return f"{stream}, {name}: {what}"

    failed = int((dataset.result != 0).sum())
    yield at_most(f"{stream}: repetitions that failed", 0, single(failed), OURS)
    for name, expected in (("fine-tuning", 3.065), ("ewc as elsewhere, 0.1", 2.96), ("ewc as elsewhere, 1", 3.208)):
        if has(name):
            found = measure(name, in_force)
            yield near(told(name, "mean loss in the last blocks"), expected, AGREEMENT, found, OTHER)
    if has("fine-tuning"):
        yield at_least(
            told("fine-tuning", "share of blocks without adaptation"),
            0.999,
            measure("fine-tuning", lambda row: row.censored.values.mean(axis=1)),
            OTHER,
        )
    if has("joint"):
        found = measure("joint", latent)
        yield near(told("joint", "loss at the end"), BOUND, 0.01, found, EXACT, "(M - 1)/M o/2")
    for name in ("fine-tuning", "ewc", "lwf", "replay"):
        if has(name):
            found = measure(name, latent)
            yield at_least(told(name, "latent loss, one path"), BOUND, found, EXACT, 1e-6, "triangle inequality")
    if has("quick ewc, empirical fisher"):
        found = measure("quick ewc, empirical fisher", adapted)
        yield near(told("quick ewc, empirical fisher", "loss at the end"), SOLVED, 0.01, found, EXACT, "as fine-tuning")
    if has("detected ewc, tuned") and has("ewc, tuned"):
        told_of, found_out = (adapted(dataset.sel(row=name)) for name in ("ewc, tuned", "detected ewc, tuned"))
        what = "adapted loss over that of one that is told"
        yield near(told("detected ewc, tuned", what), 0, DETECTED, mean_of(found_out - told_of), OURS)
    if has("flexible"):
        yield at_most(told("flexible", "latent loss"), 1e-4, measure("flexible", latent), OTHER)
        yield at_most(told("flexible", "time to adapt at the end"), 0.02, measure("flexible", adapting), OURS)
        found = measure("flexible", in_force)
        yield at_most(told("flexible", "mean loss in the last blocks"), 0.104, found, OTHER)
    if has("forgetful"):
        found = measure("forgetful", in_force)
        yield near(told("forgetful", "mean loss in the last blocks"), 2.097, 0.1, found, OTHER)
    for name in ("growing", "oracle gates", "prototypes"):
        if has(name):
            yield at_most(told(name, "latent loss"), 1e-3, measure(name, latent), OURS)
    if has("meta-learning, tuned"):
        found = measure("meta-learning, tuned", adapted)
        yield at_most(told("meta-learning, tuned", "loss after one step of its gates"), 0.05, found, OURS)
    for name in dataset.row.values:
        yield reported(told(str(name), "adapted loss at the end"), measure(str(name), adapted))


def in_force(row: xr.Dataset) -> np.ndarray:
    """Mean loss on the task in force in the last blocks, one per seed; blocks have length one."""
    return row.area.values[:, -LAST:].mean(axis=1)


def adapting(row: xr.Dataset) -> np.ndarray:
    """Mean time to adapt in the last blocks, one per seed."""
    return row.adaptation.values[:, -LAST:].mean(axis=1)


def latent(row: xr.Dataset) -> np.ndarray:
    """Mean loss over tasks with the best gates at the end, one per seed."""
    return row.latent.values[:, -1].mean(axis=1)


def adapted(row: xr.Dataset) -> np.ndarray:
    """Mean loss over tasks after gates have adapted, at the end, one per seed."""
    return row.adapted.values[:, -1].mean(axis=1)
