"""What the network of a simulation is made of at the ends of its blocks: Interaction Basis, graph by tasks, ledger."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PyTree
from numpy.typing import NDArray

from ntadyn.degeneracy.interaction.basis import interaction_basis
from ntadyn.degeneracy.interaction.graph import interaction_graph
from ntadyn.degeneracy.interaction.ledger import Ledger
from ntadyn.degeneracy.interaction.modularity import modularity, modularity_report
from ntadyn.degeneracy.interaction.resolving import GAP, GAPS, context_grams, resolved
from ntadyn.degeneracy.interaction.spectrum import Spectrum
from ntadyn.degeneracy.interaction.table_ledger import table_ledger
from ntadyn.degeneracy.interaction.unrolling import maps_of_contexts, separation, unrolled_table
from ntadyn.results.provenance import provenance
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.degeneracy import Checkpoint, simulated
from ntadyn.specs.paths import to_json
from ntadyn.specs.places import Places


def interaction(
    configuration: Configuration, places: Places | None = None, progress: Callable[[int, int], None] | None = None
) -> xr.Dataset:
    """Run a configuration again, and take its network apart at the ends of its blocks, in all tasks at once.

    Hidden units are those of the unrolled network: the outputs of all paths, or the first layer of a full network.
    Inputs are as many as they have dimensions, with exactly the covariance of the simulation: averages over them are
    those over all inputs, since the network is linear.

    Args:
        configuration: what is simulated.
        places: repetitions and blocks; its temperatures and its loss are not used.
        progress: called with how many checkpoints are done, and of how many.

    Returns:
        Dataset over (seed, block): `strength` of every direction of the hidden layer, `edge` from directions to the
        outputs of all tasks, both spectra with their ranks and gaps, modularity in three numbers (of the partition by
        tasks at several `gap`s below which strengths count as equal), `separation` of tasks, what rebuilding the
        outputs loses, and the ledger of null directions.

    Raises:
        ValueError: for blocks that there are not, or a simulation that fails.
        ImportError: if scikit-network is not installed.
    """
    places = places or Places()
    blocks, checkpoints = simulated(configuration, places)
    rows = []
    for seed in range(places.seeds):
        for at in range(len(blocks)):
            rows.append(taken_apart(_at(checkpoints, seed, at)))
            if progress is not None:
                progress(len(rows), places.seeds * len(blocks))
    size = len(blocks)
    of_seeds = [xr.concat(rows[seed * size : (seed + 1) * size], "block") for seed in range(places.seeds)]
    dataset = xr.concat(of_seeds, "seed").assign_coords(seed=range(places.seeds), block=blocks)
    return dataset.assign_attrs({"configuration": to_json(configuration), "gap": GAP} | provenance())


def taken_apart(checkpoint: Checkpoint) -> xr.Dataset:
    """All numbers of one checkpoint.

    Args:
        checkpoint: without axes of repetitions and blocks.
    """
    network = unrolled_table(checkpoint.network, checkpoint.table)
    size = checkpoint.table.weights.shape[-1]
    inputs = np.sqrt(size) * np.asarray(
        checkpoint.flow.through_root(jnp.eye(size, dtype=checkpoint.table.weights.dtype))
    )
    basis = interaction_basis(network.sections, inputs)
    grams = context_grams(basis, inputs, network.contexts)
    bases = {gap: resolved(basis, inputs, network.contexts, gap, grams) for gap in {*GAPS, GAP}}
    graphs = {gap: interaction_graph(one, inputs, network.contexts).from_layer(-2) for gap, one in bases.items()}
    given = [modularity(graphs[gap].adjacency(), graphs[gap].context_partition()) for gap in GAPS]
    found, layer = modularity_report(graphs[GAP]), bases[GAP].layers[1]
    units = layer.to_hat.shape[1]
    maps = maps_of_contexts(network)
    edges = np.full((len(maps), maps.shape[1], units), np.nan)
    edges[:, :, : layer.rank] = graphs[GAP].edges[0].reshape(*maps.shape[:2], layer.rank)
    apart = len(maps) > 1 and bool(np.all(np.any(maps != 0, axis=(1, 2))))
    variables = {
        "strength": ("direction", np.pad(layer.strengths, (0, units - layer.rank), constant_values=np.nan)),
        "edge": (("task", "output", "direction"), edges),
        "modularity": ("gap", np.array(given)),
        "best_modularity": ((), found.optimised),
        "null_modularity": ((), found.null_mean),
        "null_modularity_deviation": ((), found.null_deviation),
        "separation": ((), separation(maps) if apart else np.nan),
        "lost": ((), bases[GAP].lost),
        "preserved": ((), bases[GAP].preserved),
    }
    for name, spectrum in (("activation", layer.activations), ("interaction", layer.interactions)):
        variables |= _of_spectrum(name, spectrum, units)
    variables |= _of_ledger(table_ledger(checkpoint.network, checkpoint.table))
    return xr.Dataset(variables, {"gap": list(GAPS)})


def _of_spectrum(name: str, spectrum: Spectrum | None, units: int) -> dict[str, tuple]:
    assert spectrum is not None
    values = np.pad(spectrum.values, (0, units - spectrum.values.size), constant_values=np.nan)
    return {
        f"{name}_spectrum": ("direction", values),
        f"{name}_rank": ((), spectrum.rank),
        f"{name}_gap": ((), spectrum.gap),
    }


def _of_ledger(ledger: Ledger) -> dict[str, tuple]:
    names = [entry.name for entry in ledger.entries]
    counts: NDArray[np.int64] = np.array([entry.explained for entry in ledger.entries])
    numbers = {"parameters": ledger.dimension, "rank": ledger.rank, "unexplained": ledger.unexplained}
    return {name: ((), number) for name, number in numbers.items()} | {
        "explained": ("explanation", counts),
        "explanation_name": ("explanation", np.array(names)),
    }


def _at(checkpoints: Checkpoint, seed: int, block: int) -> Checkpoint:
    def chosen(leaf: PyTree) -> PyTree:
        return leaf[seed, block] if eqx.is_array(leaf) else leaf

    return jax.tree.map(chosen, checkpoints)
