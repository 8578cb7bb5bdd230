"""The one interface behind which every learning system stands."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.dynamics.gate_flow import GateProblem, flow_gates
from ntadyn.dynamics.rates import Rates, curvature, spectral_radius
from ntadyn.regularizers import AbstractPenalty, Zero
from ntadyn.tasks.task_set import TaskSet

TaskWeights = Float[Array, " m"]


class Overlaps(eqx.Module):
    """Everything that a linear gated network's loss depends on, besides its gates.

    Attributes:
        students: K_pq = <W^p, W^q>, shape (rows, paths, paths).
        cross: S_pm = <W^p, W*^m>, shape (rows, paths, tasks).
        teachers: T_mn = <W*^m, W*^n>, shape (rows, tasks, tasks).

    The leading axis is 1 when whole matrices are contracted and d_out when every output row is kept apart; the sum
    over it is the same.
    """

    students: Float[Array, "r p p"]
    cross: Float[Array, "r p m"]
    teachers: Float[Array, "r m m"]


class AbstractSystem(eqx.Module):
    """A rule, a state and a clock: tau_g dx_g/dt = rule_g(x, task) for every parameter group g.

    Whatever implements these methods can be simulated, batched, plotted and tested by everything downstream. The state
    is any pytree of arrays. A task is given by its mixture weights over the teachers of `tasks`, shape (tasks,):
    one-hot inside a block, anything on the way in a smooth switch.
    """

    tasks: eqx.AbstractVar[TaskSet]
    time_constants: eqx.AbstractVar[dict[str, Float[Array, ""]]]
    penalties: eqx.AbstractVar[dict[str, AbstractPenalty]]

    def has_kinks(self) -> bool:
        """Whether gates may slide along zero, where the vector field jumps: `kinked` of the gate penalty."""
        return self.penalties.get("gates", Zero()).kinked

    @abc.abstractmethod
    def initial_state(self, network: PyTree) -> PyTree:
        """The state that describes `network` in this system's variables; raises ValueError if it cannot."""

    @abc.abstractmethod
    def vector_field(self, t: Any, state: PyTree, task: TaskWeights) -> PyTree:
        """d(state)/dt at time t, a pytree like the state."""

    @abc.abstractmethod
    def loss(self, state: PyTree, task: TaskWeights) -> Float[Array, ""]:
        """The task loss 1/2 E|y - y*|^2 without penalties: what the published figures call the loss."""

    @abc.abstractmethod
    def energy(self, state: PyTree, task: TaskWeights) -> Float[Array, ""]:
        """The task loss plus all penalties: what the flow descends."""

    def fastest_rate(self, state: PyTree, task: TaskWeights) -> Float[Array, ""]:
        """The largest modulus of an eigenvalue of d(vector field)/d(state): what an explicit step has to resolve.

        Per unit of time. The default is an estimate by power iteration, which knows all time constants and whatever
        else the vector field depends on; systems of a known form state upper bounds.
        """
        return spectral_radius(lambda state: self.vector_field(jnp.zeros(()), state, task), state)

    @abc.abstractmethod
    def gates(self, state: PyTree) -> Array:
        """The gates, shape (paths,) or (paths, d_out)."""

    @abc.abstractmethod
    def overlaps(self, state: PyTree) -> Overlaps:
        """Overlaps of students and teachers."""


class AbstractSplitSystem(AbstractSystem):
    """A system whose flow falls into two halves, gates with frozen weights and weights with frozen gates."""

    @abc.abstractmethod
    def rates(self, state: PyTree, task: TaskWeights) -> Rates:
        """How fast gates and weights change by themselves and each other, penalties left out."""

    @abc.abstractmethod
    def flow_gates(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""], max_pieces: int) -> PyTree:
        """The flow of the gates for `duration`, the weights being frozen, in at most so many smooth pieces."""

    @abc.abstractmethod
    def flow_weights(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""]) -> PyTree:
        """The flow of the weights for `duration`, the gates being frozen."""

    @abc.abstractmethod
    def teacher_rate(self) -> Float[Array, ""]:
        """The exchange of gates and weights that the teachers alone drive, max_m |W*^m Sigma| / sqrt(tau_c tau_W)."""

    def gram(self, state: PyTree) -> Float[Array, "b n n"] | None:
        """Inner products that a reduced state holds in place of vectors: of no network unless positive semi-definite.

        Returns:
            Matrices, shape (blocks, n, n); None where the state is a network.
        """
        del state
        return None

    def fastest_rate(self, state: PyTree, task: TaskWeights) -> Float[Array, ""]:
        """An upper bound of all rates: those of the loss, and the curvature of the penalty on the gates."""
        gates, penalty = self.gates(state), self.penalties.get("gates", Zero())
        return self.rates(state, task).fastest + curvature(penalty, gates) / self.time_constants["gates"]


class AbstractGatedSystem(AbstractSplitSystem):
    """A system whose halves can each be solved in closed form, or piece by piece.

    With frozen weights the gates c (as a flat vector) descend
    1/2 c^T A c - b^T c + R(c); with frozen gates the weights relax along c in closed form.
    """

    def gate_penalty(self) -> AbstractPenalty:
        """The penalty on the gates, `Zero` if there is none."""
        return self.penalties.get("gates", Zero())

    @abc.abstractmethod
    def gate_quadratic(self, state: PyTree, task: TaskWeights) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
        """The vector b and matrix A of the task loss in the flattened gates (path-major), the weights being frozen."""

    @abc.abstractmethod
    def with_gates(self, state: PyTree, gates: Float[Array, " n"]) -> PyTree:
        """The state with its gates replaced by a flat vector."""

    @abc.abstractmethod
    def relax_weights(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""]) -> PyTree:
        """The exact flow of the task loss for `duration`, the gates being frozen."""

    def flow_weights(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""]) -> PyTree:
        """That of the task loss, see `relax_weights`; systems with penalties on the weights add theirs."""
        return self.relax_weights(state, task, duration)

    def flow_gates(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""], max_pieces: int) -> PyTree:
        """Through the kinks of their penalty, see `gate_flow.flow_gates`, and along its norms."""
        linear, quadratic = self.gate_quadratic(state, task)
        smooth, shrinking = self.gate_penalty().split()
        tau = self.time_constants["gates"]
        problem = GateProblem(linear, quadratic, smooth, tau)

        def piecewise(gates: Array, duration: Array) -> Array:
            return flow_gates(problem, gates, duration, max_pieces)

        gates = self.gates(state).reshape(-1)
        return self.with_gates(state, shrinking.flow_along(piecewise, gates, duration, tau))


class AbstractUpdatingSystem(AbstractSystem):
    """A system in discrete time: it makes its own steps, which may draw data and carry a memory along."""

    @abc.abstractmethod
    def update(self, state: PyTree, task: TaskWeights, step: Float[Array, ""]) -> PyTree:
        """The state after one step of length `step`."""
