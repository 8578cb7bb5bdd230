"""The population flow in the singular modes of the teachers."""

from typing import Any

import diffrax
import equinox as eqx
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Float

from ntadyn.decompositions import eigh, largest_eigenvalue
from ntadyn.dynamics.default_solver import solver_of_gates
from ntadyn.dynamics.validation import as_time_constants, check_network, check_penalties
from ntadyn.interface.closed_form import relaxation, symmetric
from ntadyn.interface.gated_linear import AbstractQuadraticGatedFlow, Overlaps, TaskWeights
from ntadyn.interface.rates import Rates, rate_of_teachers
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import AbstractPenalty
from ntadyn.tasks.task_set import TaskSet


class TeacherModes(eqx.Module):
    """W*^m = sum_n s_n^m u_n (v_n^m)^T with left vectors common to all tasks, and all right vectors orthonormal.

    Attributes:
        left: u, columns are modes, shape (d_out, modes).
        right: v, shape (tasks, modes, d_in); zero where the strength is zero.
        strengths: s >= 0, shape (modes, tasks).
    """

    left: Float[Array, "o n"]
    right: Float[Array, "m n i"]
    strengths: Float[Array, "n m"]

    def __init__(self, tasks: TaskSet):
        """Find the modes of a task set.

        Args:
            tasks: teachers whose left singular vectors agree and whose row spaces are orthogonal.

        Raises:
            ValueError: if the teachers have no such common modes.
        """
        teachers = tasks.teachers
        dtype = teachers.dtype
        # The matrices W W^T of all tasks commute if and only if the left vectors can be shared; a combination with
        # irrational coefficients then has no eigenvalues that coincide by accident, so it diagonalises all of them.
        coefficients = 1 + jnp.arange(tasks.num_tasks, dtype=dtype) * 0.6180339887498949
        _, left = eigh(jnp.einsum("m,moi,mki->ok", coefficients, teachers, teachers))
        scaled = jnp.einsum("on,moi->mni", left, teachers)
        strengths = jnp.linalg.norm(scaled, axis=-1)
        threshold = 1e3 * jnp.finfo(dtype).eps * jnp.max(strengths)
        present = strengths > threshold
        self.left = left
        self.right = jnp.where(present[..., None], scaled / jnp.where(present, strengths, 1)[..., None], 0)
        self.strengths = jnp.where(present, strengths, 0).T
        if isinstance(teachers, Tracer):
            return
        flat = scaled.reshape(-1, tasks.d_in)
        gram = flat @ flat.T
        worst = float(jnp.max(jnp.abs(gram - jnp.diag(jnp.diag(gram)))) / jnp.max(jnp.diag(gram)))
        if worst > 1e5 * jnp.finfo(dtype).eps:
            raise ValueError(
                f"the teachers have no common orthogonal modes (largest relative overlap {worst:.1e}); the reduction "
                f"to singular modes needs shared left vectors and orthogonal row spaces. Use OrderParameters instead, "
                f"which is exact for any teachers."
            )


class SVDModesState(eqx.Module):
    """Gates, diagonal mode strengths of every student, and what lies outside the diagonal modes.

    Attributes:
        gates: c, shape (paths,).
        modes: w_n^{p,m} = u_n^T W^p v_n^m, shape (modes, paths, tasks).
        remainder: O_pq, overlap of the students outside the diagonal modes, shape (paths, paths).
    """

    gates: Float[Array, " p"]
    modes: Float[Array, "n p m"]
    remainder: Float[Array, "p p"]


class SVDModes(AbstractQuadraticGatedFlow):
    """tau_W dw_n^{p,m}/dt = c_p eps_n^m,  eps_n^m = a_m s_n^m - sum_q c_q w_n^{q,m}.

    Modes interact only through the gates, tau_c dc_p/dt = sum_{n,m} w_n^{p,m} eps_n^m - (O c)_p - dR/dc_p. What lies
    outside the diagonal modes only decays, and acts on the gates through its overlap O alone,
    tau_W dO/dt = -(c (O c)^T + (O c) c^T). With O carried along, the reduction is exact for every initial state;
    mode-aligned starts are the case O = 0.

    Attributes:
        tasks: the teachers.
        time_constants: tau_g for the groups "gates" and "weights".
        penalties: penalties on "gates".
        teacher_modes: strengths and directions of the teachers.

    Raises:
        ValueError: if the teachers have no common orthogonal modes, for a penalty on the weights; as `GradientFlow`.

    Source: arXiv 2411.03840, appendix on the SVD reduction; after Saxe, McClelland, Ganguli 2014 (arXiv 1312.6120).
    """

    tasks: TaskSet
    time_constants: dict[str, Float[Array, ""]]
    penalties: dict[str, AbstractPenalty]
    teacher_modes: TeacherModes

    def __init__(
        self, tasks: TaskSet, time_constants: dict[str, Any], penalties: dict[str, AbstractPenalty] | None = None
    ):
        self.tasks = tasks
        self.time_constants = as_time_constants(time_constants, ("gates", "weights"), tasks.teachers.dtype)
        self.penalties = {} if penalties is None else penalties
        check_penalties(self.penalties, ("gates", "weights"), closed_on_weights=False)
        self.teacher_modes = TeacherModes(tasks)

    def initial_state(self, network: GatedLinear) -> SVDModesState:
        """The projection of a network with one gate per path onto the teachers' modes.

        Raises:
            ValueError: for another network, or one that does not fit the teachers.
        """
        check_network(network, self.tasks)
        if not isinstance(network, GatedLinear):
            raise ValueError(
                f"the mode reduction needs one gate per path; got a {type(network).__name__}. Pass a GatedLinear."
            )
        modes = jnp.einsum("on,poi,mni->npm", self.teacher_modes.left, network.weights, self.teacher_modes.right)
        total = jnp.einsum("poi,qoi->pq", network.weights, network.weights)
        return SVDModesState(network.gates, modes, symmetric(total - jnp.einsum("npm,nqm->pq", modes, modes)))

    def vector_field(self, t: Any, state: SVDModesState, task: TaskWeights) -> SVDModesState:
        """The reduced flow; see the class."""
        del t
        gates, error, decay = state.gates, self._mode_error(state, task), state.remainder @ state.gates
        tau_c, tau_w = self.time_constants["gates"], self.time_constants["weights"]
        drive = jnp.einsum("npm,nm->p", state.modes, error) - decay
        drive = drive - self.gate_penalty().gradient(gates)
        outer = gates[:, None] * decay[None, :]
        return SVDModesState(
            gates=drive / tau_c,
            modes=gates[None, :, None] * error[:, None, :] / tau_w,
            remainder=-(outer + outer.T) / tau_w,
        )

    def loss(self, state: SVDModesState, task: TaskWeights) -> Float[Array, ""]:
        """1/2 (sum_{n,m} (eps_n^m)^2 + c^T O c)."""
        return 0.5 * (jnp.sum(self._mode_error(state, task) ** 2) + jnp.dot(state.gates, state.remainder @ state.gates))

    def energy(self, state: SVDModesState, task: TaskWeights) -> Float[Array, ""]:
        """Loss plus the gate penalty."""
        return self.loss(state, task) + self.gate_penalty().energy(state.gates)

    def gates(self, state: SVDModesState) -> Float[Array, " p"]:
        """The gates."""
        return state.gates

    def overlaps(self, state: SVDModesState) -> Overlaps:
        """K = sum_n w w^T + O, S = sum_n w s, T = diag(sum_n s^2)."""
        strengths = self.teacher_modes.strengths
        return Overlaps(
            students=(jnp.einsum("npm,nqm->pq", state.modes, state.modes) + state.remainder)[None],
            cross=jnp.einsum("npm,nm->pm", state.modes, strengths)[None],
            teachers=jnp.diag(jnp.sum(strengths**2, axis=0))[None],
        )

    def gram(self, state: SVDModesState) -> Float[Array, "1 n n"]:
        """The Gram matrix of the students outside the diagonal modes, beside that within them, which sets its scale."""
        inside = jnp.einsum("npm,nqm->pq", state.modes, state.modes)
        nothing = jnp.zeros_like(inside)
        return jnp.block([[state.remainder, nothing], [nothing, inside]])[None]

    def rates(self, state: SVDModesState, task: TaskWeights) -> Rates:
        """Bounds from |K|, |c|^2 and |E|."""
        tau_c, tau_w = self.time_constants["gates"], self.time_constants["weights"]
        students = jnp.einsum("npm,nqm->pq", state.modes, state.modes) + state.remainder
        return Rates(
            gates=largest_eigenvalue(students) / tau_c,
            weights=jnp.sum(state.gates**2) / tau_w,
            drive=jnp.sqrt(jnp.maximum(2 * self.loss(state, task), 0) / (tau_c * tau_w)),
        )

    def solver_of_parts(self, state: SVDModesState) -> diffrax.AbstractSolver:
        """The solver that suits the gates, see `solver_of_gates`."""
        return solver_of_gates(self, state)

    def task_rate(self) -> Float[Array, ""]:
        """max_m |W*^m|_F / sqrt(tau_c tau_W)."""
        return rate_of_teachers(self.tasks.teachers, self.time_constants)

    def gate_quadratic(self, state: SVDModesState, task: TaskWeights) -> tuple[Array, Array]:
        """b_p = sum_{n,m} w_n^{p,m} s_n^m a_m and A = K."""
        linear = jnp.einsum("npm,nm,m->p", state.modes, self.teacher_modes.strengths, task)
        return linear, jnp.einsum("npm,nqm->pq", state.modes, state.modes) + state.remainder

    def with_gates(self, state: SVDModesState, gates: Float[Array, " n"]) -> SVDModesState:
        """The state with other gates."""
        return SVDModesState(gates, state.modes, state.remainder)

    def relax_weights(self, state: SVDModesState, task: TaskWeights, duration: Array) -> SVDModesState:
        """The state after all modes have relaxed along c at the rate |c|^2 / tau_W."""
        gates, decay = state.gates, state.remainder @ state.gates
        tau = self.time_constants["weights"]
        step = relaxation(jnp.sum(gates**2) / tau, duration) / tau
        modes = state.modes + step * gates[None, :, None] * self._mode_error(state, task)[:, None, :]
        outer = gates[:, None] * decay[None, :]
        squared = jnp.dot(gates, decay) * gates[:, None] * gates[None, :]
        remainder = state.remainder - step * (outer + outer.T) + step**2 * squared
        return SVDModesState(gates, modes, symmetric(remainder))

    def _mode_error(self, state: SVDModesState, task: TaskWeights) -> Float[Array, "n m"]:
        return self.teacher_modes.strengths * task[None, :] - jnp.einsum("p,npm->nm", state.gates, state.modes)
