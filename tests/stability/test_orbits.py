"""Orbits of the whole system, weights outside of the teachers included, by maps that know nothing of the theory."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn import simulate
from ntadyn.dynamics import OrderParameters
from ntadyn.dynamics.order_parameters import OrderParameterState
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import from_coefficients
from ntadyn.simulation import FixedSteps, Updates
from ntadyn.solvers import Splitting
from ntadyn.stability import (
    SWAPPED_TASKS,
    SWAPPED_TASKS_AND_PATHS,
    GatesAndFactors,
    OrbitStatus,
    Renaming,
    Side,
    Stability,
    StroboscopicMap,
    find_periodic,
    multipliers,
    teacher_frame,
)
from ntadyn.stability.periodic import map_and_jacobian
from ntadyn.tasks import TaskSet, curricula

pytestmark = [pytest.mark.slow]

# tau_B, tau_c, tau_W, k_1, k_nn.
PENALISED = {
    (1.0, 0.03, 1.3, 10 / 11, 1 / 11): ((1.032826, 0.571475, 0.839361), 1.00059222),
    (0.6, 0.03, 1.0, 1.25, 0.25): ((1.020688, 0.601175, 0.811457), None),
    (1.0, 0.01, 1.0, 1.25, 0.25): ((1.030885, 0.532313, 0.877402), 1.00842234),
    (1.0, 0.0025, 1.0, 0.208333, 0.0416667): (None, 1.41109738),
}
FREE = [(1.0, 1.3, 1.3, 0.0, 0.0), (1.0, 0.03, 1.0, 0.0, 0.0), (0.4, 0.05, 2.0, 0.0, 0.0)]
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


def half_period(
    cell: tuple[float, float, float, float, float],
    state: OrderParameterState,
    solver: diffrax.AbstractSolver,
    steps: int,
    renaming: Renaming = SWAPPED_TASKS,
) -> tuple[StroboscopicMap, GatedLinear]:
    """One block of task A and a renaming, for (tau_B, tau_c, tau_W, k_1, k_nn), and the network of a state."""
    system, network = teacher_frame(order_parameters(*cell[1:]), state)
    block = curricula.alternating(2, 1, jnp.asarray(cell[0]))
    return StroboscopicMap.of(system, block, network, renaming, FixedSteps(solver, cell[0] / steps)), network


def equal_paths(tau_b: float, tau_w: float):
    """C = 1, U = 2 r (q, 1) / (1 + q), q = exp(-tau_B / 2 tau_W): next to the orbit of equal paths."""
    q = np.exp(-tau_b / (2 * tau_w))
    along = RADIUS * np.array([q, 1]) / (1 + q)
    return overlaps_of([0.5, 0.5], [along, along])


def test_orbits_of_equal_paths_with_all_their_multipliers():
    """T2, T3, T4 and T17 on one compiled program; specification 5, tables 2.1 and 3.1."""
    for cell, (state, mu) in PENALISED.items():
        map, guess = half_period(cell, equal_paths(cell[0], cell[2]), diffrax.Dopri8(), 32)
        orbit = find_periodic(map, guess)
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
        if mu is not None:
            assert abs(growing - mu) < 2e-7
        assert np.min(np.abs(found.values - 1 / growing)) < 1e-6
        assert np.min(np.abs(found.values + 1)) < 1e-6
        assert found.num_unstable == 1
        # Nothing is left outside of the teachers, and no weight is what no network has.
        assert np.max(np.abs(orbit.state.weights[:, 0, 2:])) < 1e-10
    for cell in FREE:
        map, guess = half_period(cell, equal_paths(cell[0], cell[2]), diffrax.Dopri8(), 32)
        orbit = find_periodic(map, guess)
        found = multipliers(orbit)
        assert orbit.status is OrbitStatus.CONVERGED
        assert orbit.neutral_dimension == 5
        assert found.num_unstable == 0
        assert sum(label is Stability.NEUTRAL for label in found.labels) == 6
        np.testing.assert_allclose(np.sort(np.real(found.values))[-5:], 1, atol=1e-7)
        assert abs(np.min(np.real(found.values)) + 1) < 1e-7


def test_the_derivative_through_a_release_and_an_arrival():
    """T6: columns of the jacobian against one-sided differences of the same map, the held gate dropped."""
    cell = (0.6, 0.01, 1.0, 1.25, 0.25)
    state = overlaps_of([1.0, 0.0], [[0.02, 0.7], [0.6, 0.1]])
    map, guess = half_period(cell, state, Splitting(), 40, SWAPPED_TASKS_AND_PATHS)
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
    # A map is a system: two periods by the simulator are two applications.
    run = simulate(map, curricula.alternating(2, 1, jnp.asarray(2.0)), guess, method=Updates(1.0))
    twice = map_and_jacobian(map, coordinates, jnp.asarray(image))[0]
    np.testing.assert_allclose(coordinates.vector(run.final_state), twice, atol=1e-13)
    assert jax.eval_shape(map.jacobian, guess).weights.weights.shape == (*guess.weights.shape, *guess.weights.shape)
