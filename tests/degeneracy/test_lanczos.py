"""Sums over spectra without the matrix, and coordinates along leading curvatures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy import quadratic, whitening
from ntadyn.degeneracy.lanczos import quadrature, ritz_pairs, traces
from ntadyn.degeneracy.problem import LossProblem
from ntadyn.degeneracy.whitening import DenseWhitening, LeadingWhitening
from tests.degeneracy.losses import random_quadratic

SIZE = 24
TEMPERATURE, LOCALISATION = 1e4, 10.0
CURVATURES = np.geomspace(1e-5, 1.0, SIZE)


@pytest.fixture(scope="module")
def problem():
    return LossProblem(random_quadratic(0, CURVATURES), jnp.zeros(SIZE))


def counts(curvatures):
    return quadratic.counted(curvatures, jnp.asarray(TEMPERATURE), jnp.asarray(LOCALISATION))


@pytest.fixture(scope="module")
def found(problem):
    """Charts and their matrices: along all curvatures, along six, and dense; and traces. One program for all."""

    @jax.jit
    def made():
        whitenings = {"all": LeadingWhitening(SIZE), "six": LeadingWhitening(6), "dense": DenseWhitening()}
        of = (jnp.asarray(TEMPERATURE), jnp.asarray(LOCALISATION))
        charts = {name: each.chart(problem, *of) for name, each in whitenings.items()}
        matrices = {name: jax.vmap(chart.offset, out_axes=1)(jnp.eye(SIZE)) for name, chart in charts.items()}
        estimates = traces(lambda v: problem.loss.hessian @ v, counts, jax.random.key(0), SIZE, 16, SIZE)
        return charts, matrices, estimates

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whitening, "MOST_DENSE", 0)  # up to there spectra are computed as they are
        return jax.tree.map(np.asarray, made())


def test_quadrature_of_five_steps_is_exact_for_polynomials_up_to_the_ninth_degree(problem):
    hessian = np.asarray(problem.loss.hessian)
    start = np.random.default_rng(1).normal(size=SIZE)
    nodes, weights = map(np.asarray, quadrature(lambda v: problem.loss.hessian @ v, jnp.asarray(start), 5))
    exact = [start @ np.linalg.matrix_power(hessian, degree) @ start for degree in range(11)]
    sums = [np.sum(weights * nodes**degree) for degree in range(11)]
    np.testing.assert_allclose(sums[:10], exact[:10], rtol=1e-11)
    assert abs(sums[10] / exact[10] - 1) > 1e-8


def test_ritz_pairs_find_the_curvatures_above_a_gap():
    curvatures = np.concatenate([np.full(SIZE - 3, 1e-3), [1.0, 2.0, 3.0]])
    hessian = random_quadratic(3, curvatures).hessian
    values, vectors, _ = map(np.asarray, ritz_pairs(lambda v: hessian @ v, jnp.ones(SIZE), 4))
    np.testing.assert_allclose(values[1:], [1, 2, 3], rtol=1e-10)
    np.testing.assert_allclose(np.asarray(hessian) @ vectors[:, 1:], vectors[:, 1:] * values[None, 1:], atol=1e-8)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(4), atol=1e-10)


def test_of_curvatures_that_are_equal_one_is_found_and_the_rest_are_zeros():
    hessian = random_quadratic(3, np.concatenate([np.zeros(SIZE - 8), np.ones(8)])).hessian
    values, _, _ = ritz_pairs(lambda v: hessian @ v, jnp.ones(SIZE), 4)
    np.testing.assert_allclose(values, [0, 0, 0, 1], atol=1e-10)


@pytest.mark.slow
def test_along_all_curvatures_the_law_is_that_of_dense_whitening(problem, found):
    _, matrices, _ = found
    precision = TEMPERATURE * np.asarray(problem.loss.hessian) + LOCALISATION * np.eye(SIZE)
    for name in ("all", "dense"):
        covariance = matrices[name] @ matrices[name].T
        np.testing.assert_allclose(covariance @ precision, np.eye(SIZE), atol=1e-8)


def test_along_some_curvatures_the_law_is_round_there_and_as_wide_as_localisation_elsewhere(problem, found):
    charts, matrices, _ = found
    chart, matrix = charts["six"], matrices["six"]
    directions, hessian = chart.directions, np.asarray(problem.loss.hessian)
    curvatures = np.sum(directions * (hessian @ directions), axis=0)
    np.testing.assert_allclose(curvatures[-2:], CURVATURES[-2:], rtol=1e-3)
    np.testing.assert_allclose(chart.scales, (TEMPERATURE * curvatures + LOCALISATION) ** -0.5, rtol=1e-9)
    np.testing.assert_allclose(matrix @ directions, directions * chart.scales[None], atol=1e-12)
    aside = np.ones(SIZE) - directions @ (directions.T @ np.ones(SIZE))
    np.testing.assert_allclose(matrix @ aside, aside / LOCALISATION**0.5, atol=1e-12)


def test_the_effective_dimension_lies_within_the_spread_of_its_traces(found):
    charts, _, estimates = found
    exact, steep = charts["dense"].effective_dimension, TEMPERATURE * CURVATURES
    np.testing.assert_allclose(exact, np.sum(steep / (2 * (steep + LOCALISATION))), rtol=1e-9)
    error = estimates.std(ddof=1) / len(estimates) ** 0.5
    assert abs(estimates.mean() - exact) < 3 * error
    assert 0 < error < 0.05 * exact
    for name in ("all", "six"):
        np.testing.assert_allclose(charts[name].effective_dimension, estimates.mean(), rtol=1e-6)
        assert np.isnan(charts[name].half_rank)
        np.testing.assert_allclose(charts[name].lowered_by_slope, 0, atol=1e-12)
