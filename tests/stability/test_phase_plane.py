"""The plane of gates and weights: the exact orbit moves as the field says, ends with its block, and keeps Q."""

import numpy as np
import pytest

from ntadyn.stability import TeacherPlane, contact_band, error_along, field, gate_swing, neutral_orbit, nullcline

PLANE = TeacherPlane(1.0, 0.05)


def test_the_exact_orbit_against_the_field():
    for q in (0.3, contact_band(PLANE).high):
        orbit = neutral_orbit(PLANE, q, 2001)
        assert orbit.time[-1] == pytest.approx(1.0, abs=1e-8)
        assert orbit.lead[-1] == pytest.approx(gate_swing(PLANE, q), rel=1e-10)
        np.testing.assert_allclose(orbit.along**2 - 0.05 * orbit.lead**2, 0.05 * q, rtol=1e-10)
        rates = map(np.asarray, field(PLANE, 0, orbit.shared, orbit.lead, orbit.along))
        for values, rate in zip((orbit.lead, orbit.along), rates, strict=True):
            np.testing.assert_allclose(np.gradient(values, orbit.time)[1:-1], rate[1:-1], rtol=2e-4, atol=2e-4)
        # U moves with C = 1: tau_W U_e' = E_e.
        error = np.asarray(error_along(PLANE, 0, orbit.shared, orbit.lead, orbit.along))
        np.testing.assert_allclose(np.gradient(orbit.shared, orbit.time)[1:-1], error[1:-1], rtol=2e-4, atol=2e-4)
    assert neutral_orbit(PLANE, contact_band(PLANE).high).lead[-1] == pytest.approx(1.0, abs=1e-9)


def test_nothing_moves_on_the_nullcline():
    lead = np.array([-0.5, 0.2, 0.9])
    for task, shared in ((0, 0.1), (1, -0.3)):
        rates = list(map(np.asarray, field(PLANE, task, shared, lead, nullcline(PLANE, task, shared, lead))))
        np.testing.assert_allclose(np.stack(rates), 0, atol=1e-13)
    assert np.isnan(nullcline(PLANE, 0, 0.0, np.zeros(1))[0])


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="task is 2"):
        error_along(PLANE, 2, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="q is 0.0"):
        neutral_orbit(PLANE, 0.0)
    with pytest.raises(ValueError, match="infinite"):
        neutral_orbit(TeacherPlane(float("inf"), 0.05), 1.0)
