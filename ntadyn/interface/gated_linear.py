"""Gated linear networks as systems: teachers, gates and overlaps, and flows of gates and weights in turn."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.gate_flow import GateProblem, flow_gates_and_norms
from ntadyn.interface.loops import EventSearch
from ntadyn.interface.observables import STANDARD
from ntadyn.interface.rates import Rates, curvature
from ntadyn.interface.split_flow import AbstractSplitFlow, SubFlow
from ntadyn.interface.system import AbstractSystem, Observable
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.regularizers import AbstractPenalty, Zero
from ntadyn.tasks.task_set import TaskSet

TaskWeights = Float[Array, " m"]
"""A task as mixture weights over teachers: one-hot inside a block, anything in between during a smooth switch."""


class Overlaps(eqx.Module):
    """Everything besides the gates that the loss of a gated linear network depends on.

    The leading axis has length 1 when whole matrices are contracted, and d_out when every output row is kept apart; the
    sum over it is the same.

    Attributes:
        students: K_pq = <W^p, W^q>, shape (rows, paths, paths).
        cross: S_pm = <W^p, W*^m>, shape (rows, paths, tasks).
        teachers: T_mn = <W*^m, W*^n>, shape (rows, tasks, tasks).
    """

    students: Float[Array, "r p p"]
    cross: Float[Array, "r p m"]
    teachers: Float[Array, "r m m"]


class AbstractGatedLinear(AbstractSystem):
    """y = sum_p c_p W^p x, y* = sum_m a_m W*^m x: a gated linear network that learns from teachers by any rule.

    Attributes:
        tasks: the teachers W*; a task is its mixture weights a over them, shape (tasks,).
        time_constants: tau_g of the parameter groups "gates" and "weights", in the caller's unit of time.
        penalties: energies R_g by group name; groups without a penalty are left out.
    """

    tasks: eqx.AbstractVar[TaskSet]
    time_constants: eqx.AbstractVar[dict[str, Float[Array, ""]]]
    penalties: eqx.AbstractVar[dict[str, AbstractPenalty]]

    @property
    def num_tasks(self) -> int:
        """Number of teachers."""
        return self.tasks.num_tasks

    @property
    def dtype(self) -> DTypeLike:
        """The floating dtype of teachers and states."""
        return self.tasks.teachers.dtype

    @abc.abstractmethod
    def loss(self, state: PyTree, task: TaskWeights) -> Float[Array, ""]:
        """The task loss 1/2 E|y - y*|^2 without penalties: what the published figures call the loss."""

    @abc.abstractmethod
    def energy(self, state: PyTree, task: TaskWeights) -> Float[Array, ""]:
        """The task loss plus all penalties: what the rule descends."""

    @abc.abstractmethod
    def gates(self, state: PyTree) -> Array:
        """The gates, shape (paths,) or (paths, d_out)."""

    @abc.abstractmethod
    def overlaps(self, state: PyTree) -> Overlaps:
        """Overlaps of students and teachers."""

    def seen_overlaps(self, state: PyTree) -> Overlaps:
        """Overlaps through the inputs, <W^p Sigma, W^q> for those of covariance Sigma: what the loss depends on.

        Those of `overlaps` unless the system knows of inputs that are not white.
        """
        return self.overlaps(state)

    def network(self, state: PyTree) -> AbstractGatedNetwork:
        """The network with its gates and weights.

        Raises:
            ValueError: for a reduced system, whose state is not a network.
        """
        raise ValueError(
            f"the state of a reduced system ({type(state).__name__}) has no weights; record full_state, or use "
            f"GradientFlow."
        )

    def gate_penalty(self) -> AbstractPenalty:
        """The penalty on the gates, `Zero` if there is none."""
        return self.penalties.get("gates", Zero())

    def has_kinks(self) -> bool:
        """Whether gates may slide along zero, where the vector field jumps: `kinked` of the gate penalty."""
        return self.gate_penalty().kinked

    def observables(self) -> dict[str, Observable]:
        """Loss, gates, overlaps, and the cosines of teachers and paths."""
        return dict(STANDARD)

    def teacher_tasks(self) -> Float[Array, "m m"]:
        """Every teacher alone, as a task."""
        return jnp.eye(self.num_tasks, dtype=self.dtype)


class AbstractGatedFlow(AbstractGatedLinear, AbstractSplitFlow):
    """A flow that descends an energy in two parts: gates with frozen weights, and weights with frozen gates."""

    @abc.abstractmethod
    def rates(self, state: PyTree, task: TaskWeights) -> Rates:
        """How fast gates and weights change by themselves and by each other, without penalties."""

    @abc.abstractmethod
    def flow_gates(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""], search: EventSearch) -> PyTree:
        """The state after the gates have flowed for `duration` with frozen weights."""

    @abc.abstractmethod
    def flow_weights(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""]) -> PyTree:
        """The state after the weights have flowed for `duration` with frozen gates."""

    def sub_flows(self) -> tuple[SubFlow, ...]:
        """The flow of the gates, then that of the weights."""

        def weights(state: PyTree, task: TaskWeights, duration: Float[Array, ""], search: EventSearch) -> PyTree:
            del search
            return self.flow_weights(state, task, duration)

        return self.flow_gates, weights

    def exchange(self, state: PyTree, task: TaskWeights) -> Float[Array, ""]:
        """How fast gates and weights change each other."""
        return self.rates(state, task).exchange

    def gram(self, state: PyTree) -> Float[Array, "b n n"] | None:
        """Inner products that a reduced state holds in place of vectors; those of a network are positive semi-definite.

        Returns:
            Gram matrices, shape (blocks, n, n); None if the state is a network.
        """
        del state
        return None

    def descends(self) -> bool:
        """Whether the energy never rises while one task is in force, as every run is held to; so it is in any flow."""
        return True

    def fastest_rate(self, state: PyTree, task: TaskWeights) -> Float[Array, ""]:
        """An upper bound on all rates: those of the loss plus the curvature of the penalty on the gates."""
        gates = self.gates(state)
        return self.rates(state, task).fastest + curvature(self.gate_penalty(), gates) / self.time_constants["gates"]


class AbstractQuadraticGatedFlow(AbstractGatedFlow):
    """A flow whose parts can each be solved in closed form, or piece by piece.

    With frozen weights, the gates c (as a flat vector) descend 1/2 c^T A c - b^T c + R(c); with frozen gates, the
    weights relax along c in closed form.
    """

    @abc.abstractmethod
    def gate_quadratic(self, state: PyTree, task: TaskWeights) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
        """The vector b and the matrix A of the task loss in the flattened gates (path-major), with frozen weights."""

    @abc.abstractmethod
    def with_gates(self, state: PyTree, gates: Float[Array, " n"]) -> PyTree:
        """The state with its gates replaced by a flat vector."""

    @abc.abstractmethod
    def relax_weights(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""]) -> PyTree:
        """The state after the exact flow of the task loss for `duration` with frozen gates."""

    def released_gates(self, state: PyTree) -> Float[Array, " n"] | None:
        """1 for gates that may move and 0 for those that are frozen; None if all may."""
        del state

    def check_state(self, state: PyTree) -> None:
        """See `AbstractSystem.check_state`; gates, weights and teachers must fit each other."""
        try:
            task = jax.ShapeDtypeStruct((self.num_tasks,), self.dtype)
            gates = eqx.filter_eval_shape(lambda system, state: system.gates(state), self, state)
            needed = eqx.filter_eval_shape(lambda system, *args: system.gate_quadratic(*args), self, state, task)[0]
        except Exception as error:
            raise ValueError(
                f"the initial state does not fit the system: {error}. Make it with system.initial_state(network)."
            ) from error
        if gates.size != needed.size:
            raise ValueError(
                f"the initial state does not fit the system: it has {gates.size} gates where its weights need "
                f"{needed.size}. Make it with system.initial_state(network)."
            )

    def flow_weights(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""]) -> PyTree:
        """The flow of the task loss, see `relax_weights`; systems with penalties on the weights add theirs."""
        return self.relax_weights(state, task, duration)

    def flow_gates(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""], search: EventSearch) -> PyTree:
        """The flow through the kinks of the gate penalty and along its norms, see `gate_flow.flow_gates_and_norms`."""
        linear, quadratic = self.gate_quadratic(state, task)
        tau = self.time_constants["gates"]
        problem = GateProblem(linear, quadratic, self.gate_penalty(), tau, self.released_gates(state))
        gates = self.gates(state).reshape(-1)
        return self.with_gates(state, flow_gates_and_norms(problem, gates, duration, search))
