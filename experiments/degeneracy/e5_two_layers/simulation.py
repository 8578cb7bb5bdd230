"""Full networks, their graphs at the ends of blocks, and after blocks of other lengths."""

from dataclasses import dataclass

import jax
import numpy as np
import xarray as xr

from experiments.degeneracy.e5_two_layers.rectified import firing_over_blocks
from experiments.degeneracy.joint.conditions import Sizes, Trained, trained, two_layers, with_blocks
from experiments.degeneracy.joint.graphs import graphs, over_tables
from experiments.degeneracy.joint.measures import alignment, cosines
from experiments.degeneracy.joint.predictions import GAPS, RESOLUTIONS
from experiments.harness.runs import Run
from ntadyn.degeneracy import GateTable
from ntadyn.degeneracy.interaction import (
    interaction_basis,
    interaction_graph,
    modularity_report,
    resolved,
    unrolled_table,
)

SMALL_GAP = 0.01  # of the search for modules
CONDITIONS = {"penalty": True, "no penalty": False}


@dataclass(frozen=True)
class Parameters(Sizes):
    """What the experiment is made of.

    Attributes:
        blocks: of length 1, at whose ends is measured, counted from 1; the last one is that of the run.
        lengths: of blocks, until the same time.
        examples: of the rectified network.
    """

    blocks: tuple[int, ...] = (1, 2, 4, 8, 16, 30)
    lengths: tuple[float, ...] = (0.1, 0.25, 0.5, 2.0)
    examples: int = 200


def runs(parameters: Parameters) -> list[Run]:
    """Both conditions, all other lengths, and the rectified network."""
    arguments = {"parameters": parameters}
    return [
        *(
            Run(f"e5_{name}", of_condition, {**arguments, "penalties": penalties}, name)
            for name, penalties in CONDITIONS.items()
        ),
        *(
            Run(f"e5_length_{length:g}", of_length, {**arguments, "length": length}, f"length {length:g}")
            for length in parameters.lengths
        ),
        Run("e5_rectified", rectified, arguments, "rectified"),
    ]


def of_condition(parameters: Parameters, penalties: bool) -> xr.Dataset:
    """Graphs over (seed, block), and the search for modules at the end."""
    sizes, blocks = parameters.sizes, parameters.blocks
    found = trained(two_layers(sizes, parameters.seeds, blocks[-1], penalties))
    tables = jax.tree.map(lambda leaf: leaf[:, np.asarray(blocks) - 1], found.tables)
    searched = [searched_for(found, GateTable(*(leaf[seed, -1] for leaf in (tables.gates, tables.weights))))
                for seed in range(parameters.seeds)]  # fmt: skip
    return of_graphs(found, tables).assign(
        overlap=(("seed", "block"), overlaps(np.asarray(tables.gates))),
        best=("seed", [one for one, _ in searched]),
        by_chance=("seed", [other for _, other in searched]),
        block=list(blocks),
    )


def of_length(parameters: Parameters, length: float) -> xr.Dataset:
    """Graphs at the end of a run with blocks of another length."""
    spec = two_layers(parameters.sizes, parameters.seeds, 1)
    found = trained(with_blocks(spec, length, float(parameters.blocks[-1])))
    return of_graphs(found, jax.tree.map(lambda leaf: leaf[:, -1:], found.tables)).isel(block=0).assign(length=length)


def rectified(parameters: Parameters) -> xr.Dataset:
    """Units that fire together, over seeds, conditions and blocks."""
    sizes = parameters.sizes
    parts = [
        firing_over_blocks(sizes, parameters.seeds, parameters.blocks[-1], parameters.examples, penalties)
        for penalties in CONDITIONS.values()
    ]
    return xr.concat(parts, "condition").assign_coords(condition=list(CONDITIONS))


def of_graphs(found: Trained, tables: GateTable) -> xr.Dataset:
    """Modularity of tasks of all tables, and cosines of hidden units with the rows of teachers."""
    modular = over_tables(tables, lambda table: graphs(found.network, table))
    rows = found.teachers.reshape(-1, 1, found.teachers.shape[-1])
    return xr.Dataset(
        {
            "by_gap": (("seed", "block", "gap"), modular["gap"]),
            "by_resolution": (("seed", "block", "resolution"), modular["resolution"]),
            "neuron": (("seed", "block"), modular["neuron"]),
            "alignment": (("seed", "block"), alignment(np.abs(cosines(tables.weights[..., None, :], rows)))),
        },
        {"gap": list(GAPS), "resolution": list(RESOLUTIONS)},
    )


def overlaps(gates: np.ndarray) -> np.ndarray:
    """Cosine of |B_1| and |B_2|, shape (seed, block)."""
    one, other = (np.abs(gates[:, :, task]).reshape(*gates.shape[:2], -1) for task in range(2))
    return np.sum(one * other, -1) / (np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1))


def searched_for(found: Trained, table: GateTable) -> tuple[float, float]:
    """The best modularity that is found, and the mean of it after permuting weights, in the Interaction Basis."""
    unrolled = unrolled_table(found.network, table)
    inputs = np.sqrt(table.weights.shape[-1]) * np.eye(table.weights.shape[-1])
    basis = resolved(interaction_basis(unrolled.sections, inputs), inputs, unrolled.contexts, SMALL_GAP)
    told = modularity_report(interaction_graph(basis, inputs, unrolled.contexts).from_layer(-2))
    return told.optimised, told.null_mean
