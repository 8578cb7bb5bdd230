"""The next character of a text, or of several texts that are practised in turns."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from ntadyn.tasks.sequence_data.corpora import Corpus
from ntadyn.tasks.sequence_data.sequence_task import (
    AbstractSequenceTask,
    HeldOut,
    Measure,
    Reals,
    Sequences,
    Symbols,
    check_sizes,
)

PRACTISED, MOST_HELD_OUT = 0.9, 20_000


class Characters(AbstractSequenceTask):
    """Windows of texts: at every character the next one is asked for.

    Of every text the first nine tenths are practised, the next 20,000 characters (or half of the rest) are the test,
    and as many after them are for choices. Windows of held-out text follow one another, each read from an empty
    context, and every character of it is asked for once. One text after the other is practised for `block_steps` steps
    each, in turns.

    Attributes:
        reads: the symbols of all texts together.
        answers: likewise.
        length: characters per window.
        names: of the texts.
        symbols: all characters, sorted; a character is its index.
        practised: parts of the texts that are practised, one after the other `(n,)`.
        starts: where each of them begins.
        tested: of every text, with the character before it.
        chosen_by: likewise, for choices.
        block_steps: steps on one text before the next takes its turn.
    """

    reads: Symbols | Reals = eqx.field(static=True)
    answers: Symbols | Reals = eqx.field(static=True)
    length: int = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    symbols: str = eqx.field(static=True)
    practised: Int[Array, " n"]
    starts: tuple[int, ...] = eqx.field(static=True)
    tested: tuple[np.ndarray, ...]
    chosen_by: tuple[np.ndarray, ...]
    block_steps: int = eqx.field(static=True)

    @classmethod
    def make(cls, texts: Sequence[Corpus], length: int, block_steps: int = 1) -> "Characters":
        """The task of reading some texts.

        Args:
            texts: at least one.
            length: characters per window.
            block_steps: see `Characters`; without meaning for a single text.

        Raises:
            ValueError: for texts that are too short for a window, or of one symbol only.
        """
        check_sizes("characters", length=length, block_steps=block_steps, texts=len(texts))
        symbols = "".join(sorted(set().union(*(text.text for text in texts))))
        codes = np.array([ord(symbol) for symbol in symbols])
        practised, tested, chosen_by = [], [], []
        for text in texts:
            numbers = np.searchsorted(codes, np.array([ord(letter) for letter in text.text])).astype(np.int32)
            end = int(PRACTISED * len(numbers))
            size = min(MOST_HELD_OUT, (len(numbers) - end) // 2)
            if end <= length or size < length or len(symbols) < 2:
                raise ValueError(
                    f"{text.name} has {len(numbers)} characters of {len(text.symbols)} kinds: nine tenths are "
                    f"practised and half of the rest is the test, each of which should hold a window of {length}; give "
                    f"a longer text or shorter windows."
                )
            practised.append(numbers[:end])
            tested.append(numbers[end - 1 : end + size])
            chosen_by.append(numbers[end + size - 1 : end + 2 * size])
        starts = np.cumsum([0, *(len(part) for part in practised)])
        return cls(
            reads=Symbols(len(symbols)),
            answers=Symbols(len(symbols)),
            length=length,
            names=tuple(text.name for text in texts),
            symbols=symbols,
            practised=jnp.asarray(np.concatenate(practised)),
            starts=tuple(map(int, starts)),
            tested=tuple(tested),
            chosen_by=tuple(chosen_by),
            block_steps=block_steps,
        )

    def draw(self, key: PRNGKeyArray, number: int, step: Int[Array, ""]) -> Sequences:
        """See `AbstractSequenceTask`: windows of the text whose turn it is, at random places."""
        starts = jnp.asarray(self.starts)
        turn = (step // self.block_steps) % len(self.names)
        begin, end = starts[turn], starts[turn + 1]
        first = jax.random.randint(key, (number, 1), begin, end - self.length)
        windows = self.practised[first + jnp.arange(self.length + 1)[None, :]]
        return Sequences(windows[:, :-1], windows[:, 1:], jnp.ones((number, self.length)))

    def held_out(self, which: HeldOut) -> Mapping[str, Sequences]:
        """See `AbstractSequenceTask`: one part per text."""
        parts = {HeldOut.VALIDATION: self.chosen_by, HeldOut.TEST: self.tested}[which]
        return {name: self._windows(part) for name, part in zip(self.names, parts, strict=True)}

    def measures(self, scores: Mapping[str, np.ndarray], examples: Sequences) -> dict[str, Measure]:
        """See `AbstractSequenceTask`; besides, bits per character and the perplexity exp(loss)."""
        found = super().measures(scores, examples)
        loss = found["loss"][1]
        return found | {"bits": ((), np.asarray(loss / np.log(2))), "perplexity": ((), np.asarray(np.exp(loss)))}

    @property
    def steps_per_turn(self) -> int | None:
        """See `AbstractSequenceTask`."""
        return self.block_steps if len(self.names) > 1 else None

    def _windows(self, text: np.ndarray) -> Sequences:
        number = -(-(len(text) - 1) // self.length)
        missing = number * self.length - (len(text) - 1)
        inputs, targets = np.pad(text[:-1], (0, missing)), np.pad(text[1:], (0, missing))
        weights = np.pad(np.ones(len(text) - 1), (0, missing))
        shape = (number, self.length)
        return Sequences(
            jnp.asarray(inputs.reshape(shape)), jnp.asarray(targets.reshape(shape)), jnp.asarray(weights.reshape(shape))
        )
