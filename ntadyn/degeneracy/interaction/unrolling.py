"""A gated network in all its contexts at once: hidden units are shared, and every context has outputs of its own.

Without unrolling no modules can be seen in a linear network: its Interaction Basis consists of the singular vectors of
the end-to-end map, between whose layers every direction has one partner, whatever the gates do.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.gate_table import GateTable, with_parameters
from ntadyn.degeneracy.interaction.sections import Dense, Sections, chain
from ntadyn.networks import AbstractGatedNetwork, DeepLinear, GatedMLP, GatedNetwork
from ntadyn.networks.paths import AbstractPath


class AllReadouts(eqx.Module):
    """h -> (y_1, ..., y_M): what all contexts make of the hidden units of all paths.

    Attributes:
        networks: one gated network per context, which differ in their gates.
    """

    networks: tuple[GatedNetwork, ...]

    def __call__(self, hidden: Float[Array, " h"]) -> Float[Array, " mo"]:
        """The outputs of all contexts, one after the other."""
        return jnp.concatenate([_readout(network, hidden) for network in self.networks])


class AllFeatures(eqx.Module):
    """x -> h: the hidden units of all paths.

    Attributes:
        paths: the paths.
    """

    paths: tuple[AbstractPath, ...]

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " h"]:
        """The hidden units, path by path."""
        return jnp.concatenate([path.features(x) for path in self.paths])


class Unrolled(eqx.Module):
    """Sections from inputs to hidden units, and from these to the outputs of all contexts.

    Attributes:
        sections: the network.
        contexts: the context of every output.
    """

    sections: Sections
    contexts: tuple[int, ...] = eqx.field(static=True)


def unrolled(network: Any, gates: ArrayLike) -> Unrolled:
    """A network with the gates of all contexts.

    Args:
        network: any gated network of `ntadyn.networks` whose paths say what their hidden units are. Hidden units of
            gated linear paths are the outputs W^p x of the paths.
        gates: of all contexts, shape (contexts, ...) with the gates of the network behind: as in a `GateTable`.

    Raises:
        ValueError: for gates of another shape, or a network whose hidden units are not known.
    """
    table = jnp.asarray(gates, getattr(getattr(network, "gates", None), "dtype", None))
    if not hasattr(network, "gates") or table.ndim < 1 or table.shape[1:] != network.gates.shape or not len(table):
        shape = getattr(getattr(network, "gates", None), "shape", "none")
        raise ValueError(
            f"unrolled: got gates of shape {table.shape} for a {type(network).__name__} with gates of shape {shape}; "
            f"give one such set of gates for every context."
        )
    networks = tuple(eqx.tree_at(lambda one: one.gates, network, each) for each in table)
    if isinstance(network, AbstractGatedNetwork):
        first = network.weights.reshape(-1, network.weights.shape[-1])
        sections = chain(Dense(first), Dense(jnp.concatenate([_linear_readout(each) for each in networks])))
    elif isinstance(network, GatedMLP):
        first = network.hidden.reshape(-1, network.hidden.shape[-1])
        readouts = jnp.concatenate([_mlp_readout(each) for each in networks])
        sections = chain(Dense(first, None, jax.nn.relu), Dense(readouts))
    elif isinstance(network, GatedNetwork) and all(isinstance(path, AbstractPath) for path in _paths(network)):
        sections = chain(AllFeatures(_paths(network)), AllReadouts(networks))
    else:
        raise ValueError(
            f"unrolled: the hidden units of a {type(network).__name__} are not known; make its paths `AbstractPath`s, "
            "or chain sections of your own whose last one gives the outputs of all contexts."
        )
    outputs = sections.sections[-1]
    size = outputs.weight.shape[0] if isinstance(outputs, Dense) else _num_outputs(networks) * len(networks)
    return Unrolled(sections, tuple(np.repeat(np.arange(len(networks)), size // len(networks)).tolist()))


def unrolled_table(network: AbstractGatedNetwork, table: GateTable) -> Unrolled:
    """A gated linear network with the gates of all tasks.

    Args:
        network: any network of the kind.
        table: gates of all tasks, and weights.
    """
    return unrolled(with_parameters(network, table.gates[0], table.weights), table.gates)


def maps_of_contexts(found: Unrolled) -> NDArray[np.float64]:
    """F_m of a network of two linear sections, shape (contexts, d_out, d_in).

    Raises:
        ValueError: if a section is not linear.
    """
    first, last = found.sections.sections
    if not all(isinstance(each, Dense) and each.is_linear for each in (first, last)):
        raise ValueError("maps_of_contexts: only linear networks have a map per context.")
    product = np.asarray(last.weight @ first.weight)
    return product.reshape(len(set(found.contexts)), -1, product.shape[1])


def _linear_readout(network: AbstractGatedNetwork) -> Float[Array, "o h"]:
    if isinstance(network, DeepLinear):
        return network.second_layer
    gates = network.row_gates()
    paths, size = gates.shape
    return jnp.einsum("po,ko->kpo", gates, jnp.eye(size, dtype=gates.dtype)).reshape(size, paths * size)


def _mlp_readout(network: GatedMLP) -> Float[Array, "o h"]:
    gates = network.open_gates()
    gated = network.readouts * gates.reshape(gates.shape[0], 1, *(gates.shape[1:] or (1,)))
    return gated.swapaxes(0, 1).reshape(network.readouts.shape[1], -1)


def _paths(network: GatedNetwork) -> tuple[AbstractPath, ...]:
    if isinstance(network.paths, tuple):
        return network.paths
    arrays, rest = eqx.partition(network.paths, eqx.is_array)
    return tuple(
        eqx.combine(jax.tree.map(lambda leaf, at=at: leaf[at], arrays), rest) for at in range(network.gates.shape[0])
    )


def _readout(network: GatedNetwork, hidden: Float[Array, " h"]) -> Float[Array, " o"]:
    paths, gates = _paths(network), network.open_gates()
    edges = np.cumsum([0, *(path.num_units for path in paths)])
    parts = [hidden[start:end] for start, end in zip(edges[:-1], edges[1:], strict=True)]
    if gates.ndim == 1:
        each = [gate * path.readout(part) for gate, path, part in zip(gates, paths, parts, strict=True)]
    else:
        each = [path.readout(gate * part) for gate, path, part in zip(gates, paths, parts, strict=True)]
    return sum(each[1:], each[0])


def _num_outputs(networks: tuple[GatedNetwork, ...]) -> int:
    units = sum(path.num_units for path in _paths(networks[0]))
    hidden = jax.ShapeDtypeStruct((units,), networks[0].gates.dtype)
    return eqx.filter_eval_shape(_readout, networks[0], hidden).shape[0]


def separation(maps: ArrayLike) -> float:
    """1 - |F_1 F_2^T|_F^2 / (|F_1 F_1^T|_F |F_2 F_2^T|_F): how little the maps of two contexts share, in no basis.

    Args:
        maps: F, shape (contexts, d_out, d_in).

    Returns:
        The mean over pairs of contexts; 1 where they read orthogonal inputs, 0 where they are equal.

    Raises:
        ValueError: for less than two contexts, or a map that is zero.
    """
    values = np.asarray(maps, np.float64)
    if values.ndim != 3 or len(values) < 2:
        raise ValueError(
            f"separation: maps of at least two contexts are needed, (contexts, d_out, d_in); got {values.shape}."
        )
    shared = np.sum(np.einsum("aoi,bpi->abop", values, values) ** 2, axis=(2, 3))
    sizes = np.sqrt(np.diagonal(shared))
    if np.any(sizes == 0):
        raise ValueError("separation: the map of a context is zero; it shares everything and nothing.")
    pairs = np.triu_indices(len(values), 1)
    return float(np.mean(1 - (shared / np.outer(sizes, sizes))[pairs]))
