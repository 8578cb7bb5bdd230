import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy.closed_form import Exact, deep_linear, monomial, regular, two_layer, two_layer_at


def exact(coefficient, multiplicity=1):
    return Exact(Fraction(coefficient), multiplicity)


def possible_ranks(inputs, hidden, outputs):
    """All (rank W1, rank W2, rank W2 W1)."""
    for r1, r2 in itertools.product(range(min(inputs, hidden) + 1), range(min(outputs, hidden) + 1)):
        for r in range(max(0, r1 + r2 - hidden), min(r1, r2) + 1):
            yield r1, r2, r


def layers_of_ranks(inputs, hidden, outputs, ranks, rng):
    """Random W1 and W2 of given ranks, and whose product has the rank given, in a random basis of hidden units."""
    r1, r2, r = ranks
    basis = np.linalg.qr(rng.normal(size=(hidden, hidden)))[0]
    reached = basis[:, :r1]
    read = np.concatenate([basis[:, :r], basis[:, r1 : r1 + r2 - r]], axis=1)
    return reached @ rng.normal(size=(r1, inputs)), rng.normal(size=(outputs, r2)) @ read.T


@pytest.mark.parametrize(
    ("widths", "rank", "expected"),
    [
        ((1, 1, 1), 0, exact("1/2", 2)),
        ((2, 2, 2), 0, exact("3/2")),
        ((2, 2, 2), 1, exact(2, 2)),
        ((5, 3, 5), 0, exact("13/2", 2)),
        ((5, 3, 5), 2, exact("19/2", 2)),
        ((3, 8, 4), 0, exact(6)),
        ((8, 3, 4), 2, exact(11)),
        ((1, 1, 1, 1), 0, exact("1/2", 3)),
        ((3, 3, 3, 3), 1, exact(4, 3)),
    ],
)
def test_coefficients_of_deep_linear_networks(widths, rank, expected):
    assert deep_linear(widths, rank) == expected
    assert deep_linear(widths[::-1], rank) == expected


def test_two_layers_are_a_network_of_depth_two():
    cases = 0
    for m, h, n in itertools.product(range(1, 9), repeat=3):
        for rank in range(min(m, h, n) + 1):
            assert two_layer(m, h, n, rank) == deep_linear((m, h, n), rank)
            cases += 1
    assert cases == 1808


def test_networks_of_single_units_are_monomials():
    for depth in range(1, 7):
        assert deep_linear((1,) * (depth + 1), 0) == monomial(*(1,) * depth)
        assert deep_linear((1,) * (depth + 1), 1) == regular(1)


def test_one_layer_is_linear_regression():
    for inputs, outputs in itertools.product(range(1, 5), repeat=2):
        for rank in range(min(inputs, outputs) + 1):
            assert deep_linear((inputs, outputs), rank) == regular(inputs * outputs)


def test_the_most_singular_point_has_the_coefficient_of_the_whole_set():
    for m, h, n in itertools.product(range(1, 7), repeat=3):
        found = {}
        for r1, r2, r in possible_ranks(m, h, n):
            there = two_layer_at(m, h, n, r1, r2, r)
            found.setdefault(r, []).append((there.coefficient, -there.multiplicity))
        for r, candidates in found.items():
            whole = two_layer(m, h, n, r)
            assert min(candidates) == (whole.coefficient, -whole.multiplicity)
            assert two_layer_at(m, h, n, r, r, r) == whole


def test_the_layers_may_be_seen_from_either_end():
    for m, h, n in itertools.product(range(1, 5), repeat=3):
        for r1, r2, r in possible_ranks(m, h, n):
            assert two_layer_at(m, h, n, r1, r2, r) == two_layer_at(n, h, m, r2, r1, r)


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        ((1, 1), exact(2)),
        ((0, 1), exact(2)),
        ((2, 0), exact(2)),
        ((0, 2), exact(3)),
        ((0, 0), exact(2, 2)),
        ((1, 0), exact(2, 2)),
    ],
)
def test_points_of_one_zero_set_differ(ranks, expected):
    r1, r2 = ranks
    assert two_layer_at(3, 2, 2, r1, r2, 0) == expected


def test_regular_coordinates_are_those_of_blocks():
    # The four blocks that pass through what W1 reaches or W2 reads, counted one by one.
    for m, h, n in itertools.product(range(1, 6), repeat=3):
        for r1, r2, r in possible_ranks(m, h, n):
            coordinates = r * (m + n - r) + (n - r) * (r1 - r) + (m - r) * (r2 - r) - (r1 - r) * (r2 - r)
            left = two_layer(m - r1, h - r1 - r2 + r, n - r2, 0)
            assert two_layer_at(m, h, n, r1, r2, r) == regular(coordinates) + left


def test_the_hessian_sees_the_regular_coordinates():
    m, h, n = 4, 3, 3
    rng = np.random.default_rng(0)

    @jax.jit
    def hessian(first, second):
        target = second @ first
        sizes = first.size, first.shape, second.shape

        def loss(flat):
            one, two = flat[: sizes[0]].reshape(sizes[1]), flat[sizes[0] :].reshape(sizes[2])
            return 0.5 * jnp.sum((two @ one - target) ** 2)

        return jax.hessian(loss)(jnp.concatenate([first.ravel(), second.ravel()]))

    for ranks in possible_ranks(m, h, n):
        first, second = layers_of_ranks(m, h, n, ranks, rng)
        r1, r2, r = ranks
        rank = np.linalg.matrix_rank(np.asarray(hessian(first, second)), tol=1e-9)
        left = two_layer(m - r1, h - r1 - r2 + r, n - r2, 0)
        assert two_layer_at(m, h, n, r1, r2, r) == regular(int(rank)) + left


def log_evidence_at_the_origin(inputs, outputs, log_t):
    """Log Z up to a constant for two hidden units and a Gaussian law of both layers around zero, as log t grows.

    With W2 integrated out Z(t) = E det(1 + t W1 W1^T)^(-N/2), and the eigenvalues of W1 W1^T follow Wishart's law.
    """
    logs = np.arange(-log_t.max() - 40, np.log(120.0), 0.1)
    x, y = np.exp(logs)[:, None], np.exp(logs)[None, :]
    law = np.abs(x - y) * np.exp(-(x + y) / 2)
    return np.array(
        [
            np.log(
                np.sum(
                    law * (x * y) ** ((inputs - 1) / 2) * ((1 + np.exp(t) * x) * (1 + np.exp(t) * y)) ** (-outputs / 2)
                )
            )
            for t in log_t
        ]
    )


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 2), (3, 2), (2, 3), (4, 2), (4, 3), (5, 2), (7, 2)])
def test_the_origin_of_two_hidden_units_agrees_with_wisharts_law(inputs, outputs):
    found = two_layer(inputs, 2, outputs, 0)
    log_t = np.array([30.0, 45.0, 60.0])
    scaled = np.exp(log_evidence_at_the_origin(inputs, outputs, log_t) + float(found.coefficient) * log_t)
    # Z t^lambda grows as (log t)^(m - 1): not at all, or on a straight line.
    first, second = np.diff(scaled) / scaled[0]
    if found.multiplicity == 1:
        np.testing.assert_allclose([first, second], 0, atol=1e-5)
    else:
        assert found.multiplicity == 2
        assert first > 0.2
        assert second == pytest.approx(first, rel=1e-3)


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda: deep_linear((3,), 0), "at least two widths"),
        (lambda: deep_linear((3, 0, 3), 0), "at least two widths"),
        (lambda: deep_linear((3, 2, 3), 3), "rank from 0"),
        (lambda: two_layer(3, 2, 3, 3), "rank from 0"),
        (lambda: two_layer(3, -1, 3, 0), "widths of 0 or more"),
        (lambda: two_layer_at(3, 2, 3, 3, 1, 1), "product of rank 1"),
        (lambda: two_layer_at(3, 2, 3, 1, 1, 2), "product of rank 2"),
        (lambda: two_layer_at(3, 2, 3, 2, 2, 1), "product of rank 1"),
        (lambda: two_layer_at(3, 2, 3, 1, -1, 0), "rank -1"),
    ],
)
def test_ranks_that_no_matrices_have_are_refused(refused, words):
    with pytest.raises(ValueError, match=words):
        refused()
