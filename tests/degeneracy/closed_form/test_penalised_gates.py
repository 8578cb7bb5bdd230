from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy.closed_form import (
    Exact,
    Ranks,
    gated_linear,
    gated_with_l1,
    gated_with_l1_and_l2,
    regular,
    two_layer,
)
from ntadyn.regularizers.gate_penalties import Nonnegativity, UnitL1Norm, UnitL2Norm
from tests.degeneracy.closed_form.gated_systems import factors_of_ranks, hessian

SPECIALISED, MIXED = np.eye(2), np.array([[0.7, 0.3], [0.3, 0.7]])
TEACHERS = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 2)))[0].T


def exact(coefficient, multiplicity=1):
    return Exact(Fraction(coefficient), multiplicity)


def l1_penalty(gates):
    terms = UnitL1Norm(1.0), Nonnegativity(2.0)
    return sum(jax.vmap(term.energy)(gates).sum() for term in terms)


def l1_and_l2_penalty(gates):
    return l1_penalty(gates) + jax.vmap(UnitL2Norm(1.0).energy)(gates).sum()


def positive_gates(rng, tasks, paths, entries, ranks):
    """Positive gates whose rows sum to one; differences of tasks, of paths, and of both have the ranks given."""
    gates, weights = factors_of_ranks(rng, tasks - 1, paths - 1, entries, ranks)
    of_tasks, of_paths = (
        np.linalg.qr(np.c_[np.ones(n), rng.normal(size=(n, n - 1))])[0][:, 1:] for n in (tasks, paths)
    )
    change = of_tasks @ gates @ of_paths.T
    start = np.full(paths, 1 / paths)
    return start + 0.5 / paths * change / max(np.abs(change).max(), 1e-9), of_paths @ weights + rng.normal(size=entries)


@pytest.mark.parametrize(("entries", "of_l1", "of_both"), [(6, 7, 8), (2, 3, 4)])
def test_penalties_count_the_directions_they_hold(entries, of_l1, of_both):
    weights = np.linalg.qr(np.random.default_rng(1).normal(size=(entries, 2)))[0].T
    assert gated_linear(SPECIALISED, weights).exact == regular(2 * entries)
    assert gated_with_l1(SPECIALISED, weights).exact == exact(of_l1)
    assert gated_with_l1(MIXED, np.linalg.solve(MIXED, weights)).exact == exact(of_l1)
    assert gated_with_l1_and_l2(SPECIALISED, weights).exact == exact(of_both)


def test_paths_that_are_not_needed_are_held_by_both_norms_only():
    gates, weights = np.eye(2, 5), np.random.default_rng(2).normal(size=(5, 6))
    assert gated_with_l1(gates, weights).exact == exact(2 * (6 + 1) // 2)
    assert gated_with_l1_and_l2(gates, weights).exact == exact(2 * (6 + 5) // 2)


def test_one_task_on_one_path():
    gates, weights = np.ones((1, 1)), np.ones((1, 6))
    assert gated_with_l1(gates, weights).exact == exact("7/2")
    assert gated_with_l1_and_l2(gates, weights).exact == exact("7/2")


@pytest.mark.parametrize(
    "ranks", [(0, 0, 0), (1, 0, 0), (3, 0, 0), (2, 1, 0), (2, 1, 1), (1, 2, 1), (3, 2, 2), (0, 2, 0)]
)
def test_positive_gates_of_any_rank_agree_with_the_hessian(ranks):
    tasks, paths, entries = 3, 4, 6
    gates, weights = positive_gates(np.random.default_rng(3), tasks, paths, entries, ranks)
    found = gated_with_l1(gates, weights)
    assert found.ranks == (Ranks(*ranks),)
    r1, r2, r = ranks
    left = two_layer(entries - r1, paths - 1 - r1 - r2 + r, tasks - 1 - r2, 0)
    rank = np.linalg.matrix_rank(np.asarray(hessian(gates, weights, l1_penalty)), tol=1e-9)
    assert found.exact == regular(int(rank)) + left
    assert r2 < tasks - 1 or found.exact == regular(tasks * (entries + 1))


@pytest.mark.parametrize("entries", [1, 2, 6])
def test_equal_gates_with_l1_agree_with_a_quadrature(entries):
    # On rows (a, 1 - a), (b, 1 - b) with equal weights on both paths, F is right for any a and b once weights are
    # integrated out under a Gaussian law: Z = int det(1 + t C C^T)^(-D/2), and t^(-1/2) for each sum of gates.
    found = gated_with_l1(np.full((2, 2), 0.5), np.ones((2, entries))).exact
    assert found == Exact(Fraction(entries + 3, 2), 2 if entries == 1 else 1)
    gap = np.exp(np.arange(-60, np.log(0.4), 0.01))  # a - b, around a + b = 1
    log_t = np.array([30.0, 40.0, 50.0])
    size = 1 + gap**2
    evidence = [np.sum(gap * (1 + np.exp(t) * size + np.exp(2 * t) * gap**2) ** (-entries / 2)) for t in log_t]
    scaled = np.array(evidence) * np.exp((float(found.coefficient) - 1) * log_t)
    first, second = np.diff(scaled) / scaled[0]
    if found.multiplicity == 1:
        np.testing.assert_allclose([first, second], 0, atol=1e-5)
    else:
        assert first > 0.2
        assert second == pytest.approx(first, rel=1e-3)


@pytest.mark.parametrize(("penalty", "expected"), [(l1_penalty, 0.5), (l1_and_l2_penalty, 1.0)])
def test_corners_of_the_penalties_agree_with_a_quadrature(penalty, expected):
    # Gates (1 + q - |s|, s): q is what the L1 norm is off by. Volumes near q = s = 0 go as powers of the cutoff.
    logs = np.arange(-32, -1.5, 0.1)
    signed = np.concatenate([-np.exp(logs), np.exp(logs)])
    q, s = (grid.ravel() for grid in np.meshgrid(signed, signed, indexing="ij"))
    gates = np.stack([1 + q - np.abs(s), s], axis=1)
    energies = np.asarray(jax.jit(jax.vmap(lambda row: penalty(row[None])))(jnp.asarray(gates)))
    evidence = [np.sum(np.abs(q * s) * np.exp(-t * energies)) for t in (1e7, 1e9, 1e11)]
    slopes = -np.diff(np.log(evidence)) / np.log(100)
    np.testing.assert_allclose(slopes, expected, atol=3e-3)
    assert slopes[1] == pytest.approx(expected, abs=3e-4)


def test_tasks_that_share_a_path_store_one_map():
    gates = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    found = gated_with_l1_and_l2(gates, np.random.default_rng(4).normal(size=(3, 6)))
    assert found.exact == exact((3 * 3 + 2 * 6) // 2 + Fraction(1, 2))
    assert found.ranks[0].gates == 2


def test_means_that_are_taken_off_leave_no_rank_behind():
    rng = np.random.default_rng(5)
    gates = np.tile([0.1, 0.2, 0.7], (3, 1))
    assert gated_with_l1(gates, np.tile(rng.normal(size=6), (3, 1))).ranks == (Ranks(0, 0, 0),)


def test_dependent_gates_at_zero_are_refused_with_what_is_known():
    gates = np.array([[1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match="only 1 independent rows, .* between 9/2, .* and 5, "):
        gated_with_l1(gates, TEACHERS)


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda: gated_with_l1(np.array([[0.5, 0.4]]), TEACHERS), "sum to one"),
        (lambda: gated_with_l1(np.array([[1.5, -0.5]]), TEACHERS), "none may be negative"),
        (lambda: gated_with_l1_and_l2(MIXED, TEACHERS), "one at one path"),
        (lambda: gated_with_l1_and_l2(SPECIALISED, np.ones((3, 6))), "2 paths and the weights 3"),
    ],
)
def test_gates_that_pay_have_no_coefficient(refused, words):
    with pytest.raises(ValueError, match=words):
        refused()
