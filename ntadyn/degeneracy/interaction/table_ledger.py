"""The ledger of a gated linear network with the gates of all its tasks, over all inputs."""

import jax.numpy as jnp
import numpy as np

from ntadyn.degeneracy.gate_table import GateTable
from ntadyn.degeneracy.interaction.ledger import Ledger
from ntadyn.degeneracy.interaction.null_directions import degeneracy_ledger
from ntadyn.degeneracy.interaction.sections import Dense, Sections, chain
from ntadyn.networks import AbstractGatedNetwork, DeepLinear, NeuronGatedLinear


def table_ledger(network: AbstractGatedNetwork, table: GateTable) -> Ledger:
    """The ledger of F_m = sum_p C_mp W^p, for parameters C and W.

    As a function of both this is a linear network of two layers, from the entries of a map to paths and on to tasks:
    its null directions are changes of basis of paths, weights that no task reads, and gates of what no path spans.

    Args:
        network: any network of the kind.
        table: gates of all tasks, and weights.

    Returns:
        The ledger; with gates for every output neuron, the sum over neurons.
    """
    first, *others = (_ledger(sections) for sections in _linear_networks(network, table))
    return sum(others, first)


def _linear_networks(network: AbstractGatedNetwork, table: GateTable) -> list[Sections]:
    if isinstance(network, DeepLinear):
        readouts = jnp.concatenate(list(table.gates.swapaxes(1, 2)))  # all second layers, one after the other
        return [chain(Dense(table.weights), Dense(readouts))]
    weights = table.weights  # (paths, d_out, d_in)
    if isinstance(network, NeuronGatedLinear):
        return [chain(Dense(weights[:, row]), Dense(table.gates[:, :, row])) for row in range(weights.shape[1])]
    return [chain(Dense(weights.reshape(weights.shape[0], -1)), Dense(table.gates))]


def _ledger(sections: Sections) -> Ledger:
    first = sections.sections[0]
    assert isinstance(first, Dense)
    return degeneracy_ledger(sections, np.eye(first.weight.shape[1]))
