"""What can be trained on, as plain values: each builds a task of `ntadyn.tasks.sequence_data`. No JAX here."""

import abc
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ntadyn.specs.configuration import Randomness, Teachers

if TYPE_CHECKING:
    from ntadyn.tasks.sequence_data import AbstractSequenceTask, Corpus
    from ntadyn.tasks.sequence_data.sequence_task import Measure


@dataclass(frozen=True)
class SequenceData(abc.ABC):
    """A task on sequences as plain values."""

    def check(self) -> None:
        """Refuse what makes no sense, before anything is computed.

        Raises:
            ValueError: for such values.
        """
        self.build()

    @abc.abstractmethod
    def build(self) -> "AbstractSequenceTask":
        """The task.

        Raises:
            ValueError: for values that make no sense.
        """

    def described(self) -> list[str]:
        """What a reader has to know of it, line by line."""
        return []

    def references(self) -> "tuple[dict[str, Measure], dict[str, Any]]":
        """What others do on the same task: variables by name, and the coordinates of their axes."""
        return {}, {}


@dataclass(frozen=True)
class Recall(SequenceData):
    """Multi-query associative recall."""

    symbols: int = 64
    """The filler, keys and values together; an even number."""
    length: int = 64
    """Positions per sequence."""
    pairs: int = 4
    """Pairs of a key and a value that are shown."""
    rebound: int = 0
    """How many of them bind a key anew, at most half; the last value counts."""
    held_out: int = 512
    """Sequences for the test, and as many others for choices."""

    def build(self) -> "AbstractSequenceTask":
        """See `SequenceData`."""
        from ntadyn.tasks.sequence_data import AssociativeRecall

        return AssociativeRecall.make(self.symbols, self.length, self.pairs, self.rebound, self.held_out)


@dataclass(frozen=True)
class Text(SequenceData):
    """The next character of the documentation of Python, or of a text file."""

    file: str | None = None
    """A text file in UTF-8 in place of the documentation."""
    length: int = 128
    """Characters per window."""
    orders: tuple[int, ...] = (1, 2, 3, 5, 7)
    """Orders of the n-grams beside it."""

    def texts(self) -> "tuple[Corpus, ...]":
        """What is read."""
        from ntadyn.tasks.sequence_data import documentation, from_file

        return (documentation() if self.file is None else from_file(self.file),)

    def build(self) -> "AbstractSequenceTask":
        """See `SequenceData`."""
        from ntadyn.tasks.sequence_data import Characters

        if any(order < 1 for order in self.orders):
            raise ValueError(f"orders of n-grams are {self.orders}; each is 1 or more.")
        return Characters.make(self.texts(), self.length)

    def described(self) -> list[str]:
        """See `SequenceData`."""
        return [text.described() for text in self.texts()]

    def references(self) -> "tuple[dict[str, Measure], dict[str, Any]]":
        """See `SequenceData`: bits per character of n-grams of every text."""
        from ntadyn.training.references import bits_of_ngrams

        return bits_of_ngrams(self.texts(), self.orders)


@dataclass(frozen=True)
class TwoTexts(SequenceData):
    """The documentation of Python and source code of its standard library, or two text files, practised in turns."""

    first: str | None = None
    """A text file in place of the documentation."""
    second: str | None = None
    """A text file in place of the source code."""
    length: int = 128
    """Characters per window."""
    block_steps: int = 100
    """Steps of training on one text before the other takes its turn."""
    orders: tuple[int, ...] = (1, 2, 3, 5)
    """Orders of the n-grams beside it, each text by itself."""

    def texts(self) -> "tuple[Corpus, ...]":
        """What is read."""
        from ntadyn.tasks.sequence_data import documentation, from_file, source_code

        return (
            documentation() if self.first is None else from_file(self.first),
            source_code() if self.second is None else from_file(self.second),
        )

    def build(self) -> "AbstractSequenceTask":
        """See `SequenceData`."""
        from ntadyn.tasks.sequence_data import Characters

        if any(order < 1 for order in self.orders):
            raise ValueError(f"orders of n-grams are {self.orders}; each is 1 or more.")
        texts = self.texts()
        if texts[0].name == texts[1].name:
            raise ValueError(f"both texts are called {texts[0].name!r}; give two files of different names.")
        return Characters.make(texts, self.length, self.block_steps)

    def described(self) -> list[str]:
        """See `SequenceData`."""
        return [text.described() for text in self.texts()]

    def references(self) -> "tuple[dict[str, Measure], dict[str, Any]]":
        """See `SequenceData`: bits per character of n-grams of every text."""
        from ntadyn.training.references import bits_of_ngrams

        return bits_of_ngrams(self.texts(), self.orders)


class Source(enum.Enum):
    """Whether all sequences have the same teachers, which slow weights can learn, or each has teachers of its own."""

    SAME = "same"
    FRESH = "fresh"


@dataclass(frozen=True)
class Regression(SequenceData):
    """Regression in context with teachers that switch, beside gated networks on the same teachers."""

    teachers: Teachers = field(default_factory=Teachers)
    """Those of all sequences; with fresh ones, only their number and sizes count."""
    teachers_seed: int = 0
    """Seed of the teachers, the same as in `ntadyn simulate`."""
    source: Source = Source.SAME
    """The same teachers in all sequences, or fresh ones in each."""
    length: int = 128
    """Positions per sequence."""
    block: int = 32
    """Positions per block."""
    held_out: int = 256
    """Sequences for the test, and as many others for choices."""

    @property
    def randomness(self) -> Randomness:
        """That of a gated network with these teachers."""
        return Randomness(seed=self.teachers_seed)

    def check(self) -> None:
        """See `SequenceData`."""
        from ntadyn.specs.checks import check_configuration
        from ntadyn.specs.configuration import Configuration, Network

        check_configuration(
            Configuration(
                teachers=self.teachers, network=Network(num_paths=self.teachers.num_tasks), randomness=self.randomness
            )
        )
        super().check()

    def build(self) -> "AbstractSequenceTask":
        """See `SequenceData`."""
        from ntadyn.specs.building import build_tasks, first, keys
        from ntadyn.tasks.sequence_data import FreshTeachers, SameTeachers, SwitchingRegression

        if self.source is Source.FRESH:
            of = self.teachers
            source = FreshTeachers((of.num_tasks, of.d_out, of.d_in))
        else:
            source = SameTeachers(build_tasks(self.teachers, first(keys(self.randomness)).teachers))
        return SwitchingRegression.make(source, self.length, self.block, self.held_out)

    def references(self) -> "tuple[dict[str, Measure], dict[str, Any]]":
        """See `SequenceData`: the loss of flexible and forgetful gated networks after a switch of the same teachers.

        Nothing where teachers are fresh in every sequence: gated networks have no weights for those.
        """
        if self.source is Source.FRESH:
            return {}, {}
        from ntadyn.training.references import adaptation_of_gated_networks

        return adaptation_of_gated_networks(self)
