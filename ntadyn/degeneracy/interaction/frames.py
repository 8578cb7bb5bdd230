"""Where coordinates of a layer have their origin."""

import abc

import equinox as eqx
import numpy as np
from numpy.typing import NDArray

from ntadyn.degeneracy.interaction.sections import Sections


class AbstractFrame(eqx.Module):
    """Which directions of a layer are kept apart, unmixed and never dropped."""

    @abc.abstractmethod
    def prepared(self, sections: Sections) -> Sections:
        """The network with all that the frame needs."""

    @abc.abstractmethod
    def apart(self, sections: Sections, activations: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a coordinate that is the constant itself multiplies, shape (units, 0 or 1).

        Args:
            sections: the network, prepared.
            activations: f^l, shape (examples, units), with the constant last if there is one.
        """


class Uncentred(AbstractFrame):
    """None: the constant, where there are biases, mixes with the units."""

    def prepared(self, sections: Sections) -> Sections:
        """As it is."""
        return sections

    def apart(self, sections: Sections, activations: NDArray[np.float64]) -> NDArray[np.float64]:
        """Nothing."""
        return np.zeros((activations.shape[1], 0))


class Centred(AbstractFrame):
    """The constant times the mean activation: other coordinates have mean zero."""

    def prepared(self, sections: Sections) -> Sections:
        """With a constant, which carries the mean."""
        return sections.with_constant()

    def apart(self, sections: Sections, activations: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean."""
        return activations.mean(axis=0)[:, None]


class ConstantApart(AbstractFrame):
    """The constant if there is one: others are not centred, but biases are not among them."""

    def prepared(self, sections: Sections) -> Sections:
        """As it is."""
        return sections

    def apart(self, sections: Sections, activations: NDArray[np.float64]) -> NDArray[np.float64]:
        """The constant."""
        return np.eye(activations.shape[1])[:, -1:] if sections.constant else np.zeros((activations.shape[1], 0))


def without_apart(apart: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The coordinates that are kept apart, and the projection that takes them off.

    Args:
        apart: of `AbstractFrame.apart`, shape (units, k).

    Returns:
        The rows e_c, shape (k, units), that read the constant; and K = 1 - apart e_c.
    """
    units, number = apart.shape
    rows = np.eye(units)[units - number :]
    return rows, np.eye(units) - apart @ rows
