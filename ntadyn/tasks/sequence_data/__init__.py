"""Sequences to learn from: associative recall, characters of texts, regression with teachers that switch.

- `AbstractSequenceTask`: what they share, and how to write another.
- `AssociativeRecall`: pairs, then questions about them; keys may be bound anew.
- `Characters`: the next character of a text, or of several texts that take turns.
- `SwitchingRegression`: pairs of inputs and outputs of a teacher that changes from block to block.
- `ngram_bits`: what counting does on the same text.
"""

from ntadyn.tasks.sequence_data.characters import Characters as Characters
from ntadyn.tasks.sequence_data.corpora import (
    Corpus as Corpus,
    documentation as documentation,
    from_file as from_file,
    source_code as source_code,
)
from ntadyn.tasks.sequence_data.ngrams import ngram_bits as ngram_bits
from ntadyn.tasks.sequence_data.recall import AssociativeRecall as AssociativeRecall
from ntadyn.tasks.sequence_data.regression import (
    AbstractTeacherSource as AbstractTeacherSource,
    FreshTeachers as FreshTeachers,
    SameTeachers as SameTeachers,
    SwitchingRegression as SwitchingRegression,
    SwitchingSequences as SwitchingSequences,
)
from ntadyn.tasks.sequence_data.sequence_task import (
    AbstractSequenceTask as AbstractSequenceTask,
    HeldOut as HeldOut,
    Reals as Reals,
    Sequences as Sequences,
    Symbols as Symbols,
)
