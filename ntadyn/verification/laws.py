"""Laws of the gradient flow that hold at any size: conservation, gate speed, block length, reduction to the toy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from ntadyn.dynamics import GradientFlow, exact_weight_difference, mode_aligned, toy_flow
from ntadyn.metrics import difference_invariant, path_invariant
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import observables
from ntadyn.simulation.defaults import default_step
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.outcome import Trajectory
from ntadyn.simulation.trajectory import simulate
from ntadyn.tasks import TaskSet
from ntadyn.tasks.curricula import alternating, sequence
from ntadyn.tasks.task_set import from_matrices
from ntadyn.tasks.teachers import orthogonal
from ntadyn.verification.check import ROUNDING, TIGHT, TIGHT_BAR, Check, compare, trusted

_GATES_AND_STUDENTS = {"gates": observables.gates, "student_overlaps": observables.student_overlaps}
_MATRICES = (2, 10, 20)  # two teachers or two paths, d_out, d_in
MODE_ENERGY = 0.5  # N s^2 of orthogonal teachers of that size
_DRAWS, _RECORDS_PER_BLOCK = 4, 9  # common to all runs of `_integrate_pairs`, which therefore share one program


def forgetful_laws() -> list[Check]:
    """Without penalties tau_c c_p^2 - tau_W |W^p|^2 and tau_W |W^p - W^q|^2 - tau_c (c_p - c_q)^2 never change.

    Three paths on three random teachers, neither orthogonal nor of equal size. The second law is written for two paths,
    but its derivation looks at no others, so that it holds for every pair.

    Returns:
        One row per law.
    """
    tau_c, tau_w = 0.3, 1.1
    random = np.random.default_rng(1)
    tasks = from_matrices(random.normal(0, 0.5, (3, 4, 6)))
    network = GatedLinear(jnp.asarray([0.3, 0.5, 0.6], jnp.float64), random.normal(0, 0.3, (3, 4, 6)))
    flow = GradientFlow(tasks, {"gates": tau_c, "weights": tau_w})
    trajectory = simulate(
        flow, alternating(3, 6, 2.0), network, method=TIGHT, observables=_GATES_AND_STUDENTS, records_per_block=9
    )
    pairs = [np.array(pair) for pair in ((0, 1), (0, 2), (1, 2))]

    def invariants(values):
        c, k = values["gates"], values["student_overlaps"]
        apart = [difference_invariant(c[pair], k[np.ix_(pair, pair)], tau_c, tau_w) for pair in pairs]
        return path_invariant(c, k, tau_c, tau_w), jnp.stack(apart)

    paths, apart = jax.jit(jax.vmap(invariants))(trusted(trajectory))
    return [
        compare("tau_c c_p^2 - tau_W |W^p|^2, three paths", paths[:1], paths, TIGHT_BAR),
        compare("tau_W |W^p-W^q|^2 - tau_c (c_p-c_q)^2, all pairs", apart[:1], apart, TIGHT_BAR),
    ]


def unit_norm_laws() -> list[Check]:
    """With a penalty on the L1 norm the difference law holds while both gates are positive; so wbar_rms(cbar) is exact.

    Full matrices with random teachers and random initial weights, four draws; nothing is symmetric here.

    Returns:
        One row for the law and one for the curve; NaN if a gate leaves the range in which they hold.
    """
    tau_c, tau_w = 2.0, 1.0
    random = np.random.default_rng(2)
    teachers, weights = random.normal(0, 0.1, (2, _DRAWS, *_MATRICES))
    gates = np.tile([0.4, 0.6], (_DRAWS, 1))
    systems = eqx.filter_vmap(lambda w: _unit_norm_flow(from_matrices(w), tau_c, tau_w))(jnp.asarray(teachers))
    values = _integrate_pairs(systems, gates, weights, tasks=(0, 1, 0, 1), durations=(0.5,) * 4)
    invariant = jax.vmap(jax.vmap(lambda c, k: difference_invariant(c, k, tau_c, tau_w)))
    law = np.asarray(jax.jit(invariant)(values["gates"], values["student_overlaps"]))
    cbar = values["gates"][..., 0] - values["gates"][..., 1]
    wbar = _distance(values["student_overlaps"]) / 2**0.5
    curve = exact_weight_difference(cbar, tau_c / tau_w, start=(cbar[:, :1], wbar[:, :1]))
    return [
        compare("tau_W |W^1-W^2|^2 - tau_c (c_1-c_2)^2", law[:, :1], law, TIGHT_BAR),
        compare("wbar (rms) over cbar", curve, wbar, TIGHT_BAR),
    ]


def gate_speed() -> list[Check]:
    """tau_c dcbar/dt = -N s^2 wbar (1 + wbar) at the moment when the task switches away from the open path.

    In the full matrix model without penalties, N s^2 = 1/2: first students of magnitude r along their own teachers,
    then students of full size but turned towards each other.

    Returns:
        One row per published value, and one that compares all of them with the formula to rounding.
    """
    tau_c = 0.03
    tasks = orthogonal(jax.random.key(0), *_MATRICES, dtype=jnp.float64)
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
    systems = eqx.filter_vmap(lambda tau: _unit_norm_flow(tasks, mode_energy * tau_c, tau))(jnp.asarray(tau_w))
    own, other = 0.5 * (1 + wbar_0), 0.5 * (1 - wbar_0)
    toy_weights = np.stack([own, other, other, own], axis=-1).reshape(_DRAWS, 2, 2, 1)
    weights = jax.vmap(lambda w: mode_aligned(GatedLinear(jnp.ones(2, w.dtype), w), tasks).weights)(toy_weights)
    ends = np.array([0.04, 0.4, 1.0, 2.0])
    durations = tuple(tau_c * np.diff(ends, prepend=0))
    values = _integrate_pairs(systems, np.full((_DRAWS, 2), 0.5), weights, (0, 0, 0, 0), durations)
    at_ends = values["student_overlaps"][:, _RECORDS_PER_BLOCK + 1 :: _RECORDS_PER_BLOCK + 2]
    gain = _distance(at_ends) / (2 * mode_energy) ** 0.5 - wbar_0[:, None]
    ratio = gain / (wbar_0[:, None] * (tau_c * ends) ** 2 / (4 * tau_c * tau_w[:, None]))
    x = wbar_0[2:, None] ** 2 * ends
    next_order = wbar_0[0] ** 2 * ends[0] + tau_c * ends[0] / tau_w[0]  # of 1 - gain / law, for small t
    two_digits = 0.01  # one unit of the last published digit
    return [
        compare("gain / law, wbar_0 = 0.2, t = 0.04 tau_c", 1.0, ratio[0, 0], next_order),
        compare("gain / law, wbar_0 = 0.2, t = 0.4 tau_c", 0.98, ratio[0, 1], two_digits),
        compare("gain / law, wbar_0 = 0.2, t = 2 tau_c", 0.91, ratio[0, 3], two_digits),
        compare("gain / law, wbar_0 = 0.8, t = 2 tau_c", 0.31, ratio[1, 3], two_digits),
        compare("gain / law against frozen weights, 8 points", (-np.expm1(-x) / x) ** 2, ratio[2:], 3e-4),
    ]


def full_equals_toy() -> list[Check]:
    """A full model that starts in its teachers' modes is the toy with tau_c / (N s^2) and R / (N s^2); L = N s^2 L_toy.

    Returns:
        One row for the gates, one for the loss, both up to rounding.
    """
    full, reduced = (trusted(trajectory) for trajectory in full_and_toy())
    return [
        compare("gates of the full model, 20 blocks", reduced["gates"], full["gates"], ROUNDING),
        compare("loss of the full model / N s^2, 20 blocks", reduced["loss"], full["loss"] / MODE_ENERGY, ROUNDING),
    ]


def full_and_toy(records_per_block: int = 9) -> tuple[Trajectory, Trajectory]:
    """The flexible network of figure 2 from the initial weights of figure A1, in full and in one effective mode.

    Twenty blocks in equal steps of `Splitting`; teachers are random but orthogonal, N s^2 = `MODE_ENERGY`.

    Args:
        records_per_block: records strictly inside every block.

    Returns:
        Both trajectories, with "gates", "loss" and "student_overlaps".
    """
    tasks = orthogonal(jax.random.key(0), *_MATRICES, dtype=jnp.float64)
    penalties = {"gates": Nonnegativity(1 / 11) + UnitL1Norm(10 / 11)}
    time_constants = {"gates": 0.03, "weights": 1.3}
    toy = GatedLinear(jnp.full((2,), 0.5, jnp.float64), 0.01 * jnp.eye(2, dtype=jnp.float64)[:, :, None])
    full_system = GradientFlow(tasks, time_constants, penalties)
    toy_system = toy_flow(time_constants, penalties, MODE_ENERGY, jnp.float64)
    curriculum, method = alternating(2, 20, 1.0), FixedSteps(max_step=default_step(full_system))
    recorded = {"loss": observables.loss, **_GATES_AND_STUDENTS}
    full, reduced = (
        simulate(system, curriculum, state, method=method, observables=recorded, records_per_block=records_per_block)
        for system, state in ((full_system, mode_aligned(toy, tasks)), (toy_system, toy))
    )
    return full, reduced


def _distance(students: np.ndarray) -> np.ndarray:
    """|W^1 - W^2| from the overlaps of the students."""
    return np.sqrt(students[..., 0, 0] + students[..., 1, 1] - 2 * students[..., 0, 1])


def _unit_norm_flow(tasks: TaskSet, tau_c: float, tau_w: float | Array) -> GradientFlow:
    return GradientFlow(tasks, {"gates": tau_c, "weights": tau_w}, {"gates": UnitL1Norm(1.0)})


def _integrate_pairs(
    systems: GradientFlow, gates: ArrayLike, weights: ArrayLike, tasks: tuple[int, ...], durations: tuple[float, ...]
) -> dict[str, np.ndarray]:
    """Gates and student overlaps of a batch of two-path runs."""
    curriculum = sequence(tasks, jnp.asarray(durations, jnp.float64), 2)

    def integrate(system, gates, weights):
        return simulate(
            system,
            curriculum,
            GatedLinear(gates, weights),
            method=TIGHT,
            observables=_GATES_AND_STUDENTS,
            records_per_block=_RECORDS_PER_BLOCK,
        )

    return trusted(eqx.filter_vmap(integrate)(systems, jnp.asarray(gates), jnp.asarray(weights)))
