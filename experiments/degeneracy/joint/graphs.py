"""Modularity of tasks, of networks with the gates of all tasks."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.degeneracy.joint.predictions import GAPS, RESOLUTIONS
from ntadyn.degeneracy import GateTable
from ntadyn.degeneracy.interaction import (
    NetworkBasis,
    context_grams,
    interaction_basis,
    interaction_graph,
    modularity,
    neuron_basis,
    resolved,
    unrolled_table,
)
from ntadyn.networks import AbstractGatedNetwork

GAP, RESOLUTION = 0.2, 1.0


class Graphs(NamedTuple):
    """Modularity of tasks, of a network with the gates of all tasks.

    Attributes:
        gap: in the Interaction Basis at resolution 1, at all gaps.
        resolution: in the Interaction Basis at a gap of 0.2, at all resolutions.
        neuron: in the basis of units.
    """

    gap: NDArray[np.float64]
    resolution: NDArray[np.float64]
    neuron: float


def graphs(network: AbstractGatedNetwork, table: GateTable) -> Graphs:
    """Modularity of tasks; inputs are white.

    Args:
        network: any network of the kind.
        table: gates of all tasks, and weights.
    """
    unrolled = unrolled_table(network, table)
    size = table.weights.shape[-1]
    inputs = np.sqrt(size) * np.eye(size)
    basis = interaction_basis(unrolled.sections, inputs)
    grams = context_grams(basis, inputs, unrolled.contexts)

    def of_tasks(basis: NetworkBasis, resolutions: Sequence[float]) -> list[float]:
        graph = interaction_graph(basis, inputs, unrolled.contexts).from_layer(-2)
        adjacency, parts = graph.adjacency(), graph.context_partition()
        return [modularity(adjacency, parts, resolution) for resolution in resolutions]

    def at(gap: float) -> NetworkBasis:
        return resolved(basis, inputs, unrolled.contexts, gap, grams)

    return Graphs(
        np.array([of_tasks(at(gap), (RESOLUTION,))[0] for gap in GAPS]),
        np.array(of_tasks(at(GAP), RESOLUTIONS)),
        of_tasks(neuron_basis(unrolled.sections, inputs), (RESOLUTION,))[0],
    )


def over_tables(tables: GateTable, function: Callable[[GateTable], NamedTuple]) -> dict[str, NDArray[np.float64]]:
    """What a function says of every table: by its names, with the axes (seed, block) in front."""
    seeds, blocks = tables.gates.shape[:2]
    rows = [
        [function(GateTable(tables.gates[seed, block], tables.weights[seed, block])) for block in range(blocks)]
        for seed in range(seeds)
    ]
    return {name: np.array([[getattr(each, name) for each in row] for row in rows]) for name in rows[0][0]._fields}
