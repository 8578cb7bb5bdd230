import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ntadyn.stability import TeacherPlane, glide_length, growth, initial_spread, unspecialised_orbit
from ntadyn.stability.lorentz import METRIC, symmetric_run


def test_unspecialised_orbits_and_their_multipliers():
    """Specification 5, tables 2.1 and 3.1: figure 2, and a cell of figure 5, in one row of blocks of length 1."""
    row = TeacherPlane(1.0, np.array([0.03, 0.02]), np.array([1.3, 1.0]), np.array([10 / 11, 1.25]))
    found = unspecialised_orbit(row, refinement=1)
    np.testing.assert_allclose(found.state[:, 0], [1.032826, 0.571475, 0.839361], atol=1e-6)
    assert np.max(found.residual) < 1e-12
    np.testing.assert_allclose(found.antisymmetric[:, 0], [1.00059222, 1.00241981], atol=4e-7)
    np.testing.assert_allclose(found.antisymmetric[:, 0] * found.antisymmetric[:, 1], 1, atol=1e-9)
    np.testing.assert_allclose(found.antisymmetric[:, 2], -1, atol=1e-9)
    length = glide_length(row, found, refinement=1)
    np.testing.assert_allclose(length, [0.0005921, 0.0024170], rtol=3e-3)
    np.testing.assert_allclose(length, np.log(found.antisymmetric[:, 0]), rtol=3e-3)


def test_without_a_penalty_nothing_grows():
    found = unspecialised_orbit(TeacherPlane(0.4, 0.05, 2.0), refinement=1)
    np.testing.assert_allclose(found.antisymmetric, [1, 1, -1], atol=1e-7)
    assert np.min(np.abs(found.multipliers - 1)) < 1e-7  # along its family


def test_boosts_are_lorentz_matrices_and_follow_the_variational_equation():
    """Two cells of two blocks each in one run; the truth is an adaptive integration of all twelve equations."""
    row = TeacherPlane(0.5, np.array([0.02, 0.05]), np.array([1.0, 2.0]), np.array([1.25, 0.0]))
    start = np.array([[1.1, 0.8], [0.2, -0.3], [0.1, 0.4]])
    *_, last = symmetric_run(row, start, 2, refinement=2)
    found = np.swapaxes(last.boost, -1, -2) @ METRIC @ last.boost
    assert np.max(np.abs(found - METRIC)) < 1e-12 * np.max(np.abs(last.boost)) ** 2
    for cell in range(2):
        tau_c, tau_w, k_1 = (np.asarray(each)[cell] for each in (row.gates, row.weights, row.unit_l1))

        def field(t, y, target, tau_c=tau_c, tau_w=tau_w, k_1=k_1):
            total, common, difference = y[0], y[1:3], y[3:].reshape(3, 3)
            off = target - total * common / 2
            parted = np.stack([off @ difference[1:], *np.outer(off, difference[0])]) / (tau_c * tau_w) ** 0.5
            return [(common @ off - 2 * k_1 * (total - 1)) / tau_c, *total * off / tau_w, *parted.ravel()]

        y = np.concatenate([start[:, cell], np.eye(3).ravel()])
        for target in np.eye(2) * row.teacher_norm:
            y = solve_ivp(field, (0, 0.5), y, args=(target,), method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
        np.testing.assert_allclose(last.state[:, cell], y[:3], atol=2e-6)
        np.testing.assert_allclose(last.boost[cell], y[3:].reshape(3, 3), rtol=1e-5, atol=1e-5)


def test_growth_of_the_first_blocks():
    """Specification 5, 4.1: the largest sd |h| of blocks 1 and 2 at tau_c = .01 and .03."""
    row = TeacherPlane(1.0, np.array([0.01, 0.03]), 1.0, 1.25)
    found = initial_spread(0.01 / np.sqrt(20), 20) * growth(row, 2)
    np.testing.assert_allclose(found[:, 0], [0.72, 92], rtol=7e-3)
    np.testing.assert_allclose(found[:, 1], [0.0425, 0.43], rtol=2e-2)


@pytest.mark.parametrize(
    ("given", "told"),
    [({"gates": -1.0}, "gates"), ({"unit_l1": np.inf}, "unit_l1"), ({"block_duration": 0.0}, "block")],
)
def test_impossible_planes_are_refused(given, told):
    with pytest.raises(ValueError, match=told):
        TeacherPlane(**({"block_duration": 1.0, "gates": 0.1} | given))
    with pytest.raises(ValueError, match="infinite"):
        unspecialised_orbit(TeacherPlane(np.inf, 0.1))
