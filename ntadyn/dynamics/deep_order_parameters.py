"""The exact closure of the two-layer network's population flow on its second layer and the overlaps of its first."""

from typing import Any

import diffrax
import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.decompositions import eigh, largest_eigenvalue, smaller_gram
from ntadyn.dynamics.default_solver import solver_of_gates
from ntadyn.dynamics.validation import as_time_constants, check_network, check_penalties
from ntadyn.interface.closed_form import block_diagonal, relaxation, symmetric
from ntadyn.interface.gated_linear import AbstractQuadraticGatedFlow, Overlaps, TaskWeights
from ntadyn.interface.rates import Rates, rate_of_teachers
from ntadyn.networks import AbstractGatedNetwork, DeepLinear
from ntadyn.regularizers import AbstractPenalty
from ntadyn.tasks.task_set import TaskSet


class DeepOrderParameterState(eqx.Module):
    """The second layer, and the overlaps of the first layer with itself and with the teachers.

    Attributes:
        gates: W2^T, shape (units, d_out).
        students: K = W1 W1^T, shape (units, units).
        cross: S = W1 W*^T for every row of every teacher, shape (d_out, units, tasks).
    """

    gates: Float[Array, "p o"]
    students: Float[Array, "p p"]
    cross: Float[Array, "o p m"]


class DeepOrderParameters(AbstractQuadraticGatedFlow):
    """tau_2 dW2/dt = B - dR/dW2,  tau_1 dK/dt = W2^T B + B^T W2,  tau_1 dS/dt = W2^T F.

    B = E W1^T = S a - W2 K and F = E W*^T = T a - W2 S are the error E = W* a - W2 W1 seen by the first layer and by
    the teachers. W2 is kept whole, so that any penalty on it may act; W1 enters through its products only, which close
    because tau_1 dW1/dt = W2^T E and the rows of E are combinations of those of W1 and of the teachers. Nothing smaller
    closes: every teacher row drives every unit, so T holds the overlaps of all rows of all teachers, and K and S cannot
    be summed over rows. Nor do the products close for a penalty on W1, or for coloured inputs, which bring in
    W1 Sigma W1^T, W1 Sigma^2 W1^T and so on.

    The cost does not depend on d_in. A time step is cheaper than in weight space once d_in exceeds
    units + tasks * d_out, which it does not at the published sizes (20 against 40).

    Attributes:
        tasks: the teachers; only their overlaps T enter the flow.
        time_constants: tau_2 as "gates" and tau_1 as "weights".
        penalties: penalties on "gates", that is on W2.

    Raises:
        ValueError: for a penalty on the weights, unknown groups, or time constants that are not positive.

    Source: derived from the gradient flow of arXiv 2411.03840, fully connected network.
    """

    tasks: TaskSet
    time_constants: dict[str, Float[Array, ""]]
    penalties: dict[str, AbstractPenalty]
    teacher_overlaps: Float[Array, "o m o m"]

    def __init__(
        self, tasks: TaskSet, time_constants: dict[str, Any], penalties: dict[str, AbstractPenalty] | None = None
    ):
        self.tasks = tasks
        self.time_constants = as_time_constants(time_constants, ("gates", "weights"), tasks.teachers.dtype)
        self.penalties = {} if penalties is None else penalties
        check_penalties(self.penalties, ("gates", "weights"), closed_on_weights=False)
        self.teacher_overlaps = jnp.einsum("moi,nji->omjn", tasks.teachers, tasks.teachers)

    def initial_state(self, network: AbstractGatedNetwork) -> DeepOrderParameterState:
        """W2, K and S of a two-layer network.

        Raises:
            ValueError: for another network, or one that does not fit the teachers.
        """
        check_network(network, self.tasks)
        if not isinstance(network, DeepLinear):
            raise ValueError(
                f"DeepOrderParameters needs a two-layer network (DeepLinear); got a {type(network).__name__}, pass it "
                f"to OrderParameters."
            )
        return DeepOrderParameterState(
            gates=network.gates,
            students=symmetric(network.weights @ network.weights.T),
            cross=jnp.einsum("pi,moi->opm", network.weights, self.tasks.teachers),
        )

    def vector_field(self, t: Any, state: DeepOrderParameterState, task: TaskWeights) -> DeepOrderParameterState:
        """The closed flow; see the class."""
        del t
        pull, teacher_error = self._errors(state, task)
        tau_2, tau_1 = self.time_constants["gates"], self.time_constants["weights"]
        growth = state.gates @ pull
        return DeepOrderParameterState(
            gates=(pull.T - self.gate_penalty().gradient(state.gates)) / tau_2,
            students=(growth + growth.T) / tau_1,
            cross=jnp.einsum("pr,rom->opm", state.gates, teacher_error) / tau_1,
        )

    def loss(self, state: DeepOrderParameterState, task: TaskWeights) -> Float[Array, ""]:
        """1/2 |E|^2 = 1/2 (<F, W* a> - <B, W2>)."""
        return 0.5 * jnp.trace(self._squared_error(state, task))

    def energy(self, state: DeepOrderParameterState, task: TaskWeights) -> Float[Array, ""]:
        """Loss plus the penalty on W2."""
        return self.loss(state, task) + self.gate_penalty().energy(state.gates)

    def gates(self, state: DeepOrderParameterState) -> Float[Array, "p o"]:
        """W2^T."""
        return state.gates

    def overlaps(self, state: DeepOrderParameterState) -> Overlaps:
        """K, the same for every output row, S, and the part of T within rows."""
        rows = state.cross.shape[0]
        return Overlaps(
            students=jnp.broadcast_to(state.students[None], (rows, *state.students.shape)),
            cross=state.cross,
            teachers=jnp.einsum("omon->omn", self.teacher_overlaps),
        )

    def gram(self, state: DeepOrderParameterState) -> Float[Array, "1 n n"]:
        """The Gram matrix of the rows of W1 and of all teachers, shape (1, n, n) with n = units + tasks * d_out."""
        units = state.students.shape[0]
        cross = state.cross.swapaxes(0, 1).reshape(units, -1)
        teachers = self.teacher_overlaps.reshape(cross.shape[1], -1)
        students = jnp.concatenate([state.students, cross], axis=1)
        return jnp.concatenate([students, jnp.concatenate([cross.T, teachers], axis=1)])[None]

    def rates(self, state: DeepOrderParameterState, task: TaskWeights) -> Rates:
        """Bounds from |K|, |W2 W2^T| and |E|."""
        tau_2, tau_1 = self.time_constants["gates"], self.time_constants["weights"]
        squared_error = jnp.trace(self._squared_error(state, task))
        return Rates(
            gates=largest_eigenvalue(state.students) / tau_2,
            weights=largest_eigenvalue(smaller_gram(state.gates)) / tau_1,
            drive=jnp.sqrt(jnp.maximum(squared_error, 0) / (tau_1 * tau_2)),
        )

    def solver_of_parts(self, state: DeepOrderParameterState) -> diffrax.AbstractSolver:
        """The solver that suits the gates, see `solver_of_gates`."""
        return solver_of_gates(self, state)

    def task_rate(self) -> Float[Array, ""]:
        """max_m |W*^m|_F / sqrt(tau_1 tau_2)."""
        return rate_of_teachers(self.tasks.teachers, self.time_constants)

    def gate_quadratic(self, state: DeepOrderParameterState, task: TaskWeights) -> tuple[Array, Array]:
        """The vector b = S a and matrix A = K for every output row."""
        linear = jnp.einsum("opm,m->po", state.cross, task)
        rows = state.cross.shape[0]
        quadratic = jnp.broadcast_to(state.students[None], (rows, *state.students.shape))
        return linear.ravel(), block_diagonal(quadratic)

    def with_gates(self, state: DeepOrderParameterState, gates: Float[Array, " n"]) -> DeepOrderParameterState:
        """The state with another second layer."""
        return DeepOrderParameterState(gates.reshape(state.gates.shape), state.students, state.cross)

    def relax_weights(
        self, state: DeepOrderParameterState, task: TaskWeights, duration: Array
    ) -> DeepOrderParameterState:
        """W1 += W2^T A E in closed form, contracted with W1 and the teachers; A = relaxation(W2 W2^T / tau) / tau."""
        pull, teacher_error = self._errors(state, task)
        tau = self.time_constants["weights"]
        rates, modes = eigh(state.gates.T @ state.gates)
        carry = (state.gates @ modes) * (relaxation(rates / tau, duration) / tau)[None] @ modes.T
        growth = carry @ pull
        squared = carry @ self._squared_error(state, task) @ carry.T
        return DeepOrderParameterState(
            gates=state.gates,
            # The error E E^T is symmetric up to rounding only, which the next step would amplify.
            students=symmetric(state.students + growth + growth.T + squared),
            cross=state.cross + jnp.einsum("pr,rom->opm", carry, teacher_error),
        )

    def _errors(self, state: DeepOrderParameterState, task: TaskWeights) -> tuple[Array, Array]:
        """B = E W1^T, shape (d_out, units), and F = E W*^T, shape (d_out, d_out, tasks)."""
        pull = state.cross @ task - state.gates.T @ state.students
        teacher_error = jnp.einsum("rnom,n->rom", self.teacher_overlaps, task)
        return pull, teacher_error - jnp.einsum("pr,opm->rom", state.gates, state.cross)

    def _squared_error(self, state: DeepOrderParameterState, task: TaskWeights) -> Float[Array, "o o"]:
        """E E^T = F a - B W2^T."""
        pull, teacher_error = self._errors(state, task)
        return teacher_error @ task - pull @ state.gates
