"""T20: what names, axes and units leave alone: multipliers, periods and borders."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.flatten_util import ravel_pytree

from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.stability import (
    TeacherPlane,
    band_fold,
    contact_band,
    multipliers_of,
    specialised_probability,
    unspecialised_orbit,
)
from ntadyn.tasks import TaskSet

PLANE = TeacherPlane(1.0, 0.02, 1.0, 1.25, 0.25)
STEPS, SPREAD, UNTIL = 400, 7e-4, 7.0


@jax.jit
def block_of_a(teachers, numbers, network):
    """The network after one block of A by the classical Runge-Kutta method, and the derivative of that."""
    duration, tau_c, tau_w, k_1, k_nn = numbers
    tasks = TaskSet(teachers, names=("A", "B"), num_base=2)
    penalty = Nonnegativity(k_nn) + UnitL1Norm(k_1)
    system = GradientFlow(tasks, {"gates": tau_c, "weights": tau_w}, {"gates": penalty})
    start, whole = ravel_pytree(network)
    h = duration / STEPS

    def velocity(x):
        return ravel_pytree(system.vector_field(0.0, whole(x), jnp.array([1.0, 0.0])))[0]

    def step(_, x):
        k1 = velocity(x)
        k2 = velocity(x + 0.5 * h * k1)
        k3 = velocity(x + 0.5 * h * k2)
        return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + velocity(x + h * k3))

    def flow(x):
        return lax.fori_loop(0, STEPS, step, x)

    return flow(start), jax.jacfwd(flow)(start)


def seen(plane, axes, paths):
    """How far the orbit of equal paths is from a fixed point, in weight space along given axes, and its multipliers.

    Args:
        plane: the cell.
        axes: A/|A| and B/|B| as rows.
        paths: the order of the paths.
    """
    orbit = unspecialised_orbit(plane)
    along = 0.5 * orbit.state[1:] @ axes
    order = np.asarray(paths)
    network = GatedLinear(jnp.full(2, 0.5 * orbit.state[0])[order], jnp.asarray(np.stack([along[None]] * 2))[order])
    numbers = plane.block_duration, plane.gates, plane.weights, plane.unit_l1, plane.nonnegative
    teachers = jnp.asarray(plane.teacher_norm * axes)[:, None, :]
    end, jacobian = block_of_a(teachers, jnp.asarray(numbers), network)
    # The names of the tasks are swapped by the reflection that swaps the axes.
    mirror = axes.T @ axes[::-1]
    swap = np.zeros((6, 6))
    swap[:2, :2] = np.eye(2)
    swap[2:4, 2:4] = swap[4:, 4:] = mirror
    start = ravel_pytree(network)[0]
    scale = np.where(np.arange(6) < 2, 1.0, plane.teacher_norm)
    off = np.max(np.abs(swap @ np.asarray(end) - np.asarray(start)) / scale)
    return off, np.sort(np.real(multipliers_of(swap @ np.asarray(jacobian)).values)), orbit


@pytest.mark.slow
def test_names_axes_and_units_change_no_multiplier_no_orbit_and_no_border():
    time, size = 3.0, 0.4
    slower = dataclasses.replace(PLANE, block_duration=time, gates=time * PLANE.gates, weights=time)
    smaller = dataclasses.replace(
        PLANE,
        gates=size**2 * PLANE.gates,
        unit_l1=size**2 * PLANE.unit_l1,
        nonnegative=size**2 * PLANE.nonnegative,
        teacher_norm=size * PLANE.teacher_norm,
    )
    axes, (cosine, sine) = np.eye(2), (np.cos(0.7), np.sin(0.7))
    turned = np.array([[cosine, sine], [-sine, cosine]])

    off, multipliers, orbit = seen(PLANE, axes, (0, 1))
    assert off < 1e-8
    np.testing.assert_allclose(multipliers[[0, -1]], orbit.antisymmetric[[2, 0]], atol=1e-6)
    for plane, others, paths in (
        (PLANE, turned, (0, 1)),
        (PLANE, turned[::-1], (1, 0)),
        (slower, axes, (0, 1)),
        (smaller, turned, (0, 1)),
    ):
        off, found, same = seen(plane, others, paths)
        assert off < 1e-8
        np.testing.assert_allclose(found, multipliers, atol=1e-9)
        np.testing.assert_allclose(same.antisymmetric, orbit.antisymmetric, atol=1e-9)
        assert same.rapidity == pytest.approx(orbit.rapidity, rel=1e-9)

    # Of time constants, borders go with time and with the square of what the teachers are measured in.
    share = specialised_probability(PLANE, UNTIL, SPREAD)
    assert 0.1 < share < 0.999
    for plane, until, spread, unit in ((slower, time * UNTIL, SPREAD, time), (smaller, UNTIL, size * SPREAD, size**2)):
        assert specialised_probability(plane, until, spread) == pytest.approx(share, abs=1e-9)
        np.testing.assert_allclose(contact_band(plane), contact_band(PLANE), rtol=1e-9)
        assert band_fold(plane).gates == pytest.approx(unit * band_fold(PLANE).gates, rel=1e-9)
