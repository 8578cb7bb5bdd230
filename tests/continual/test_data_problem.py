import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import (
    ContinualDescent,
    ContinualFlow,
    CrossEntropy,
    DataProblem,
    FineTuning,
    SquaredError,
)
from ntadyn.simulation import simulate
from ntadyn.simulation.whole_steps import Updates
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.examples import from_sets

HEADS = jnp.array([[True, True, False, False], [False, False, True, True]])


def moons(task: int, number: int):
    """Two classes per task, on opposite sides of a circle: a linear network cannot tell them apart."""
    rng = np.random.default_rng(task)
    radius, angle = rng.uniform(0.2, 1.0, number), rng.uniform(0, 2 * np.pi, number)
    inputs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return inputs, 2 * task + (radius > 0.6).astype(int)


@pytest.fixture(scope="module")
def problem():
    practised, held_out = ([moons(task, number) for task in range(2)] for number in (300, 100))
    parts = [from_sets([x for x, _ in part], [y for _, y in part]) for part in (practised, held_out)]
    return DataProblem(*parts, CrossEntropy(), HEADS)


@pytest.fixture(scope="module")
def mlp():
    return eqx.nn.MLP(2, 4, 16, 1, key=jax.random.key(0))


@pytest.fixture(scope="module")
def learned(problem):
    """Three seeds side by side: after task 0, and after task 1."""
    curriculum = alternating(2, 2, jnp.asarray(600.0))
    recorded = {"accuracies": lambda system, state, task: system.problem.accuracies(state.network)}

    @jax.jit
    def run(keys):
        def one(key):
            of_network, of_data = jax.random.split(key)
            system = ContinualDescent(ContinualFlow(problem, FineTuning(), jnp.asarray(1.0)), of_data, 16)
            state = system.initial_state(eqx.nn.MLP(2, 4, 16, 1, key=of_network))
            return simulate(system, curriculum, state, method=Updates(1.0), observables=recorded)

        found = jax.vmap(one)(keys)
        return found.values["accuracies"], found.final_state.network.layers[0].weight

    return [np.asarray(part) for part in run(jax.random.split(jax.random.key(1), 3))]


@pytest.mark.slow
def test_a_network_learns_what_a_line_cannot_tell(learned):
    accuracies, weights = learned
    assert accuracies.shape == (3, 4, 2)
    assert accuracies[:, 1, 0].min() > 0.9
    assert accuracies[:, 3, 1].min() > 0.9
    assert np.ptp(weights, axis=0).min() > 0


def test_outputs_of_other_heads_are_out_of_the_question(problem, mlp):
    batch = jax.jit(lambda shares: problem.population(shares))(jnp.array([0.5, 0.5]))
    outputs, plain = jax.jit(lambda: (problem.outputs(mlp, batch), jax.vmap(mlp)(batch.inputs)))()
    outputs, plain = np.asarray(outputs), np.asarray(plain)
    allowed = np.asarray(HEADS)[np.asarray(batch.tasks)]
    np.testing.assert_allclose(outputs[allowed], plain[allowed], rtol=1e-12, atol=1e-15)
    assert np.all(outputs[~allowed] == -np.inf)


def test_a_task_leaves_the_read_outs_of_others_alone(problem, mlp):
    def loss(network):
        return problem.loss(network, problem.population(jnp.array([1.0, 0.0])))

    last = eqx.filter_jit(eqx.filter_grad(loss))(mlp).layers[-1]
    assert np.all(np.asarray(last.weight)[2:] == 0)
    assert np.all(np.asarray(last.bias)[2:] == 0)
    assert np.all(np.isfinite(last.weight))
    assert np.any(np.asarray(last.weight)[:2] != 0)


def test_losses_and_accuracies_are_those_of_what_is_held_out():
    """A network that answers its input: logits by hand, padding included."""
    examples = from_sets(
        [np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 0.0]])], [np.array([0, 0]), np.array([0])]
    )
    other = from_sets([np.zeros((1, 2))] * 2, [np.zeros(1, int)] * 2)
    problem = DataProblem(other, examples, CrossEntropy())
    losses, accuracies = jax.jit(lambda: (problem.losses(lambda x: x), problem.accuracies(lambda x: x)))()
    expected = [0.5 * (np.log1p(np.exp(-1.0)) + np.log1p(np.exp(2.0))), np.log1p(np.exp(-3.0))]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    assert accuracies.tolist() == [0.5, 1.0]


def test_numbers_are_judged_by_squares():
    examples = from_sets([np.ones((2, 1))], [np.array([[2.0], [4.0]])])
    problem = DataProblem(examples, examples, SquaredError())
    np.testing.assert_allclose(problem.losses(lambda x: 0 * x), [0.5 * (4 + 16) / 2])


def test_functions_in_a_network_are_no_part_of_the_state(problem, mlp):
    state = ContinualFlow(problem, FineTuning(), jnp.asarray(1.0)).initial_state(mlp)
    assert all(eqx.is_array(leaf) for leaf in jax.tree.leaves(state))
    x = jnp.array([0.3, -0.7])
    np.testing.assert_array_equal(state.network(x), mlp(x))


@pytest.mark.parametrize(
    ("targets", "criterion", "heads", "said"),
    [
        ([[0, 1]], SquaredError(), None, "SquaredError.*CrossEntropy.. judges classes"),
        ([[[0.5], [1.0]]], CrossEntropy(), None, "targets are real numbers"),
        ([[[0.5], [1.0]]], SquaredError(), HEADS[:1], "heads are given"),
        ([[0, 1]], CrossEntropy(), HEADS, "heads for 2"),
        ([[0, 2]], CrossEntropy(), HEADS[:1], "task 0 has the class 2, which is not in question"),
        ([[0, 4]], CrossEntropy(), HEADS[:1], "has the class 4"),
        ([[0, -1]], CrossEntropy(), None, "has the class -1"),
    ],
)
def test_targets_that_cannot_be_judged_are_refused(targets, criterion, heads, said):
    examples = from_sets([np.ones((2, 1))], [np.asarray(each) for each in targets])
    with pytest.raises(ValueError, match=said):
        DataProblem(examples, examples, criterion, heads)
