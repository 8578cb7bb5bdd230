"""Figure A15: the read-out of figure 7 under two other names for the classes: upper/lower, and warm/cool.

The names are those of clothes, for which the figure was made (Fashion-MNIST): upper/lower is the order by parity of
figure 7, which moves all classes but two, and warm/cool leaves half of them where they are. By default on the 8 x 8
digits that scikit-learn brings along, for which the maps of classes are the same and their names mean nothing; on
clothes, `python -m experiments run figure_a15 --images FOLDER`, see `ntadyn.tasks.idx` for the files of the folder. The
simulations are those of figure 7.
"""

import dataclasses

from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a15.picture import draw as plot
from experiments.sandbrink_2024.numbers import images as numbers
from experiments.sandbrink_2024.runs.images import (
    MAPS,
    Parameters,
    on_batches as online,
    on_images as with_images,
    runs,
)

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs", "with_images"]

PARAMETERS = Parameters()
FAST = dataclasses.replace(PARAMETERS, feature_steps=600, num_seeds=2, num_blocks=4, steps=600)


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A15 must show."""
    return numbers.accept(data, tuple(MAPS))
