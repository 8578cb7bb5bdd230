import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import nnls

from ntadyn.continual import TeacherProblem
from ntadyn.continual.gate_fit import fitted_gates, nonnegative_minimum, residual, with_fitted_gates
from ntadyn.networks import GatedLinear, NeuronGatedLinear
from ntadyn.tasks.examples import Batch
from ntadyn.tasks.task_set import from_matrices
from ntadyn.tasks.teachers import matched_rows_orthogonal


@pytest.fixture(scope="module")
def tables():
    """Tables of ten columns, most of them well behaved: some repeat a column, lack three, or differ in scale."""
    rng = np.random.default_rng(0)
    tables, targets = rng.normal(size=(40, 20, 10)), rng.normal(size=(40, 20))
    tables[10:20, :, 5] = tables[10:20, :, 4]
    tables[20:30, :, 7:] = 0
    tables[30:] *= np.logspace(0, -5, 10)
    return tables, targets


@pytest.mark.slow
def test_minimum_agrees_with_scipy_on_awkward_tables(tables):
    tables, targets = tables
    solve = jax.jit(jax.vmap(lambda table, target: nonnegative_minimum(table.T @ table, table.T @ target)))
    found = np.asarray(solve(jnp.asarray(tables), jnp.asarray(targets)))
    assert found.min() == 0
    expected = np.stack([nnls(table, target)[0] for table, target in zip(tables, targets, strict=True)])
    left = [np.linalg.norm(np.einsum("knp,kp->kn", tables, x) - targets, axis=1) for x in (found, expected)]
    np.testing.assert_allclose(*left, rtol=1e-12)
    np.testing.assert_allclose(found[:10], expected[:10], atol=1e-12)
    single = jnp.asarray(tables, jnp.float32), jnp.asarray(targets, jnp.float32)
    coarse = np.asarray(solve(*single))
    left = np.linalg.norm(np.einsum("knp,kp->kn", tables, coarse) - targets, axis=1)
    np.testing.assert_allclose(left, np.linalg.norm(np.einsum("knp,kp->kn", tables, found) - targets, axis=1), 1e-4)


def test_minimum_has_the_derivatives_of_its_positive_set(tables):
    table, target = jnp.asarray(tables[0][0]), jnp.asarray(tables[1][0])
    solve = lambda target: nonnegative_minimum(table.T @ table, table.T @ target)  # noqa: E731
    found, backward, forward = jax.jit(lambda x: (solve(x), jax.jacrev(solve)(x), jax.jacfwd(solve)(x)))(target)
    positive = found > 0
    expected = np.zeros((10, 20))
    expected[positive] = np.linalg.pinv(np.asarray(table)[:, positive])
    np.testing.assert_allclose(backward, expected, atol=1e-12)
    np.testing.assert_allclose(forward, expected, atol=1e-12)


def test_gates_of_orthogonal_paths_are_their_overlaps_and_never_negative():
    tasks = matched_rows_orthogonal(jax.random.key(0), 3, 4, 8)
    problem = TeacherProblem(tasks)
    network = GatedLinear(jnp.full(3, 7.0), tasks.teachers)

    @jax.jit
    def fit(shares, allowed):
        batch = problem.population(shares)
        fitted = with_fitted_gates(network, batch, allowed)
        return fitted.gates, residual(fitted, batch)

    every, two = jnp.ones(3, bool), jnp.asarray([True, True, False])
    np.testing.assert_allclose(fit(jnp.asarray([0.5, 0.0, 2.0]), every)[0], [0.5, 0, 2], atol=1e-14)
    np.testing.assert_array_equal(fit(jnp.asarray([-1.0, 0.0, 0.0]), every)[0], np.zeros(3))
    gates, left = fit(jnp.asarray([0.5, 0.0, 0.5]), two)
    np.testing.assert_allclose(gates, [0.5, 0, 0], atol=1e-14)
    np.testing.assert_allclose(left, 0.5, rtol=1e-12)
    assert fit(jnp.zeros(3), every)[1] == 0


def test_gates_per_neuron_are_fitted_row_by_row():
    rng = np.random.default_rng(1)
    weights, teacher = rng.normal(size=(3, 2, 5)), rng.normal(size=(2, 5))
    network = NeuronGatedLinear(jnp.ones((3, 2)), jnp.asarray(weights))
    batch = TeacherProblem(from_matrices(teacher[None])).population(jnp.ones(1))
    expected = np.stack([nnls(weights[:, row].T, teacher[row])[0] for row in range(2)], axis=1)
    np.testing.assert_allclose(jax.jit(fitted_gates)(network, batch), expected, atol=1e-12)


def test_classes_are_refused():
    network = GatedLinear(jnp.ones(1), jnp.ones((1, 2, 3)))
    batch = Batch(jnp.ones((4, 3)), jnp.zeros(4, int), jnp.zeros(4, int), jnp.full(4, 0.25))
    with pytest.raises(ValueError, match="real targets"):
        fitted_gates(network, batch)
