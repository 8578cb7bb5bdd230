"""Orbits of the whole system, weights outside of the teachers included, by maps that know nothing of the theory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn import simulate
from ntadyn.cli import main
from ntadyn.dynamics import OrderParameters, Symmetric
from ntadyn.dynamics.order_parameters import OrderParameterState
from ntadyn.dynamics.symmetric import SymmetricState
from ntadyn.regularizers import from_coefficients
from ntadyn.results import storage
from ntadyn.simulation import FixedSteps
from ntadyn.solvers import Splitting
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.orbits import half_period
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_2_flexible, figure_5_published
from ntadyn.stability import (
    SWAPPED_TASKS_AND_PATHS,
    GatesAndFactors,
    OrbitStatus,
    Side,
    Stability,
    StroboscopicMap,
    find_periodic,
    multipliers,
    teacher_frame,
)
from ntadyn.stability.periodic import map_and_jacobian
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH
from ntadyn.tasks import TaskSet, curricula

pytestmark = [pytest.mark.slow]

# Specification 5, tables 2.1 and 3.1: a preset, tau_B, tau_c, lambda; C, U_A, U_B, and mu.
PENALISED = {
    (figure_2_flexible, 1.0, 0.03, 0.1): ((1.032826, 0.571475, 0.839361), 1.00059222),
    (figure_5_published, 0.6, 0.03, 0.15): ((1.020688, 0.601175, 0.811457), 1.00009066),
    (figure_5_published, 1.0, 0.01, 0.15): ((1.030885, 0.532313, 0.877402), 1.00842234),
    (figure_5_published, 1.0, 0.0025, 0.025): (None, 1.41109738),
}
FREE = [(figure_2_flexible, 1.0, 1.3), (figure_5_published, 1.0, 0.03), (figure_5_published, 0.4, 0.05)]


RADIUS = np.sqrt(0.5)


def overlaps_of(gates, weights) -> OrderParameterState:
    """c, K and S of weights given along A/|A| and B/|B|."""
    c, w = jnp.asarray(gates), jnp.asarray(weights)
    return OrderParameterState(c, (w @ w.T)[None], RADIUS * w[None])


def order_parameters(tau_c: float, tau_w: float, k_1: float, k_nn: float) -> OrderParameters:
    """Two orthogonal teachers of norm r, a hinge and a unit L1 norm."""
    tasks = TaskSet(RADIUS * jnp.eye(2)[:, None, :], names=("A", "B"), num_base=2)
    penalties = from_coefficients({"nonnegative": k_nn, "unit_l1": k_1})
    return OrderParameters(tasks, {"gates": tau_c, "weights": tau_w}, penalties)


def cell(preset, tau_b: float, tau_c: float, strength: float) -> Configuration:
    changes = {BLOCK_DURATION: tau_b, GATE_TIME_CONSTANT: tau_c, STRENGTH: strength}
    return replaced(preset(), changes)


def test_orbits_of_equal_paths_with_all_their_multipliers():
    """T2, T3, T4 and T17 on one compiled program, without and with a hinge that never acts."""
    for numbers, (state, mu) in PENALISED.items():
        orbit = find_periodic(*half_period(cell(*numbers)))
        found = multipliers(orbit)
        assert orbit.status is OrbitStatus.CONVERGED
        assert orbit.residual < 1e-10
        assert orbit.num_steps <= 8
        assert orbit.neutral_dimension == 2  # what the paths have outside of the teachers, and do not share
        assert found.side is Side.SMOOTH
        if state is not None:
            np.testing.assert_allclose(2 * orbit.state.gates, state[0], atol=1e-6)
            np.testing.assert_allclose(2 * orbit.state.weights[0, 0, :2], state[1:], atol=1e-6)
        growing = found.values[0].real
        assert abs(growing - mu) < 2e-7
        assert np.min(np.abs(found.values - 1 / growing)) < 1e-6
        assert np.min(np.abs(found.values + 1)) < 1e-6
        assert found.num_unstable == 1
        # Nothing is left outside of the teachers, and no weight is what no network has.
        assert np.max(np.abs(orbit.state.weights[:, 0, 2:])) < 1e-10
    for numbers in FREE:
        orbit = find_periodic(*half_period(cell(*numbers, 0.0)))
        found = multipliers(orbit)
        assert orbit.status is OrbitStatus.CONVERGED
        assert orbit.neutral_dimension == 5
        assert found.num_unstable == 0
        assert sum(label is Stability.NEUTRAL for label in found.labels) == 6
        np.testing.assert_allclose(np.sort(np.real(found.values))[-5:], 1, atol=1e-7)
        assert abs(np.min(np.real(found.values)) + 1) < 1e-7


@pytest.mark.exhaustive  # it compiles again
def test_the_command_finds_the_orbit_of_figure_2_twice(tmp_path, capsys):
    """In the plane and in the whole system."""
    with pytest.raises(SystemExit) as end:
        main(["stability", "orbits", "--out", str(tmp_path / "out")])
    assert end.value.code == 0
    assert "mu = 1.00059222, by e in 1,6" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"orbits.nc", "orbits.png", "orbits.pdf"}
    dataset = storage.read_dataset(tmp_path / "out" / "orbits.nc")
    np.testing.assert_allclose(dataset.whole_unspecialised, dataset.unspecialised, atol=1e-6)
    assert float(dataset.q_high) == pytest.approx(40.2923, abs=1e-3)
    assert sorted(dataset.label.values.tolist()).count("unstable") == 1


@pytest.mark.exhaustive  # it compiles for long; `saltation` has the same in small
def test_the_derivative_through_a_release_and_an_arrival():
    """T6: columns of the jacobian against one-sided differences of the same map, the held gate dropped."""
    system = order_parameters(0.01, 1.0, 1.25, 0.25)
    flow, guess = teacher_frame(system, overlaps_of([1.0, 0.0], [[0.02, 0.7], [0.6, 0.1]]))
    block, method = curricula.alternating(2, 1, jnp.asarray(0.6)), FixedSteps(Splitting(), 0.6 / 40)
    map = StroboscopicMap.of(flow, block, guess, SWAPPED_TASKS_AND_PATHS, method)
    coordinates = GatesAndFactors.of(guess)
    assert coordinates.free == (True, False)
    x = coordinates.vector(guess)
    image, gates, jacobian = map_and_jacobian(map, coordinates, x)
    # The gate of A was released at once, the other one arrived; paths are swapped in the image.
    assert gates[0] > 0.9
    assert gates[1] == 0
    step = 1e-7
    for column in range(x.size):
        moved = map_and_jacobian(map, coordinates, x.at[column].add(step))[0]
        np.testing.assert_allclose(
            (moved - image) / step, jacobian[:, column], atol=2e-6 * max(1, np.abs(jacobian).max())
        )


def test_a_map_is_a_system():
    """Two periods of two blocks each, by the simulator, are four blocks."""
    toy = Symmetric({"gates": 0.1, "weights": 1.0})
    start = SymmetricState(*jnp.array([0.1, 0.2, 0.0]))
    two, four = (curricula.alternating(2, number, jnp.asarray(0.5)) for number in (2, 4))
    map = StroboscopicMap.of(toy, two, start, method=FixedSteps(Splitting(), 0.01))
    periods = curricula.alternating(2, 1, jnp.asarray(2.0))
    found = simulate(map, periods, start)
    plain = simulate(toy, four, start, method=FixedSteps(Splitting(), 0.01))
    for one, other in zip(jax.tree.leaves(found.final_state), jax.tree.leaves(plain.final_state), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-13)
    assert found.values.keys() == plain.values.keys()
    with pytest.raises(ValueError, match="tasks"):
        StroboscopicMap.of(toy, curricula.alternating(3, 3, jnp.asarray(0.5)), start)
