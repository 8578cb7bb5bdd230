"""The contests that ship: which methods there are, on which stream, and what is tried of each. Nothing imports JAX."""

import dataclasses
from collections.abc import Callable, Sequence

from ntadyn.arena.entry import Entry, Tuning
from ntadyn.specs import continual_presets as learners, strategies
from ntadyn.specs.continual import ContinualTeachers, Feed
from ntadyn.specs.continual_data import ContinualData, ContinualDigits, DigitStream
from ntadyn.specs.names import known_as

STRENGTH = Tuning("strategy.strength", (0.03, 0.1, 0.3, 1.0, 3.0))
STRENGTH_ON_DATA = Tuning("strategy.strength", (1.0, 3.0, 10.0, 30.0, 100.0))
GENTLE = Tuning("strategy.strength", (0.01, 0.03, 0.1, 0.3, 1.0))
SHARE = Tuning("strategy.share", (0.3, 0.5, 0.7))
RATE = Tuning("strategy.rate", (0.03, 0.05, 0.1))
EPISODE = 32  # examples that gates adapt to, and as many that they are judged on
ALL_KEPT = "can draw examples of all tasks that it met"
QUICK = "weights so quick that every block solves its task"
BOUND = "an upper bound, not a rival"


def teachers(feed: Feed) -> tuple[Entry, ...]:
    """All methods on three teachers that ask for orthogonal answers, in turn.

    Args:
        feed: the population, or batches.
    """

    def fed(spec: ContinualTeachers) -> ContinualTeachers:
        return dataclasses.replace(spec, feed=feed)

    adapts_to = strategies.MetaLearning(examples=None if feed is Feed.POPULATION else EPISODE)
    meta = dataclasses.replace(learners.continual_meta(), strategy=adapts_to)
    entries = [
        Entry("fine-tuning", fed(learners.continual_fine_tuning()), note="one path whose gate stands still"),
        Entry("ewc", fed(learners.continual_ewc()), STRENGTH),
        Entry("online ewc", fed(learners.continual_online_ewc()), STRENGTH),
        Entry("quick ewc", fed(learners.continual_quick_ewc()), note=QUICK),
        Entry(
            "quick ewc, empirical fisher",
            fed(learners.continual_quick_ewc(strategies.Fisher.EMPIRICAL)),
            note=f"{QUICK}, and leaves no error to measure: no more than fine-tuning",
        ),
        Entry("lwf", fed(learners.continual_lwf()), STRENGTH),
        Entry("replay", fed(learners.continual_replay()), SHARE, ALL_KEPT),
        Entry("forgetful", fed(learners.continual_forgetful()), note="gates as slow as weights, no penalty"),
        Entry("flexible", fed(learners.continual_flexible()), note="fast gates, nonnegative and of unit norm"),
        Entry("flexible + ewc", fed(learners.continual_flexible_ewc()), STRENGTH),
        Entry(
            "growing",
            fed(learners.continual_growing()),
            note="no path at first; gates fit by a look at the task",
        ),
        Entry(
            "consolidation",
            fed(learners.continual_consolidation()),
            note="room for three paths more; no mixture returns",
        ),
        Entry("prototypes", fed(learners.continual_prototypes()), note="the trial of its gates costs no time"),
        Entry("meta-learning", fed(meta), RATE, f"adapts by one step; {ALL_KEPT}"),
        Entry("joint", fed(learners.continual_joint()), note=f"{BOUND}; practises all tasks that there are"),
        Entry("oracle gates", fed(learners.continual_oracle()), note=f"{BOUND}: it is told which path to use"),
    ]
    if feed is Feed.BATCHES:
        at = [entry.name for entry in entries].index("replay") + 1
        entries[at:at] = [
            Entry("replay, 32", learners.continual_replay_32(), note="keeps 32 examples"),
            Entry("detected ewc", learners.continual_detected_ewc(), STRENGTH, "finds the switches itself"),
        ]
    return tuple(entries)


def on_data(spec: ContinualData) -> tuple[Entry, ...]:
    """All methods that need no gates.

    Args:
        spec: the stream, and a network of any kind.
    """

    def under(strategy: object) -> ContinualData:
        return dataclasses.replace(spec, strategy=strategy)

    return (
        Entry("fine-tuning", under(strategies.FineTuning())),
        Entry("ewc", under(strategies.EWC()), STRENGTH_ON_DATA),
        Entry("online ewc", under(strategies.EWC(retention=0.95)), STRENGTH_ON_DATA),
        Entry("detected ewc", under(strategies.Detected()), STRENGTH_ON_DATA, "finds the switches itself"),
        Entry("lwf", under(strategies.LwF()), GENTLE),
        Entry("replay, 32", under(strategies.ExampleReplay(32)), note="keeps 32 examples"),
        Entry("replay", under(strategies.TaskReplay()), SHARE, ALL_KEPT),
        Entry("joint", under(strategies.MultiTask()), note=f"{BOUND}; practises all tasks that there are"),
    )


PRESETS: dict[str, Callable[[], tuple[Entry, ...]]] = {
    "population": lambda: teachers(Feed.POPULATION),
    "batches": lambda: teachers(Feed.BATCHES),
    "split-digits": lambda: on_data(ContinualDigits(stream=DigitStream.SPLIT_BY_TASK)),
    "split-digits-by-class": lambda: on_data(ContinualDigits(stream=DigitStream.SPLIT_BY_CLASS, learning_rate=0.3)),
    "permuted-digits": lambda: on_data(ContinualDigits(stream=DigitStream.PERMUTED, learning_rate=0.5)),
    "rotated-digits": lambda: on_data(ContinualDigits(stream=DigitStream.ROTATED, learning_rate=0.5)),
}


_LARGER = (
    "there 28 x 28 pixels, 60,000 images and hundreds of units a layer, here 8 x 8, 1,438 and 32; by their order only"
)
_SPLIT_MNIST = "published for split MNIST (arXiv 1904.07734; Nature Machine Intelligence 4, 1185)"
PUBLISHED = {
    "split-digits": f"{_SPLIT_MNIST}: fine-tuning 0.8 to 0.9, EWC about 0.99; {_LARGER}.",
    "split-digits-by-class": f"{_SPLIT_MNIST}: fine-tuning and EWC about 0.2, joint about 0.98; {_LARGER}.",
    "permuted-digits": f"published for permuted MNIST (arXiv 1612.00796): EWC loses little over ten tasks; {_LARGER}.",
}
"""Accuracies at the end that are known of larger streams of the same kind, for the table of a preset."""


def entries_of(preset: str) -> tuple[Entry, ...]:
    """The entries of a contest that ships.

    Args:
        preset: one of `PRESETS`.

    Raises:
        ValueError: for an unknown name.
    """
    return PRESETS[known_as(preset, PRESETS, "preset")]()


def chosen(entries: Sequence[Entry], methods: Sequence[str]) -> tuple[Entry, ...]:
    """Some of the entries, in the order in which they are named.

    Args:
        entries: all that there are.
        methods: names, with dashes for anything that is no letter or number; all entries if empty.

    Raises:
        ValueError: for a name that is unknown or given twice.
    """
    every = {method_name(entry): entry for entry in entries}
    names = [known_as(name, every, "method") for name in methods]
    if len(set(names)) < len(names):
        raise ValueError(f"methods are named twice: {', '.join(names)}; name each once.")
    return tuple(every[name] for name in names) if names else tuple(entries)


def method_name(entry: Entry) -> str:
    """The name of an entry as a word of the command line."""
    return "-".join("".join(c if c.isalnum() else " " for c in entry.name).split())
