"""Population gradient flow of a network, from its energy by automatic differentiation."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.decompositions import largest_eigenvalue, smaller_gram
from ntadyn.dynamics.default_solver import solver_of_gates
from ntadyn.dynamics.validation import as_covariance, as_time_constants, check_network, check_penalties
from ntadyn.interface.boost_flow import AbstractBoostFlow, Push
from ntadyn.interface.closed_form import block_diagonal, relaxation
from ntadyn.interface.gated_linear import Overlaps, TaskWeights
from ntadyn.interface.rates import Rates
from ntadyn.networks import AbstractGatedNetwork, AbstractPathNetwork
from ntadyn.regularizers import AbstractPenalty, Zero
from ntadyn.tasks.inputs import InputCovariance
from ntadyn.tasks.task_set import TaskSet


class GradientFlow(AbstractBoostFlow):
    """tau_g dx_g/dt = -dE/dx_g with E = 1/2 <D, D Sigma>_F + sum_g R_g(x_g), D = sum_p g_p W^p - W*.

    The state is the network itself. The expectation over inputs is exact: `input_covariance` is their second moment,
    the identity when it is None.

    Attributes:
        tasks: the teachers.
        time_constants: tau_g for the groups "gates" and "weights", in the caller's unit of time.
        penalties: R_g by group name; groups without a penalty are left out.
        input_covariance: Sigma, or None for the identity.

    Raises:
        ValueError: for unknown or missing groups, time constants that are not positive, a covariance of another size.

    Source: arXiv 2411.03840, section 2; population limit in its appendix.
    """

    tasks: TaskSet
    time_constants: dict[str, Float[Array, ""]]
    penalties: dict[str, AbstractPenalty]
    input_covariance: InputCovariance | None

    def __init__(
        self,
        tasks: TaskSet,
        time_constants: dict[str, Any],
        penalties: dict[str, AbstractPenalty] | None = None,
        input_covariance: InputCovariance | Float[Array, "i i"] | None = None,
    ):
        groups = ("gates", "weights")
        self.tasks = tasks
        self.time_constants = as_time_constants(time_constants, groups, tasks.teachers.dtype)
        self.penalties = {} if penalties is None else penalties
        check_penalties(self.penalties, groups)
        self.input_covariance = as_covariance(input_covariance, tasks)

    def initial_state(self, network: AbstractGatedNetwork) -> AbstractGatedNetwork:
        """The network itself.

        Raises:
            ValueError: if it does not fit the teachers.
        """
        check_network(network, self.tasks)
        return network

    def vector_field(self, t: Any, state: AbstractGatedNetwork, task: TaskWeights) -> AbstractGatedNetwork:
        """-(1/tau_g) dE/dx_g for every group g."""
        del t
        gradient = jax.grad(self.energy)(state, task)
        rates = [-getattr(gradient, name) / tau for name, tau in self.time_constants.items()]
        return eqx.tree_at(lambda net: [getattr(net, name) for name in self.time_constants], gradient, rates)

    def loss(self, state: AbstractGatedNetwork, task: TaskWeights) -> Float[Array, ""]:
        """1/2 <D, D Sigma>_F with D the error of the total map."""
        difference = state.total_map() - self._teacher(task)
        return 0.5 * jnp.sum(difference * self.through_inputs(difference))

    def energy(self, state: AbstractGatedNetwork, task: TaskWeights) -> Float[Array, ""]:
        """Loss plus penalties."""
        return self.loss(state, task) + sum(
            penalty.energy(getattr(state, group)) for group, penalty in self.penalties.items()
        )

    def gates(self, state: AbstractGatedNetwork) -> Array:
        """The network's gates."""
        return state.gates

    def network(self, state: AbstractGatedNetwork) -> AbstractGatedNetwork:
        """The state itself."""
        return state

    def overlaps(self, state: AbstractGatedNetwork) -> Overlaps:
        """Overlaps per output row (plain inner products, without the input covariance), first axis d_out."""
        return _overlaps(state.row_weights(), self.tasks.teachers)

    def seen_overlaps(self, state: AbstractGatedNetwork) -> Overlaps:
        """Overlaps per output row of matrices times Sigma^(1/2)."""
        weights, teachers = map(self.through_root, (state.row_weights(), self.tasks.teachers))
        return _overlaps(weights, teachers)

    def rates(self, state: AbstractGatedNetwork, task: TaskWeights) -> Rates:
        """Bounds from |J_c Sigma J_c^T|, |J_W Sigma J_W^T| and |E Sigma|, with J the derivatives of the total map."""
        tau_c, tau_w = self.time_constants["gates"], self.time_constants["weights"]
        features = self.through_root(state.gate_derivatives())
        blocks = features.reshape(*features.shape[:2], -1)
        of_gates = jax.vmap(lambda block: largest_eigenvalue(smaller_gram(block)))(blocks)
        error = self.through_inputs(self._teacher(task) - state.total_map())
        return Rates(
            gates=jnp.max(of_gates) / tau_c,
            weights=state.weight_sensitivity() * self.largest_variance() / tau_w,
            drive=jnp.sqrt(jnp.sum(error**2) / (tau_c * tau_w)),
        )

    def solver_of_parts(self, state: AbstractGatedNetwork) -> diffrax.AbstractSolver:
        """The solver that suits the gates, see `solver_of_gates`."""
        return solver_of_gates(self, state)

    def task_rate(self) -> Float[Array, ""]:
        """max_m |W*^m Sigma|_F / sqrt(tau_c tau_W)."""
        size = jnp.max(jnp.sqrt(jnp.sum(self.through_inputs(self.tasks.teachers) ** 2, axis=(-2, -1))))
        return size / jnp.sqrt(self.time_constants["gates"] * self.time_constants["weights"])

    def gate_quadratic(self, state: AbstractGatedNetwork, task: TaskWeights) -> tuple[Array, Array]:
        """b_p = <W^p, W* Sigma> and A_pq = <W^p, W^q Sigma>; row by row when gates are per neuron."""
        weights = state.row_weights()
        seen = self.through_inputs(weights)
        linear = jnp.einsum("poi,oi->po", seen, self._teacher(task))
        quadratic = jnp.einsum("poi,qoi->opq", seen, weights)
        if state.gates.ndim == 1:
            return jnp.sum(linear, axis=1), jnp.sum(quadratic, axis=0)
        return linear.ravel(), block_diagonal(quadratic)

    def with_gates(self, state: AbstractGatedNetwork, gates: Float[Array, " n"]) -> AbstractGatedNetwork:
        """The network with other gates."""
        return eqx.tree_at(lambda network: network.gates, state, gates.reshape(state.gates.shape))

    def relax_weights(self, state: AbstractGatedNetwork, task: TaskWeights, duration: Array) -> AbstractGatedNetwork:
        """W += J^T A(D): every output mode and input direction of the error D relaxes at its own rate r v / tau."""
        error = self._teacher(task) - state.total_map()
        rates, outputs = state.output_modes()
        tau = self.time_constants["weights"]
        error = error if outputs is None else outputs.T @ error
        if self.input_covariance is None:
            step = error * relaxation(rates[:, None] / tau, duration) / tau
        else:
            variances, directions = self.input_covariance.variances[None], self.input_covariance.directions
            amplitude = relaxation(rates[:, None] * variances / tau, duration) * variances / tau
            step = ((error @ directions) * amplitude) @ directions.T
        step = step if outputs is None else outputs @ step
        return eqx.tree_at(lambda network: network.weights, state, state.weights + state.pull_back(step))

    def flow_weights(self, state: AbstractGatedNetwork, task: TaskWeights, duration: Array) -> AbstractGatedNetwork:
        """The flow of loss and penalty together, see `AbstractPenalty.flow_along`."""

        def with_weights(weights: Array) -> AbstractGatedNetwork:
            return eqx.tree_at(lambda network: network.weights, state, weights)

        def relax(weights: Array, duration: Array) -> Array:
            return self.relax_weights(with_weights(weights), task, duration).weights

        penalty, tau = self.penalties.get("weights", Zero()), self.time_constants["weights"]
        return with_weights(penalty.flow_along(relax, state.weights, duration, tau))

    def push(
        self, state: AbstractGatedNetwork, task: TaskWeights, area: Float[Array, " n"], duration: Float[Array, ""]
    ) -> Push:
        """X as a matrix, shape (d_out, d_in); gates that outputs share feel all of it, others their rows.

        Raises:
            ValueError: for a network whose paths have no weight matrix each.
        """
        if not isinstance(state, AbstractPathNetwork):
            raise ValueError(
                f"LorentzBoost moves networks of paths, each with a weight matrix; got a {type(state).__name__}. "
                f"Leave the solver out, or pass Splitting()."
            )
        by_path = area.reshape(state.gates.shape)
        by_row = jnp.broadcast_to(by_path[:, None], state.weights.shape[:2]) if by_path.ndim == 1 else by_path
        error = self._teacher(task) - state.total_map()
        integral = duration * error - jnp.einsum("po,poi->oi", by_row, state.weights)
        exponent = duration * state.output_modes()[0][:, None] / self.time_constants["weights"]
        one = jnp.ones_like(duration)
        if self.input_covariance is None:
            matrix = integral * relaxation(exponent, one)
        else:
            variances, directions = self.input_covariance.variances[None], self.input_covariance.directions
            matrix = ((integral @ directions) * relaxation(exponent * variances, one) * variances) @ directions.T
        pull, squared = jnp.einsum("poi,oi->po", state.weights, matrix), jnp.sum(matrix**2, axis=1)
        if state.gates.ndim == 1:
            pull, squared = jnp.sum(pull, axis=1), jnp.sum(squared)
        return Push(pull.ravel(), jnp.broadcast_to(squared, pull.shape).ravel(), matrix)

    def pushed(self, state: AbstractGatedNetwork, push: Push, amplitudes: Float[Array, " n"]) -> AbstractGatedNetwork:
        """W^p + a_p X, row by row if gates are."""
        by_path = amplitudes.reshape(*state.gates.shape, *[1] * (3 - state.gates.ndim))
        return eqx.tree_at(lambda network: network.weights, state, state.weights + by_path * push.carrier[None])

    def _teacher(self, task: TaskWeights) -> Float[Array, "o i"]:
        return jnp.einsum("m,moi->oi", task, self.tasks.teachers)

    def through_root(self, matrix: Float[Array, "... i"]) -> Float[Array, "... i"]:
        """M V diag(v)^(1/2), whose products with itself are those of M through Sigma."""
        covariance = self.input_covariance
        return matrix if covariance is None else matrix @ (covariance.directions * jnp.sqrt(covariance.variances)[None])

    def largest_variance(self) -> Float[Array, ""]:
        """The largest eigenvalue of Sigma."""
        covariance = self.input_covariance
        return jnp.ones((), self.tasks.teachers.dtype) if covariance is None else jnp.max(covariance.variances)

    def through_inputs(self, matrix: Float[Array, "... i"]) -> Float[Array, "... i"]:
        """M Sigma."""
        return matrix if self.input_covariance is None else matrix @ self.input_covariance.matrix()


def _overlaps(weights: Float[Array, "p o i"], teachers: Float[Array, "m o i"]) -> Overlaps:
    return Overlaps(
        students=jnp.einsum("poi,qoi->opq", weights, weights),
        cross=jnp.einsum("poi,moi->opm", weights, teachers),
        teachers=jnp.einsum("moi,noi->omn", teachers, teachers),
    )
