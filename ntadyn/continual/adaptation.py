"""Adapting to a task for a short time, after which a network is judged."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.continual.criteria import SquaredError
from ntadyn.continual.groups import dtype_of
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.decompositions import eigh
from ntadyn.interface.closed_form import relaxation
from ntadyn.interface.gate_flow import GateProblem, flow_gates
from ntadyn.interface.loops import EventSearch
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.regularizers import AbstractPenalty, Zero
from ntadyn.regularizers.coefficients import known_reals
from ntadyn.tasks.examples import Batch


class AbstractAdaptation(eqx.Module):
    """A short time of learning by itself: what a network makes of some examples of a task."""

    @abc.abstractmethod
    def adapted(self, problem: AbstractProblem, network: PyTree, batch: Batch) -> PyTree:
        """The network after it has adapted to a batch.

        Args:
            problem: how answers are judged.
            network: the network before.
            batch: weighted examples.

        Raises:
            ValueError: for a network or a problem that cannot be adapted in this way.
        """


class GateFlow(AbstractAdaptation):
    """tau_c dc/dt = b - A c - dR(c)/dc for a time, with the weights frozen, in closed form.

    A and b are those of the loss on the batch, which is 1/2 c^T A c - b^T c up to a constant. The flow is exact for
    penalties that are linear or quadratic inside every orthant, such as `Nonnegativity` and `UnitL1Norm`.

    Attributes:
        duration: time in units of tau_c.
        penalty: R.
        search: how kinks of the penalty are looked for.

    Raises:
        ValueError: for a negative duration; in `adapted`, for a criterion other than the squared error, or a network
            without gates.
    """

    duration: float | Float[Array, ""]
    penalty: AbstractPenalty = Zero()
    search: EventSearch = EventSearch()

    def __check_init__(self):
        known = known_reals("duration of a gate flow", self.duration)
        if known is not None and not (known >= 0).all():
            raise ValueError(f"the duration of a gate flow is {self.duration}; it must be zero or more.")

    def adapted(self, problem: AbstractProblem, network: PyTree, batch: Batch) -> AbstractGatedNetwork:
        """See `AbstractAdaptation.adapted`."""
        if not isinstance(network, AbstractGatedNetwork) or not isinstance(problem.criterion, SquaredError):
            raise ValueError(
                f"GateFlow got a {type(network).__name__} judged by {type(problem.criterion).__name__}; it takes a "
                f"gated linear network judged by SquaredError, whose loss is quadratic in the gates. Use InnerLoop for "
                f"anything else."
            )
        gates = network.gates

        def loss(flat: Float[Array, " n"]) -> Float[Array, ""]:
            return problem.loss(with_gates(network, flat.reshape(gates.shape)), batch)

        origin = jnp.zeros(gates.size, gates.dtype)
        linear, quadratic = -jax.grad(loss)(origin), jax.hessian(loss)(origin)
        smooth, shrinking = self.penalty.split()
        duration, tau = jnp.asarray(self.duration, gates.dtype), jnp.ones((), gates.dtype)

        def piecewise(gates: Array, duration: Array) -> Array:
            if isinstance(smooth, Zero):
                return relaxed(linear, quadratic, gates, duration)
            return flow_gates(GateProblem(linear, quadratic, smooth, tau), gates, duration, self.search)

        return with_gates(network, shrinking.flow_along(piecewise, gates.ravel(), duration, tau).reshape(gates.shape))


def relaxed(
    linear: Float[Array, " n"], quadratic: Float[Array, "n n"], gates: Float[Array, " n"], duration: Float[Array, ""]
) -> Float[Array, " n"]:
    """The solution of dc/dt = b - A c after a time, every eigenvector of A at its own rate.

    Args:
        linear: b.
        quadratic: A, symmetric and positive semi-definite.
        gates: c at the start.
        duration: the time.
    """
    rates, modes = eigh(quadratic)
    force = modes.T @ (linear - quadratic @ gates)
    return gates + modes @ (relaxation(jnp.maximum(rates, 0), duration) * force)


def with_gates(network: AbstractGatedNetwork, gates: Array) -> AbstractGatedNetwork:
    """A network with other gates, an array of the same shape."""
    return eqx.tree_at(lambda tree: tree.gates, network, gates)


def adapted(problem: AbstractProblem, network: PyTree, task: Shares, adaptation: AbstractAdaptation) -> PyTree:
    """The network after it has adapted to all that there is to learn from in a mixture of tasks.

    Args:
        problem: what is asked.
        network: the network before.
        task: the share of every task, shape (tasks,).
        adaptation: how it adapts, for example an `InnerLoop` or a `GateFlow`.
    """
    return adaptation.adapted(problem, network, problem.population(task))


def adapted_losses(problem: AbstractProblem, network: PyTree, adaptation: AbstractAdaptation) -> Float[Array, " m"]:
    """The reported loss on every task after the network has adapted to that task: the adapted reading of a network.

    Args:
        problem: what is asked.
        network: the network before; each task starts from it afresh.
        adaptation: how it adapts.

    Returns:
        Losses, shape (tasks,).
    """
    return losses_of_own(problem, network, lambda batch: adaptation.adapted(problem, network, batch))


def losses_of_own(
    problem: AbstractProblem, network: PyTree, network_for: Callable[[Batch], PyTree]
) -> Float[Array, " m"]:
    """The reported loss on every task of a network of its own, made from all that there is to learn from of the task.

    Args:
        problem: what is asked.
        network: that from which they are made; only its dtype matters.
        network_for: makes one from a batch.

    Returns:
        Losses, shape (tasks,).
    """
    each = jnp.eye(problem.num_tasks, dtype=dtype_of(network))
    return jax.vmap(lambda task: jnp.sum(task * problem.losses(network_for(problem.population(task)))))(each)
