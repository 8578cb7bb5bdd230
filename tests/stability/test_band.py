import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ntadyn.stability import TeacherPlane, band_fold, contact_band, gate_swing, half_swing, specialised_distance

CLOSED = 0.189763390


@pytest.mark.parametrize("cell", [(1.0, 0.03, 1.3), (0.4, 0.05, 1.0), (4.0, 0.18, 1.0)])
def test_the_band_against_the_flow_of_its_orbits(cell):
    """At both ends, the flow takes dc from -1 to 1 in one block, by an independent integration of gates and weights."""
    plane = TeacherPlane(*cell)
    tau_b, tau_c, tau_w = cell
    kappa = plane.kappa
    for q in contact_band(plane):
        phi = half_swing(plane, q)
        start = [math.sqrt(q) * math.sinh(-phi), kappa * math.sqrt(q) * math.cosh(phi), -kappa * phi]

        def field(t, y):
            error = plane.half_distance - 0.5 * (y[2] + y[0] * y[1])
            return [y[1] * error / tau_c, y[0] * error / tau_w, error / tau_w]

        end = solve_ivp(field, (0, tau_b), start, method="DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
        np.testing.assert_allclose(start[0], -1, atol=1e-9)
        np.testing.assert_allclose(end, [1, start[1], -start[2]], atol=1e-9)
    assert specialised_distance(plane) == pytest.approx(kappa * math.sqrt(1 + q), rel=1e-12)
    assert gate_swing(plane, math.sqrt(math.prod(contact_band(plane)))) > 1


def test_the_fold_in_closed_form_and_in_finite_blocks():
    assert band_fold(TeacherPlane(math.inf, 1.0)).gates == pytest.approx(CLOSED, abs=1e-9)
    assert band_fold(TeacherPlane(200.0, 1.0)).gates == pytest.approx(CLOSED, abs=1e-9)
    for tau_b, gates, q in ((1.0, 0.110299, 3.7975), (0.1, 0.014182, 42.893)):
        found = band_fold(TeacherPlane(tau_b, 1.0))
        assert found.gates == pytest.approx(gates, abs=1e-6)
        assert found.q == pytest.approx(q, rel=1e-4)
        assert math.isnan(specialised_distance(TeacherPlane(tau_b, found.gates * 1.001)))
        assert specialised_distance(TeacherPlane(tau_b, found.gates * 0.999)) > 0
    # Times and the squared distance of the teachers only set units.
    other = band_fold(TeacherPlane(3.0, 1.0, 3.0, teacher_norm=math.sqrt(2)))
    assert other.gates == pytest.approx(3 * 4 * band_fold(TeacherPlane(1.0, 1.0)).gates, rel=1e-9)


def test_the_band_of_endless_blocks():
    """kappa (phi + coth phi) = 2 l has two roots, q = 1/sinh^2 phi."""
    plane = TeacherPlane(math.inf, 0.1)
    phi = np.arcsinh(1 / np.sqrt(contact_band(plane)))
    np.testing.assert_allclose(plane.kappa * (phi + 1 / np.tanh(phi)), 2 * plane.half_distance, rtol=1e-10)
    assert phi[0] > math.asinh(1) > phi[1]


def test_what_has_no_band_is_refused():
    with pytest.raises(ValueError, match="one cell"):
        half_swing(TeacherPlane(1.0, np.array([0.1, 0.2])), 1.0)
    with pytest.raises(ValueError, match="q is -1"):
        half_swing(TeacherPlane(1.0, 0.1), -1.0)
