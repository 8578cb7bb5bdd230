"""The exact closure of the population flow on gates and overlaps, for any dimensions."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntadyn.decompositions import largest_eigenvalue
from ntadyn.dynamics.default_solver import solver_of_gates
from ntadyn.dynamics.validation import as_covariance, as_time_constants, check_network, check_penalties
from ntadyn.interface.boost_flow import AbstractBoostFlow, Push
from ntadyn.interface.closed_form import block_diagonal, relaxation, symmetric
from ntadyn.interface.gated_linear import Overlaps, TaskWeights
from ntadyn.interface.rates import Rates, rate_of_teachers
from ntadyn.networks import AbstractGatedNetwork, AbstractPathNetwork, NeuronGatedLinear
from ntadyn.regularizers import AbstractPenalty
from ntadyn.regularizers.coefficients import known_reals
from ntadyn.tasks.inputs import InputCovariance
from ntadyn.tasks.task_set import TaskSet


class OrderParameterState(eqx.Module):
    """Gates and overlaps; `r` is 1, or d_out when output rows are kept apart, times the number of distinct variances.

    Attributes:
        gates: c, shape (paths,) shared by all rows, or (paths, d_out).
        students: K_pq = <W^p, W^q>, shape (r, paths, paths).
        cross: S_pm = <W^p, W*^m>, shape (r, paths, tasks).
    """

    gates: Float[Array, "..."]
    students: Float[Array, "r p p"]
    cross: Float[Array, "r p m"]


class Spectrum(eqx.Module):
    """The distinct variances of inputs, and their eigenspaces.

    Attributes:
        variances: v_g, shape (groups,).
        members: 1 for every direction of a group and 0 for others, shape (groups, d_in).
        directions: the directions as columns, shape (d_in, d_in).
    """

    variances: Float[Array, " g"]
    members: Float[Array, "g i"]
    directions: Float[Array, "i i"]

    @classmethod
    def of(cls, covariance: InputCovariance) -> "Spectrum":
        """That of a covariance; directions whose variances are equal to ten digits share a group."""
        return cls(*covariance.groups(), covariance.directions)

    @property
    def num_groups(self) -> int:
        """The number of distinct variances."""
        return self.variances.shape[0]

    def contract(self, rows: str, left: Array, right: Array, row_resolved: bool) -> Float[Array, "r ..."]:
        """Products of the parts of matrices in every eigenspace, by row or summed over rows; groups come first."""
        inputs, by_row = rows.split("->")
        kept = by_row if row_resolved else by_row.replace("o", "")
        one, other = left @ self.directions, right @ self.directions
        found = jnp.einsum(f"gi,{inputs}->g{kept}", self.members, one, other)
        return found.reshape(-1, *found.shape[-2:])


class OrderParameters(AbstractBoostFlow):
    """tau_W dS/dt = c (T a - S^T c)^T,  tau_W dK/dt = c r^T + r c^T,  tau_c dc/dt = r - dR/dc,  with r = S a - K c.

    Exact for any teachers and any numbers of paths and tasks: the population flow of `GradientFlow` in terms of K, S
    and the constant T. Its cost does not depend on d_in, nor on d_out unless rows are resolved.

    Inputs with a covariance have K^g, S^g and T^g for every distinct variance v_g, made of the parts W^p P_g of the
    matrices in that eigenspace. Each moves v_g times as fast, and gates feel all of them:

        tau_W dS^g/dt = v_g c e_g^T,   tau_W dK^g/dt = v_g (c r_g^T + r_g c^T),   tau_c dc/dt = sum_g v_g r_g - dR/dc.

    It is worth it for few distinct variances or many outputs: the state has up to d_in (P^2 + P M) numbers, where
    weights have P d_out d_in.

    With `batch_noise` kappa it is the one-sample limit of batches: many inputs d_in, learning rates of order 1/d_in,
    batches of B, and kappa = eta_W d_in / B, with eta_W the learning rate of the weights. Fluctuations vanish there,
    but the error of every batch leaves its square in the weights: tau_W dK/dt gains kappa |E|^2 c c^T. The error decays
    only while kappa |c|^2 < 2. It is not the mean of batches at moderate d_in.

    Attributes:
        tasks: the teachers; only their overlaps T enter the flow.
        time_constants: tau_g for the groups "gates" and "weights".
        penalties: penalties on "gates". Penalties on weights do not close on overlaps.
        row_resolved: whether K, S, T are kept per output row, as per-neuron gates and row-wise metrics need.
        spectrum: the distinct variances of inputs and their eigenspaces, or None for white inputs.
        batch_noise: kappa, or None for the population.

    Raises:
        ValueError: for a penalty on the weights, unknown groups, time constants that are not positive, a covariance of
            another size, negative noise, and noise of inputs with a covariance, which mixes eigenspaces.

    Source: derived from the gradient flow of arXiv 2411.03840; the closure needs dR/dW = 0. The limit of one sample per
    step is that of Saad and Solla 1995 (Phys. Rev. E 52, 4225), for linear units.
    """

    tasks: TaskSet
    time_constants: dict[str, Float[Array, ""]]
    penalties: dict[str, AbstractPenalty]
    teacher_overlaps: Float[Array, "r m m"]
    spectrum: "Spectrum | None"
    batch_noise: Float[Array, ""] | None
    row_resolved: bool = eqx.field(static=True)

    def __init__(
        self,
        tasks: TaskSet,
        time_constants: dict[str, Any],
        penalties: dict[str, AbstractPenalty] | None = None,
        row_resolved: bool = False,
        input_covariance: InputCovariance | Float[Array, "i i"] | None = None,
        batch_noise: Any = None,
    ):
        self.tasks = tasks
        self.time_constants = as_time_constants(time_constants, ("gates", "weights"), tasks.teachers.dtype)
        self.penalties = {} if penalties is None else penalties
        check_penalties(self.penalties, ("gates", "weights"), closed_on_weights=False)
        self.row_resolved = row_resolved
        covariance = as_covariance(input_covariance, tasks)
        self.spectrum = None if covariance is None else Spectrum.of(covariance)
        self.batch_noise = _as_noise(batch_noise, covariance, tasks.teachers.dtype)
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
        pull, teacher_error = self._seen(pull), self._seen(teacher_error)
        drive = self._over_spectrum(pull).T if state.gates.ndim == 2 else jnp.sum(pull, axis=0)
        drive = drive - self.gate_penalty().gradient(state.gates)
        growth = gates[:, :, None] * pull[:, None, :]
        growth = growth + growth.swapaxes(1, 2)
        if self.batch_noise is not None:
            error = self.batch_noise * self._squared_error(state, task)
            growth = growth + error[:, None, None] * gates[:, :, None] * gates[:, None, :]
        return OrderParameterState(
            gates=drive / tau_c,
            students=growth / tau_w,
            cross=gates[:, :, None] * teacher_error[:, None, :] / tau_w,
        )

    def loss(self, state: OrderParameterState, task: TaskWeights) -> Float[Array, ""]:
        """1/2 sum_r v_r (a^T T a - 2 c^T S a + c^T K c)."""
        return 0.5 * jnp.sum(self._seen(self._squared_error(state, task)))

    def energy(self, state: OrderParameterState, task: TaskWeights) -> Float[Array, ""]:
        """Loss plus the gate penalty."""
        return self.loss(state, task) + self.gate_penalty().energy(state.gates)

    def gates(self, state: OrderParameterState) -> Array:
        """The gates."""
        return state.gates

    def overlaps(self, state: OrderParameterState) -> Overlaps:
        """K, S and T of whole matrices or rows: sums over the eigenspaces of the inputs."""
        return Overlaps(*map(self._over_spectrum, (state.students, state.cross, self.teacher_overlaps)))

    def seen_overlaps(self, state: OrderParameterState) -> Overlaps:
        """Overlaps through the inputs: sums over eigenspaces, weighted by their variances."""
        parts = (state.students, state.cross, self.teacher_overlaps)
        return Overlaps(*(self._over_spectrum(self._seen(part)) for part in parts))

    def descends(self) -> bool:
        """Whether the energy never rises: not with noise, which may make errors grow."""
        return self.batch_noise is None

    def gram(self, state: OrderParameterState) -> Float[Array, "r n n"]:
        """The Gram matrices of students and teachers, row by row or summed over rows, n = paths + tasks."""
        cross = state.cross.swapaxes(1, 2)
        students = jnp.concatenate([state.students, state.cross], axis=2)
        return jnp.concatenate([students, jnp.concatenate([cross, self.teacher_overlaps], axis=2)], axis=1)

    def rates(self, state: OrderParameterState, task: TaskWeights) -> Rates:
        """Bounds from |K|, |c|^2 and |E|."""
        tau_c, tau_w = self.time_constants["gates"], self.time_constants["weights"]
        students = self._over_spectrum(self._seen(state.students))
        students = students if state.gates.ndim == 2 else jnp.sum(students, axis=0, keepdims=True)
        squared_error = jnp.sum(self._seen(self._seen(self._squared_error(state, task))))
        return Rates(
            gates=jnp.max(jax.vmap(largest_eigenvalue)(students)) / tau_c,
            weights=jnp.max(self._seen(jnp.sum(self._row_gates(state) ** 2, axis=1))) / tau_w,
            drive=jnp.sqrt(jnp.maximum(squared_error, 0) / (tau_c * tau_w)),
        )

    def solver_of_parts(self, state: OrderParameterState) -> diffrax.AbstractSolver:
        """The solver that suits the gates, see `solver_of_gates`."""
        return solver_of_gates(self, state)

    def task_rate(self) -> Float[Array, ""]:
        """max_m |W*^m Sigma|_F / sqrt(tau_c tau_W)."""
        if self.spectrum is None:
            return rate_of_teachers(self.tasks.teachers, self.time_constants)
        squares = jnp.sum(jnp.diagonal(self._seen(self._seen(self.teacher_overlaps)), axis1=1, axis2=2), axis=0)
        return jnp.sqrt(jnp.max(squares) / (self.time_constants["gates"] * self.time_constants["weights"]))

    def gate_quadratic(self, state: OrderParameterState, task: TaskWeights) -> tuple[Array, Array]:
        """B = sum_g v_g S^g a and A = sum_g v_g K^g, summed over rows or block-diagonal in them."""
        cross, students = (self._over_spectrum(self._seen(part)) for part in (state.cross, state.students))
        linear = jnp.einsum("rpm,m->pr", cross, task)
        if state.gates.ndim == 1:
            return jnp.sum(linear, axis=1), jnp.sum(students, axis=0)
        return linear.ravel(), block_diagonal(students)

    def with_gates(self, state: OrderParameterState, gates: Float[Array, " n"]) -> OrderParameterState:
        """The state with other gates."""
        return OrderParameterState(gates.reshape(state.gates.shape), state.students, state.cross)

    def relax_weights(self, state: OrderParameterState, task: TaskWeights, duration: Array) -> OrderParameterState:
        """W^p P_g += c_p A_g E P_g in closed form, contracted with all others; A_g = relaxation(v_g |c|^2/tau) v_g/tau.

        Noise adds c c^T times (|E|^2 / |c|^4) f^2 (exp(kappa |c|^4 t / tau) - 1), with f = exp(-|c|^2 t / tau).
        """
        gates, pull, teacher_error = self._errors(state, task)
        tau = self.time_constants["weights"]
        squared = jnp.sum(gates**2, axis=1)
        step = (self._seen(relaxation(self._seen(squared / tau), duration) / tau))[:, None, None]
        growth = gates[:, :, None] * pull[:, None, :]
        outer = gates[:, :, None] * gates[:, None, :]
        error = self._squared_error(state, task)[:, None, None]
        students = state.students + step * (growth + growth.swapaxes(1, 2)) + step**2 * error * outer
        if self.batch_noise is not None:
            rate = self.batch_noise / tau
            gained = jnp.exp(-2 * squared * duration / tau) * rate * relaxation(-(squared**2) * rate, duration)
            students = students + gained[:, None, None] * error * outer
        cross = state.cross + step * gates[:, :, None] * teacher_error[:, None, :]
        return OrderParameterState(state.gates, symmetric(students), cross)

    def boost_refusal(self) -> str | None:
        """See `AbstractBoostFlow.boost_refusal`; noise adds to weights what gates do not feel."""
        return super().boost_refusal() if self.batch_noise is None else "its weights feel the noise of batches"

    def push(
        self, state: OrderParameterState, task: TaskWeights, area: Float[Array, " n"], duration: Float[Array, ""]
    ) -> Push:
        """X = sum_m y_m W*^m - sum_p x_p W^p with y = psi h a and x = psi (h c + area), in every group of rows.

        Carried are <W^p, X>, shape (r, paths), <X, W*^m>, shape (r, tasks), and |X|^2, shape (r,).
        """
        gates = self._row_gates(state)
        exponent = self._seen(jnp.sum(gates**2, axis=1)) * duration / self.time_constants["weights"]
        share = self._seen(relaxation(exponent, jnp.ones_like(duration)))[:, None]
        of_paths = share * (duration * gates + self._by_row(state, area.reshape(state.gates.shape)))
        of_teachers = share * (duration * task)[None]
        pull = _products(state.cross, of_teachers) - _products(state.students, of_paths)
        teachers = _products(self.teacher_overlaps, of_teachers) - _products(state.cross.swapaxes(1, 2), of_paths)
        squared = jnp.sum(of_teachers * teachers, axis=1) - jnp.sum(of_paths * pull, axis=1)
        squared = jnp.maximum(squared, 0)  # zero to rounding may be negative
        felt, size = self._over_spectrum(pull), self._over_spectrum(squared)
        if state.gates.ndim == 1:
            felt, size = jnp.sum(felt, axis=0), jnp.sum(size)
        else:
            felt = felt.T
        return Push(felt.ravel(), jnp.broadcast_to(size, felt.shape).ravel(), (pull, teachers, squared))

    def pushed(self, state: OrderParameterState, push: Push, amplitudes: Float[Array, " n"]) -> OrderParameterState:
        """W^p + a_p X, contracted with all others."""
        pull, teachers, squared = push.carrier
        along = self._by_row(state, amplitudes.reshape(state.gates.shape))
        growth = along[:, :, None] * pull[:, None, :]
        outer = along[:, :, None] * along[:, None, :]
        students = state.students + growth + growth.swapaxes(1, 2) + squared[:, None, None] * outer
        cross = state.cross + along[:, :, None] * teachers[:, None, :]
        return OrderParameterState(state.gates, symmetric(students), cross)

    def _row_gates(self, state: OrderParameterState) -> Float[Array, "r p"]:
        return self._by_row(state, state.gates)

    def _by_row(self, state: OrderParameterState, values: Float[Array, "..."]) -> Float[Array, "r p"]:
        """One value per gate, for every group of rows."""
        if values.ndim == 2:
            groups = 1 if self.spectrum is None else self.spectrum.num_groups
            return values.T if groups == 1 else jnp.tile(values.T, (groups, 1))
        return jnp.broadcast_to(values[None], state.cross.shape[:2])

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
        """Products of matrices by row, or summed over rows; by eigenspace of the inputs first, if there are any."""
        if self.spectrum is not None:
            return self.spectrum.contract(rows, left, right, self.row_resolved)
        by_row = jnp.einsum(rows, left, right)
        return by_row if self.row_resolved else jnp.sum(by_row, axis=0, keepdims=True)

    def _seen(self, overlaps: Float[Array, "r ..."]) -> Float[Array, "r ..."]:
        """Everything times the variance of its eigenspace."""
        if self.spectrum is None:
            return overlaps
        variances = jnp.repeat(self.spectrum.variances, overlaps.shape[0] // self.spectrum.num_groups)
        return overlaps * variances.reshape(-1, *[1] * (overlaps.ndim - 1))

    def _over_spectrum(self, overlaps: Float[Array, "r ..."]) -> Float[Array, "o ..."]:
        """Sums over eigenspaces, row by row where rows are kept apart."""
        if self.spectrum is None:
            return overlaps
        return jnp.sum(overlaps.reshape(self.spectrum.num_groups, -1, *overlaps.shape[1:]), axis=0)


def _products(matrices: Float[Array, "r a b"], vectors: Float[Array, "r b"]) -> Float[Array, "r a"]:
    """Matrix times vector, row by row, as plain sums.

    In a batch these run side by side, where a matrix product would be called once per trajectory.
    """
    return jnp.sum(matrices * vectors[:, None, :], axis=2)


def _as_noise(given: Any, covariance: InputCovariance | None, dtype: Any) -> Float[Array, ""] | None:
    """Kappa as an array, checked."""
    if given is None:
        return None
    numbers = known_reals("batch_noise", given)
    if numbers is not None and not np.all(np.isfinite(numbers) & (numbers >= 0)):
        raise ValueError(f"batch_noise is {given}; it must be zero or positive, and finite.")
    if covariance is not None:
        raise ValueError(
            "batch_noise is given beside an input covariance, but noise mixes the eigenspaces of inputs, and what is "
            "left has no closed step. Leave one of them out, or use OnlineSGD, which samples the batches."
        )
    return jnp.asarray(given, dtype)
