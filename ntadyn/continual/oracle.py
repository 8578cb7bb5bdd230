"""What gates could do if they were told which task is in force: a bound, not a rival."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from ntadyn.continual.groups import dtype_of
from ntadyn.continual.problem import AbstractProblem
from ntadyn.continual.strategy import AbstractStrategy, Released
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.tasks.examples import Batch


class OracleGates(AbstractStrategy):
    """c = one-hot on path m while task m is in force, and frozen there: a network for each task, chosen from outside.

    Its paths learn as they would in joint training with known contexts, whose loss is 0 for teachers of any kind.
    """

    needs_boundaries: ClassVar[bool] = True
    needs_task_ids: ClassVar[bool] = True

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[PyTree, Released]:
        """The memory says that weights learn and gates do not.

        Raises:
            ValueError: for a network without gates, or with fewer paths than there are tasks.
        """
        paths = network.gates.shape[0] if isinstance(network, AbstractGatedNetwork) else 0
        if paths < problem.num_tasks:
            raise ValueError(
                f"OracleGates: a {type(network).__name__} with {paths} gated paths cannot tell {problem.num_tasks} "
                "tasks apart; use a gated network with at least one path per task."
            )
        dtype = dtype_of(network)
        return network, Released(jnp.zeros((), dtype), jnp.ones(paths, dtype))

    def released(self, memory: Released) -> Released:
        """All weights, no gate."""
        return memory

    def readapted(
        self, problem: AbstractProblem, network: AbstractGatedNetwork, memory: Released, batch: Batch
    ) -> AbstractGatedNetwork:
        """The network with the gates of the task."""
        return self.at_start(problem, network, memory, batch)[0]

    def at_start(
        self, problem: AbstractProblem, network: AbstractGatedNetwork, memory: Released, batch: Batch
    ) -> tuple[AbstractGatedNetwork, Released]:
        """The gates of the task."""
        gates: Array = network.gates
        task = jnp.argmax(batch.task_shares(problem.num_tasks))
        chosen = jax.nn.one_hot(task, gates.shape[0], dtype=gates.dtype)
        every = jnp.broadcast_to(chosen.reshape(-1, *[1] * (gates.ndim - 1)), gates.shape)
        return eqx.tree_at(lambda network: network.gates, network, every), memory
