"""The Interaction Basis: coordinates without directions that are never active, or never act on what follows.

With A = f / sqrt(n) the activations of a layer and J the derivative of what it acts on, coordinates fhat = C f are such
that E[fhat fhat^T] = diag(lambda) and E[Jhat^T Jhat] = 1 for Jhat = J C+: a direction's strength lambda is how much it
varies times how much it matters. From the last layer backwards:

    A^T = U S Q^T,  R = U S;   J R = . S_v V^T;   C = S_v V^T R^+,  C+ = R V S_v^-1,  lambda = S_v^2,

where singular values below a tolerance are cut off. Any invertible map inserted after a layer and undone in the next
section leaves lambda and fhat as they were.

Source: Bushnaq et al. 2024, arXiv 2405.10927 (global), arXiv 2405.10928 (local).
"""

import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.interaction.derivatives import (
    AbstractDerivative,
    AbstractReach,
    AtData,
    NextLayer,
    matrices,
    triangle,
)
from ntadyn.degeneracy.interaction.frames import AbstractFrame, Uncentred, without_apart
from ntadyn.degeneracy.interaction.network_basis import LayerBasis, NetworkBasis, measured
from ntadyn.degeneracy.interaction.sections import Sections
from ntadyn.degeneracy.interaction.spectrum import Spectrum

TOLERANCE = 1e-8


@dataclass(frozen=True)
class Construction:
    """How an Interaction Basis is made.

    Attributes:
        reach: what layers are asked to act on: the next layer, or the outputs.
        derivative: at the data, or along rays to it.
        frame: where the origin is.
        tolerance: singular values below it times the largest one are cut off.

    Raises:
        ValueError: for a tolerance that is not between 0 and 1.
    """

    reach: AbstractReach = NextLayer()
    derivative: AbstractDerivative = AtData()
    frame: AbstractFrame = Uncentred()
    tolerance: float = TOLERANCE

    def __post_init__(self):
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance is {self.tolerance}; it must lie between 0 and 1.")


def interaction_basis(sections: Sections, inputs: ArrayLike, construction: Construction | None = None) -> NetworkBasis:
    """The Interaction Basis of a network on some data.

    Outputs keep their own coordinates. Inside clusters of equal strengths coordinates are arbitrary, see `resolved`.
    Signs are such that the largest coordinate over the data is positive.

    Args:
        sections: the network.
        inputs: X, shape (examples, d_in).
        construction: the local basis, from derivatives at the data, if omitted.

    Returns:
        The coordinates of all layers, with ranks, both spectra and their gaps, units that are dead, and what rebuilding
        the outputs from them loses: where that is above 1e-6 the status is NOT_PRESERVED.

    Raises:
        ValueError: for inputs that the network does not take, or numbers that are not in double precision.
    """
    construction = construction or Construction()
    sections = construction.frame.prepared(sections)
    activations = sections.activations(inputs)
    layers = [as_they_are(activations[-1])]
    for layer in reversed(range(sections.depth)):
        layers.insert(0, _layer(sections, layer, activations[layer], layers[0], construction))
    return measured("interaction", sections, tuple(layers), np.asarray(inputs, np.float64), activations[-1])


def _layer(
    sections: Sections,
    layer: int,
    activations: NDArray[np.float64],
    after: LayerBasis,
    construction: Construction,
) -> LayerBasis:
    apart = construction.frame.apart(sections, activations)
    rows_apart, off = without_apart(apart)
    moving = activations @ off.T
    active, lift = active_directions(moving, construction.tolerance)
    target = construction.reach.target(sections, layer, jnp.asarray(after.to_hat))
    found = matrices(construction.derivative, target, activations)
    scale = math.sqrt(len(activations))
    rows = ((part @ lift).reshape(part.shape[0] * part.shape[1], active.rank) / scale for _, part in found)
    acting = triangle(rows, active.rank)
    _, values, right = np.linalg.svd(acting, full_matrices=False)
    interactions = Spectrum.cut(np.pad(values, (0, active.rank - values.size)), construction.tolerance)
    values, right = values[: interactions.rank], right[: interactions.rank]
    unlift = (lift / np.sum(lift**2, axis=0)).T  # R^+ = S^-1 U^T
    to_hat = values[:, None] * right @ unlift @ off
    hats = activations @ to_hat.T
    signs = np.sign(np.take_along_axis(hats, np.abs(hats).argmax(axis=0)[None], axis=0)[0])
    return LayerBasis(
        to_hat=np.concatenate([rows_apart, signs[:, None] * to_hat]),
        from_hat=np.concatenate([apart, lift @ (right.T / values) * signs], axis=1),
        strengths=values**2,
        num_apart=len(rows_apart),
        dead=dead_units(activations),
        activations=active,
        interactions=interactions,
    )


def active_directions(activations: NDArray[np.float64], tolerance: float) -> tuple[Spectrum, NDArray[np.float64]]:
    """R = U S of A^T = U S Q^T, with A = f / sqrt(n).

    A singular value decomposition of A rather than an eigendecomposition of its Gram matrix has twice the digits.

    Args:
        activations: f, shape (examples, units).
        tolerance: singular values below it times the largest one are cut off.

    Returns:
        All singular values with their rank r, and R, shape (units, r).
    """
    alive = np.any(activations != 0, axis=0)  # dead units must not come back by rounding
    corner = triangle(iter([activations[:, alive] / math.sqrt(len(activations))]), int(alive.sum()))
    left, values, _ = np.linalg.svd(corner.T, full_matrices=False)
    spectrum = Spectrum.cut(np.pad(values, (0, alive.size - values.size)), tolerance)
    lift = np.zeros((alive.size, spectrum.rank))
    lift[alive] = left[:, : spectrum.rank] * values[: spectrum.rank]
    return spectrum, lift


def as_they_are(outputs: NDArray[np.float64]) -> LayerBasis:
    """Every unit a coordinate.

    Args:
        outputs: activations of the layer, shape (examples, units).
    """
    identity = np.eye(outputs.shape[1])
    return LayerBasis(identity, identity, np.mean(outputs**2, axis=0), dead=dead_units(outputs))


def dead_units(activations: NDArray[np.float64]) -> tuple[int, ...]:
    """Units that are zero for all data.

    Args:
        activations: of one layer, shape (examples, units).
    """
    return tuple(np.flatnonzero(np.all(activations == 0, axis=0)).tolist())
