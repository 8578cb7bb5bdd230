"""Directions of equal strength, which the Interaction Basis leaves arbitrary, told apart by contexts.

Teachers whose rows are orthogonal give a trained network singular values that are all equal: within such a cluster any
rotation is as good as any other, and nearly equal values mix by noise (Davis and Kahan).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.interaction.derivatives import AtData, Onward, matrices
from ntadyn.degeneracy.interaction.joint_diagonalisation import joint_diagonaliser
from ntadyn.degeneracy.interaction.network_basis import LayerBasis, NetworkBasis, measured
from ntadyn.degeneracy.interaction.spectrum import runs

# Relative distances below which strengths count as equal; 0 leaves the basis as it is. No single one decides anything.
GAPS = (0.0, 0.05, 0.2, 0.5)
GAP = 0.2


def context_grams(basis: NetworkBasis, inputs: ArrayLike, contexts: Sequence[int]) -> list[NDArray[np.float64]]:
    """M_m = E[Jhat_m^T Jhat_m] of all layers but the last: how coordinates act on the outputs of every context.

    Args:
        basis: coordinates of a network.
        inputs: X, shape (examples, d_in).
        contexts: the context of every output, counted from 0.

    Returns:
        Layer by layer arrays of shape (contexts, coordinates, coordinates), without coordinates kept apart.

    Raises:
        ValueError: unless there is one context for every output.
    """
    sections = basis.sections
    activations = sections.activations(inputs)
    places = as_contexts(contexts, activations[-1].shape[1])
    found = []
    for layer in range(sections.depth):
        back = basis.layers[layer].from_hat[:, basis.layers[layer].num_apart :]
        grams = np.zeros((max(contexts) + 1, back.shape[1], back.shape[1]))
        for _, part in matrices(AtData(), Onward(sections, None, layer, sections.depth), activations[layer]):
            acting = part @ back
            for context in range(len(grams)):
                rows = acting[:, places == context].reshape(-1, back.shape[1])
                grams[context] += rows.T @ rows
        found.append(grams / len(activations[0]))
    return found


def resolved(
    basis: NetworkBasis,
    inputs: ArrayLike,
    contexts: Sequence[int],
    gap: float = GAP,
    grams: Sequence[NDArray[np.float64]] | None = None,
) -> NetworkBasis:
    """A basis whose clusters of nearly equal strengths are rotated such that contexts use different coordinates.

    Within a cluster the rotation is by the eigenvectors of M_1 - M_2, and by joint diagonalisation of more than two
    M_m. Rotations of one layer leave the other layers as they are, E[Jhat^T Jhat] = 1 as it is, and E[fhat fhat^T]
    diagonal up to the spread of the cluster.

    Args:
        basis: the Interaction Basis, or any.
        inputs: X, shape (examples, d_in).
        contexts: the context of every output, counted from 0.
        gap: neighbours in strength nearer than this times the largest belong to a cluster, see `GAPS`.
        grams: of `context_grams`, where they are known.

    Raises:
        ValueError: for a gap that is negative, or unless there is one context for every output.
    """
    if not gap >= 0:
        raise ValueError(f"a gap is a distance of strengths relative to the largest, at least 0; got {gap}.")
    grams = context_grams(basis, inputs, contexts) if grams is None else grams
    layers = [_rotated(layer, each, gap) for layer, each in zip(basis.layers[:-1], grams, strict=True)]
    outputs = basis.sections.activations(inputs)[-1]
    found = (*layers, basis.layers[-1])
    return measured(f"{basis.name}, resolved", basis.sections, found, np.asarray(inputs, np.float64), outputs)


def clusters(layer: LayerBasis, gap: float = GAP) -> list[tuple[int, ...]]:
    """Runs of coordinates whose strengths are nearly equal, without those of a single one.

    Args:
        layer: coordinates in descending order of strength.
        gap: see `resolved`.
    """
    return [run for run in runs(layer.strengths, gap) if len(run) > 1]


def as_contexts(contexts: Sequence[int], number: int) -> NDArray[np.int64]:
    """The context of every output as an array.

    Raises:
        ValueError: unless there are so many, all from 0 up, none left out.
    """
    places = np.asarray(contexts)
    whole = places.ndim == 1 and np.issubdtype(places.dtype, np.integer)
    if not whole or places.size != number or set(places.tolist()) != set(range(int(places.max(initial=-1)) + 1)):
        raise ValueError(
            f"contexts are one whole number for each of the {number} outputs, counted from 0 without a gap; got "
            f"{contexts!r}."
        )
    return places.astype(np.int64)


def _rotated(layer: LayerBasis, grams: NDArray[np.float64], gap: float) -> LayerBasis:
    rotation = np.eye(layer.rank)
    for cluster in clusters(layer, gap):
        inside = np.ix_(range(len(grams)), cluster, cluster)
        rotation[np.ix_(cluster, cluster)] = _contrast(grams[inside])
    apart = layer.num_apart
    strengths = np.einsum("ji,j,ji->i", rotation, layer.strengths, rotation)
    return replace(
        layer,
        to_hat=np.concatenate([layer.to_hat[:apart], rotation.T @ layer.to_hat[apart:]]),
        from_hat=np.concatenate([layer.from_hat[:, :apart], layer.from_hat[:, apart:] @ rotation], axis=1),
        strengths=strengths,
    )


def _contrast(grams: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(grams) == 2:
        return np.linalg.eigh(grams[0] - grams[1])[1]
    return joint_diagonaliser(grams)
