"""What a network still does when interactions are cut, the weakest first: what a basis is worth.

An edge is cut by giving its target a zero in place of its source, while other targets go on seeing the source. What is
cut in one layer is felt in all that follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from ntadyn.degeneracy.interaction.graph import InteractionGraph, interaction_graph
from ntadyn.degeneracy.interaction.network_basis import HatNetwork, NetworkBasis


@dataclass(frozen=True)
class AblationCurve:
    """Output error against edges kept.

    Attributes:
        name: of the basis.
        num_edges: all edges that may be cut.
        kept: how many are kept, ascending.
        error: |Y' - Y| / |Y| over the data, with Y the outputs of the network itself.
    """

    name: str
    num_edges: int
    kept: tuple[int, ...]
    error: tuple[float, ...]


class Ablation:
    """A network whose edges can be cut in order.

    Edges of a layer count by their share E / sum E of all into the next layer, and compete across layers.

    Attributes:
        basis: its coordinates.
        graph: its edges.
    """

    def __init__(self, basis: NetworkBasis, inputs: ArrayLike, first: int = 0, graph: InteractionGraph | None = None):
        """An ablation.

        Args:
            basis: coordinates.
            inputs: X, shape (examples, d_in).
            first: edges from this layer on may be cut; negative numbers count as in `InteractionGraph.from_layer`.
            graph: of the basis on these inputs, where it is known.

        Raises:
            ValueError: if there is no edge behind that layer.
        """
        graph = interaction_graph(basis, inputs) if graph is None else graph
        self.basis, self.graph = basis, graph.from_layer(first)
        self._inputs = jnp.asarray(np.asarray(inputs, np.float64))
        self._outputs = basis.sections.activations(inputs)[-1]
        shares = [each.ravel() / max(each.sum(), np.finfo(float).tiny) for each in self.graph.edges]
        self._order = np.argsort(-np.concatenate(shares), kind="stable")

    @property
    def num_edges(self) -> int:
        """All edges that may be cut."""
        return self._order.size

    def error(self, kept: int) -> float:
        """|Y' - Y| / |Y| with so many edges, the strongest ones.

        Args:
            kept: at most all.

        Raises:
            ValueError: for more edges than there are.
        """
        if not 0 <= kept <= self.num_edges:
            raise ValueError(f"there are {self.num_edges} edges to keep; got {kept}.")
        outputs = np.asarray(_cut(self.basis.network, self._masks(kept), self.graph.first, self._inputs))
        off, size = float(np.linalg.norm(outputs - self._outputs)), float(np.linalg.norm(self._outputs))
        return off / size if size > 0 else float("inf") if off > 0 else 0.0

    def curve(self, kept: Sequence[int] | None = None) -> AblationCurve:
        """The error at many numbers of edges.

        Args:
            kept: how many; about twenty numbers from none to all if omitted.
        """
        if kept is None:
            steps = np.concatenate([[0], np.geomspace(1, max(self.num_edges, 1), 20)])
            kept = sorted(set(np.rint(steps).astype(int).tolist()) & set(range(self.num_edges + 1)))
        kept = tuple(sorted(int(each) for each in kept))
        return AblationCurve(self.basis.name, self.num_edges, kept, tuple(self.error(each) for each in kept))

    def edges_needed(self, error: float) -> int:
        """The fewest edges, by bisection, that keep the error at or below a bound, one less being too few.

        Args:
            error: the bound.

        Raises:
            ValueError: if not even all edges do: the basis does not preserve the network that well.
        """
        low, high = -1, self.num_edges
        if (of_all := self.error(high)) > error:
            raise ValueError(f"with all {high} edges the error is {of_all:.2g}, above {error:g}.")
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.error(middle) <= error else (middle, high)
        return high

    def floor(self, kept: int) -> float:
        """The weight of the weakest edge that is kept, for `DecadesAbove`: the least, if edges of layers compete."""
        chosen = np.concatenate([each.ravel() for each in self.graph.edges])[self._order[:kept]]
        return float(chosen.min(initial=np.inf))

    def _masks(self, kept: int) -> tuple[Array, ...]:
        keep = np.zeros(self.num_edges)
        keep[self._order[:kept]] = 1
        masks, start = [], 0
        for at, each in enumerate(self.graph.edges, start=self.graph.first):
            rows, columns = self.basis.layers[at + 1].num_apart, self.basis.layers[at].num_apart
            mask = np.ones((rows + each.shape[0], columns + each.shape[1]))
            mask[rows:, columns:] = keep[start : start + each.size].reshape(each.shape)
            masks.append(jnp.asarray(mask))
            start += each.size
        return tuple(masks)


def gini(weights: ArrayLike) -> float:
    """Sum_ij |w_i - w_j| / (2 n sum_i w_i): 0 for equal weights, 1 - 1/n where all is in one.

    Args:
        weights: not negative.

    Raises:
        ValueError: for negative weights, or none.
    """
    ascending = np.sort(np.asarray(weights, np.float64).ravel())
    if not ascending.size or ascending[0] < 0:
        raise ValueError("gini: weights must not be negative, and there must be some.")
    total, number = ascending.sum(), ascending.size
    if total == 0:
        return 0.0
    return float((2 * np.arange(1, number + 1) - number - 1) @ ascending / (number * total))


@eqx.filter_jit
def _cut(network: HatNetwork, masks: tuple[Array, ...], first: int, inputs: Float[Array, "n i"]) -> Float[Array, "n o"]:
    def of_one(x: Array) -> Array:
        hat = network.enter(x)
        for layer in range(first):
            hat = network.step(layer, hat)
        for layer, mask in enumerate(masks, start=first):
            before = hat
            # Every target with the sources that it still has.
            each = jax.vmap(lambda keep, layer=layer, before=before: network.step(layer, keep * before))(mask)
            hat = jnp.diagonal(each)
        return network.from_hat[-1] @ hat

    return jax.vmap(of_one)(inputs)
