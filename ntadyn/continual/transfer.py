"""What a learned network is worth for a task that was held out: four ways of going on, and what gates alone can do.

In order of what they may change: `GatesOnly`, `OneMorePath`, `FineTuning`, and `FromScratch`, which starts anew. They
are strategies; any learner runs them on the held-out task from the learned network.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ntadyn.continual.gate_fit import residual, with_fitted_gates
from ntadyn.continual.per_path import with_paths
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.continual.strategy import AbstractStrategy, Released
from ntadyn.networks import AbstractGatedNetwork, AbstractPathNetwork, GatedLinear
from ntadyn.networks.network import gaussian_weights
from ntadyn.regularizers.coefficients import check_nonnegative
from ntadyn.tasks.examples import Batch


class GatesOnly(AbstractStrategy):
    """Weights stand still: what is learned is how to put known paths together.

    On teachers, with white inputs, the loss cannot fall below (1 - rho) |W*|^2 / 2, where rho is the share of |W*|^2
    that nonnegative combinations of the paths reach.
    """

    def begin(self, problem: AbstractProblem, network: Any) -> tuple[AbstractPathNetwork, Float[Array, " p"]]:
        """The network, and that no path learns.

        Raises:
            ValueError: if it has no weight matrix for each path.
        """
        del problem
        if not isinstance(network, AbstractPathNetwork):
            raise ValueError(f"GatesOnly: got a {type(network).__name__}; use GatedLinear or NeuronGatedLinear.")
        return network, jnp.zeros(network.gates.shape[0], network.weights.dtype)

    def released(self, memory: Float[Array, " p"]) -> Released:
        """Gates."""
        return _learning(memory)


class AbstractNewWeights(AbstractStrategy):
    """What starts with random weights.

    Attributes:
        scale: of the new weights, N(0, scale^2 / d_in).
        gate: that goes with them at the start.
        seed: of the new weights.

    Raises:
        ValueError: for a scale that is negative.
    """

    scale: float | Float[Array, ""] = 0.01
    gate: float | Float[Array, ""] = 0.5
    seed: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        check_nonnegative(f"{type(self).__name__}: scale", self.scale)

    def drawn(self, like: Float[Array, "p o i"]) -> Float[Array, "p o i"]:
        """Random weights in the shape and precision of others."""
        return gaussian_weights(jax.random.key(self.seed), like.shape, self.scale, like.dtype)


class OneMorePath(AbstractNewWeights):
    """A new path is added and learns, together with all gates; the weights of the old paths stand still.

    See `AbstractNewWeights`; the gate is that of the new path.
    """

    def begin(self, problem: AbstractProblem, network: Any) -> tuple[GatedLinear, Float[Array, " p"]]:
        """The network with one path more, and that this path learns.

        Raises:
            ValueError: if the network is no `GatedLinear`.
        """
        del problem
        if not isinstance(network, GatedLinear):
            raise ValueError(f"OneMorePath: got a {type(network).__name__}; it adds a path to a GatedLinear.")
        gates = jnp.concatenate([network.gates, jnp.full(1, self.gate, network.gates.dtype)])
        grown = GatedLinear(gates, jnp.concatenate([network.weights, self.drawn(network.weights[:1])]))
        return grown, jnp.zeros_like(gates).at[-1].set(1)

    def released(self, memory: Float[Array, " p"]) -> Released:
        """Gates, and the weights of the new path."""
        return _learning(memory)


class FromScratch(AbstractNewWeights):
    """Everything that was learned is forgotten first: random weights, equal gates, then plain learning.

    See `AbstractNewWeights`; the gate is that of all paths.
    """

    def begin(self, problem: AbstractProblem, network: Any) -> tuple[AbstractGatedNetwork, None]:
        """A fresh network of the same shape.

        Raises:
            ValueError: for a network without gates.
        """
        del problem
        if not isinstance(network, AbstractGatedNetwork):
            raise ValueError(f"FromScratch: got a {type(network).__name__}; it needs gates, as GatedLinear has them.")
        gates = jnp.full_like(network.gates, self.gate)
        return with_paths(network, gates, self.drawn(network.weights)), None


class NearestTask(eqx.Module):
    """Which known task new data look like.

    Attributes:
        task: the one whose gates leave least unexplained.
        residuals: what the gates of every task leave unexplained, as shares of the squared targets, shape (tasks,).
    """

    task: Int[Array, ""]
    residuals: Float[Array, " m"]


def gates_of_tasks(problem: AbstractProblem, network: AbstractGatedNetwork) -> Array:
    """The best nonnegative gates for every task of a problem, with the weights as they are.

    Args:
        problem: with real targets.
        network: whose weights are used.

    Returns:
        Gates like those of the network, leading axis = task.
    """

    def of(shares: Shares) -> Array:
        return with_fitted_gates(network, problem.population(shares)).gates

    return jax.lax.map(of, jnp.eye(problem.num_tasks, dtype=network.weights.dtype))


def nearest_task(network: AbstractGatedNetwork, gates: Float[Array, "m ..."], batch: Batch) -> NearestTask:
    """The known task whose gates explain new data best.

    Args:
        network: whose weights are used.
        gates: of every known task, see `gates_of_tasks`.
        batch: the new data, with real targets.
    """

    def left(gates: Array) -> Float[Array, ""]:
        return residual(eqx.tree_at(lambda tree: tree.gates, network, gates), batch)

    residuals = jax.vmap(left)(gates)
    return NearestTask(jnp.argmin(residuals), residuals)


def gates_only_floor(problem: AbstractProblem, network: AbstractGatedNetwork, task: Shares) -> Float[Array, ""]:
    """The lowest loss on a task that nonnegative gates reach while the weights stand still.

    Args:
        problem: with real targets.
        network: whose weights are used.
        task: the held-out task, or a mixture.
    """
    batch = problem.population(task)
    return problem.loss(with_fitted_gates(network, batch), batch)


def _learning(learning: Float[Array, " p"]) -> Released:
    """All gates, and the weights of the paths that learn."""
    return Released(jnp.ones((), learning.dtype), learning)
