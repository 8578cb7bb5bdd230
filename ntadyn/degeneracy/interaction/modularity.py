"""How modular a graph is, in three numbers: of a given partition, of the best one found, and by chance.

On small graphs the best partition of pure noise is modular too: networks without any modules have optimised
modularities of 0.27 to 0.44, and so have graphs with the same weights in random places. An optimised number means
nothing without its null model.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.interaction.graph import InteractionGraph

SEARCHES, DRAWS = 10, 20


@dataclass(frozen=True)
class Modularity:
    """The three numbers.

    Attributes:
        given: Q of the given partition.
        optimised: the best Q found.
        parts: the partition that has it.
        null_mean: mean of the best Q found after permuting weights.
        null_deviation: its standard deviation.
        resolution: gamma of Q.
    """

    given: float
    optimised: float
    parts: tuple[int, ...]
    null_mean: float
    null_deviation: float
    resolution: float

    @property
    def z(self) -> float:
        """(optimised - null mean) / null deviation; not a number where permuting changes nothing."""
        if self.null_deviation == 0:
            return float("nan")
        return (self.optimised - self.null_mean) / self.null_deviation

    def __str__(self) -> str:
        """One line."""
        return (
            f"modularity {self.given:.3f} of the given partition; best {self.optimised:.3f} in {len(set(self.parts))} "
            f"parts, by chance {self.null_mean:.3f} ± {self.null_deviation:.3f} (z = {self.z:+.1f})"
        )


def modularity(adjacency: ArrayLike, parts: ArrayLike, resolution: float = 1.0) -> float:
    """Q = 1/(2w) sum_ij (A_ij - gamma k_i k_j / (2w)) [i and j in one part].

    Args:
        adjacency: A, symmetric and not negative, shape (nodes, nodes).
        parts: the part of every node.
        resolution: gamma.

    Returns:
        Q, 0 for a graph without edges.

    Raises:
        ValueError: for a matrix that is no such A, or a partition of another size.
    """
    weights, labels = np.asarray(adjacency, np.float64), np.asarray(parts)
    square = weights.ndim == 2 and weights.shape[0] == weights.shape[1]
    if not square or labels.shape != weights.shape[:1] or np.any(weights < 0) or not np.array_equal(weights, weights.T):
        raise ValueError(
            f"modularity: weights must be symmetric and not negative, with a part for every node; got shapes "
            f"{weights.shape} and {labels.shape}."
        )
    total = weights.sum()
    if total == 0:
        return 0.0
    belongs = (labels[:, None] == np.unique(labels)).astype(float)
    inside = np.einsum("ip,ij,jp->p", belongs, weights, belongs)
    return float(np.sum(inside / total - resolution * (weights.sum(axis=0) @ belongs / total) ** 2))


def best_partition(adjacency: NDArray[np.float64], resolution: float = 1.0, seed: int = 0) -> NDArray[np.int64]:
    """The partition of the highest modularity that ten searches find.

    Args:
        adjacency: A, symmetric, shape (nodes, nodes).
        resolution: gamma.
        seed: of the searches.

    Raises:
        ImportError: if scikit-network is not installed.
    """
    from scipy.sparse import csr_matrix

    if not np.any(adjacency):
        return np.zeros(len(adjacency), np.int64)
    clustering, sparse = _clustering(), csr_matrix(adjacency)
    # Its own tolerances: it adds in single precision, and with 1e-9 a search may never end (version 0.33.5).
    settings = {"resolution": resolution, "shuffle_nodes": True, "return_probs": False, "return_aggregate": False}
    searches = [clustering.Louvain(random_state=seed + each, **settings) for each in range(SEARCHES)]
    found = [search.fit_predict(sparse) for search in searches]
    return np.asarray(max(found, key=lambda parts: modularity(adjacency, parts, resolution)), np.int64)


def modularity_report(
    graph: InteractionGraph, parts: ArrayLike | None = None, resolution: float = 1.0, seed: int = 0
) -> Modularity:
    """The three numbers of a graph; take `graph.from_layer(-2)` for the edges to the outputs alone.

    Args:
        graph: weights of edges; none of them negative.
        parts: the given partition, of nodes in the order of layers; that of contexts if omitted.
        resolution: gamma.
        seed: of searches and permutations. Weights are permuted within each pair of layers, absent edges included.

    Raises:
        ValueError: if there is neither a partition nor contexts, or one of another size.
        ImportError: if scikit-network is not installed.
    """
    given = graph.context_partition() if parts is None else np.asarray(parts)
    adjacency = graph.adjacency()
    best = best_partition(adjacency, resolution, seed)
    null = [_best_by_chance(graph, resolution, seed + 1 + draw) for draw in range(DRAWS)]
    return Modularity(
        given=modularity(adjacency, given, resolution),
        optimised=modularity(adjacency, best, resolution),
        parts=tuple(best.tolist()),
        null_mean=float(np.mean(null)),
        null_deviation=float(np.std(null, ddof=1)),
        resolution=resolution,
    )


def permuted(graph: InteractionGraph, seed: int) -> InteractionGraph:
    """The same weights in random places, within each pair of layers."""
    draw = np.random.default_rng(seed)
    return graph.weighted(lambda edges: draw.permutation(edges.ravel()).reshape(edges.shape))


def _best_by_chance(graph: InteractionGraph, resolution: float, seed: int) -> float:
    adjacency = permuted(graph, seed).adjacency()
    return modularity(adjacency, best_partition(adjacency, resolution, seed), resolution)


def _clustering() -> ModuleType:
    try:
        from sknetwork import clustering
    except ImportError as error:
        raise ImportError(
            'searches for modules come with scikit-network; install it by `pip install "ntadyn[degeneracy]"`.'
        ) from error
    return clustering
