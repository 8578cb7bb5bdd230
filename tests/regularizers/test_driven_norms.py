"""The flow of a norm under a constant drive, against its equation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ntadyn.regularizers import driven_norms

THRESHOLD = 0.4


@jax.jit(static_argnums=3)
def _vectors(x, drift, threshold, axis):
    return driven_norms.driven_vectors(x, drift, threshold, axis)


def driven_vectors(x, drift, threshold, axis):
    x = jnp.asarray(x)
    return _vectors(x, jnp.asarray(drift), jnp.asarray(threshold, x.dtype), axis)


def driven_entries(x, drift, threshold):
    return driven_norms.driven_entries(jnp.asarray(x), jnp.asarray(drift), jnp.asarray(threshold))


def integrated(x, drift, threshold):
    """Where one vector is after unit time, by SciPy, through its arrival at zero."""
    near, speed = 1e-10, np.linalg.norm(drift)
    released = drift / max(speed, 1e-300) * max(speed - threshold, 0.0)
    if np.linalg.norm(x) <= near:
        return released

    def arrives(_, x):
        return np.linalg.norm(x) - near

    arrives.terminal = True
    found = solve_ivp(
        lambda _, x: drift - threshold * x / max(np.linalg.norm(x), 1e-12),
        (0, 1),
        x,
        "DOP853",
        rtol=1e-11,
        atol=1e-13,
        events=arrives,
    )
    assert found.success
    return found.y[:, -1] if found.t[-1] == 1.0 else released * (1.0 - found.t[-1])


@pytest.mark.representatives(7)
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("drive", [0.1, 0.39, 0.41, 2.0], ids="drive {}".format)
def test_vectors_follow_their_equation(size, drive):
    rng = np.random.default_rng([size, int(100 * drive)])
    drift = rng.normal(size=(20, size))
    drift *= drive / np.linalg.norm(drift, axis=1, keepdims=True)
    x = rng.normal(size=(20, size)) * 10 ** rng.uniform(-3, 0.5, size=(20, 1))
    x[0] = 0.0
    found = driven_vectors(x, drift, THRESHOLD, axis=1)
    expected = np.stack([integrated(a, b, THRESHOLD) for a, b in zip(x, drift, strict=True)])
    np.testing.assert_allclose(found, expected, atol=2e-9)
    held = np.linalg.norm(expected, axis=1) < 1e-9
    if drive < THRESHOLD:
        assert np.sum(held) > 2, "the case was chosen so that some vectors vanish"
        assert np.all(np.asarray(found)[held] == 0)
    if size == 1:
        np.testing.assert_allclose(driven_entries(x, drift, THRESHOLD), found, atol=1e-12)


def test_vectors_that_the_drive_turns_round():
    """Straight at zero, through it and on; and past it at any distance."""
    drift, start = np.array([0.0, 1.0]), np.array([0.0, -0.7])
    through = driven_vectors(start, drift, THRESHOLD, axis=0)
    np.testing.assert_allclose(through, [0.0, (1 - THRESHOLD) * (1 - 0.7 / (1 + THRESHOLD))], atol=1e-15)
    for distance in (1e-1, 1e-3, 1e-6):
        x = np.array([distance, -0.7])
        found = driven_vectors(x, drift, THRESHOLD, axis=0)
        np.testing.assert_allclose(found, integrated(x, drift, THRESHOLD), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_half_times_are_one(dtype):
    rng = np.random.default_rng(3)
    x, drift = (jnp.asarray(rng.normal(size=(200, 3)), dtype) for _ in range(2))
    whole = driven_vectors(x, drift, THRESHOLD, axis=1)
    half = lambda x: driven_vectors(x, 0.5 * drift, 0.5 * THRESHOLD, axis=1)  # noqa: E731
    assert whole.dtype == dtype
    np.testing.assert_allclose(half(half(x)), whole, atol=2e2 * np.finfo(dtype).eps)


def test_limits():
    x = jnp.asarray([[3.0, 4.0], [0.0, 0.0], [0.03, 0.04]])
    nothing = jnp.zeros_like(x)
    alone = driven_vectors(x, nothing, 0.5, axis=1)
    np.testing.assert_allclose(alone, [[2.7, 3.6], [0.0, 0.0], [0.0, 0.0]], atol=1e-14)
    np.testing.assert_allclose(driven_vectors(x, x + 1.0, 0.0, axis=1), 2 * x + 1.0, atol=1e-14)
    np.testing.assert_array_equal(driven_vectors(x, nothing, 0.0, axis=1), x)
    np.testing.assert_array_equal(driven_entries(x, nothing, 5.0), nothing)


@pytest.mark.slow
def test_derivatives():
    """By forward and reverse mode, of a vector on its way."""
    x, drift = jnp.asarray([0.3, -0.8, 0.1]), jnp.asarray([0.2, 0.1, -0.4])
    flow = lambda x: driven_vectors(x, drift, 0.3, axis=0)  # noqa: E731
    step = 1e-6
    central = np.stack([(flow(x + step * e) - flow(x - step * e)) / (2 * step) for e in np.eye(3)], axis=1)
    np.testing.assert_allclose(jax.jacfwd(flow)(x), central, atol=1e-8)
    np.testing.assert_allclose(jax.jacrev(flow)(x), central, atol=1e-8)
