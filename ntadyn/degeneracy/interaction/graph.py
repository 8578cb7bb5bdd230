"""The interaction graph: which directions of a layer act on which of the next, and how much.

    E_ij = mean_x ( int_0^1 d fhat_i^(l+1) / d fhat_j^l (a fhat) da . fhat_j )^2

is how much of direction i comes from direction j. For a network unrolled over contexts, with a linear last section B_m
in context m, E_((m,k),j) = (B_m C+)_kj^2 lambda_j.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.interaction.derivatives import AbstractDerivative, AtData, matrices
from ntadyn.degeneracy.interaction.network_basis import HatNetwork, NetworkBasis
from ntadyn.degeneracy.interaction.resolving import as_contexts


@dataclass(frozen=True)
class InteractionGraph:
    """Edges between the directions of neighbouring layers.

    Attributes:
        name: of the basis.
        edges: E of every pair of layers from `first` on, shapes (nodes of the next layer, nodes of the layer).
            Constants that are kept apart are no nodes.
        contexts: the context of every output, or None.
        first: the layer that the first edges come from.
    """

    name: str
    edges: tuple[NDArray[np.float64], ...]
    contexts: tuple[int, ...] | None = None
    first: int = 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes of all layers."""
        return (self.edges[0].shape[1], *(each.shape[0] for each in self.edges))

    def from_layer(self, layer: int) -> "InteractionGraph":
        """The part behind a layer, counted from 0 in the whole network, or from -2 for the edges to the outputs.

        Raises:
            ValueError: if there is no edge behind it.
        """
        depth = self.first + len(self.edges)
        start = layer + depth + 1 if layer < 0 else layer
        if not self.first <= start < depth:
            raise ValueError(f"edges begin in layers {self.first} to {depth - 1}; got {layer}.")
        return replace(self, edges=self.edges[start - self.first :], first=start)

    def weighted(self, transform: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> "InteractionGraph":
        """With other weights, for example `numpy.sqrt` or `DecadesAbove`."""
        return replace(self, edges=tuple(transform(each) for each in self.edges))

    def adjacency(self) -> NDArray[np.float64]:
        """All weights as a symmetric matrix, nodes in the order of layers."""
        starts = np.cumsum((0, *self.sizes))
        matrix = np.zeros((starts[-1], starts[-1]))
        for at, each in enumerate(self.edges):
            matrix[starts[at + 1] : starts[at + 2], starts[at] : starts[at + 1]] = each
        return matrix + matrix.T

    def context_partition(self) -> NDArray[np.int64]:
        """Outputs by their context, and every other node by the part of the next layer that it acts on most.

        Raises:
            ValueError: if contexts are not known.
        """
        if self.contexts is None:
            raise ValueError("the graph has no contexts; give them to `interaction_graph`.")
        number = max(self.contexts) + 1
        parts = [np.asarray(self.contexts)]
        for each in reversed(self.edges):
            weights = np.stack([each[parts[0] == part].sum(axis=0) for part in range(number)])
            parts.insert(0, weights.argmax(axis=0))
        return np.concatenate(parts).astype(np.int64)


@dataclass(frozen=True)
class DecadesAbove:
    """max(0, log10(E / floor)): how many decades a weight is above what can be cut.

    Attributes:
        floor: weights below it become 0.

    Raises:
        ValueError: for a floor that is not positive.
    """

    floor: float

    def __post_init__(self):
        if not self.floor > 0:
            raise ValueError(f"the floor of weights must be positive; got {self.floor}.")

    def __call__(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The decades."""
        return np.log10(np.maximum(weights, self.floor) / self.floor)


class HatStep(eqx.Module):
    """fhat^l -> fhat^(l+1).

    Attributes:
        network: in its new coordinates.
        layer: l.
    """

    network: HatNetwork
    layer: int = eqx.field(static=True)

    def __call__(self, hat: Float[Array, " r"]) -> Float[Array, " s"]:
        """The next layer."""
        return self.network.step(self.layer, hat)


def interaction_graph(
    basis: NetworkBasis,
    inputs: ArrayLike,
    contexts: Sequence[int] | None = None,
    derivative: AbstractDerivative | None = None,
) -> InteractionGraph:
    """The interaction graph of a network in some basis.

    Args:
        basis: coordinates: units, principal directions, or the Interaction Basis.
        inputs: X, shape (examples, d_in).
        contexts: the context of every output, for modules that are contexts.
        derivative: at the data if omitted, which for rectified sections is the same as along rays.

    Raises:
        ValueError: unless there is one context for every output.
    """
    derivative = AtData() if derivative is None else derivative
    if contexts is not None:
        contexts = tuple(as_contexts(contexts, basis.layers[-1].to_hat.shape[1]).tolist())
    hats, network = basis.hats(inputs), basis.network
    edges = []
    for layer in range(basis.sections.depth):
        rows, columns = basis.layers[layer + 1].num_apart, basis.layers[layer].num_apart
        found = np.zeros((hats[layer + 1].shape[1], hats[layer].shape[1]))
        for places, part in matrices(derivative, HatStep(network, layer), hats[layer]):
            found += np.einsum("nij,nj->ij", part**2, hats[layer][places] ** 2)
        edges.append(found[rows:, columns:] / len(hats[layer]))
    return InteractionGraph(basis.name, tuple(edges), contexts)
