"""The exact closure of the population flow on gates and overlaps, for any dimensions."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.decompositions import largest_eigenvalue
from ntadyn.dynamics.default_solver import solver_of_gates
from ntadyn.dynamics.validation import as_time_constants, check_network, check_penalties
from ntadyn.interface.closed_form import block_diagonal, relaxation, symmetric
from ntadyn.interface.gated_linear import AbstractQuadraticGatedFlow, Overlaps, TaskWeights
from ntadyn.interface.rates import Rates, rate_of_teachers
from ntadyn.networks import AbstractGatedNetwork, AbstractPathNetwork, NeuronGatedLinear
from ntadyn.regularizers import AbstractPenalty
from ntadyn.tasks.task_set import TaskSet


class OrderParameterState(eqx.Module):
    """Gates and overlaps; `rows` is 1, or d_out when output rows are kept apart.

    Attributes:
        gates: c, shape (paths,) shared by all rows, or (paths, d_out).
        students: K_pq = <W^p, W^q>, shape (rows, paths, paths).
        cross: S_pm = <W^p, W*^m>, shape (rows, paths, tasks).
    """

    gates: Float[Array, "..."]
    students: Float[Array, "r p p"]
    cross: Float[Array, "r p m"]


class OrderParameters(AbstractQuadraticGatedFlow):
    """tau_W dS/dt = c (T a - S^T c)^T,  tau_W dK/dt = c r^T + r c^T,  tau_c dc/dt = r - dR/dc,  with r = S a - K c.

    Exact for white inputs, any teachers and any numbers of paths and tasks: the population flow of `GradientFlow` in
    terms of K, S and the constant T. Its cost does not depend on d_in, nor on d_out unless rows are resolved.

    Attributes:
        tasks: the teachers; only their overlaps T enter the flow.
        time_constants: tau_g for the groups "gates" and "weights".
        penalties: penalties on "gates". Penalties on weights do not close on overlaps.
        row_resolved: whether K, S, T are kept per output row, as per-neuron gates and row-wise metrics need.

    Raises:
        ValueError: for a penalty on the weights, unknown groups, or time constants that are not positive.

    Source: derived from the gradient flow of arXiv 2411.03840; the closure needs dR/dW = 0 and E[x x^T] = 1.
    """

    tasks: TaskSet
    time_constants: dict[str, Float[Array, ""]]
    penalties: dict[str, AbstractPenalty]
    teacher_overlaps: Float[Array, "r m m"]
    row_resolved: bool = eqx.field(static=True)

    def __init__(
        self,
        tasks: TaskSet,
        time_constants: dict[str, Any],
        penalties: dict[str, AbstractPenalty] | None = None,
        row_resolved: bool = False,
    ):
        self.tasks = tasks
        self.time_constants = as_time_constants(time_constants, ("gates", "weights"), tasks.teachers.dtype)
        self.penalties = {} if penalties is None else penalties
        check_penalties(self.penalties, ("gates", "weights"), closed_on_weights=False)
        self.row_resolved = row_resolved
        self.teacher_overlaps = self._contract("moi,noi->omn", tasks.teachers, tasks.teachers)

    def initial_state(self, network: AbstractGatedNetwork) -> OrderParameterState:
        """c, K and S of a network.

        Raises:
            ValueError: for a network without paths, one that needs `row_resolved`, or one that does not fit teachers.
        """
        check_network(network, self.tasks)
        if not isinstance(network, AbstractPathNetwork):
            raise ValueError(
                f"OrderParameters needs a network of paths, each with a weight matrix; got a {type(network).__name__}. "
                f"Pass a DeepLinear to DeepOrderParameters, and anything else to GradientFlow."
            )
        if isinstance(network, NeuronGatedLinear) and not self.row_resolved:
            raise ValueError("per-neuron gates need one K and S per output row; pass row_resolved=True.")
        return OrderParameterState(
            gates=network.gates,
            students=symmetric(self._contract("poi,qoi->opq", network.weights, network.weights)),
            cross=self._contract("poi,moi->opm", network.weights, self.tasks.teachers),
        )

    def vector_field(self, t: Any, state: OrderParameterState, task: TaskWeights) -> OrderParameterState:
        """The closed flow; see the class."""
        del t
        gates, pull, teacher_error = self._errors(state, task)
        tau_c, tau_w = self.time_constants["gates"], self.time_constants["weights"]
        drive = pull.T if state.gates.ndim == 2 else jnp.sum(pull, axis=0)
        drive = drive - self.gate_penalty().gradient(state.gates)
        growth = gates[:, :, None] * pull[:, None, :]
        return OrderParameterState(
            gates=drive / tau_c,
            students=(growth + growth.swapaxes(1, 2)) / tau_w,
            cross=gates[:, :, None] * teacher_error[:, None, :] / tau_w,
        )

    def loss(self, state: OrderParameterState, task: TaskWeights) -> Float[Array, ""]:
        """1/2 sum_r (a^T T a - 2 c^T S a + c^T K c)."""
        return 0.5 * jnp.sum(self._squared_error(state, task))

    def energy(self, state: OrderParameterState, task: TaskWeights) -> Float[Array, ""]:
        """Loss plus the gate penalty."""
        return self.loss(state, task) + self.gate_penalty().energy(state.gates)

    def gates(self, state: OrderParameterState) -> Array:
        """The gates."""
        return state.gates

    def overlaps(self, state: OrderParameterState) -> Overlaps:
        """K, S and T."""
        return Overlaps(students=state.students, cross=state.cross, teachers=self.teacher_overlaps)

    def gram(self, state: OrderParameterState) -> Float[Array, "r n n"]:
        """The Gram matrices of students and teachers, row by row or summed over rows, n = paths + tasks."""
        cross = state.cross.swapaxes(1, 2)
        students = jnp.concatenate([state.students, state.cross], axis=2)
        return jnp.concatenate([students, jnp.concatenate([cross, self.teacher_overlaps], axis=2)], axis=1)

    def rates(self, state: OrderParameterState, task: TaskWeights) -> Rates:
        """Bounds from |K|, |c|^2 and |E|."""
        tau_c, tau_w = self.time_constants["gates"], self.time_constants["weights"]
        students = state.students if state.gates.ndim == 2 else jnp.sum(state.students, axis=0, keepdims=True)
        squared_error = jnp.sum(self._squared_error(state, task))
        return Rates(
            gates=jnp.max(jax.vmap(largest_eigenvalue)(students)) / tau_c,
            weights=jnp.max(jnp.sum(self._row_gates(state) ** 2, axis=1)) / tau_w,
            drive=jnp.sqrt(jnp.maximum(squared_error, 0) / (tau_c * tau_w)),
        )

    def solver_of_parts(self, state: OrderParameterState) -> diffrax.AbstractSolver:
        """The solver that suits the gates, see `solver_of_gates`."""
        return solver_of_gates(self, state)

    def task_rate(self) -> Float[Array, ""]:
        """max_m |W*^m|_F / sqrt(tau_c tau_W)."""
        return rate_of_teachers(self.tasks.teachers, self.time_constants)

    def gate_quadratic(self, state: OrderParameterState, task: TaskWeights) -> tuple[Array, Array]:
        """The vector b = S a and the matrix A = K, summed over rows or block-diagonal in them."""
        linear = jnp.einsum("rpm,m->pr", state.cross, task)
        if state.gates.ndim == 1:
            return jnp.sum(linear, axis=1), jnp.sum(state.students, axis=0)
        return linear.ravel(), block_diagonal(state.students)

    def with_gates(self, state: OrderParameterState, gates: Float[Array, " n"]) -> OrderParameterState:
        """The state with other gates."""
        return OrderParameterState(gates.reshape(state.gates.shape), state.students, state.cross)

    def relax_weights(self, state: OrderParameterState, task: TaskWeights, duration: Array) -> OrderParameterState:
        """W^p += c_p A E in closed form, contracted with students and teachers; A = relaxation(|c|^2/tau)/tau."""
        gates, pull, teacher_error = self._errors(state, task)
        tau = self.time_constants["weights"]
        squared = jnp.sum(gates**2, axis=1)
        step = (relaxation(squared / tau, duration) / tau)[:, None, None]
        growth = gates[:, :, None] * pull[:, None, :]
        outer = gates[:, :, None] * gates[:, None, :]
        error = self._squared_error(state, task)[:, None, None]
        students = state.students + step * (growth + growth.swapaxes(1, 2)) + step**2 * error * outer
        cross = state.cross + step * gates[:, :, None] * teacher_error[:, None, :]
        return OrderParameterState(state.gates, symmetric(students), cross)

    def _row_gates(self, state: OrderParameterState) -> Float[Array, "r p"]:
        if state.gates.ndim == 2:
            return state.gates.T
        return jnp.broadcast_to(state.gates[None], state.cross.shape[:2])

    def _errors(self, state: OrderParameterState, task: TaskWeights) -> tuple[Array, Array, Array]:
        """Row gates, <W^p, E> (r, p) and <E, W*^m> (r, m) with E = W* - sum_p c_p W^p."""
        gates = self._row_gates(state)
        tasks = jnp.broadcast_to(task[None], (gates.shape[0], task.shape[0]))
        pull = _products(state.cross, tasks) - _products(state.students, gates)
        teacher_error = _products(self.teacher_overlaps, tasks) - _products(state.cross.swapaxes(1, 2), gates)
        return gates, pull, teacher_error

    def _squared_error(self, state: OrderParameterState, task: TaskWeights) -> Float[Array, " r"]:
        gates, pull, teacher_error = self._errors(state, task)
        return jnp.sum(teacher_error * task[None], axis=1) - jnp.sum(gates * pull, axis=1)

    def _contract(self, rows: str, left: Array, right: Array) -> Array:
        by_row = jnp.einsum(rows, left, right)
        return by_row if self.row_resolved else jnp.sum(by_row, axis=0, keepdims=True)


def _products(matrices: Float[Array, "r a b"], vectors: Float[Array, "r b"]) -> Float[Array, "r a"]:
    """Matrix times vector, row by row, as plain sums.

    In a batch these run side by side, where a matrix product would be called once per trajectory.
    """
    return jnp.sum(matrices * vectors[:, None, :], axis=2)
