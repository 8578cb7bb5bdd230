"""The laws that two-path gating obeys exactly, integrated and compared: what `ntadyn verify` runs.

Every function here simulates something and returns rows that say what should come out, what came out, and how far apart
the two may be. Nothing is fitted and no bar depends on the outcome.

Source: arXiv 2411.03840, reduced model, exact solution and its validity (figures 4H, A1, A9, A10); the conservation laws and
the root-mean-square form of the exact solution follow from its gradient flow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from ntadyn import observables
from ntadyn.dynamics import GradientFlow, exact_weight_difference, mode_aligned, toy_flow
from ntadyn.metrics import difference_invariant, path_invariant, two_path_coordinates
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.results import RESULTS
from ntadyn.simulation import Adaptive, FixedSteps, Trajectory, default_step, simulate
from ntadyn.tasks import Smooth, TaskSet
from ntadyn.tasks.curricula import alternating, sequence
from ntadyn.tasks.task_set import from_matrices
from ntadyn.tasks.teachers import orthogonal

RATIOS = np.logspace(-1, 0, 5)  # tau_c / tau_W in toy units
TIGHT = Adaptive(rtol=1e-10, atol=1e-12)
# Every step may err by rtol times the state; a hundred of them in the same direction is more than any of these runs shows.
TIGHT_BAR = 100 * TIGHT.rtol
ROUNDING = 1e-12  # of numbers of order one, in double precision, after many operations

# The stored numbers of figure A10 at t = 1.2507 and t = 4.9975. Weights are (along the task in force, along the other one).
STORED_EARLY = {
    0: {"gates": (0.954597, 0.050775), "weights": ((1.043804, -0.049848), (0.050594, 0.947592))},
    3: {"gates": (0.753258, 0.393460), "weights": ((1.135251, -0.196565), (0.270722, 0.676905))},
    4: {"gates": (0.555588, 0.649701)},
}
STORED_LATE = {
    "c_1 - c_2": (0.87989, 0.81587, 0.70086, 0.48792, 0.09892),
    "c_1 + c_2": (1.00351, 1.01054, 1.03094, 1.08330, 1.17878),
    "wbar": (0.99392, 0.98459, 0.95850, 0.88607, 0.71048),
    "wdbar": (0.09686, 0.17133, 0.29974, 0.50884, 0.77000),
}
EARLY, LATE = 1.2507, 4.9975


@dataclass(frozen=True)
class Check:
    """One number that was compared.

    Attributes:
        name: what it is.
        expected: the value by theory or publication.
        measured: the value found.
        error: |measured - expected|, at the place where it is largest if many were compared; NaN if a run failed.
        bar: the largest error allowed.
    """

    name: str
    expected: float
    measured: float
    error: float
    bar: float

    @property
    def passed(self) -> bool:
        """Error <= bar, which is false for NaN."""
        return self.error <= self.bar


@dataclass(frozen=True)
class Curves:
    """Specialisation over gates for the five ratios of figure A10; arrays of shape (ratios, records).

    Attributes:
        ratios: tau_c / tau_W, shape (ratios,).
        times: in units of tau_W, shape (records,).
        gates: c, shape (ratios, records, 2).
        weights: w, paths by tasks, shape (ratios, records, 2, 2).
        cbar: c_1 - c_2.
        wbar: arithmetic mean of wbar_1 and wbar_2, as published.
        wbar_rms: their root mean square.
        exact: the exact solution at these cbar.
    """

    ratios: np.ndarray
    times: np.ndarray
    gates: np.ndarray
    weights: np.ndarray
    cbar: np.ndarray
    wbar: np.ndarray
    wbar_rms: np.ndarray
    exact: np.ndarray


@dataclass(frozen=True)
class Verification:
    """All rows by section, and the curves for the picture."""

    sections: dict[str, list[Check]]
    curves: Curves

    @property
    def passed(self) -> bool:
        """Whether every row passed."""
        return all(check.passed for checks in self.sections.values() for check in checks)


def compare(name: str, expected: ArrayLike, measured: ArrayLike, bar: float) -> Check:
    """The row of the entry where measured and expected are furthest apart; NaN counts as furthest.

    Args:
        name: what is compared.
        expected: by theory, broadcast against `measured`.
        measured: what came out, any shape.
        bar: the largest difference allowed.

    Returns:
        One row.
    """
    expected, measured = np.broadcast_arrays(np.asarray(expected, float), np.asarray(measured, float))
    error = np.abs(measured - expected)
    worst = np.unravel_index(np.argmax(error), error.shape)
    return Check(name, float(expected[worst]), float(measured[worst]), float(error[worst]), bar)


def specialisation_curves(method: FixedSteps | Adaptive, dtype: Any = jnp.float64) -> Curves:
    """One block of figure A10: path 1 is right for the task in force, but path 2 holds the gate.

    Toy units with tau_W = 1, smooth target with g = 100 and block length 5, both gate penalties of strength 0.05. Task 1
    is the one in force, which is (0, 1) in the published order of outputs.

    Args:
        method: how to integrate; `FixedSteps` needs a `max_step`.
        dtype: floating dtype.

    Returns:
        The curves from cbar = -1, with NaN where a run did not succeed.
    """
    curriculum = Smooth(jnp.asarray(100.0, dtype), jnp.asarray(5.0, dtype), 1)
    network = GatedLinear(jnp.asarray([0.0, 1.0], dtype), jnp.eye(2, dtype=dtype)[:, :, None])
    penalties = {"gates": Nonnegativity(0.05) + UnitL1Norm(0.05)}

    def integrate(tau_c):
        system = toy_flow({"gates": tau_c, "weights": 1.0}, penalties, dtype=dtype)
        recorded = {"state": observables.full_state}
        return simulate(
            system, curriculum, network, method=method, observables=recorded, records_per_block=199, times=(EARLY, LATE)
        )

    trajectory = eqx.filter_vmap(integrate)(jnp.asarray(RATIOS, dtype))
    state = _trusted(trajectory)["state"]
    gates, weights = state.gates, state.weights[..., 0]
    at = jax.vmap(jax.vmap(two_path_coordinates))(jnp.asarray(gates), jnp.asarray(weights))
    cbar, wbar, wbar_rms = np.asarray(at.cbar), np.asarray(at.wbar), np.asarray(at.wbar_rms)
    exact = np.asarray(exact_weight_difference(cbar, RATIOS.astype(cbar.dtype)[:, None]))
    return Curves(RATIOS, np.asarray(trajectory.times)[0], gates, weights, cbar, wbar, wbar_rms, exact)


def exact_solution(curves: Curves, rms_bar: float) -> list[Check]:
    """Wbar(cbar) over a whole block: the published mean within 3e-4, the root mean square within `rms_bar`.

    Args:
        curves: from `specialisation_curves`.
        rms_bar: the accuracy of the integrator, since this form is exact.

    Returns:
        Two rows per ratio.
    """
    rows = []
    for form, values, bar in (("mean", curves.wbar, 3e-4), ("rms", curves.wbar_rms, rms_bar)):
        for index, ratio in enumerate(curves.ratios):
            name = f"wbar ({form}), tau_c/tau_W = {ratio:.4g}"
            rows.append(compare(name, curves.exact[index], values[index], bar))
    return rows


def stored_values(curves: Curves) -> list[Check]:
    """The numbers stored with the published figure A10, which carry the rounding of its scheme.

    Euler steps of 1e-4 in single precision lose updates smaller than half a unit in the last place. The exact flow is
    therefore 1e-4 (early) to 6e-4 (late) away from these numbers, and the published scheme is what reproduces them.

    Args:
        curves: from `specialisation_curves` in that scheme.

    Returns:
        One row per stored group of numbers.
    """
    early, late = (int(np.argmin(np.abs(curves.times - time))) for time in (EARLY, LATE))
    rows = []
    for index, stored in STORED_EARLY.items():
        for group, values in stored.items():
            name = f"{group} at t = {EARLY} tau_W, tau_c/tau_W = {curves.ratios[index]:.4g}"
            rows.append(compare(name, values, getattr(curves, group)[index, early], 1e-4))
    gates, weights = curves.gates[:, late], curves.weights[:, late]
    found = {
        "c_1 - c_2": curves.cbar[:, late],
        "c_1 + c_2": np.sum(gates, axis=-1),
        "wbar": curves.wbar[:, late],
        "wdbar": 0.5 * (np.sum(weights[:, :, 0], axis=-1) - np.sum(weights[:, :, 1], axis=-1)),
    }
    for name, values in STORED_LATE.items():
        rows.append(compare(f"{name} at t = {LATE} tau_W, five ratios", values, found[name], 1e-4))
    return rows


def forgetful_laws() -> list[Check]:
    """Without penalties tau_c c_p^2 - tau_W |W^p|^2 and tau_W |W^p - W^q|^2 - tau_c (c_p - c_q)^2 never change.

    Three paths on three random teachers, neither orthogonal nor of equal size. The second law is written for two paths,
    but its derivation looks at no others, so that it holds for every pair.

    Returns:
        One row per law.
    """
    tau_c, tau_w = 0.3, 1.1
    key_teachers, key_weights = jax.random.split(jax.random.key(1))
    tasks = from_matrices(0.5 * jax.random.normal(key_teachers, (3, 4, 6), jnp.float64))
    weights = 0.3 * jax.random.normal(key_weights, (3, 4, 6), jnp.float64)
    network = GatedLinear(jnp.asarray([0.3, 0.5, 0.6], jnp.float64), weights)
    flow = GradientFlow(tasks, {"gates": tau_c, "weights": tau_w})
    trajectory = simulate(
        flow, alternating(3, 6, 2.0), network, method=TIGHT, observables=_GATES_AND_STUDENTS, records_per_block=9
    )
    values = _trusted(trajectory)
    gates, students = jnp.asarray(values["gates"]), jnp.asarray(values["student_overlaps"])
    paths = jax.vmap(lambda c, k: path_invariant(c, k, tau_c, tau_w))(gates, students)
    pairs = [np.array(pair) for pair in ((0, 1), (0, 2), (1, 2))]
    apart = jax.vmap(
        lambda c, k: jnp.stack([difference_invariant(c[p], k[np.ix_(p, p)], tau_c, tau_w) for p in pairs])
    )(gates, students)
    return [
        compare("tau_c c_p^2 - tau_W |W^p|^2, no penalty, 3 paths", paths[:1], paths, TIGHT_BAR),
        compare("tau_W |W^p-W^q|^2 - tau_c (c_p-c_q)^2, no penalty", apart[:1], apart, TIGHT_BAR),
    ]


def unit_norm_laws() -> list[Check]:
    """A penalty on the L1 norm leaves the difference law alone while both gates are positive; so wbar_rms(cbar) is exact.

    Full matrices with random teachers and random initial weights, four draws; nothing is symmetric here.

    Returns:
        One row for the law, one for the curve, and one for the condition on the gates.
    """
    tau_c, tau_w = 2.0, 1.0
    key_teachers, key_weights = jax.random.split(jax.random.key(2))
    teachers = 0.3 * jax.random.normal(key_teachers, (4, *_MATRICES), jnp.float64)
    weights = 0.3 * jax.random.normal(key_weights, (4, *_MATRICES), jnp.float64)
    gates = jnp.broadcast_to(jnp.asarray([0.4, 0.6], jnp.float64), (4, 2))
    systems = eqx.filter_vmap(lambda w: _unit_norm_flow(from_matrices(w), tau_c, tau_w, 1.0))(teachers)
    values = _integrate_pairs(systems, GatedLinear, gates, weights, tasks=(0, 1, 0, 1), durations=(0.5,) * 4)
    gates, students = jnp.asarray(values["gates"]), jnp.asarray(values["student_overlaps"])
    law = jax.vmap(jax.vmap(lambda c, k: difference_invariant(c, k, tau_c, tau_w)))(gates, students)
    cbar = gates[..., 0] - gates[..., 1]
    apart = jnp.sqrt(0.5 * (students[..., 0, 0] + students[..., 1, 1] - 2 * students[..., 0, 1]))
    curve = exact_weight_difference(cbar, tau_c / tau_w, start=(cbar[:, :1], apart[:, :1]))
    return [
        compare("tau_W |W^1-W^2|^2 - tau_c (c_1-c_2)^2, L1 norm", law[:, :1], law, TIGHT_BAR),
        compare("wbar (rms) of full matrices over cbar, L1 norm", curve, apart, TIGHT_BAR),
    ]


def gate_speed() -> list[Check]:
    """tau_c dcbar/dt = -N s^2 wbar (1 + wbar) at the moment when the task switches away from the open path.

    In the full matrix model without penalties, N s^2 = 1/2: first students of magnitude r along their own teachers, then
    of full size but turned towards each other.

    Returns:
        One row per published value, and one that compares all of them with the formula to rounding.
    """
    tau_c = 0.03
    tasks = orthogonal(jax.random.key(0), 2, 10, 20, dtype=jnp.float64)
    flow = GradientFlow(tasks, {"gates": tau_c, "weights": 1.3})
    magnitudes, angles = np.array([0.1, 0.5, 1.0]), np.array([45.0, 33.75, 22.5, 11.25, 0.0])
    own = np.concatenate([magnitudes, np.cos(np.deg2rad(angles))])
    other = np.concatenate([0 * magnitudes, np.sin(np.deg2rad(angles))])

    def speed(own, other):
        toy = GatedLinear(jnp.asarray([1.0, 0.0], own.dtype), jnp.stack([own, other, other, own]).reshape(2, 2, 1))
        rate = flow.vector_field(0.0, mode_aligned(toy, tasks), jnp.asarray([0.0, 1.0], own.dtype)).gates
        return tau_c * (rate[0] - rate[1])

    found = np.asarray(jax.jit(jax.vmap(speed))(jnp.asarray(own), jnp.asarray(other)))
    names = [f"tau_c dcbar/dt at a switch, r = {r:g}" for r in magnitudes]
    names += [f"tau_c dcbar/dt at a switch, angle {angle:g} deg" for angle in angles]
    published = (-0.055, -0.375, -1.0, 0.0, -0.176, -0.417, -0.702, -1.0)
    rounded = 5e-4  # the last published digit
    rows = [compare(*row, rounded + ROUNDING) for row in zip(names, published, found, strict=True)]
    wbar = own - other
    return [*rows, compare("all eight against -N s^2 wbar (1 + wbar)", -0.5 * wbar * (1 + wbar), found, ROUNDING)]


def block_length() -> list[Check]:
    """wbar(t) - wbar_0 = wbar_0 D^2 t^2 / (4 tau_c tau_W), D = 1, from a block that starts with equal gates.

    The rows are the ratio of the simulated gain to this one. It is 1 for t << tau_c only, since cbar and with it the
    output follow the target: with frozen weights, x = wbar_0^2 t / tau_c, the ratio is ((1 - exp(-x)) / x)^2. Full
    matrices, times in toy units: tau_c = 0.05, with tau_W = 5 as in figure A9, and with tau_W = 500 for frozen weights.

    Returns:
        One row per published ratio, one in the range of the law, and those of the formula for frozen weights.
    """
    tau_c, mode_energy = 0.05, 0.5
    tasks = orthogonal(jax.random.key(0), *_MATRICES, dtype=jnp.float64)
    tau_w, wbar_0 = np.array([5.0, 5.0, 500.0, 500.0]), np.array([0.2, 0.8, 0.2, 0.8])
    systems = eqx.filter_vmap(lambda tau: _unit_norm_flow(tasks, mode_energy * tau_c, tau, 1.0))(jnp.asarray(tau_w))
    half = 0.5 * np.stack([np.stack([1 + wbar_0, 1 - wbar_0], -1), np.stack([1 - wbar_0, 1 + wbar_0], -1)], -1)
    gates = jnp.full((4, 2), 0.5, jnp.float64)
    ends = np.array([0.04, 0.4, 1.0, 2.0])
    values = _integrate_pairs(
        systems,
        lambda c, w: mode_aligned(GatedLinear(c, w[:, :, None]), tasks),
        gates,
        jnp.asarray(half),
        tasks=(0, 0, 0, 0),
        durations=tuple(tau_c * np.diff(ends, prepend=0)),
    )
    apart = values["student_overlaps"]
    size = np.sqrt((apart[..., 0, 0] + apart[..., 1, 1] - 2 * apart[..., 0, 1]) / (2 * mode_energy))
    # Records at block ends; the gain is tiny at the first one, and rounding leaves nine digits of it.
    at_ends = size[:, _RECORDS_PER_BLOCK + 1 :: _RECORDS_PER_BLOCK + 2]
    predicted = wbar_0[:, None] * (tau_c * ends) ** 2 / (4 * tau_c * tau_w[:, None])
    ratio = (at_ends - wbar_0[:, None]) / predicted
    x = wbar_0[2:, None] ** 2 * ends
    two_digits = 0.01  # one unit of the last published digit
    return [
        compare("gain / law, wbar_0 = 0.2, t = 0.04 tau_c", 1.0, ratio[0, 0], 0.04**2 + 0.04 * tau_c / tau_w[0] + 1e-3),
        compare("gain / law, wbar_0 = 0.2, t = 0.4 tau_c", 0.98, ratio[0, 1], two_digits),
        compare("gain / law, wbar_0 = 0.2, t = 2 tau_c", 0.91, ratio[0, 3], two_digits),
        compare("gain / law, wbar_0 = 0.8, t = 2 tau_c", 0.31, ratio[1, 3], two_digits),
        compare("gain / law against frozen weights, 8 points", (-np.expm1(-x) / x) ** 2, ratio[2:], 3e-4),
    ]


def full_equals_toy() -> list[Check]:
    """The full model that starts in its teachers' modes is the toy with tau_c and penalties over N s^2; L = N s^2 L_toy.

    Twenty blocks of the flexible network of figure 2 from the initial weights of figure A1, by equal steps of `Splitting`.

    Returns:
        One row for the gates, one for the loss, relative to N s^2.
    """
    tasks = orthogonal(jax.random.key(0), 2, 10, 20, dtype=jnp.float64)
    mode_energy = 0.5
    penalties = {"gates": Nonnegativity(1 / 11) + UnitL1Norm(10 / 11)}
    time_constants = {"gates": 0.03, "weights": 1.3}
    toy = GatedLinear(jnp.full((2,), 0.5, jnp.float64), 0.01 * jnp.eye(2, dtype=jnp.float64)[:, :, None])
    full_system = GradientFlow(tasks, time_constants, penalties)
    toy_system = toy_flow(time_constants, penalties, mode_energy, jnp.float64)
    curriculum, method = alternating(2, 20, 1.0), FixedSteps(max_step=default_step(full_system))
    recorded = {"gates": observables.gates, "loss": observables.loss}
    full, reduced = (
        _trusted(simulate(system, curriculum, state, method=method, observables=recorded, records_per_block=9))
        for system, state in ((full_system, mode_aligned(toy, tasks)), (toy_system, toy))
    )
    return [
        compare("gates of the full model, 20 blocks", reduced["gates"], full["gates"], ROUNDING),
        compare("loss of the full model / N s^2, 20 blocks", reduced["loss"], full["loss"] / mode_energy, ROUNDING),
    ]


SECTIONS: dict[str, Callable[[], list[Check]]] = {
    "Conservation laws, full matrices, random teachers (Tsit5)": lambda: [*forgetful_laws(), *unit_norm_laws()],
    "Gate speed at a task switch, full matrices": gate_speed,
    "Block length and specialisation, full matrices (Tsit5)": block_length,
    "Full model = toy, both rescaled by N s^2 (Splitting)": full_equals_toy,
}


def run_all() -> Verification:
    """All checks, in double precision; JAX must have it switched on.

    Returns:
        The rows by section and the curves of figure A10.

    Raises:
        ValueError: if 64-bit floats are switched off.
    """
    if not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "verification compares to 1e-12, but 64-bit floats are off; call jax.config.update('jax_enable_x64', True)."
        )
    tight = specialisation_curves(TIGHT)
    split = specialisation_curves(FixedSteps(max_step=0.004))
    published = specialisation_curves(FixedSteps(diffrax.Euler(), 1e-4), jnp.float32)
    sections = {
        "Exact solution wbar(cbar) over one block, adaptive Tsit5": exact_solution(tight, 1e-6),
        "Exact solution wbar(cbar) over one block, default Splitting": exact_solution(split, 1e-4),
        "Stored values of figure A10, published scheme (Euler, float32)": stored_values(published),
    }
    return Verification(sections | {title: checks() for title, checks in SECTIONS.items()}, tight)


_GATES_AND_STUDENTS = {"gates": observables.gates, "student_overlaps": observables.student_overlaps}
_MATRICES = (2, 4, 8)  # two teachers or two paths, d_out, d_in
_RECORDS_PER_BLOCK = 9


def _unit_norm_flow(tasks: TaskSet, tau_c: Any, tau_w: Any, stiffness: float) -> GradientFlow:
    return GradientFlow(tasks, {"gates": tau_c, "weights": tau_w}, {"gates": UnitL1Norm(stiffness)})


def _integrate_pairs(
    systems: GradientFlow,
    network: Callable[[Any, Any], GatedLinear],
    gates: Any,
    weights: Any,
    tasks: tuple[int, ...],
    durations: tuple[float, ...],
) -> dict[str, Any]:
    """Gates and student overlaps of a batch of two-path runs; equal shapes share one compiled program."""
    curriculum = sequence(tasks, jnp.asarray(durations, jnp.float64), 2)

    def integrate(system, gates, weights):
        state = network(gates, weights)
        return simulate(
            system,
            curriculum,
            state,
            method=TIGHT,
            observables=_GATES_AND_STUDENTS,
            records_per_block=_RECORDS_PER_BLOCK,
        )

    return _trusted(eqx.filter_vmap(integrate)(systems, gates, weights))


def _trusted(trajectory: Trajectory) -> dict[str, Any]:
    """What was recorded, with NaN in place of every run that did not end successfully."""
    succeeded = np.asarray(trajectory.result == RESULTS.successful)

    def mask(leaf):
        values = np.asarray(leaf)
        return np.where(succeeded.reshape(succeeded.shape + (1,) * (values.ndim - succeeded.ndim)), values, np.nan)

    return jax.tree.map(mask, trajectory.values)
