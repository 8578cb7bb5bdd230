"""Penalties on gates: tie rules, the water level of the unit norm, and its map together with the hinge."""

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.regularizers import L1, Nonnegativity, UnitL1Norm, UnitL2Norm
from tests.regularizers.problems import GATE_KINDS, REFERENCE, gradient, minimise_over_orthants, off_the_kinks, proximal


def test_tie_rules_are_the_published_ones():
    c = jnp.asarray([0.0, 0.3, -0.3, -0.0])
    np.testing.assert_array_equal(Nonnegativity(0.2).gradient(c), [-0.1, 0.0, -0.2, -0.1])
    np.testing.assert_array_equal(L1(0.2).gradient(c), [0.0, 0.2, -0.2, 0.0])
    # |c|_1 - 1 = -0.4, and no force on the tied gates.
    np.testing.assert_allclose(UnitL1Norm(2.0).gradient(c), [0.0, -0.8, 0.8, 0.0], rtol=1e-15)


@pytest.mark.parametrize("total", [0.4, 3.0])
def test_unit_l1_proximal_keeps_zero_gates_at_zero(total):
    x = total * np.asarray([0.5, 0.0, -0.3, 0.2])
    found = proximal(UnitL1Norm(0.7), x, 1.3)
    assert found[1] == 0
    brute = minimise_over_orthants(lambda z: REFERENCE[UnitL1Norm](0.7, z), x, 1.3, x == 0)
    np.testing.assert_allclose(found, brute, atol=1e-6)


def test_zero_vector_stays_at_zero():
    for kind in GATE_KINDS:
        assert np.all(proximal(kind(0.7), np.zeros(4), 1.0) == 0)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("size", [4, 40, 150])
@pytest.mark.parametrize("total", [0.5, 5.0, 50.0])
def test_unit_l1_proximal_solves_the_stationarity_condition(size, seed, total):
    """Both ways of summing the largest gates (40: all pairs, 150: sorted), below and above norm one."""
    x = off_the_kinks(seed, (size,))
    x *= total / np.sum(np.abs(x))
    k, step = 1.7, 0.3
    z = proximal(UnitL1Norm(k), x, step)
    force = k * (np.sum(np.abs(z)) - 1)
    moved = (x - z) / step
    active = z != 0
    assert np.all(np.sign(z[active]) == np.sign(x[active]))
    # The force is of order 100 at most; its rounding errors sum over 150 gates.
    np.testing.assert_allclose(moved[active], force * np.sign(z[active]), atol=1e-11)
    assert np.all(np.abs(moved[~active]) <= force + 1e-11)
    if total > 1:
        assert force > 0
    else:
        assert force < 0
        assert np.all(active)


def test_unit_l1_water_level_empties_the_small_gates():
    z = proximal(UnitL1Norm(10.0), [2.0, 0.1, -0.1], 1.0)
    # Only the first gate stays: |z|_1 = z_1, z_1 = 2 - 10 (z_1 - 1) = 12 / 11.
    np.testing.assert_allclose(z, [12 / 11, 0, 0], rtol=1e-14)


def test_unit_l1_growth_branch():
    """Below norm one every non-zero gate grows by step k (1 - n) away from zero, n the norm reached."""
    c = np.asarray([0.2, -0.1, 0.0, 0.05])
    z = proximal(UnitL1Norm(2.0), c, 0.5)
    n = (0.35 + 3 * 1.0) / (1 + 3 * 1.0)
    np.testing.assert_allclose(z, c + np.sign(c) * 1.0 * (1 - n), rtol=1e-14)


def test_unit_norms_are_reached_in_one_huge_step():
    c = [0.2, -0.4, 0.9]
    # An implicit step leaves the deviation divided by 1 + k step = 1e12.
    np.testing.assert_allclose(np.sum(np.abs(proximal(UnitL1Norm(1.0), c, 1e12))), 1.0, atol=1e-11)
    np.testing.assert_allclose(np.sum(proximal(UnitL2Norm(1.0), c, 1e12) ** 2), 1.0, atol=1e-11)


JOINT_POINTS = {
    "above norm one": [1.6, -0.8, 0.3, -0.05],
    "below, with zeros": [0.2, 0.0, -0.3, 0.0],
    "below, gates just under zero": [0.3, -0.02, -0.06, -0.08],
    "all small": [0.01, -0.01, -0.03, 0.0],
    "all negative": [-0.5, -0.2, -0.15, -0.05],
}


@pytest.mark.parametrize("point", JOINT_POINTS)
@pytest.mark.parametrize(("k", "k_1"), [(0.09, 0.91), (2.0, 0.3), (0.5, 2.5)])
def test_joint_proximal_of_hinge_and_unit_l1_norm_is_the_global_minimiser(k, k_1, point):
    x, step = np.asarray(JOINT_POINTS[point]), 0.4
    found = proximal(UnitL1Norm(jnp.asarray(k_1)) + Nonnegativity(jnp.asarray(k)), x, step)
    brute = minimise_over_orthants(
        lambda z: REFERENCE[Nonnegativity](k, z) + REFERENCE[UnitL1Norm](k_1, z), x, step, np.zeros(4, bool)
    )
    np.testing.assert_allclose(found, brute, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_joint_proximal_above_norm_one_is_hinge_then_norm(seed):
    x = 3 * off_the_kinks(seed, (4,))
    hinge, norm, step = Nonnegativity(0.2), UnitL1Norm(0.9), 0.7
    joint = proximal(hinge + norm, x, step)
    assert np.sum(np.abs(joint)) > 1
    np.testing.assert_allclose(joint, proximal(norm, proximal(hinge, x, step), step), atol=1e-14)


def test_joint_proximal_with_one_part_switched_off():
    x = [0.4, 0.0, -0.1, -0.02]
    hinge, norm = Nonnegativity(0.5), UnitL1Norm(0.9)
    np.testing.assert_allclose(proximal(hinge + UnitL1Norm(0.0), x, 0.1), proximal(hinge, x, 0.1), atol=1e-16)
    np.testing.assert_allclose(proximal(Nonnegativity(0.0) + norm, x, 0.1), proximal(norm, x, 0.1), atol=1e-16)
    np.testing.assert_allclose(
        proximal(hinge + norm + norm, x, 0.1), proximal(hinge + UnitL1Norm(1.8), x, 0.1), atol=1e-16
    )


def test_hinge_decides_the_side_of_a_gate_at_zero():
    """Below norm one the kink repels; with a hinge the gate leaves upwards, as under the summed tie rules."""
    x = [0.3, 0.0]
    total = Nonnegativity(0.5) + UnitL1Norm(0.9)
    assert gradient(total, x)[1] < 0
    assert proximal(total, x, 0.01)[1] > 0
    assert proximal(UnitL1Norm(0.9), x, 0.01)[1] == 0


def test_joint_proximal_holds_a_gate_that_is_driven_down():
    """Sliding: a drive `d` with `k_1 (1 - n) < |d| < k - k_1 (1 - n)` can move the gate neither up nor down."""
    total, step, drive = Nonnegativity(0.5) + UnitL1Norm(0.9), 0.01, 0.3
    kicked = [0.95, -drive * step]
    assert proximal(total, kicked, step)[1] == 0
    # A drive that beats the hinge takes the gate below zero.
    assert proximal(total, [0.95, -0.6 * step], step)[1] < 0
