"""The flow of the gates with frozen weights: arrival, sliding, crossing, release, repelling kinks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.interface import EventSearch
from ntadyn.interface.gate_flow import GateProblem, flow_gates, symmetric_eigen
from ntadyn.regularizers import Nonnegativity, UnitL1Norm, UnitL2Norm

TAU = 0.3
KINKED = Nonnegativity(0.3) + UnitL1Norm(1.5)
ROUNDING = 1e-12  # exponentials of exponents of order one, composed a few times
MANY = 50  # more pieces than any path here has


@functools.partial(jax.jit, static_argnames="pieces")
def follow(linear, quadratic, penalty, gates, duration, pieces=MANY):
    return flow_gates(
        GateProblem(linear, quadratic, penalty, jnp.asarray(TAU)), gates, jnp.asarray(duration), EventSearch(pieces)
    )


follow_each = jax.jit(jax.vmap(follow, in_axes=(0, 0, None, 0, None)))


def reference_step(problem, gates, h):
    """Heun's step in the orthant that the flow enters; who oversteps zero stops there."""
    side = lambda s: problem.velocity(gates, jnp.where(gates == 0, s, jnp.sign(gates)))  # noqa: E731
    above, below = side(1.0), side(-1.0)
    opened = jnp.where(above > 0, jnp.where(below < 0, jnp.sign(above + below), 1), jnp.where(below < 0, -1, 0))
    sign = jnp.where(gates == 0, opened, jnp.sign(gates))
    first = jnp.abs(sign) * problem.velocity(gates, sign)
    second = jnp.abs(sign) * problem.velocity(gates + h * first, sign)
    new = gates + 0.5 * h * (first + second)
    return jnp.where(new * sign < 0, 0.0, new)


@functools.partial(jax.jit, static_argnames="steps")
def reference(linear, quadratic, penalty, gates, duration, steps=4000):
    problem = GateProblem(linear, quadratic, penalty, jnp.asarray(TAU))
    return jax.lax.fori_loop(0, steps, lambda _, c: reference_step(problem, c, duration / steps), gates)


def random_problems(size, count=48, seed=0):
    """Drives, curvatures and gates; about a quarter of the gates start at exact zero."""
    keys = jax.random.split(jax.random.key(seed), 3)
    root = jax.random.normal(keys[0], (count, size, size))
    gates = 0.5 * jax.random.normal(keys[2], (count, size))
    gates = jnp.where(jnp.abs(gates) < 0.15, 0.0, gates)
    return jax.random.normal(keys[1], (count, size)), 0.5 * root @ root.swapaxes(1, 2), gates


# About one relaxation time of the fastest gates. Over several, a path may dip through zero and come back within one
# piece, which the flow, looking at the ends of a piece, overlooks: 1 of 48 problems of size 5 at 0.05, by 2e-3.
@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(("size", "duration"), [(2, 0.05), (3, 0.05), (5, 0.02)])
def test_random_problems_against_tiny_steps(size, duration):
    linear, quadratic, gates = random_problems(size)
    exact = follow_each(linear, quadratic, KINKED, gates, duration)
    brute = jax.vmap(lambda b, a, c: reference(b, a, KINKED, c, duration))(linear, quadratic, gates)
    assert bool(jnp.any((gates != 0) & (jnp.sign(exact) != jnp.sign(gates))))  # something met a kink
    # The reference stops at zero up to one step late: an error of speed (up to 15) times step (1.25e-5).
    np.testing.assert_allclose(exact, brute, rtol=0, atol=2e-4)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_is_a_semigroup(size):
    linear, quadratic, gates = random_problems(size, seed=3)
    advance = lambda gates, duration: follow_each(linear, quadratic, KINKED, gates, duration)  # noqa: E731
    whole, parts = advance(gates, 0.03), advance(advance(gates, 0.013), 0.017)
    assert int(jnp.sum(jnp.any(jnp.sign(whole) != jnp.sign(gates), axis=1))) > 5
    np.testing.assert_allclose(whole, parts, rtol=0, atol=ROUNDING)


def test_zero_duration_changes_nothing():
    linear, quadratic, gates = random_problems(3)
    after = follow_each(linear, quadratic, KINKED, gates, 0.0)
    np.testing.assert_array_equal(after, gates)


def alone(drive, penalty, gate, duration, curvature=0.0):
    return float(follow(jnp.array([drive]), jnp.array([[curvature]]), penalty, jnp.array([gate]), duration)[0])


def test_arrives_and_slides():
    # Driven down by less than the hinge: c falls as (0.2 - 0.25 t)/TAU... and stays at exact zero.
    hinge = Nonnegativity(0.3)
    assert alone(-0.25, hinge, 0.2, 0.1) == pytest.approx(0.2 - 0.25 * 0.1 / TAU, abs=ROUNDING)
    assert alone(-0.25, hinge, 0.2, 0.24) == pytest.approx(0.0, abs=ROUNDING)
    assert alone(-0.25, hinge, 0.2, 5.0) == 0.0
    assert alone(-0.25, hinge, 0.0, 5.0) == 0.0


def test_crosses_when_driven_harder_than_the_hinge():
    # At speed 0.5/TAU down to zero, reached at t = 0.12; below, the hinge takes 0.3 off the force.
    expected = -(0.5 - 0.3) * (0.3 - 0.12) / TAU
    assert alone(-0.5, Nonnegativity(0.3), 0.2, 0.3) == pytest.approx(expected, abs=ROUNDING)
    assert alone(-0.5, Nonnegativity(0.3), 0.0, 0.18) == pytest.approx(expected, abs=ROUNDING)


def test_rises_from_below_and_stops_or_goes_through():
    assert alone(-0.1, Nonnegativity(0.3), -0.2, 5.0) == 0.0
    expected = 0.1 * (2.0 - 0.2 * TAU / 0.4) / TAU
    assert alone(0.1, Nonnegativity(0.3), -0.2, 2.0) == pytest.approx(expected, abs=ROUNDING)


def test_is_released_when_the_other_gates_let_go():
    # Gate 1 sinks as 1 + ... while it presses gate 2 down through the curvature; gate 2 leaves when b_2 = a_12 c_1.
    linear, quadratic = jnp.array([-0.5, 0.2]), jnp.array([[0.0, 0.5], [0.5, 1.0]])
    penalty = Nonnegativity(0.3)
    release = (1.0 - 0.4) * TAU / 0.5  # c_1 = 1 - 0.5 t / TAU reaches 0.2 / 0.5
    gates = jnp.array([1.0, 0.0])
    before = follow(linear, quadratic, penalty, gates, 0.99 * release)
    after = follow(linear, quadratic, penalty, gates, release + 0.05)
    np.testing.assert_allclose(before, [1 - 0.99 * 0.6, 0.0], rtol=0, atol=ROUNDING)
    assert before[1] == 0.0
    assert 0.0 < after[1] < 0.02  # starts with speed zero
    brute = reference(linear, quadratic, penalty, gates, release + 0.05)
    np.testing.assert_allclose(after, brute, rtol=0, atol=1e-5)


def test_kink_of_the_norm_repels_below_norm_one():
    # At c = 0 both sides push outwards with force k = 1.5; the drive decides, and nothing moves without one.
    penalty = UnitL1Norm(1.5)
    grown = 1 - np.exp(-1.5 * 0.1 / TAU)
    assert alone(0.0, penalty, 0.0, 1.0) == 0.0
    assert alone(1e-3, penalty, 0.0, 0.1) == pytest.approx((1.501 / 1.5) * grown, abs=ROUNDING)
    assert alone(-1e-3, penalty, 0.0, 0.1) == pytest.approx(-(1.501 / 1.5) * grown, abs=ROUNDING)


def test_gate_held_by_the_hinge_is_repelled_once_the_norm_falls_below_one():
    # Gate 2 rests against a norm of 1.3; when gate 1 sinks, the growing room of the norm pushes it below zero first,
    # against a hinge that is too weak, while its upper side is still closed.
    linear, quadratic = jnp.array([-1.0, -0.5]), jnp.array([[1.0, 0.1], [0.1, 1.0]])
    penalty = Nonnegativity(0.4) + UnitL1Norm(1.5)
    gates = jnp.array([1.3, 0.0])
    after, brute = (f(linear, quadratic, penalty, gates, 0.1) for f in (follow, reference))
    assert after[1] < -0.005
    np.testing.assert_allclose(after, brute, rtol=0, atol=2e-4)


def test_a_leaving_gate_does_not_hide_an_arriving_one():
    # Gate 1 leaves zero at the start of the piece in which gate 2 arrives.
    linear, quadratic = jnp.array([1.7, -0.3]), jnp.array([[0.1, 0.4], [0.4, 3.4]])
    gates = jnp.array([0.0, 0.27])
    after, brute = (f(linear, quadratic, KINKED, gates, 0.2) for f in (follow, reference))
    assert after[0] > 0.5
    assert after[1] <= 0.0
    np.testing.assert_allclose(after, brute, rtol=0, atol=2e-4)


def test_equal_gates_stay_equal():
    gates = jnp.array([0.3, 0.3, 1.2])
    after = follow(jnp.array([-0.2, -0.2, 0.2]), jnp.eye(3), KINKED, gates, 0.2, pieces=4)
    assert float(after[0]) == pytest.approx(float(after[1]), abs=ROUNDING)


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("penalty", [UnitL2Norm(2.0), Nonnegativity(0.3) + UnitL2Norm(2.0)])
def test_norm_on_the_sphere_converges_at_second_order(penalty):
    linear, quadratic, gates = random_problems(3, count=8, seed=5)
    gates = jnp.where(gates == 0, 0.2, gates)

    @jax.jit
    def in_steps(steps):
        advance = lambda _, c: follow_each(linear, quadratic, penalty, c, 0.1 / steps.astype(c.dtype))  # noqa: E731
        return jax.lax.fori_loop(0, steps, advance, gates)

    fine = in_steps(jnp.asarray(512))
    brute = jax.vmap(lambda b, a, c: reference(b, a, penalty, c, 0.1))(linear, quadratic, gates)
    np.testing.assert_allclose(fine, brute, rtol=0, atol=2e-4)
    errors = [float(jnp.max(jnp.abs(in_steps(jnp.asarray(steps)) - fine))) for steps in (8, 16)]
    # Local order three where smooth; 4 would be exact second order.
    assert 3.0 < errors[0] / errors[1] < 5.5


@pytest.mark.parametrize("size", [1, 2, 3])
def test_eigenbasis_diagonalises(size):
    matrix = jax.random.normal(jax.random.key(size), (size, size))
    matrix = matrix + matrix.T
    values, basis = symmetric_eigen(matrix)
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(np.asarray(matrix)), atol=1e-14)
    np.testing.assert_allclose((basis * values[None]) @ basis.T, matrix, atol=1e-14)
    np.testing.assert_allclose(basis.T @ basis, np.eye(size), atol=1e-14)


@pytest.mark.parametrize(
    "matrix",
    [
        [[0.0, 0.0], [0.0, 0.0]],
        [[2.0, 0.0], [0.0, 2.0]],
        [[1.0, 0.0], [0.0, 3.0]],
        [[3.0, 0.0], [0.0, 1.0]],
        [[1.0, -1.0], [-1.0, 1.0]],
        [[1.0, 1e-17], [1e-17, 1.0]],
        [[1.0, 1e-160], [1e-160, 2.0]],
        [[1e8, 1.0], [1.0, 1e-8]],
    ],
)
def test_eigenbasis_of_special_matrices(matrix):
    matrix = jnp.asarray(matrix)
    values, basis = symmetric_eigen(matrix)
    scale = max(1.0, float(jnp.max(jnp.abs(matrix))))
    np.testing.assert_allclose((basis * values[None]) @ basis.T, matrix, rtol=0, atol=1e-15 * scale)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2), rtol=0, atol=4e-16)


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 3])
def test_derivative_through_kinks_matches_finite_differences(size):
    linear, quadratic, gates = random_problems(size, seed=8)
    flow = lambda b, a, c: follow_each(b, a, KINKED, c, 0.05)  # noqa: E731
    jacobian = jax.jit(jax.vmap(jax.jacfwd(lambda b, a, c: follow(b, a, KINKED, c, 0.05))))(linear, quadratic, gates)
    h = 1e-6
    shifted = [(flow(linear + h * e, quadratic, gates) - flow(linear - h * e, quadratic, gates)) / (2 * h)
               for e in jnp.eye(size)[:, None]]  # fmt: skip
    # Central differences of step 1e-6 carry errors of 1e-9 or so.
    np.testing.assert_allclose(jacobian, jnp.stack(shifted, axis=-1), rtol=0, atol=1e-7)


def test_last_piece_runs_to_the_end():
    # With one piece allowed there is no stop at zero; the sign is mended by the next call.
    once = follow(jnp.array([-0.25]), jnp.zeros((1, 1)), Nonnegativity(0.3), jnp.array([0.01]), 0.1, pieces=1)
    assert float(once[0]) == pytest.approx(0.01 - 0.25 * 0.1 / TAU, abs=ROUNDING)
