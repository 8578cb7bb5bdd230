"""What is run in the arena."""

import dataclasses
from dataclasses import dataclass

import xarray as xr

from experiments.harness.progress import say
from experiments.harness.runs import Run
from ntadyn.arena import Contest, Entry, run_contest
from ntadyn.arena.presets import chosen, entries_of
from ntadyn.specs.continual import ContinualTeachers, Feed
from ntadyn.specs.continual_presets import single
from ntadyn.specs.strategies import EWC

FEEDS = {"population": Feed.POPULATION, "batches": Feed.BATCHES}
ELSEWHERE = (0.1, 1.0)  # strengths of the other simulation, which kept all anchors and held the latest weights


@dataclass(frozen=True)
class Parameters:
    """What the arena is made of.

    Attributes:
        num_seeds: repetitions of every row, with other initial weights (and batches), on one set of teachers.
        tuning_seeds: repetitions for the choice from a grid, on other teachers.
        methods: who takes part; all if empty.
        presets: streams.
    """

    num_seeds: int = 5
    tuning_seeds: int = 2
    methods: tuple[str, ...] = ()
    presets: tuple[str, ...] = ("population", "batches")


def runs(parameters: Parameters) -> list[Run]:
    """One for every stream."""
    return [
        Run(f"arena_{name}", simulated, {"preset": name, "parameters": parameters}, name) for name in parameters.presets
    ]


def simulated(preset: str, parameters: Parameters) -> xr.Dataset:
    """A contest.

    Args:
        preset: "population" or "batches".
        parameters: who takes part, how often.
    """
    entries = (*entries_of(preset), *_as_elsewhere(FEEDS[preset]))
    contest = Contest(
        chosen(entries, parameters.methods), num_seeds=parameters.num_seeds, tuning_seeds=parameters.tuning_seeds
    )
    return run_contest(contest, tell=lambda line: say(f"  arena, {preset}: {line}"))


def _as_elsewhere(feed: Feed) -> tuple[Entry, ...]:
    def fed(spec: ContinualTeachers) -> ContinualTeachers:
        return dataclasses.replace(spec, feed=feed)

    return tuple(
        Entry(f"ewc as elsewhere, {strength:g}", fed(single(EWC(strength, retention=1.0)))) for strength in ELSEWHERE
    )
