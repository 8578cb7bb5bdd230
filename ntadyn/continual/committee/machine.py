"""The exact flow of a committee machine under online learning, in the limit of many inputs."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntadyn.continual.committee.gaussian_averages import i2, i3, i4
from ntadyn.continual.committee.network import CommitteeNetwork, CommitteeTasks, check_fit
from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.gated_linear import TaskWeights
from ntadyn.interface.observables import Labelled
from ntadyn.interface.system import Observable
from ntadyn.regularizers.coefficients import known_reals


class CommitteeState(eqx.Module):
    """What the losses of a committee depend on.

    Attributes:
        students: Q = W W^T / N, shape (units, units).
        cross: R = W W*^T / N, shape (units, teacher units).
        heads: v, shape (tasks, units).
    """

    students: Float[Array, "k k"]
    cross: Float[Array, "k n"]
    heads: Float[Array, "m k"]


class CommitteeMachine(AbstractFlow):
    """One sample per step, steps of size w / N for weights and h / N for heads, N -> infinity, t = steps / N.

    With the fields x of students and teachers, which have covariance C = (Q, R; R^T, T), the head v of the task in
    force, the readouts u of its teacher and q = (-v, u), so that q . g(x) is the error of the output:

        dR_in/dt = w v_i sum_k q_k I3(i, n, k)              dv_i/dt = h sum_k q_k I2(i, k)
        dQ_ij/dt = w (v_i sum_k q_k I3(i, j, k) + (i <-> j)) + w^2 v_i v_j sum_kl q_k q_l I4(i, j, k, l)

    and the loss is 1/2 q^T I2 q. Heads of tasks that are not in force rest, so that a task must be known to be used.
    Fields of mixed tasks are those of mixed heads and readouts. One evaluation costs (units + teacher units)^4.

    Attributes:
        tasks: the teachers.
        weight_rate: w.
        head_rate: h.

    Raises:
        ValueError: for rates that are negative or not finite.

    Source: Saad and Solla 1995 (Phys. Rev. E 52, 4225); Lee, Goldt and Saxe 2021 (arXiv 2107.04384) for several heads.
    """

    tasks: CommitteeTasks
    weight_rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    head_rate: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        for name in ("weight_rate", "head_rate"):
            known = known_reals(name, getattr(self, name))
            if known is not None and not np.all(np.isfinite(known) & (known >= 0)):
                raise ValueError(f"{name} is {getattr(self, name)}; learning rates are zero or positive, and finite.")

    @property
    def num_tasks(self) -> int:
        """Number of tasks."""
        return self.tasks.num_tasks

    def initial_state(self, network: CommitteeNetwork) -> CommitteeState:
        """Q, R and the heads.

        Raises:
            ValueError: for a network that does not fit the teachers, or has too many units.
        """
        check_fit(network, self.tasks)
        weights, number = network.weights, network.weights.shape[1]
        return CommitteeState(weights @ weights.T / number, weights @ self.tasks.units.T / number, network.heads)

    def vector_field(self, t: Any, state: CommitteeState, task: TaskWeights) -> CommitteeState:
        """The flow; see the class."""
        del t
        units = state.students.shape[0]
        head, covariance, error = self._fields(state, task)
        pulled = jnp.einsum("ijk,k->ij", i3(covariance, units), error)
        moved = self.weight_rate * head[:, None] * pulled
        noise = jnp.einsum("ijkl,k,l->ij", i4(covariance, units), error, error)
        students = moved[:, :units] + moved[:, :units].T
        students = students + self.weight_rate**2 * head[:, None] * head[None] * noise
        pull_of_head = i2(covariance)[:units] @ error
        return CommitteeState(students, moved[:, units:], self.head_rate * task[:, None] * pull_of_head[None])

    def loss(self, state: CommitteeState, task: TaskWeights) -> Float[Array, ""]:
        """1/2 q^T I2 q: half the mean squared error of the output of the task."""
        _, covariance, error = self._fields(state, task)
        return 0.5 * error @ i2(covariance) @ error

    def observables(self) -> dict[str, Observable]:
        """The losses on the task in force and on all tasks, overlaps, and heads."""
        return COMMITTEE

    def closed(self, state: CommitteeState) -> CommitteeState:
        """The state itself: it holds what learners on samples are read by."""
        return state

    def task_losses(self, state: CommitteeState) -> Float[Array, " m"]:
        """The loss on every task."""
        every = jnp.eye(self.num_tasks, dtype=state.heads.dtype)
        return jax.vmap(lambda task: self.loss(state, task))(every)

    def _fields(self, state: CommitteeState, task: TaskWeights) -> tuple[Array, Array, Array]:
        """The head in force, the covariance of all fields, and q."""
        head, readout = task @ state.heads, task @ self.tasks.readouts
        rows = jnp.concatenate([state.students, state.cross], axis=1)
        below = jnp.concatenate([state.cross.T, self.tasks.overlaps()], axis=1)
        return head, jnp.concatenate([rows, below], axis=0), jnp.concatenate([-head, readout])


COMMITTEE: dict[str, Observable] = {
    "loss": Labelled(lambda system, state, task: system.loss(state, task), (), "loss on the task in force"),
    "losses": Labelled(
        lambda system, state, task: system.task_losses(state), ("task_of",), "loss on every task, whichever is in force"
    ),
    "unit_overlaps": Labelled(
        lambda system, state, task: system.closed(state).students, ("unit", "unit_2"), "overlaps of hidden units, Q"
    ),
    "teacher_unit_overlaps": Labelled(
        lambda system, state, task: system.closed(state).cross,
        ("unit", "teacher_unit"),
        "overlaps of hidden units with those of teachers, R",
    ),
    "heads": Labelled(
        lambda system, state, task: system.closed(state).heads, ("task_of", "unit"), "heads of all tasks"
    ),
}
