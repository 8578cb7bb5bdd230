"""Coordinates to compare the Interaction Basis with: the units themselves, and principal directions."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.interaction.basis import TOLERANCE, active_directions, as_they_are, dead_units
from ntadyn.degeneracy.interaction.frames import AbstractFrame, ConstantApart, Uncentred, without_apart
from ntadyn.degeneracy.interaction.network_basis import LayerBasis, NetworkBasis, measured
from ntadyn.degeneracy.interaction.sections import Sections


def neuron_basis(sections: Sections, inputs: ArrayLike) -> NetworkBasis:
    """Every unit a coordinate, and a constant kept apart.

    Args:
        sections: the network.
        inputs: X, shape (examples, d_in).

    Raises:
        ValueError: for inputs that the network does not take.
    """
    activations = sections.activations(inputs)
    layers = [_units(sections, values) for values in activations[:-1]]
    layers.append(as_they_are(activations[-1]))
    return measured("neuron", sections, tuple(layers), np.asarray(inputs, np.float64), activations[-1])


def principal_basis(
    sections: Sections, inputs: ArrayLike, frame: AbstractFrame | None = None, tolerance: float = TOLERANCE
) -> NetworkBasis:
    """Fhat = U^T f with the left singular vectors U of activations, in descending order of their singular values.

    Args:
        sections: the network.
        inputs: X, shape (examples, d_in).
        frame: where the origin is; uncentred if omitted.
        tolerance: singular values below it times the largest one are cut off.

    Raises:
        ValueError: for inputs that the network does not take.
    """
    frame = Uncentred() if frame is None else frame
    sections = frame.prepared(sections)
    activations = sections.activations(inputs)
    layers = [_principal(values, frame.apart(sections, values), tolerance) for values in activations[:-1]]
    layers.append(as_they_are(activations[-1]))
    return measured("principal", sections, tuple(layers), np.asarray(inputs, np.float64), activations[-1])


def _units(sections: Sections, activations: NDArray[np.float64]) -> LayerBasis:
    apart = ConstantApart().apart(sections, activations)
    number = apart.shape[1]
    units = np.roll(np.eye(activations.shape[1]), number, axis=0)  # the constant, which is last, comes first
    strengths = np.mean(activations**2, axis=0)[: activations.shape[1] - number]
    return LayerBasis(units, units.T, strengths, number, dead_units(activations))


def _principal(activations: NDArray[np.float64], apart: NDArray[np.float64], tolerance: float) -> LayerBasis:
    rows_apart, off = without_apart(apart)
    spectrum, lift = active_directions(activations @ off.T, tolerance)
    strengths = np.sum(lift**2, axis=0)
    directions = lift / np.sqrt(strengths)
    return LayerBasis(
        to_hat=np.concatenate([rows_apart, directions.T @ off]),
        from_hat=np.concatenate([apart, directions], axis=1),
        strengths=strengths,
        num_apart=len(rows_apart),
        dead=dead_units(activations),
        activations=spectrum,
    )
