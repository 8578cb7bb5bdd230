"""The accuracy that the default step promises, against a converged reference on the published regimes."""

import dataclasses

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import OrderParameters
from ntadyn.interface.observables import STANDARD
from ntadyn.networks import GatedLinear
from ntadyn.simulation import FixedSteps, default_step, integrate
from ntadyn.simulation.time_grid import lay_out
from ntadyn.solvers import Splitting
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_2_flexible, figure_5_published
from ntadyn.tasks import AbstractCurriculum

pytestmark = pytest.mark.usefixtures("optimised")

OBSERVABLES = {name: STANDARD[name] for name in ("gates", "student_overlaps", "teacher_overlaps")}
BAR = 1e-3
REFERENCE_BAR = 1e-6  # halving the reference's step moves nothing by more than this
JITTER = 1e-6  # relative change of initial weights that tells trajectories on a separatrix


def figure_5_cell(gates: float, block: float) -> Configuration:
    """A cell of the published gate-speed map, in translated units."""
    return replaced(figure_5_published(), {"time_constants.gates": gates, "curriculum.block_duration": block})


CASES = {
    "figure 2 flexible": figure_2_flexible(),
    "figure 5, fast gates": figure_5_cell(0.01, 1.0),
    "figure 5, middle gates": figure_5_cell(0.03, 0.6),
    "figure 5, slow gates": figure_5_cell(0.05, 0.8),
}
LONG = {"figure 2 flexible", "figure 5, fast gates", "figure 5, middle gates"}


@dataclasses.dataclass(frozen=True)
class Problem:
    """Ten seeds of a configuration, ready to be run with any solver and step."""

    system: OrderParameters
    curriculum: AbstractCurriculum
    networks: GatedLinear
    default_step: float

    @classmethod
    def make(cls, configuration: Configuration) -> "Problem":
        keys = building.keys(configuration.randomness)
        system, _ = building.build(configuration, building.first(keys))
        in_weights = replaced(configuration, {"dynamics": Dynamics.GRADIENT_FLOW})
        networks = jax.vmap(lambda key: building.build(in_weights, key)[1])(keys)
        curriculum = building.build_curriculum(configuration.curriculum, system.tasks)
        return cls(system, curriculum, networks, default_step(system))

    def block_ends(self, solver: diffrax.AbstractSolver, step: float, jitter: float = 0.0) -> dict[str, np.ndarray]:
        noise = 1 + jitter * jax.random.normal(jax.random.key(1), self.networks.weights.shape)
        networks = eqx.tree_at(lambda net: net.weights, self.networks, self.networks.weights * noise)
        states = jax.vmap(self.system.initial_state)(networks)
        grid = lay_out(self.curriculum, step)
        trajectories = _run(self.system, self.curriculum, states, FixedSteps(solver), grid)
        blocks = np.asarray(grid.block)
        last = np.flatnonzero(np.append(blocks[1:] != blocks[:-1], True))
        return {name: np.asarray(value)[:, last] for name, value in trajectories.values.items()}

    def num_steps(self, step: float) -> int:
        return int(jnp.sum(lay_out(self.curriculum, step).num_steps))

    def converged(self) -> dict[str, np.ndarray]:
        step = self.default_step / 8
        coarse = self.block_ends(Splitting(), step)
        for _ in range(6):
            step /= 2
            fine = self.block_ends(Splitting(), step)
            if max(np.max(np.abs(fine[name] - coarse[name])) for name in fine) < REFERENCE_BAR:
                return fine
            coarse = fine
        raise AssertionError("the reference did not converge")


@eqx.filter_jit
def _run(system, curriculum, states, method, grid):
    return jax.vmap(lambda state: integrate(system, curriculum, state, method, grid, OBSERVABLES))(states)


def errors(values, reference, teacher_norm) -> tuple[np.ndarray, np.ndarray]:
    """Per seed: largest gate error, and largest overlap error in units of the teacher norm."""
    gates = np.max(np.abs(values["gates"] - reference["gates"]), axis=(1, 2))
    overlaps = [
        np.max(np.abs(values[name] - reference[name]), axis=(1, 2, 3))
        for name in ("student_overlaps", "teacher_overlaps")
    ]
    return gates, np.maximum(*overlaps) / teacher_norm


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in CASES])
def test_default_step_meets_the_bar_with_a_tenth_of_eulers_steps(name, record_property):
    problem = Problem.make(CASES[name])
    reference = problem.converged()
    teacher_norm = float(jnp.linalg.norm(problem.system.tasks.teachers[0]))
    jittered = problem.block_ends(Splitting(), problem.default_step / 8, JITTER)
    unjittered = problem.block_ends(Splitting(), problem.default_step / 8)
    stable = errors(jittered, unjittered, teacher_norm)[0] < BAR

    gates, overlaps = errors(problem.block_ends(Splitting(), problem.default_step), reference, teacher_norm)
    euler_gates, euler_overlaps = errors(
        problem.block_ends(diffrax.Euler(), problem.default_step / 10), reference, teacher_norm
    )
    report = (
        f"{name}: step {problem.default_step:.2g} ({problem.num_steps(problem.default_step)} steps), "
        f"{np.sum(~stable)} of {len(stable)} seeds on a separatrix; gate error {gates[stable].max():.1e}, "
        f"overlap error {overlaps[stable].max():.1e}; explicit Euler with ten times the steps "
        f"{euler_gates[stable].max():.1e}, {euler_overlaps[stable].max():.1e}"
    )
    print(report)
    record_property("accuracy", report)
    assert np.sum(stable) >= 8
    assert gates[stable].max() < BAR
    assert overlaps[stable].max() < BAR
    assert euler_gates[stable].max() > gates[stable].max()
    assert euler_overlaps[stable].max() > overlaps[stable].max()
