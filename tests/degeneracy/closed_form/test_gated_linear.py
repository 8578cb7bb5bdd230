from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from ntadyn.degeneracy.closed_form import (
    Exact,
    HessianCounts,
    Ranks,
    free_energy_crossing,
    fully_connected,
    gated_linear,
    gates_only,
    hessian_counts,
    jacobian_spectrum,
    laplace_dimension,
    neuron_gated,
    one_task,
    two_layer,
    two_layer_at,
    weights_only,
)
from tests.degeneracy.closed_form.gated_systems import factors_of_ranks, hessian, jacobian, loss

SPECIALISED, MIXED = np.eye(2), np.array([[0.7, 0.3], [0.3, 0.7]])
SHAPE = (3, 4, 6)


def exact(coefficient, multiplicity=1):
    return Exact(Fraction(coefficient), multiplicity)


def teachers(tasks, entries):
    return np.linalg.qr(np.random.default_rng(0).normal(size=(entries, tasks)))[0].T


@st.composite
def ranks_of(draw, shape=SHAPE):
    tasks, paths, entries = shape
    r1, r2 = draw(st.integers(0, min(paths, entries))), draw(st.integers(0, min(tasks, paths)))
    return r1, r2, draw(st.integers(max(0, r1 + r2 - paths), min(r1, r2)))


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 2, 6), (2, 3, 3), (3, 4, 6)])
def test_independent_tasks_are_regular(shape):
    tasks, paths, entries = shape
    rng = np.random.default_rng(1)
    gates, weights = rng.normal(size=(tasks, paths)), rng.normal(size=(paths, entries))
    values = np.linalg.eigvalsh(hessian(gates, weights))
    counts = HessianCounts(tasks * entries, tasks * paths + (paths - tasks) * entries)
    assert np.sum(values > 1e-9) == counts.rank
    assert np.sum(np.abs(values) < 1e-12) == counts.nullity
    assert hessian_counts(gates, weights) == counts
    assert gated_linear(gates, weights).exact == exact(Fraction(tasks * entries, 2))


@settings(max_examples=25)
@given(ranks=ranks_of(), seed=st.integers(0, 99))
def test_ranks_are_found_and_explain_the_hessian(ranks, seed):
    tasks, paths, entries = SHAPE
    gates, weights = factors_of_ranks(np.random.default_rng(seed), *SHAPE, ranks)
    found, counts = gated_linear(gates, weights), hessian_counts(gates, weights)
    assert found.ranks == (Ranks(*ranks),)
    assert found.neighbours == ()
    assert found.exact == two_layer_at(entries, paths, tasks, *ranks)
    assert counts.rank + counts.nullity == gates.size + weights.size
    assert counts.rank == np.sum(np.linalg.eigvalsh(hessian(gates, weights)) > 1e-9)
    r1, r2, r = ranks
    left = two_layer(entries - r1, paths - r1 - r2 + r, tasks - r2, 0)
    assert found.exact.coefficient == Fraction(counts.rank, 2) + left.coefficient


@settings(max_examples=20)
@given(ranks=ranks_of(), seed=st.integers(0, 99))
def test_the_spectrum_of_the_jacobian_is_a_sum(ranks, seed):
    gates, weights = factors_of_ranks(np.random.default_rng(seed), *SHAPE, ranks)
    columns = np.asarray(jacobian(gates, weights))
    expected = np.linalg.eigvalsh(columns @ columns.T)
    found = np.sort(jacobian_spectrum(gates, weights).ravel())
    np.testing.assert_allclose(found, expected, atol=1e-12 * max(expected[-1], 1.0))
    of_loss = np.sort(np.linalg.eigvalsh(hessian(gates, weights)))[-found.size :]
    np.testing.assert_allclose(of_loss, found / SHAPE[0], atol=1e-12 * max(expected[-1], 1.0))
    resolved = 1e4 * of_loss / (1e4 * of_loss + 100.0)
    assert laplace_dimension(gates, weights, 1e4, 100.0) == pytest.approx(resolved.sum() / 2, abs=1e-9)


@pytest.mark.parametrize("gates", [SPECIALISED, MIXED])
@pytest.mark.parametrize(("entries", "expected"), [(6, exact(6)), (2, exact(2))])
def test_specialised_and_mixed_solutions_cannot_be_told_apart(gates, entries, expected):
    weights = np.linalg.solve(gates, teachers(2, entries))
    assert gated_linear(gates, weights).exact == expected


def test_paths_that_are_not_needed_change_nothing():
    weights = np.concatenate([teachers(2, 6), np.zeros((3, 6))])
    assert gated_linear(np.eye(2, 5), weights).exact == exact(6)


@pytest.mark.parametrize(("entries", "multiplicity"), [(2, 2), (6, 1), (18, 1)])
def test_forgetful_gates_are_half_a_unit_more_than_their_hessian_says(entries, multiplicity):
    gates, rng = np.full((2, 2), 0.5), np.random.default_rng(2)
    parallel, independent = np.outer([1.0, 2.0], rng.normal(size=entries)), rng.normal(size=(2, entries))
    expected = Fraction(entries + 2, 2)
    assert gated_linear(gates, parallel).exact == Exact(expected, multiplicity)
    assert gated_linear(gates, independent).exact == Exact(expected, 1)
    assert hessian_counts(gates, parallel).rank == entries + 1
    assert hessian_counts(gates, independent).rank == entries + 2


@pytest.mark.parametrize(("entries", "multiplicity"), [(1, 2), (2, 1), (6, 1)])
def test_the_start_without_weights(entries, multiplicity):
    found = gated_linear(np.full((2, 2), 0.5), np.zeros((2, entries)))
    assert found.exact == Exact(Fraction(entries + 1, 2), multiplicity)
    assert found.ranks == (Ranks(weights=0, gates=1, function=0),)


def test_neurons_with_gates_of_their_own_add_up():
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(3, 4, 5))
    assert neuron_gated(rng.normal(size=(2, 3, 4)), weights).exact == exact(2 * 4 * 5 // 2)
    shared = rng.normal(size=(2, 1, 1)) * np.ones((1, 3, 4))
    found = neuron_gated(shared, weights)
    alone = two_layer_at(5, 3, 2, 3, 1, 1)
    assert found.exact == alone + alone + alone + alone
    assert found.ranks == (Ranks(weights=3, gates=1, function=1),) * 4


def test_second_layers_are_gates_of_hidden_units():
    rng = np.random.default_rng(4)
    second, first = np.zeros((2, 3, 6)), rng.normal(size=(6, 8))
    second[0, :, :3] = second[1, :, 3:] = np.eye(3)
    turn = rng.normal(size=(6, 6))
    tidy, turned = fully_connected(second, first), fully_connected(second @ np.linalg.inv(turn), turn @ first)
    assert tidy == turned
    assert tidy.exact == exact(2 * 3 * 8 // 2)
    assert tidy.ranks == (Ranks(weights=6, gates=6, function=6),)
    assert fully_connected(second[[0, 0]], first).exact == two_layer_at(8, 6, 6, 6, 3, 3)


def test_linear_parts_count_ranks():
    rng = np.random.default_rng(5)
    gates, weights = factors_of_ranks(rng, *SHAPE, (3, 2, 2))
    assert weights_only(gates, weights).exact == exact(2 * 6 // 2)
    assert gates_only(gates, weights).exact == exact(Fraction(3 * 3, 2))
    second = np.asarray(hessian(gates, weights))
    blocks = second[: gates.size, : gates.size], second[gates.size :, gates.size :]
    assert [np.linalg.matrix_rank(block, tol=1e-9) for block in blocks] == [9, 12]


def test_one_task_alone_is_regular_unless_its_gates_are_zero():
    gates, weights = np.array([[0.5, 0.5], [0.0, 0.0]]), np.ones((2, 6))
    assert one_task(gates, weights, 0).exact == exact(3)
    assert one_task(gates, weights, 1).exact == two_layer_at(6, 2, 1, 1, 0, 0)
    with pytest.raises(ValueError, match="tasks 0 to 1"):
        one_task(gates, weights, 2)


def test_near_a_change_of_rank_both_sides_are_told():
    weights = teachers(2, 6)
    nearly_equal = np.array([[0.5, 0.5], [0.5 + 3e-6, 0.5 - 3e-6]])
    found = gated_linear(nearly_equal, weights)
    assert found.exact == exact(6)
    assert [(side.exact, side.ranks[0].gates) for side in found.neighbours] == [(exact(4), 1)]
    below = gated_linear(nearly_equal, weights, tolerance=1e-5)
    assert below.exact == exact(4)
    assert [side.exact for side in below.neighbours] == [exact(6)]
    assert gated_linear(nearly_equal, weights, tolerance=1e-9).neighbours == ()


@settings(max_examples=8)
@given(ranks=ranks_of(), seed=st.integers(0, 99))
def test_gauge_moves_change_nothing(ranks, seed):
    rng = np.random.default_rng(seed)
    gates, weights = factors_of_ranks(rng, *SHAPE, ranks)
    before, target = gated_linear(gates, weights), gates @ weights
    paths = SHAPE[1]
    rescaling, permutation = np.diag(rng.uniform(0.3, 3, paths)), np.eye(paths)[rng.permutation(paths)]
    mixing = np.eye(paths) + 0.2 * rng.normal(size=(paths, paths))
    for move in (rescaling, permutation, mixing):
        moved = gates @ np.linalg.inv(move), move @ weights
        np.testing.assert_allclose(moved[0] @ moved[1], target, atol=1e-12)
        assert loss(moved, target) < 1e-24
        assert gated_linear(*moved).exact == before.exact
        assert gated_linear(*moved).ranks == before.ranks


def test_ranks_of_unequal_scales_stay_possible():
    # The product of two small singular values lies below the tolerance, its rank is nonetheless that of the factors.
    gates = weights = np.diag([1.0, 1e-5])
    assert gated_linear(gates, weights).ranks == (Ranks(2, 2, 2),)


def test_weights_of_any_shape_have_one_row_per_path():
    weights = np.random.default_rng(6).normal(size=(2, 3, 6))
    assert gated_linear(MIXED, weights) == gated_linear(MIXED, weights.reshape(2, 18))
    assert gated_linear(MIXED, weights).exact == exact(18)


@pytest.mark.parametrize(
    ("loss_gap", "coefficient_gap", "samples"), [(0.25, 15.0, 351.78), (0.25, 8.0, 163.0), (1.0, 3.0, 4.53640)]
)
def test_free_energies_cross(loss_gap, coefficient_gap, samples):
    found = free_energy_crossing(loss_gap, coefficient_gap)
    assert found == pytest.approx(samples, rel=1e-5)
    assert found * loss_gap == pytest.approx(coefficient_gap * np.log(found), rel=1e-9)


def test_flexible_and_forgetful_networks_cross_at_a_few_hundred_samples():
    weights, gates = teachers(2, 32), np.full((2, 2), 0.5)
    gap = gated_linear(SPECIALISED, weights).exact.coefficient - gated_linear(gates, weights).exact.coefficient
    assert gap == 15
    loss_gap = float(loss((gates, weights), weights))
    assert loss_gap == pytest.approx(0.25)
    assert round(free_energy_crossing(loss_gap, float(gap)), -1) == 350


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda: gated_linear(np.eye(2), np.ones((3, 6))), "2 paths and the weights 3"),
        (lambda: gated_linear(np.ones(2), np.ones((2, 6))), "gates must be finite and have the axes"),
        (lambda: gated_linear(np.eye(2), np.ones(2)), "weights must be finite and have the axes"),
        (lambda: gated_linear(np.eye(2), np.full((2, 6), np.nan)), "not finite"),
        (lambda: gated_linear(np.eye(2), np.ones((2, 6)), tolerance=0.0), "tolerance is 0.0"),
        (lambda: gated_linear(np.eye(2), np.ones((2, 6)), tolerance=0.5), "tolerance is 0.5"),
        (lambda: neuron_gated(np.ones((2, 3, 4)), np.ones((3, 5, 6))), "4 output neurons"),
        (lambda: neuron_gated(np.ones((2, 2, 4)), np.ones((3, 4, 6))), "2 paths"),
        (lambda: laplace_dimension(np.eye(2), np.ones((2, 6)), 1.0, 0.0), "positive localisation"),
        (lambda: free_energy_crossing(1.0, 2.0), "preferred at any number"),
        (lambda: free_energy_crossing(0.0, 2.0), "must be positive"),
    ],
)
def test_what_has_no_coefficient_is_refused(refused, words):
    with pytest.raises(ValueError, match=words):
        refused()
