"""The contests that ship: which methods there are, on which stream, and what is tried of each. Nothing imports JAX."""

import dataclasses
from collections.abc import Callable, Sequence

from ntadyn.arena.entry import Entry, Tuning
from ntadyn.specs.continual import ContinualTeachers, Feed
from ntadyn.specs.continual_presets import continual_forgetful, flexible, single
from ntadyn.specs.names import known_as
from ntadyn.specs.strategies import EWC

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)


def teachers(feed: Feed) -> dict[str, Entry]:
    """All methods on three teachers that ask for orthogonal answers, in turn.

    Args:
        feed: the population, or batches.
    """

    def fed(spec: ContinualTeachers) -> ContinualTeachers:
        return dataclasses.replace(spec, feed=feed)

    strength = Tuning("strategy.strength", STRENGTHS)
    entries = [
        Entry(
            "fine-tuning",
            fed(single()),
            note="a single path with a gate that stands still, as for all but gated methods",
        ),
        Entry("ewc", fed(single(EWC())), strength),
        Entry("online ewc", fed(single(EWC(retention=0.95))), strength),
        Entry("forgetful", fed(continual_forgetful()), note="three paths with gates as slow as weights, no penalty"),
        Entry("flexible", fed(flexible()), note="three paths with fast, bounded gates"),
        Entry("flexible + ewc", fed(flexible(EWC(0.1))), strength),
    ]
    return {entry.name.replace(" ", "-").replace("-+-", "-"): entry for entry in entries}


PRESETS: dict[str, Callable[[], dict[str, Entry]]] = {
    "population": lambda: teachers(Feed.POPULATION),
    "batches": lambda: teachers(Feed.BATCHES),
}


def entries_of(preset: str, methods: Sequence[str] = ()) -> tuple[Entry, ...]:
    """The entries of a contest.

    Args:
        preset: one of `PRESETS`.
        methods: which of them take part; all if empty.

    Raises:
        ValueError: for a name that is unknown or given twice.
    """
    every = PRESETS[known_as(preset, PRESETS, "preset")]()
    names = [known_as(name, every, "method").replace("_", "-") for name in methods]
    if len(set(names)) < len(names):
        raise ValueError(f"methods are named twice: {', '.join(names)}; name each once.")
    return tuple(every[name] for name in names) if names else tuple(every.values())
