"""Printed equations, typed in as they stand: what they do, in numbers, beside what is done in their place.

Numbers of equations are those of Behrouz et al., Nested Learning (NeurIPS 2025), unless a test says otherwise. Printed
forms are written out in numpy; those of this package are the ones that users call.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.optimisers import (
    Averages,
    DeepMomentum,
    MultiScaleMomentum,
    Ones,
    Regression,
    Sums,
    Unchanged,
    delta_descent,
    delta_momentum,
    momentum,
    momentum_with_read_out,
    orthogonalised,
    unread,
)
from tests.nested.optimisers.runs import descended, gradients, updates

X = np.array([0.6, 0.0, 0.8])
VALUE = np.array([2.0, -1.0])


def cosine(one, other):
    return float(np.sum(one * other) / np.linalg.norm(one) / np.linalg.norm(other))


def answers(rule, steps, rate):
    """W x after every step of a rule (W, x, output gradient, rate) on 1/2 |W x - v|^2, from W = 0 and with |x| = 1."""
    weights, found = np.zeros((2, 3)), []
    for _ in range(steps):
        weights = rule(weights, X, weights @ X - VALUE, rate)
        found.append(weights @ X)
    return np.array(found)


def ours(forgetting):
    def rule(weights, x, slope, rate):
        moved = delta_descent(jnp.asarray(weights), jnp.asarray(x[None]), jnp.asarray(slope[None]), rate, forgetting)
        return np.asarray(moved)

    return rule


def test_equations_7_and_8_together_ascend():
    """W <- W - m and m <- m - eta g: on h/2 W^2 the loss grows by a factor that the recursion has in closed form."""
    rate, weights, memory, losses = 0.1, 1.0, 0.0, []
    for _ in range(60):
        memory = memory - rate * weights
        weights = weights - memory
        losses.append(0.5 * weights**2)
    growth = (1 + rate / 2 + np.sqrt(rate + rate**2 / 4)) ** 2
    assert growth == pytest.approx(1.8774, abs=1e-4)
    assert losses[-1] / losses[-2] == pytest.approx(growth, rel=1e-9)
    _, descent = descended(momentum(rate, 0.9), lambda w: 0.5 * jnp.sum(w**2), jnp.ones(1), 200)
    assert float(descent[-1] / descent[0]) < 1e-6


def test_the_rate_of_equation_10_divides():
    """The minimiser of -<m, g> + eta |m - m_t|^2 is m_t + g / (2 eta): the smaller the rate, the longer the step."""
    start, slope = gradients(2, (2, 3))
    rate = 0.1
    printed = jax.grad(lambda m: -jnp.sum(m * slope) + rate * jnp.sum((m - start) ** 2))
    np.testing.assert_allclose(printed(start + slope / (2 * rate)), 0, rtol=0, atol=1e-12)
    # At a rate of 0.1 that is five gradients; equation 17 takes a tenth of one.
    np.testing.assert_allclose(printed(start + 5 * slope), 0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(updates(momentum(rate), slope[None])[0], -0.1 * slope, rtol=0, atol=1e-12)


def test_the_forgetting_of_equation_22_fits_square_matrices_only():
    slope = np.asarray(gradients(1, (3, 4))[0])
    with pytest.raises(ValueError, match="mismatch"):
        np.matmul(0.9 * np.eye(4) - slope.T @ slope, np.zeros((3, 4)))
    assert updates(delta_momentum(0.1), jnp.asarray(slope[None])).shape == (1, 3, 4)


@pytest.mark.parametrize(("overlap", "factor"), [(1.0, 0.9 - 4.0), (0.0, 0.9)])
def test_the_forgetting_of_equation_22_acts_on_the_wrong_side_and_without_a_rate(overlap, factor):
    """m <- (a - g^T g) m - eta g for g = 2 u v^T: a factor a - |g|^2 if u = v, and nothing forgotten if they differ."""
    u, v = np.array([1.0, 0.0]), np.array([overlap, np.sqrt(1 - overlap**2)])
    slope, memory, steps = 2 * np.outer(u, v), np.zeros((2, 2)), []
    for _ in range(400):
        before = memory
        memory = (0.9 * np.eye(2) - slope.T @ slope) @ memory - 0.1 * slope
        steps.append(memory - before)
    assert np.sum(steps[5] * steps[4]) / np.sum(steps[4] ** 2) == pytest.approx(factor, abs=1e-12)
    if overlap == 0:
        assert np.linalg.norm(memory) == pytest.approx(0.1 * 2 / (1 - 0.9), rel=1e-12)
    found = updates(delta_momentum(0.1, 0.9, 0.5), jnp.broadcast_to(jnp.asarray(slope), (400, 2, 2)))
    assert np.linalg.norm(found[-1]) == pytest.approx(0.1 * 2 / (1 - 0.9 + 0.5), rel=1e-12)


def test_the_preconditioner_of_equation_22_is_the_target_with_its_sign_turned():
    """A step down 1/2 |m g^T - P|^2 from m = 0 is + eta P g, uphill; down 1/2 |m g^T + P|^2 it is - eta P g."""
    slope = gradients(1, (3, 4))[0]
    towards = {
        sign: -0.1 * jax.grad(lambda m, sign=sign: 0.5 * jnp.sum((m @ slope.T + sign * jnp.eye(3)) ** 2))(0 * slope)
        for sign in (-1, 1)
    }
    np.testing.assert_allclose(towards[-1], 0.1 * slope, rtol=0, atol=1e-12)
    np.testing.assert_allclose(towards[1], updates(delta_momentum(0.1), slope[None])[0], rtol=0, atol=1e-12)


def test_a_linear_memory_in_equation_23_cubes_the_gradient():
    """m(u) = u m^T after a step down <m(u), u>: singular values s become s^3, where those of momentum stay s."""
    left, right = (np.linalg.qr(np.asarray(gradients(1, (size, size), size)[0]))[0] for size in (3, 4))
    singular = np.array([1.0, 0.3, 0.1])
    slope = jnp.asarray(left * singular @ right[:3])

    def printed(u):
        memory = -0.1 * jax.grad(lambda m: jnp.sum((u @ m.T) * u))(jnp.zeros((4, 4)))
        return u @ memory.T

    np.testing.assert_allclose(np.linalg.svd(printed(slope), compute_uv=False), 0.1 * singular**3, rtol=0, atol=1e-12)
    np.testing.assert_allclose(printed(2 * slope), 8 * printed(slope), rtol=0, atol=1e-12)
    found = updates(momentum(0.1), slope[None])[0]
    np.testing.assert_allclose(np.linalg.svd(found, compute_uv=False), 0.1 * singular, rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:the objective Ones")
def test_a_value_of_one_in_equation_23_moves_the_same_way_up_and_down():
    sequence = gradients(5, (3, 4))

    def of_both_signs(objective):
        rule = DeepMomentum(0.1, jax.random.key(0), objective, Unchanged()).transformation()
        return updates(rule, sequence), updates(rule, -sequence)

    up, down = of_both_signs(Ones())
    np.testing.assert_array_equal(up, down)
    assert float(np.max(np.abs(up))) > 0
    up, down = of_both_signs(Regression())
    np.testing.assert_array_equal(up, -down)


def test_newton_schulz_on_the_answer_in_equation_24_has_no_memory_of_direction():
    """Nine gradients and then their negative: Muon goes on as before, a memory applied to the gradient turns round."""
    slope = gradients(1, (4, 6))[0]
    sequence = jnp.concatenate([jnp.broadcast_to(slope, (9, 4, 6)), -slope[None]])
    memory = np.zeros((6, 6))
    for one in np.asarray(sequence):
        memory = 0.95 * memory - one.T @ one
    printed = [orthogonalised(jnp.asarray(last @ memory)) for last in np.asarray(sequence[-2:])]
    muon = updates(momentum_with_read_out(1.0, 0.95), sequence)
    assert cosine(printed[0], printed[1]) == pytest.approx(-1, abs=1e-12)
    assert cosine(muon[-2], muon[-1]) == pytest.approx(1, abs=1e-12)
    assert cosine(muon[-1], orthogonalised(slope)) == pytest.approx(-1, abs=1e-12)


def equation_27(weights, x, slope, rate):
    """A step down |W x - u|^2 for the value u = g."""
    return weights - 2 * rate * np.outer(weights @ x - slope, x)


def appendix_c(weights, x, slope, rate):
    """The minimiser of 1/2 |W' x - u|^2 + |W' - W|^2 / (2 eta) for the value u = + g."""
    return weights - rate / (1 + rate) * np.outer(weights @ x - slope, x)


@pytest.mark.parametrize(("rule", "speed"), [(equation_27, 0.2), (appendix_c, 0.1 / 1.1)])
def test_the_gradient_as_a_value_leads_away_from_the_target_at_constant_speed(rule, speed):
    """In equation 27, and in the algebra of appendix C of arXiv 2512.24695: each step takes `speed` of v off W x.

    The loss grows like (1 + n speed)^2. With the value u = - g it falls.
    """
    found = answers(rule, 20, 0.1)
    np.testing.assert_allclose(found, -speed * np.arange(1, 21)[:, None] * VALUE, rtol=0, atol=1e-12)
    loss = 0.5 * np.sum((found[-1] - VALUE) ** 2) / (0.5 * np.sum(VALUE**2))
    assert loss == pytest.approx((1 + 20 * speed) ** 2, rel=1e-12)
    np.testing.assert_allclose(answers(ours(1.0), 1, 0.1)[0], 0.1 / 1.1 * VALUE, rtol=0, atol=1e-12)


def test_the_algebra_of_appendix_c_solves_the_problem_for_the_other_sign():
    """Its result has slope zero in the problem with the value + g, where the one that is wanted has - g."""
    weights, slope = gradients(1, (2, 3))[0], jnp.asarray(VALUE)

    def problem(sign):
        return jax.grad(lambda z: 0.5 * jnp.sum((z @ X - sign * slope) ** 2) + jnp.sum((z - weights) ** 2) / 0.2)

    np.testing.assert_allclose(problem(1)(jnp.asarray(appendix_c(weights, X, VALUE, 0.1))), 0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(problem(-1)(jnp.asarray(ours(1.0)(weights, X, VALUE, 0.1))), 0, rtol=0, atol=1e-12)


def equation_28(weights, x, slope, rate):
    return weights @ (np.eye(3) - np.outer(x, x)) - rate * np.outer(slope, x)


def test_the_first_term_of_equation_28_has_no_step_size():
    """Its factor along x is 1 - |x|^2, for a length of 3 minus eight; that of the exact minimiser is 1/(1 + eta |x|^2).

    With |x| = 1 it erases at every step all that was known, and comes to rest at eta / (1 + eta) of the solution.
    """
    weights, nothing = np.outer(VALUE, X), np.zeros(2)
    np.testing.assert_allclose(equation_28(weights, 3 * X, nothing, 1.0) @ X, -8 * VALUE, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours(1.0)(weights, 3 * X, nothing, 1.0) @ X, 0.1 * VALUE, rtol=0, atol=1e-12)
    np.testing.assert_allclose(answers(equation_28, 50, 0.1)[-1], VALUE / 11, rtol=0, atol=1e-12)
    np.testing.assert_allclose(answers(ours(1.0), 100, 1.0)[-1], VALUE / 2, rtol=0, atol=1e-12)


def test_the_momenta_of_the_printed_m3_never_forget():
    """Algorithm 1 of arXiv 2512.24695: ten gradients, then none. It goes on for ever at b_1 times their sum.

    Averages forget: fifty steps later they move 0.95^50 as far as ten steps after the start.
    """
    sequence = jnp.concatenate([jnp.ones((10, 1, 1)), jnp.zeros((50, 1, 1))])
    options = {"fast": 0.95, "share": 0.0, "read_out": unread, "preconditions": False}
    printed = updates(MultiScaleMomentum(0.1, accumulation=Sums(), **options).transformation(), sequence)[:, 0, 0]
    np.testing.assert_allclose(printed[9:], -0.1 * 0.95 * 10, rtol=1e-12)
    found = updates(MultiScaleMomentum(0.1, accumulation=Averages(), **options).transformation(), sequence)[:, 0, 0]
    left = found[-1] / found[9]
    assert left == pytest.approx(0.95**50 * (1 - 0.95**10) / (1 - 0.95**60), rel=1e-9)
    assert left < 0.04
