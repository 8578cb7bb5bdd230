"""Figure 7: a nonlinear network on images: frozen features, a gated read-out, labels that change their names in turn.

Task A names the classes as they are, task B puts even ones first and odd ones last. The features are those of a small
convolutional network that was trained once on task A. The published pictures are missing and the published script
cannot run: its files and settings contradict each other. The penalty of the flexible network is on the L2 norm of the
gates, to which the published axis points, and once more on the L1 norm, which the script names; the forgetful network
has no penalty and gates as slow as its weights. Features are rescaled to the mean squared norm of those of MNIST,
because the learning rates are absolute.

By default on the 8 x 8 digits that scikit-learn brings along, because nothing is downloaded. On a folder with MNIST or
Fashion-MNIST in IDX form: `python -m experiments run figure_7 --images FOLDER`; see `ntadyn.tasks.idx` for its files.
"""

import dataclasses

from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_7.picture import draw as plot
from experiments.sandbrink_2024.numbers import images as numbers
from experiments.sandbrink_2024.runs.images import Parameters, on_batches as online, on_images as with_images, runs

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs", "with_images"]

PARAMETERS = Parameters()
FAST = dataclasses.replace(PARAMETERS, feature_steps=600, num_seeds=2, num_blocks=4, steps=600)


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure 7 must show."""
    return numbers.accept(data, ("parity",))
