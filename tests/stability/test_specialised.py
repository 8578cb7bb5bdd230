"""The specialised orbit, what is left of it around the fold of its band, and the runaway, by the step that keeps Q."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, observables, simulate
from ntadyn.solvers import LorentzBoost
from ntadyn.stability import (
    SWAPPED_TASKS_AND_PATHS,
    OrbitStatus,
    StroboscopicMap,
    TeacherPlane,
    band_fold,
    contact_band,
    find_periodic,
    half_swing,
)
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import alternating

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("optimised")]

RADIUS, STEPS = 0.5**0.5, 100
HINGE = 0.25
# Near S, at the start of a block of A.
NEAR = GatedLinear(jnp.array([1.0, 0.0]), jnp.array([[[0.0, 0.7071]], [[0.69, 0.017]]]))
# T9: tau_c, tau_W, k_1 -> upper end of the contact band, and how far |D| may be from what it says.
CELLS = {
    (0.03, 1.3, 1 / 1.1): (40.29232, 3e-3),
    (0.02, 1.0, 1.25): (46.96478, 3e-3),
    (0.05, 1.0, 1.25): (16.89869, 3e-3),
    (0.05, 1.0, 12.5): (16.89869, 5e-4),
}


def flow(gates, weights, unit_l1):
    tasks = from_matrices(RADIUS * jnp.eye(2)[:, None, :])
    penalty = Nonnegativity(jnp.asarray(HINGE)) + UnitL1Norm(jnp.asarray(unit_l1))
    return GradientFlow(tasks, {"gates": gates, "weights": weights}, {"gates": penalty})


def distance(network):
    return float(jnp.linalg.norm(network.weights[0] - network.weights[1]))


@pytest.fixture(scope="module")
def orbits():
    """By one program, with the step that a map takes when it is not told."""
    block, found = alternating(2, 1, jnp.asarray(1.0)), {}
    for cell in CELLS:
        method = FixedSteps(LorentzBoost(), 1 / STEPS)
        map = StroboscopicMap.of(flow(*cell), block, NEAR, SWAPPED_TASKS_AND_PATHS, method)
        found[cell] = find_periodic(map, NEAR)
    return found


def test_the_specialised_orbit_is_where_the_contact_band_ends(orbits):
    """T9."""
    default = StroboscopicMap.of(flow(*next(iter(CELLS))), alternating(2, 1, 1.0), NEAR)
    assert isinstance(default.method.solver, LorentzBoost)
    for (gates, weights, unit_l1), (q_high, tolerance) in CELLS.items():
        orbit = orbits[gates, weights, unit_l1]
        assert orbit.status is OrbitStatus.CONVERGED
        assert orbit.residual < 1e-10
        plane = TeacherPlane(block_duration=1.0, gates=gates, weights=weights, unit_l1=unit_l1, nonnegative=HINGE)
        assert contact_band(plane).high == pytest.approx(q_high, abs=1e-5)
        assert abs(distance(orbit.state) - (gates / weights * (1 + q_high)) ** 0.5) < tolerance


def on_the_fold(share):
    """The symmetric orbit at the q of the fold, with gates slower than there by a factor."""
    plane = TeacherPlane(block_duration=1.0, gates=0.1, unit_l1=12.5, nonnegative=HINGE)
    fold = band_fold(plane)
    gates = fold.gates * share
    here = TeacherPlane(block_duration=1.0, gates=gates, unit_l1=12.5, nonnegative=HINGE)
    phi = -half_swing(here, fold.q)
    swing, apart = np.sqrt(fold.q) * np.sinh(phi), np.sqrt(gates * fold.q) * np.cosh(phi)
    across, along = np.array([1.0, -1.0]) / 2**0.5, np.array([1.0, 1.0]) / 2**0.5
    total = np.sqrt(gates) * phi * across + along
    weights = 0.5 * np.stack([total + apart * across, total - apart * across])
    return (gates, 12.5), 0.5 * np.array([1 + swing, 1 - swing]), weights


def test_contact_below_the_fold_and_none_above_a_runaway_and_both_sides_of_the_orbit(orbits):
    """T11, T19, and half stability: six runs of 504 blocks as one program."""
    orbit = orbits[0.05, 1.0, 1.25].state
    cells, gates, weights = [], [], []
    for share in (0.98, 1.02):
        cell, c, w = on_the_fold(share)
        cells.append(cell), gates.append(c), weights.append(w)
    for moved in (0.0, 0.001):
        cells.append((0.05, 1.25)), gates.append([0.02, 0.98])
        weights.append(RADIUS * np.eye(2) + moved * np.array([[0.3, 0.7], [0.0, 0.0]]))
    for stretched in (1 - 1e-3, 1 + 1e-3):
        w = np.asarray(orbit.weights)[:, 0]
        middle = w.mean(0)
        cells.append((0.05, 1.25)), gates.append(orbit.gates), weights.append(middle + stretched * (w - middle))
    method, curriculum = FixedSteps(LorentzBoost(), 1 / STEPS), alternating(2, 504, jnp.asarray(1.0))
    recorded = {"gates": observables.gates, "students": observables.student_overlaps}

    @eqx.filter_jit
    @jax.vmap
    def run(cell, gates, weights):
        system = flow(cell[0], jnp.asarray(1.0), cell[1])
        start = GatedLinear(gates, weights[:, None, :])
        return simulate(system, curriculum, start, method=method, observables=recorded).values

    found = run(*(jnp.asarray(np.array(values, float)) for values in (cells, gates, weights)))
    c, k = np.asarray(found["gates"]), np.asarray(found["students"]).reshape(6, -1, 2, 2)
    squared = k[..., 0, 0] + k[..., 1, 1] - 2 * k[..., 0, 1]
    q = squared - np.array(cells)[:, :1] * (c[..., 0] - c[..., 1]) ** 2
    # Contact makes Q climb to the end of the band; without it, Q is kept for all blocks.
    assert q[0, -1] / q[0, 0] == pytest.approx(1.235, abs=0.02)
    assert np.min(c[1]) > 0
    assert np.max(np.abs(q[1] / q[1, 0] - 1)) < 1e-11
    # Perfectly specialised weights run away, whether moved or not.
    ends = 2 * np.array([4, 504]) - 1
    np.testing.assert_allclose(q[2:4, ends] / 0.05, [[19.07, 42.6]] * 2, rtol=0.03)
    # Paths that are too close are brought back, a gate at zero. Those that are too far apart keep their Q for tens of
    # blocks, until the orbit has drifted to one side, where a gate meets zero; and that only raises Q.
    inside, outside = np.sqrt(squared[4:, -1]) - distance(orbit)
    assert abs(inside) < 1e-4
    assert np.min(c[4, -1]) == 0
    assert np.min(c[5, 1:40]) > 0
    assert np.max(np.abs(q[5, 1:40] / q[5, 1] - 1)) < 1e-11
    assert np.min(np.diff(q[5])) > -1e-12
    assert outside > 9e-4
