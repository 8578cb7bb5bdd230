"""Two tasks, two paths: the effective mode (toy), its symmetric manifold, and the exact solution on it."""

from typing import Any

import diffrax
import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, ArrayLike, Float

from ntadyn.dynamics.default_solver import solver_of_gates
from ntadyn.dynamics.gradient_flow import GradientFlow
from ntadyn.dynamics.validation import as_time_constants, check_network
from ntadyn.interface.closed_form import relaxation
from ntadyn.interface.gated_linear import AbstractGatedFlow, Overlaps, TaskWeights
from ntadyn.interface.loops import EventSearch
from ntadyn.interface.rates import Rates, rate_of_teachers
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import AbstractPenalty
from ntadyn.tasks.task_set import TaskSet


def toy_tasks(dtype: DTypeLike | None = None) -> TaskSet:
    """Two tasks with one input and two outputs, W*^m = e_m: what the full model looks like in one effective mode."""
    dtype = jnp.zeros(()).dtype if dtype is None else dtype
    return TaskSet(jnp.eye(2, dtype=dtype)[:, :, None], names=("A", "B"), num_base=2)


def toy_flow(
    time_constants: dict[str, Any],
    penalties: dict[str, AbstractPenalty] | None = None,
    mode_energy: float | Float[Array, ""] = 1.0,
    dtype: DTypeLike | None = None,
) -> GradientFlow:
    """The full flow in one effective mode: tau_c -> tau_c / (N s^2) and R -> R / (N s^2).

    If all N modes of a full model have strength s and start equal, it is this system exactly, and
    L_full = N s^2 L_toy.

    Args:
        time_constants: those of the full model, groups "gates" and "weights".
        penalties: those of the full model, on "gates".
        mode_energy: N s^2 = ||W*^m||_F^2 of the full model; 1 when everything is given in toy units already.
        dtype: floating dtype.

    Returns:
        A `GradientFlow` whose state is a `GatedLinear` with weights of shape (paths, 2, 1).

    Raises:
        ValueError: if the mode energy is not positive; and as `GradientFlow`.

    Source: arXiv 2411.03840, appendix on the reduced model; the published code rescales tau_c only.
    """
    if not isinstance(mode_energy, Tracer) and not np.all(np.asarray(mode_energy) > 0):
        raise ValueError(f"the mode energy N s^2 is {mode_energy}; it must be positive.")
    scaled = {group: penalty.scaled(1 / mode_energy) for group, penalty in (penalties or {}).items()}
    rescaled = {name: tau / mode_energy if name == "gates" else tau for name, tau in time_constants.items()}
    return GradientFlow(toy_tasks(dtype), rescaled, scaled)


def mode_aligned(toy: GatedLinear, tasks: TaskSet) -> GatedLinear:
    """W^p = sum_m w_m^p W*^m: the full network that starts in the toy network's state.

    Args:
        toy: a network with weights of shape (paths, tasks, 1).
        tasks: the base teachers of the full model.

    Returns:
        A network with weights of shape (paths, d_out, d_in).
    """
    return GatedLinear(toy.gates, jnp.einsum("pm,moi->poi", toy.weights[:, :, 0], tasks.teachers))


class SymmetricState(eqx.Module):
    """Coordinates on the symmetric manifold; all scalars.

    Attributes:
        gate_difference: cbar = c_1 - c_2.
        weight_difference: wbar = w_1^1 - w_1^2 = w_2^2 - w_2^1, the specialisation.
        imbalance: ubar = ((w_1^1 + w_1^2) - (w_2^1 + w_2^2)) / 2: which task the paths together hold more of.
    """

    gate_difference: Float[Array, ""]
    weight_difference: Float[Array, ""]
    imbalance: Float[Array, ""]


class Symmetric(AbstractGatedFlow):
    """tau_c dcbar/dt = wbar D,  tau_W dwbar/dt = cbar D / 2,  tau_W dubar/dt = D / 2,  |cbar| <= 1.

    D = eps_1 - eps_2 = (a_1 - a_2) - ubar - cbar wbar is the error along the difference of the two tasks. This is the
    toy on the manifold wbar_1 = wbar_2, eps_1 = -eps_2, c_1 + c_2 = 1, which the flow reaches as the L1 penalty grows
    (k -> infinity); the gates are bounded by a hard constraint. Time constants are in toy units (see `toy_flow`).

    Attributes:
        tasks: the two toy teachers.
        time_constants: tau_g for the groups "gates" and "weights".
        penalties: empty; the penalty is the constraint.

    Raises:
        ValueError: for wrong time constants, as `GradientFlow`.

    Source: arXiv 2411.03840, section on the effective dynamics in specialisation space.
    """

    tasks: TaskSet
    time_constants: dict[str, Float[Array, ""]]
    penalties: dict[str, AbstractPenalty]

    def __init__(self, time_constants: dict[str, Any], dtype: DTypeLike | None = None):
        self.tasks = toy_tasks(dtype)
        self.time_constants = as_time_constants(time_constants, ("gates", "weights"), self.tasks.teachers.dtype)
        self.penalties = {}

    def initial_state(self, network: GatedLinear) -> SymmetricState:
        """The coordinates of a toy network that lies on the symmetric manifold.

        Args:
            network: two paths, weights of shape (2, 2, 1).

        Returns:
            Its coordinates.

        Raises:
            ValueError: for another shape, or a network off the manifold.
        """
        check_network(network, self.tasks)
        if network.weights.shape[0] != 2:
            raise ValueError(f"the symmetric system has two paths; got {network.weights.shape[0]}. Pass two.")
        first, second = network.weights[0, :, 0], network.weights[1, :, 0]
        differences = (first - second) * jnp.array([1, -1], first.dtype)
        sums = first + second
        off = jnp.array([differences[0] - differences[1], jnp.sum(sums) - 2, jnp.sum(network.gates) - 1])
        if not isinstance(off, Tracer) and np.max(np.abs(off)) > 1e-6:
            raise ValueError(
                f"the network is off the symmetric manifold: wbar_1 - wbar_2, u_1 + u_2 - 2 and c_1 + c_2 - 1 are "
                f"{np.asarray(off)}, and all must be zero. Start there, or use toy_flow, which needs no symmetry."
            )
        return SymmetricState(
            gate_difference=network.gates[0] - network.gates[1],
            weight_difference=jnp.mean(differences),
            imbalance=0.5 * (sums[0] - sums[1]),
        )

    def vector_field(self, t: Any, state: SymmetricState, task: TaskWeights) -> SymmetricState:
        """The flow, with gates that stop at their bounds."""
        del t
        error = self._error_difference(state, task)
        gate_rate = state.weight_difference * error / self.time_constants["gates"]
        held = (jnp.abs(state.gate_difference) >= 1) & (gate_rate * state.gate_difference > 0)
        tau_w = self.time_constants["weights"]
        return SymmetricState(
            gate_difference=jnp.where(held, jnp.zeros_like(gate_rate), gate_rate),
            weight_difference=0.5 * state.gate_difference * error / tau_w,
            imbalance=0.5 * error / tau_w,
        )

    def flow_gates(
        self, state: SymmetricState, task: TaskWeights, duration: Float[Array, ""], search: EventSearch
    ) -> SymmetricState:
        """The state after cbar has relaxed at the rate wbar^2 / tau_c; in one dimension its bounds are a mere clip."""
        del search
        tau, specialisation = self.time_constants["gates"], state.weight_difference
        push = specialisation * self._error_difference(state, task) / tau
        moved = state.gate_difference + push * relaxation(specialisation**2 / tau, duration)
        # A start that rounding has put outside the bounds is not pushed further out.
        bound = jnp.maximum(jnp.abs(state.gate_difference), 1)
        return SymmetricState(jnp.clip(moved, -bound, bound), state.weight_difference, state.imbalance)

    def flow_weights(self, state: SymmetricState, task: TaskWeights, duration: Float[Array, ""]) -> SymmetricState:
        """The state after D has relaxed at the rate (1 + cbar^2) / (2 tau_W); wbar and ubar move as cbar to 1."""
        tau, gate = self.time_constants["weights"], state.gate_difference
        rate = 0.5 * (1 + gate**2) / tau
        step = 0.5 * self._error_difference(state, task) * relaxation(rate, duration) / tau
        return SymmetricState(gate, state.weight_difference + gate * step, state.imbalance + step)

    def rates(self, state: SymmetricState, task: TaskWeights) -> Rates:
        """Rates from wbar^2, (1 + cbar^2) / 2 and |D| / sqrt(2)."""
        tau_c, tau_w = self.time_constants["gates"], self.time_constants["weights"]
        return Rates(
            gates=state.weight_difference**2 / tau_c,
            weights=0.5 * (1 + state.gate_difference**2) / tau_w,
            drive=jnp.abs(self._error_difference(state, task)) / jnp.sqrt(2 * tau_c * tau_w),
        )

    def solver_of_parts(self, state: SymmetricState) -> diffrax.AbstractSolver:
        """The solver that suits the gates, see `solver_of_gates`."""
        return solver_of_gates(self, state)

    def task_rate(self) -> Float[Array, ""]:
        """1 / sqrt(tau_c tau_W)."""
        return rate_of_teachers(self.tasks.teachers, self.time_constants)

    def loss(self, state: SymmetricState, task: TaskWeights) -> Float[Array, ""]:
        """1/2 (eps_1^2 + eps_2^2) = D^2 / 4."""
        return 0.25 * self._error_difference(state, task) ** 2

    def energy(self, state: SymmetricState, task: TaskWeights) -> Float[Array, ""]:
        """The loss; the penalty is a constraint here."""
        return self.loss(state, task)

    def gates(self, state: SymmetricState) -> Float[Array, " p"]:
        """The gates c = (1 + cbar, 1 - cbar) / 2."""
        return 0.5 * jnp.stack([1 + state.gate_difference, 1 - state.gate_difference])

    def overlaps(self, state: SymmetricState) -> Overlaps:
        """Overlaps of the toy network with these coordinates."""
        own, other = 1 + state.weight_difference, 1 - state.weight_difference
        first = 0.5 * jnp.stack([own + state.imbalance, other - state.imbalance])
        second = 0.5 * jnp.stack([other + state.imbalance, own - state.imbalance])
        paths = jnp.stack([first, second])
        return Overlaps((paths @ paths.T)[None], paths[None], jnp.eye(2, dtype=paths.dtype)[None])

    def _error_difference(self, state: SymmetricState, task: TaskWeights) -> Float[Array, ""]:
        return task[0] - task[1] - state.imbalance - state.gate_difference * state.weight_difference


def exact_weight_difference(
    gate_difference: ArrayLike, ratio: ArrayLike, start: tuple[ArrayLike, ArrayLike] = (-1.0, 1.0)
) -> Array:
    """wbar(cbar) = sqrt(wbar_0^2 + (tau_c / tau_W) (cbar^2 - cbar_0^2) / 2).

    Exact while no gate touches zero: for the symmetric mean of wbar under the assumptions of `Symmetric`, and for the
    root mean square of wbar_1 and wbar_2, that is ||w^1 - w^2|| / sqrt(2), without any of them.

    Args:
        gate_difference: cbar, any shape.
        ratio: tau_c / tau_W in toy units, broadcast against cbar.
        start: (cbar_0, wbar_0), the point that the trajectory passes through.

    Returns:
        wbar, the broadcast shape; NaN where the curve does not exist.

    Source: arXiv 2411.03840, exact solution in specialisation space; the rms form follows from the conservation law of
    ||W^1 - W^2||^2.
    """
    gate_difference, ratio = jnp.asarray(gate_difference), jnp.asarray(ratio)
    start_gate, start_weight = start
    return jnp.sqrt(start_weight**2 + 0.5 * ratio * (gate_difference**2 - start_gate**2))
