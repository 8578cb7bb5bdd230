"""Three readings of how well a learner does every task: as it is, after its gates have adapted, with the best gates.

Observables (system, state, task) -> (tasks,) for the learners of this package; a row of the matrix R each. Networks
without gates have no way of adapting without learning, so that all three readings are the first.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.continual.adaptation import GateFlow, adapted_losses, losses_of_own
from ntadyn.continual.descent import ContinualDescent
from ntadyn.continual.flow import task_loss
from ntadyn.continual.gate_fit import with_fitted_gates
from ntadyn.continual.groups import dtype_of
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.interface.observables import Labelled
from ntadyn.metrics import function_cosines
from ntadyn.networks import AbstractGatedNetwork, AbstractGatedPaths
from ntadyn.regularizers import Zero
from ntadyn.tasks.task_set import TaskSet

behavioural = task_loss


def latent(system: Any, state: Any, task: Shares) -> Float[Array, " m"]:
    """The loss on every task with the nonnegative gates that serve it best: what the weights know.

    Least squares without the bound would take a rotated solution for knowledge.
    """
    del task
    return latent_losses(system.problem, state.network)


class Adapted(eqx.Module):
    """The loss on every task after a short while in which only gates may adapt to it.

    Attributes:
        budget: how long gates flow, in the unit of the time constants. Strategies that adapt in a way of their own
            (`AbstractStrategy.readapted`) do that instead.
    """

    budget: float | Float[Array, ""]

    def __call__(self, system: Any, state: Any, task: Shares) -> Float[Array, " m"]:
        """The reading."""
        del task
        return losses_after_adapting(system, state, system.problem, self.budget)


def latent_losses(problem: AbstractProblem, network: PyTree) -> Float[Array, " m"]:
    """The loss on every task with the best nonnegative gates; as it is for a network without gates, or for classes.

    Args:
        problem: what is asked.
        network: the network.
    """
    if not isinstance(network, AbstractGatedNetwork) or problem.criterion.judges_classes:
        return problem.losses(network)
    return losses_of_own(problem, network, lambda batch: with_fitted_gates(network, batch))


def losses_after_adapting(
    system: Any, state: Any, problem: AbstractProblem, budget: float | Float[Array, ""]
) -> Float[Array, " m"]:
    """The loss on every task of a problem after a learner has adapted to that task without learning.

    Args:
        system: a learner of this package, whose gates keep their time constant and penalty.
        state: a state of it.
        problem: what is asked; not necessarily what was practised.
        budget: how long gates flow.
    """
    network, strategy = state.network, system.strategy
    flow = _gate_flow(system, network, budget)
    if strategy.adapts_in_its_own_way():
        return losses_of_own(problem, network, lambda batch: strategy.readapted(problem, network, state.memory, batch))
    return problem.losses(network) if flow is None else adapted_losses(problem, network, flow)


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
    return {
        "adapted": losses_after_adapting(system, state, problem, budget),
        "latent": latent_losses(problem, state.network),
    }


def _gate_flow(system: Any, network: PyTree, budget: float | Float[Array, ""]) -> GateFlow | None:
    """The flow of a learner's gates with the weights frozen; None if it has no gates, or judges classes."""
    learner = system.flow if isinstance(system, ContinualDescent) else system
    taus = learner.time_constants
    if not isinstance(network, AbstractGatedNetwork) or not isinstance(taus, dict):
        return None
    if system.problem.criterion.judges_classes:
        return None
    return GateFlow(budget / taus["gates"], learner.penalties.get("gates", Zero()))


def accuracy(system: Any, state: Any, task: Shares) -> Float[Array, " m"]:
    """The share of held-out examples of every task that are classified correctly."""
    del task
    return system.problem.accuracies(state.network)


def open_gates(system: Any, state: Any, task: Shares) -> Float[Array, "p ..."]:
    """What every path, or every unit of it, is multiplied by; only networks of paths have any."""
    del system, task
    return state.network.open_gates()


def path_overlaps(system: Any, state: Any, task: Shares) -> Float[Array, "p m"]:
    """C_pm = <f_p, y_m> / (|f_p| |y_m|): cosine of what every path answers by itself with what every task asks for.

    Over the examples by which networks are judged. Of classes, targets are one-hot, and means over outputs are taken
    out on both sides, which classes do not depend on.
    """
    del task
    problem: AbstractProblem = system.problem
    network: AbstractGatedPaths = state.network

    def of_task(shares: Shares) -> Float[Array, " p"]:
        batch = problem.judged(shares)
        answers, targets = jax.vmap(network.path_outputs)(batch.inputs), batch.targets
        if problem.criterion.judges_classes:
            targets = jax.nn.one_hot(targets, answers.shape[-1], dtype=answers.dtype)
            answers, targets = (part - jnp.mean(part, axis=-1, keepdims=True) for part in (answers, targets))
        return function_cosines(answers, targets, batch.weights)

    each = jnp.eye(problem.num_tasks, dtype=dtype_of(network))
    return jax.vmap(of_task, out_axes=1)(each)


PATH_OVERLAPS = Labelled(path_overlaps, ("path", "teacher"))
ACCURACY = Labelled(accuracy, ("teacher",))
OPEN_GATES = Labelled(open_gates, ("path", "unit"))
