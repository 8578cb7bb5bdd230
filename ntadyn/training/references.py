"""What others do on the same task, for the same table or picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ntadyn.specs.configuration import Configuration, Curriculum, Network
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_2_flexible, figure_2_forgetful
from ntadyn.specs.run import run
from ntadyn.tasks.sequence_data import Characters, Corpus, ngram_bits
from ntadyn.tasks.sequence_data.sequence_task import Measure

if TYPE_CHECKING:
    from ntadyn.training.data import Regression

NUM_BLOCKS, LAST_BLOCKS = 40, 10


def bits_of_ngrams(texts: Sequence[Corpus], orders: Sequence[int]) -> tuple[dict[str, Measure], dict[str, Any]]:
    """Bits per character of n-grams on the test of every text, each counted on that text alone.

    Args:
        texts: as the task has them.
        orders: of the n-grams; nothing is said if there are none.
    """
    if not orders:
        return {}, {}
    task = Characters.make(texts, length=1)
    rows = []
    for index in range(len(texts)):
        practised = np.asarray(task.practised[task.starts[index] : task.starts[index + 1]])
        # The first of the tested characters is the last one that is practised.
        found = ngram_bits(practised, task.tested[index][1:], task.reads[0], orders)
        rows.append([found[order] for order in orders])
    return {"ngram_bits": (("part", "order"), np.asarray(rows))}, {"order": list(orders)}


def adaptation_of_gated_networks(data: "Regression") -> tuple[dict[str, Measure], dict[str, Any]]:
    """Loss of flexible and forgetful gated networks so many positions after a switch between the same teachers.

    A block of unit length, as in the article, stands for the positions of a block. In it these networks follow the
    gradient of the whole population, where a sequence model sees one pair per position. The mean is over the last
    blocks of a long run, the error over seeds.

    Args:
        data: the regression.
    """
    rows = []
    for kind in (figure_2_flexible, figure_2_forgetful):
        result = run(configuration_beside(data, kind()), seeds=3, records_per_block=data.block - 1)
        loss, block = result.loss.values, result.block.values
        per_block = np.stack(
            [loss[:, block == index][:, : data.block] for index in range(NUM_BLOCKS - LAST_BLOCKS, NUM_BLOCKS)], axis=1
        )
        rows.append(per_block.mean(axis=1))
    curves = np.stack(rows)  # learner, seed, position
    axes = ("learner", "since_switch")
    error = curves.std(axis=1, ddof=1) / np.sqrt(curves.shape[1])
    variables: dict[str, Measure] = {
        "gated_adaptation": (axes, curves.mean(axis=1)),
        "gated_adaptation_error": (axes, error),
    }
    return variables, {"learner": ["flexible", "forgetful"]}


def configuration_beside(data: "Regression", learner: Configuration) -> Configuration:
    """A gated network with the teachers of a regression, in blocks of all of them in turn.

    Args:
        data: the regression.
        learner: gives time constants and penalties.
    """
    changes = {
        "teachers": data.teachers,
        "network": Network(num_paths=data.teachers.num_tasks),
        "curriculum": Curriculum(tasks=tuple(range(data.teachers.num_tasks)), num_blocks=NUM_BLOCKS),
        "randomness": data.randomness,
    }
    return replaced(learner, changes)
