"""A network and all the gates that it has used: as many functions as it has tasks, in one point of parameter space."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.dynamics import GradientFlow
from ntadyn.networks import AbstractGatedNetwork


class GateTable(eqx.Module):
    """C and W: the gates at the end of the last block of every task, and the weights that they share.

    A simulation has one set of gates at a time; the table is what it would have to remember to be in all of its tasks
    at once. With it the network computes F_m = sum_p C_mp W^p, which is a linear network of two layers from paths to
    tasks, and is as degenerate as such a network is.

    Attributes:
        gates: C, shape (tasks, ...) with the gates of one network behind.
        weights: W, as the network has them.
    """

    gates: Float[Array, "tasks ..."]
    weights: Array


class TableOutputs(eqx.Module):
    """F_m Sigma^(1/2) for every task: 1/(2M) |F - F*|^2 is then how differently tasks are done, over all inputs.

    Attributes:
        flow: says what the network's inputs are.
        network: any network of the kind, for its structure.
    """

    flow: GradientFlow
    network: AbstractGatedNetwork

    def __call__(self, table: GateTable) -> Float[Array, "m o i"]:
        """The maps of all tasks, shape (tasks, d_out, d_in)."""

        def of_task(gates: Array) -> Array:
            return self.flow.through_root(with_parameters(self.network, gates, table.weights).total_map())

        return jax.vmap(of_task)(table.gates)


class TableEnergy(eqx.Module):
    """1/M sum_m of the loss on task m with the gates of task m, and of all penalties.

    Attributes:
        flow: has teachers, inputs and penalties.
        network: any network of the kind, for its structure.
        tasks: the mixtures of teachers that are practised, shape (M, teachers).
    """

    flow: GradientFlow
    network: AbstractGatedNetwork
    tasks: Float[Array, "m teachers"]

    def __call__(self, table: GateTable) -> Float[Array, ""]:
        """The mean energy."""

        def of_task(gates: Array, task: Array) -> Array:
            return self.flow.energy(with_parameters(self.network, gates, table.weights), task)

        return jnp.mean(jax.vmap(of_task)(table.gates, self.tasks))


def with_parameters(network: AbstractGatedNetwork, gates: Array, weights: Array) -> AbstractGatedNetwork:
    """A network of the same kind.

    Args:
        network: gives the kind.
        gates: its gates.
        weights: its weights.
    """
    return eqx.tree_at(lambda network: (network.gates, network.weights), network, (gates, weights))


def gate_tables(
    networks: AbstractGatedNetwork, start: AbstractGatedNetwork, task_of_block: list[int], num_tasks: int
) -> GateTable:
    """The table after every block.

    Args:
        networks: at the ends of all blocks, arrays stacked along the first axis.
        start: the network before the first block, whose gates stand for tasks that have not been met.
        task_of_block: the row of the table that belongs to every block.
        num_tasks: rows.

    Returns:
        Tables, arrays stacked over blocks.
    """
    rows = [start.gates] * num_tasks
    tables = []
    for block, task in enumerate(task_of_block):
        rows[task] = networks.gates[block]
        tables.append(jnp.stack(rows))
    return GateTable(jnp.stack(tables), networks.weights)
