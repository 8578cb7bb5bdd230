"""Exponents of maps whose exponents are known, and multipliers as exponents."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from ntadyn.stability import exponents, lyapunov_exponents, multipliers_of


def test_exponents_of_maps_and_of_the_flow_behind_them():
    """T16: a linear map, the map of a linear flow, and that of Henon, which shrinks areas by 0.3."""
    rates = np.array([0.3, -0.2, -1.1])
    basis = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    generator = basis @ np.diag(rates) @ np.linalg.inv(basis)
    period = 0.7
    matrix = expm(generator * period)
    # Stretches are exact once directions have aligned; the state itself stays at the origin.
    found = lyapunov_exponents(lambda x: jnp.asarray(matrix) @ x, jnp.zeros(3), 160, 60, period)
    np.testing.assert_allclose(found.values, rates, atol=1e-8)
    np.testing.assert_allclose(exponents(multipliers_of(matrix), period), rates, atol=1e-12)

    def henon(x):
        return jnp.stack([1 - 1.4 * x[0] ** 2 + x[1], 0.3 * x[0]])

    found = lyapunov_exponents(henon, jnp.zeros(2), 3200, 100)
    assert abs(found.values.sum() - np.log(0.3)) < 1e-8
    assert abs(found.values[0] - 0.4192) < 4 * found.errors[0] < 0.1
    with pytest.raises(ValueError, match="multiple of 16"):
        lyapunov_exponents(henon, jnp.zeros(2), 17)
    with pytest.raises(ValueError, match="leaves all bounds"):
        lyapunov_exponents(lambda x: 1e300 * x, jnp.ones(1), 16)
    with pytest.raises(ValueError, match="duration is 0"):
        exponents(multipliers_of(np.eye(1)), 0.0)
