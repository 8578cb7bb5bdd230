"""The population flow of a gated linear network under a strategy, in closed form part by part."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.continual.flow import TASK_LOSS, ContinualFlow, ContinualState
from ntadyn.continual.problem import TeacherProblem
from ntadyn.continual.strategy import AbstractStrategy, OutputAnchor
from ntadyn.decompositions import eigh
from ntadyn.dynamics.default_solver import solver_of_gates
from ntadyn.dynamics.gradient_flow import GradientFlow
from ntadyn.interface.closed_form import block_diagonal, relaxation
from ntadyn.interface.gated_linear import AbstractQuadraticGatedFlow, Overlaps, TaskWeights
from ntadyn.interface.rates import Rates
from ntadyn.interface.system import BlockInfo, Observable
from ntadyn.networks.network import AbstractPathNetwork
from ntadyn.regularizers import AbstractPenalty, Zero
from ntadyn.tasks.task_set import TaskSet


class GatedContinualFlow(AbstractQuadraticGatedFlow):
    """`ContinualFlow` of paths W^p with gates g_p that learn from teachers, for `Splitting`.

    With the gates frozen, output row by output row, the weights obey

        tau_W dW/dt = (g t^T + b - A W) Sigma,    A = (1 + mu) g g^T + Lambda,    t = T + mu Y',

    with Lambda and b of the strategy's `weight_anchor`, and mu and Y' of its `output_anchor`. In the eigenvectors of A
    and Sigma this is one exponential per mode. Frozen paths leave A and the force. With the weights frozen, the gates
    descend 1/2 (1 + mu) c^T G c - <W, t Sigma>^T c and their penalty, as in `GradientFlow`.

    Attributes:
        flow: the plain flow: teachers, time constants, penalties, input covariance.
        strategy: what is done about forgetting.

    Raises:
        ValueError: for a strategy that adds something which has no such form.
    """

    flow: GradientFlow
    strategy: AbstractStrategy

    def __check_init__(self):
        self.strategy.check_closed_form(self.problem)

    @property
    def problem(self) -> TeacherProblem:
        """Teachers and inputs of the flow."""
        # The type checker takes the abstract fields of the interface for arguments, here and below.
        return TeacherProblem(tasks=self.flow.tasks, input_covariance=self.flow.input_covariance)  # pyright: ignore[reportCallIssue]

    @property
    def tasks(self) -> TaskSet:
        """The teachers."""
        return self.flow.tasks

    @property
    def time_constants(self) -> dict[str, Float[Array, ""]]:
        """The time constants of gates and weights."""
        return self.flow.time_constants

    @property
    def penalties(self) -> dict[str, AbstractPenalty]:
        """The penalties of gates and weights."""
        return self.flow.penalties

    @property
    def general(self) -> ContinualFlow:
        """The same flow by automatic differentiation, for any solver."""
        parts = {"time_constants": self.time_constants, "penalties": self.penalties}
        return ContinualFlow(problem=self.problem, strategy=self.strategy, **parts)  # pyright: ignore

    def initial_state(self, network: AbstractPathNetwork) -> ContinualState:
        """The network as the strategy wants it at the start, and its memory.

        Raises:
            ValueError: if it does not fit the teachers, or has no weight matrix for each path.
        """
        if not isinstance(network, AbstractPathNetwork):
            raise ValueError(
                f"a {type(network).__name__} has no weight matrix for each path; use GatedLinear or NeuronGatedLinear, "
                f"or ContinualFlow."
            )
        self.flow.initial_state(network)
        return self.general.initial_state(network)

    def vector_field(self, t: Any, state: ContinualState, task: TaskWeights) -> ContinualState:
        """See `ContinualFlow.vector_field`."""
        return self.general.vector_field(t, state, task)

    def flowing(self, state: ContinualState) -> ContinualState:
        """The network, and nothing of the memory."""
        return self.general.flowing(state)

    def loss(self, state: ContinualState, task: TaskWeights) -> Float[Array, ""]:
        """The loss on a mixture of teachers, as in `GradientFlow`."""
        return self.flow.loss(state.network, task)

    def energy(self, state: ContinualState, task: TaskWeights) -> Float[Array, ""]:
        """See `ContinualFlow.energy`."""
        return self.general.energy(state, task)

    def gates(self, state: ContinualState) -> Array:
        """The gates of the network."""
        return state.network.gates

    def network(self, state: ContinualState) -> AbstractPathNetwork:
        """The network."""
        return state.network

    def overlaps(self, state: ContinualState) -> Overlaps:
        """See `GradientFlow.overlaps`."""
        return self.flow.overlaps(state.network)

    def observables(self) -> dict[str, Observable]:
        """Those of a gated linear network, and the loss on every task."""
        return super().observables() | {"task_loss": TASK_LOSS}

    def at_block_start(self, state: ContinualState, block: BlockInfo) -> ContinualState:
        """What the strategy does when a task comes into force."""
        return self.general.at_block_start(state, block)

    def at_block_end(self, state: ContinualState, block: BlockInfo) -> ContinualState:
        """What the strategy does when a task goes."""
        return self.general.at_block_end(state, block)

    def rates(self, state: ContinualState, task: TaskWeights) -> Rates:
        """Those of the plain flow, and the rate at which anchors pull."""
        shares = self.strategy.shares(state.memory, task)
        plain, outputs = self.flow.rates(state.network, shares), self._outputs(state)
        weights = (1 + outputs.strength) * plain.weights
        anchor = self.strategy.weight_anchor(state.network, state.memory)
        if anchor is not None:
            # The trace bounds the largest eigenvalue.
            largest = jnp.max(jnp.trace(anchor.precision, axis1=-2, axis2=-1))
            weights = weights + largest * self.flow.largest_variance() / self.time_constants["weights"]
        error = self._target(state, task) - (1 + outputs.strength) * state.network.total_map()
        tau_c, tau_w = self.time_constants["gates"], self.time_constants["weights"]
        drive = jnp.sqrt(jnp.sum(self.flow.through_inputs(error) ** 2) / (tau_c * tau_w))
        return Rates((1 + outputs.strength) * plain.gates, weights, drive)

    def task_rate(self) -> Float[Array, ""]:
        """That of the plain flow."""
        return self.flow.task_rate()

    def solver_of_parts(self, state: ContinualState) -> diffrax.AbstractSolver:
        """See `GradientFlow.solver_of_parts`."""
        return solver_of_gates(self, state)

    def gate_quadratic(self, state: ContinualState, task: TaskWeights) -> tuple[Array, Array]:
        """b_p = <W^p, t Sigma> and A_pq = (1 + mu) <W^p, W^q Sigma>; row by row when gates are per neuron."""
        weights, target = state.network.row_weights(), self._target(state, task)
        seen = self.flow.through_inputs(weights)
        linear = jnp.einsum("poi,oi->po", seen, target)
        quadratic = (1 + self._outputs(state).strength) * jnp.einsum("poi,qoi->opq", seen, weights)
        if state.network.gates.ndim == 1:
            return jnp.sum(linear, axis=1), jnp.sum(quadratic, axis=0)
        return linear.ravel(), block_diagonal(quadratic)

    def with_gates(self, state: ContinualState, gates: Float[Array, " n"]) -> ContinualState:
        """The state with other gates, except those that are frozen."""
        before = state.network.gates
        moved = gates.reshape(before.shape)
        released = self.strategy.released(state.memory)
        if released is not None:
            moved = jnp.where(released.gates > 0, moved, before)
        return eqx.tree_at(lambda state: state.network.gates, state, moved)

    def relax_weights(self, state: ContinualState, task: TaskWeights, duration: Array) -> ContinualState:
        """Every eigenvector of A and Sigma at its own rate."""
        network, tau = state.network, self.time_constants["weights"]
        anchor = self.strategy.weight_anchor(network, state.memory)
        released, outputs = self.strategy.released(state.memory), self._outputs(state)
        # Gates that all output rows share make one matrix A for all rows.
        rows = network.row_gates().T if network.gates.ndim > 1 else network.gates[None]
        pull = (1 + outputs.strength) * rows[:, :, None] * rows[:, None, :]
        drive = network.pull_back(self._target(state, task))
        if anchor is not None:
            pull, drive = pull + anchor.precision, drive + anchor.drive
        force = drive - _times(pull, network.weights)
        if released is not None:
            mask = released.weights
            pull, force = pull * (mask[:, None] * mask[None, :])[None], force * mask[:, None, None]
        rates, modes = jax.vmap(eigh)(pull)
        inward = _times(modes.swapaxes(-1, -2), force)
        variances, directions = jnp.ones((), inward.dtype), None
        if self.flow.input_covariance is not None:
            variances, directions = (
                self.flow.input_covariance.variances[None, None],
                self.flow.input_covariance.directions,
            )
            inward = inward @ directions
        speed = jnp.maximum(rates, 0).T[:, :, None] * variances / tau
        moved = inward * relaxation(speed, duration) * variances / tau
        moved = moved if directions is None else moved @ directions.T
        weights = network.weights + _times(modes, moved)
        return eqx.tree_at(lambda state: state.network.weights, state, weights)

    def flow_weights(self, state: ContinualState, task: TaskWeights, duration: Array) -> ContinualState:
        """The flow of loss, anchors and penalty together, see `AbstractPenalty.flow_along`."""

        def with_weights(weights: Array) -> ContinualState:
            return eqx.tree_at(lambda state: state.network.weights, state, weights)

        def relax(weights: Array, duration: Array) -> Array:
            return self.relax_weights(with_weights(weights), task, duration).network.weights

        penalty, tau = self.penalties.get("weights", Zero()), self.time_constants["weights"]
        weights, released = state.network.weights, self.strategy.released(state.memory)
        moved = penalty.flow_along(relax, weights, duration, tau)
        if released is not None:
            moved = jnp.where(released.weights[:, None, None] > 0, moved, weights)
        return with_weights(moved)

    def _outputs(self, state: ContinualState) -> OutputAnchor:
        found = self.strategy.output_anchor(state.memory)
        if found is None:
            zero = jnp.zeros((), self.dtype)
            return OutputAnchor(zero, zero * self.tasks.teachers[0])
        return found

    def _target(self, state: ContinualState, task: TaskWeights) -> Float[Array, "o i"]:
        """T = T + mu Y'."""
        outputs = self._outputs(state)
        return self.problem.teacher(self.strategy.shares(state.memory, task)) + outputs.strength * outputs.map


def _times(matrices: Float[Array, "r p q"], weights: Float[Array, "q o i"]) -> Float[Array, "p o i"]:
    """sum_q M_pq W^q, with one matrix, or one per output row."""
    every = jnp.broadcast_to(matrices, (weights.shape[1], *matrices.shape[1:]))
    return jnp.einsum("opq,qoi->poi", every, weights)
