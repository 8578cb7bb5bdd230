"""Three readings of how well a learner does every task: as it is, after its gates have adapted, with the best gates.

Observables (system, state, task) -> (tasks,) for the learners of this package; a row of the matrix R each. Networks
without gates have no way of adapting without learning, so that all three readings are the first.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.continual.flow import ContinualFlow, task_loss
from ntadyn.continual.gate_fit import with_fitted_gates
from ntadyn.continual.problem import AbstractProblem, Shares, TeacherProblem
from ntadyn.dynamics.gradient_flow import GradientFlow
from ntadyn.interface.loops import EventSearch
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.tasks.task_set import TaskSet

behavioural = task_loss


def latent(system: Any, state: Any, task: Shares) -> Float[Array, " m"]:
    """The loss on every task with the nonnegative gates that serve it best: what the weights know.

    Least squares without the bound would take a rotated solution for knowledge.
    """
    return jax.vmap(lambda shares: latent_loss(system.problem, state.network, shares))(_each(system.problem, task))


class Adapted(eqx.Module):
    """The loss on every task after a short while in which only gates may adapt to it.

    Attributes:
        budget: how long gates flow, in the unit of the time constants. Strategies that adapt in a way of their own
            (`AbstractStrategy.readapted`) do that instead.
    """

    budget: float | Float[Array, ""]

    def __call__(self, system: Any, state: Any, task: Shares) -> Float[Array, " m"]:
        """The reading."""

        def one(shares: Shares) -> Float[Array, ""]:
            network = adapted_network(system, state, shares, jnp.asarray(self.budget, task.dtype))
            return jnp.sum(shares * system.problem.losses(network))

        return jax.vmap(one)(_each(system.problem, task))


def latent_loss(problem: AbstractProblem, network: PyTree, shares: Shares) -> Float[Array, ""]:
    """The loss on one task with the best nonnegative gates; of a network without gates, its loss.

    Args:
        problem: what is asked.
        network: the network.
        shares: the task, one-hot.
    """
    if isinstance(network, AbstractGatedNetwork) and isinstance(problem, TeacherProblem):
        network = with_fitted_gates(network, problem.population(shares))
    return jnp.sum(shares * problem.losses(network))


def adapted_network(system: Any, state: Any, shares: Shares, budget: Float[Array, ""]) -> PyTree:
    """The network of a learner after it has adapted to a task without learning.

    Args:
        system: a learner of this package.
        state: a state of it.
        shares: the task, one-hot.
        budget: how long gates flow.
    """
    problem, network = system.problem, state.network
    own = system.strategy.readapted(problem, network, state.memory, problem.population(shares))
    if own is not None:
        return own
    flow = _flow_of_gates(system)
    if flow is None or not isinstance(network, AbstractGatedNetwork):
        return network
    return flow.flow_gates(network, shares, budget, EventSearch())


def held_out_losses(
    system: Any, state: Any, tasks: TaskSet, budget: float | Float[Array, ""]
) -> dict[str, Float[Array, " h"]]:
    """How well what was learned serves tasks that were never practised: adapted and latent losses on other teachers.

    Args:
        system: a learner on teachers.
        state: a state of it.
        tasks: the teachers that were held out.
        budget: see `Adapted`.
    """
    problem = eqx.tree_at(lambda problem: problem.tasks, system.problem, tasks)
    shifted = _with_problem(system, problem)
    each = jnp.eye(tasks.num_tasks, dtype=tasks.teachers.dtype)
    return {"adapted": Adapted(budget)(shifted, state, each[0]), "latent": latent(shifted, state, each[0])}


def _with_problem(system: Any, problem: TeacherProblem) -> "_Learner":
    return _Learner(problem, system.strategy, _flow_of_gates(system))


class _Learner(eqx.Module):
    """What readings need of a learner."""

    problem: TeacherProblem
    strategy: Any
    gates: GradientFlow | None


def _flow_of_gates(system: Any) -> GradientFlow | None:
    """The plain flow of a learner on teachers, whose gates adapt."""
    if isinstance(system, _Learner):
        if system.gates is None:
            return None
        return eqx.tree_at(lambda flow: flow.tasks, system.gates, system.problem.tasks)
    flow = getattr(system, "flow", system)
    if isinstance(flow, GradientFlow):
        return flow
    if not isinstance(flow, ContinualFlow) or not isinstance(flow.problem, TeacherProblem):
        return None
    if not isinstance(flow.time_constants, dict):
        return None
    covariance = flow.problem.input_covariance
    matrix = None if covariance is None else covariance.matrix()
    return GradientFlow(flow.problem.tasks, flow.time_constants, flow.penalties, matrix)


def _each(problem: AbstractProblem, like: Array) -> Float[Array, "m m"]:
    return jnp.eye(problem.num_tasks, dtype=like.dtype)


def accuracy(system: Any, state: Any, task: Shares) -> Float[Array, " m"]:
    """The share of held-out examples of every task that are classified correctly."""
    del task
    return system.problem.accuracies(state.network)
