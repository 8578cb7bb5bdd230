"""Branches whose folds and crossings are known on paper."""

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.stability import BranchStatus, branch, equations_of


def places(points):
    return np.array([[*point.x, point.parameter] for point in points])


def scalar(value, in_u, in_p):
    """Equations of one unknown, with their derivatives."""

    def equations(x, p):
        u = x[0]
        return np.array([value(u, p)]), np.array([[in_u(u, p)]]), np.array([in_p(u, p)])

    return equations


PARABOLA = scalar(lambda u, p: u**2 + p, lambda u, p: 2 * u, lambda u, p: 1.0)
PITCHFORK = scalar(lambda u, p: u**3 - p * u, lambda u, p: 3 * u**2 - p, lambda u, p: -u)
CIRCLE = scalar(lambda u, p: u**2 + p**2 - 1, lambda u, p: 2 * u, lambda u, p: 2 * p)
LINE = scalar(lambda u, p: u - p, lambda u, p: 1.0, lambda u, p: -1.0)
NOTHING = scalar(lambda u, p: u**2 + p**2 + 1, lambda u, p: 2 * u, lambda u, p: 2 * p)


def henon(x, p):
    """Fixed points of x' = 1 - p x^2 + y, y' = b x with b = 0.3: a fold at p = -(1-b)^2/4, x = -(1-b)/(2p)."""
    return jnp.stack([1 - p * x[0] ** 2 + x[1] - x[0], 0.3 * x[0] - x[1]])


def test_branches_of_analytic_maps():
    """T12, to 1e-8."""
    parabola = branch(PARABOLA, [1.0], -1.0, step=0.1, between=(-2.0, 1.0), max_points=100)
    np.testing.assert_allclose(places(parabola.folds), [[0, 0]], atol=1e-8)
    assert parabola.branch_points == []
    assert parabola.status is BranchStatus.LEFT
    np.testing.assert_allclose(places(parabola.points)[-1], [-np.sqrt(2), -2], atol=1e-8)
    assert max(point.residual for point in parabola.points) < 1e-10

    straight = branch(PITCHFORK, [0.0], -1.0, step=0.13, between=(-1.0, 1.0))
    np.testing.assert_allclose(places(straight.branch_points), [[0, 0]], atol=1e-8)
    assert straight.folds == []
    np.testing.assert_allclose(places(straight.points)[-1], [0, 1], atol=1e-8)
    bent = branch(PITCHFORK, [1.0], 1.0, step=-0.13, between=(-1.0, 1.1))
    np.testing.assert_allclose(places(bent.folds), [[0, 0]], atol=1e-8)
    np.testing.assert_allclose(places(bent.branch_points), [[0, 0]], atol=1e-8)

    circle = branch(CIRCLE, [0.6], 0.8, step=0.1, largest_step=0.3)
    np.testing.assert_allclose(sorted(places(circle.folds).tolist()), [[0, -1], [0, 1]], atol=1e-8)
    assert circle.status is BranchStatus.CLOSED
    assert circle.branch_points == []

    folded = branch(equations_of(henon), [0.63, 0.19], 1.4, step=-0.1, between=(-1.0, 2.0), max_points=400)
    np.testing.assert_allclose(places(folded.folds), [[20 / 7, 6 / 7, -0.1225]], atol=1e-8)


def test_a_branch_ends_where_events_change():
    found = branch(
        LINE,
        [0.0],
        0.0,
        step=0.1,
        between=(0.0, 2.0),
        events=lambda u, p: bool(u[0] > 0.77),
    )
    assert found.status is BranchStatus.EVENTS_CHANGED
    (change,) = found.event_changes
    assert (change.before, change.after) == (False, True)
    assert change.point.parameter == pytest.approx(0.77, abs=1e-8)
    assert found.points[-1] is change.point


def test_what_is_no_branch_is_refused_or_says_so():
    assert branch(NOTHING, [1.0], 0.0, step=0.1).status is BranchStatus.NO_START
    with pytest.raises(ValueError, match="1 to 16 unknowns"):
        branch(LINE, np.zeros(17), 0.0, step=0.1)
    with pytest.raises(ValueError, match="start inside"):
        branch(LINE, [0.0], 3.0, step=0.1, between=(0.0, 1.0))
    with pytest.raises(ValueError, match="not zero"):
        branch(LINE, [0.0], 0.0, step=0.0)
    with pytest.raises(ValueError, match="have the shapes"):
        branch(LINE, [0.0, 0.0], 0.0, step=0.1)
