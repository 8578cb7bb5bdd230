"""Norms as penalties: zero vectors and columns, tiny entries, shapes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.regularizers import (
    L2,
    ColumnL1,
    ColumnL2,
    UnitL2Norm,
)
from tests.regularizers.problems import (
    gradient,
    off_the_kinks,
)


@pytest.mark.parametrize("kind", [L2, UnitL2Norm, ColumnL2])
def test_norms_have_gradient_exactly_zero_at_a_zero_vector(kind):
    shape = (2, 3, 4) if kind is ColumnL2 else (4,)
    penalty = kind(0.7)
    assert np.all(gradient(penalty, np.zeros(shape)) == 0)
    assert np.all(np.asarray(jax.jit(jax.grad(penalty.energy))(jnp.zeros(shape))) == 0)


def test_zero_column_among_others():
    x = off_the_kinks(6, (2, 3, 4))
    x[1, :, 2] = 0
    slope = gradient(ColumnL2(0.7), x)
    assert np.all(slope[1, :, 2] == 0)
    # Every other column has slope k / (P d_in) = 0.7 / 8.
    sizes = np.linalg.norm(slope, axis=1)
    sizes[1, 2] = 0.7 / 8
    np.testing.assert_allclose(sizes, 0.7 / 8, rtol=1e-14)


def test_norm_of_tiny_vectors_does_not_underflow():
    x = jnp.asarray([3e-200, -4e-200])
    np.testing.assert_allclose(L2(1.0).energy(x), 5e-200, rtol=1e-14)
    np.testing.assert_allclose(L2(1.0).gradient(x), [0.6, -0.8], rtol=1e-14)


@pytest.mark.parametrize("kind", [ColumnL1, ColumnL2])
def test_column_penalties_need_three_axes(kind):
    for method in (kind(1.0).energy, kind(1.0).gradient, lambda x: kind(1.0).proximal(x, 0.1)):
        with pytest.raises(ValueError, match=r"shape \(paths, outputs, inputs\), got shape \(3,\)"):
            method(jnp.ones(3))
