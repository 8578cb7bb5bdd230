"""Fisher information against its closed forms, and ways of getting it wrong."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import (
    CrossEntropy,
    DataProblem,
    EmpiricalFisher,
    ModelFisher,
    SampledFisher,
    SquaredError,
    TeacherProblem,
)
from ntadyn.networks import GatedLinear
from ntadyn.tasks.examples import Batch, Examples
from ntadyn.tasks.inputs import InputCovariance
from ntadyn.tasks.task_set import from_matrices
from tests.systems import covariance, general_network, general_tasks

KEY, NOISE = jax.random.key(0), 0.7
FIRST = jnp.asarray([1.0, 0.0])
# One path is closed: nothing depends on it.
GATES = jnp.asarray([0.3, 0.8, 0.0])


@pytest.fixture(scope="module")
def gated():
    network = general_network(paths=3)
    return GatedLinear(GATES, network.weights)


@pytest.fixture(scope="module")
def classes():
    """Softmax on a linear layer, and examples of one task."""
    of_network, of_inputs, of_targets = jax.random.split(jax.random.key(1), 3)
    network = eqx.nn.Linear(4, 3, use_bias=False, key=of_network)
    inputs = jax.random.normal(of_inputs, (1, 7, 4))
    targets = jax.random.randint(of_targets, (1, 7), 0, 3)
    examples = Examples(inputs, targets, jnp.asarray([7]))
    return network, DataProblem(examples, examples, CrossEntropy())


def teacher_problem(matrix=None):
    sigma = None if matrix is None else InputCovariance.from_matrix(matrix)
    return TeacherProblem(general_tasks(), sigma, SquaredError(jnp.asarray(NOISE)))


@pytest.mark.parametrize("inputs", [lambda: None, covariance], ids=["white", "coloured"])
def test_model_fisher_of_gates_is_their_square(gated, inputs):
    matrix = inputs()
    problem = teacher_problem(matrix)
    found = jax.jit(lambda: ModelFisher().diagonal(problem, gated, problem.population(FIRST), KEY))()
    seen = jnp.ones(3) if matrix is None else jnp.diagonal(matrix)
    expected = np.multiply.outer(np.asarray(GATES) ** 2, np.ones((2, 1)) * np.asarray(seen)[None]) / NOISE**2
    np.testing.assert_allclose(found.weights, expected, rtol=0, atol=1e-14)
    assert found.gates is None


def test_full_fisher_of_gates_couples_paths_of_one_row(gated):
    problem = teacher_problem()
    found = jax.jit(lambda: ModelFisher().full(problem, gated, problem.population(FIRST), KEY))()
    one, rows, inputs = np.outer(GATES, GATES), np.eye(2), np.eye(3)
    expected = np.einsum("pq,on,ij->poiqnj", one, rows, inputs).reshape(18, 18) / NOISE**2
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


@pytest.mark.slow
def test_sampled_fisher_is_the_model_fisher_but_for_chance(gated):
    problem = teacher_problem()
    # Both ways of taking ten thousand targets: of as many inputs, and many of each point of the population.
    batch = problem.draw(jax.random.key(3), FIRST, 10_000)
    few = problem.population(FIRST)
    found = jax.jit(
        lambda: (
            SampledFisher().diagonal(problem, gated, batch, KEY),
            SampledFisher(draws=10_000).diagonal(problem, gated, few, KEY),
        )
    )()
    expected = np.broadcast_to(np.asarray(GATES)[:, None, None] ** 2 / NOISE**2, (3, 2, 3))
    for one in found:
        np.testing.assert_allclose(one.weights, expected, rtol=0.05, atol=0)


@pytest.mark.slow
def test_softmax_in_closed_form(classes):
    network, problem = classes
    batch = problem.population(jnp.ones(1))
    sampled = SampledFisher(draws=2000)
    found, full, drawn = jax.jit(
        lambda: (
            ModelFisher().diagonal(problem, network, batch, KEY),
            ModelFisher().full(problem, network, batch, KEY),
            sampled.diagonal(problem, network, batch, KEY),
        )
    )()
    p = np.asarray(jax.nn.softmax(batch.inputs @ network.weight.T))
    x = np.asarray(batch.inputs)
    np.testing.assert_allclose(found.weight, np.einsum("bk,bi->ki", p * (1 - p), x**2) / 7, rtol=1e-13)
    covariances = np.einsum("bk,kl->bkl", p, np.eye(3)) - np.einsum("bk,bl->bkl", p, p)
    expected = np.einsum("bkl,bi,bj->kilj", covariances, x, x).reshape(12, 12) / 7
    np.testing.assert_allclose(full, expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(drawn.weight, found.weight, rtol=0.15)


def test_outputs_of_other_heads_have_no_fisher(classes):
    network, problem = classes
    heads = jnp.asarray([[True, True, False]])
    examples = eqx.tree_at(lambda tree: tree.targets, problem.practised, jnp.minimum(problem.practised.targets, 1))
    headed = DataProblem(examples, examples, problem.criterion, heads)
    found = jax.jit(lambda: ModelFisher().diagonal(headed, network, headed.population(jnp.ones(1)), KEY))().weight
    assert np.all(np.isfinite(found))
    assert np.all(found[2] == 0)
    assert np.all(found[:2] > 0)


def solved():
    """A network that answers like the first teacher."""
    tasks = from_matrices(jnp.stack([jnp.eye(2, 3), -jnp.eye(2, 3)]))
    return TeacherProblem(tasks), GatedLinear(jnp.ones(1), tasks.teachers[:1])


def test_empirical_fisher_vanishes_where_the_task_is_solved_and_says_so():
    problem, network = solved()
    batch = problem.population(FIRST)
    with pytest.warns(UserWarning, match="nothing is protected. Use ModelFisher"):
        found = EmpiricalFisher().diagonal(problem, network, batch, KEY)
    assert np.max(np.abs(found.weights)) < 1e-20
    assert np.all(ModelFisher().diagonal(problem, network, batch, KEY).weights > 0.99)
    # No warning at another task, nor inside jit.
    other = problem.population(FIRST[::-1])
    assert np.max(EmpiricalFisher().diagonal(problem, network, other, KEY).weights) > 0.1
    jax.jit(lambda: EmpiricalFisher().diagonal(problem, network, batch, KEY))()


def test_empirical_fisher_warns_before_errors_are_exactly_zero():
    problem, network = solved()
    batch = problem.population(FIRST)
    nearly = GatedLinear(network.gates, network.weights * (1 - 1e-4))
    with pytest.warns(UserWarning, match="vanished"):
        EmpiricalFisher().full(problem, nearly, batch, KEY)
    share = EmpiricalFisher().share(problem, nearly, batch, KEY)
    np.testing.assert_allclose(share, problem.loss(nearly, batch), rtol=1e-10)  # 1/2 |e|^2 = |e|^2 / (k sigma^2), k = 2


def test_the_square_of_a_mean_gradient_is_too_small_by_the_size_of_the_batch():
    # Errors of both signs and as large as the noise of the model, so that the empirical Fisher is the right one.
    number = 50
    of_inputs, of_noise = jax.random.split(jax.random.key(7))
    inputs = jax.random.normal(of_inputs, (1000, number, 3))
    noise = jax.random.normal(of_noise, (1000, number, 1))
    examples = Examples(inputs, noise, jnp.full(1000, number))
    problem, network = DataProblem(examples, examples, SquaredError()), eqx.nn.Linear(3, 1, use_bias=False, key=KEY)
    network = eqx.tree_at(lambda net: net.weight, network, jnp.zeros((1, 3)))

    def both(task):
        batch = Batch(inputs[task], noise[task], jnp.full(number, task), jnp.full(number, 1 / number))
        wrong = eqx.filter_grad(lambda net: problem.loss(net, batch))(network).weight ** 2
        rows = jax.vmap(lambda x, y: eqx.filter_grad(lambda net: SquaredError().loss(net(x), y))(network).weight)
        return wrong, jnp.mean(rows(batch.inputs, batch.targets) ** 2, axis=0)

    wrong, right = (np.mean(each, axis=0) for each in jax.jit(jax.vmap(both))(jnp.arange(1000)))
    np.testing.assert_allclose(right, 1.0, rtol=0.05)
    np.testing.assert_allclose(wrong / right, 1 / number, rtol=0.1)
    fisher = EmpiricalFisher()
    found = jax.jit(lambda: fisher.diagonal(problem, network, examples.of_task(jnp.asarray(0)), KEY))().weight
    expected = jnp.mean(noise[0] ** 2 * inputs[0] ** 2, axis=0)[None]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_no_draws_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        SampledFisher(draws=0)
