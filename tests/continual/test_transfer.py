import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import GatedContinualFlow, TeacherProblem
from ntadyn.continual.transfer import (
    FromScratch,
    GatesOnly,
    OneMorePath,
    gates_of_tasks,
    gates_only_floor,
    nearest_task,
)
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import DeepLinear, GatedLinear
from ntadyn.simulation import FixedSteps, simulate
from ntadyn.tasks.curricula import sequence
from ntadyn.tasks.task_set import from_matrices
from tests.systems import orthonormal_rows

# Tasks ask for orthogonal answers, output by output. With numpy: on import nothing is compiled.
A, B, NEW = np.stack([orthonormal_rows(3, 6, seed=output) for output in range(3)], axis=1) / 6**0.5
RHOS = (0.0, 0.3, 0.8, 1.0)
ENERGY = float(np.sum(A**2))


def held_out(rho):
    """A task of which the share rho of its energy lies in the span of what was learned, along both paths."""
    return (rho / 2) ** 0.5 * (A + B) + (1 - rho) ** 0.5 * NEW


PROBLEM = TeacherProblem(from_matrices(np.stack([A, B, *map(held_out, RHOS)])))
EACH = jnp.asarray(np.eye(PROBLEM.num_tasks))
LOSS = {"loss": lambda system, state, task: system.loss(state, task)}
LEARNED = GatedLinear(np.array([1.0, 0.0]), np.stack([A, B]))


def test_k5_gates_alone_leave_what_is_outside_the_span():
    floors = jax.jit(jax.vmap(lambda task: gates_only_floor(PROBLEM, LEARNED, task)))(EACH[2:])
    np.testing.assert_allclose(floors, [(1 - rho) * ENERGY / 2 for rho in RHOS], atol=1e-14)
    assert floors[-1] < 1e-30


def after(strategy, task=4):
    """The trajectory on a held-out task, that of rho = 0.8 unless another is named."""
    taus = {"gates": jnp.asarray(0.1), "weights": jnp.asarray(1.0)}
    system = GatedContinualFlow(GradientFlow(PROBLEM.tasks, taus), strategy)
    curriculum = sequence([task], 10.0, PROBLEM.num_tasks)
    return simulate(
        system, curriculum, system.initial_state(LEARNED), method=FixedSteps(max_step=0.05), observables=LOSS
    )


@pytest.mark.slow
def test_k5_the_flow_of_gates_reaches_the_floor():
    for task, rho in zip(range(2, 6), RHOS, strict=True):
        found = after(GatesOnly(), task)
        assert abs(float(found.values["loss"][-1]) - (1 - rho) * ENERGY / 2) <= 0.01 * ENERGY / 2 * (1 - rho) + 1e-6
        np.testing.assert_array_equal(found.final_state.network.weights, LEARNED.weights)


@pytest.mark.slow
def test_one_more_path_learns_the_rest_and_keeps_what_was_learned():
    found = after(OneMorePath())
    grown = found.final_state.network
    assert grown.gates.shape == (3,)
    np.testing.assert_array_equal(grown.weights[:2], LEARNED.weights)
    assert float(found.values["loss"][-1]) < 1e-4
    assert float(gates_only_floor(PROBLEM, grown, EACH[0])) < 1e-25


def test_a_start_from_scratch_has_nothing_of_what_was_learned():
    fresh, _ = FromScratch(scale=0.02, gate=0.3).begin(PROBLEM, LEARNED)
    np.testing.assert_array_equal(fresh.gates, 0.3)
    assert fresh.weights.shape == LEARNED.weights.shape
    assert 0.002 < float(jnp.std(fresh.weights)) < 0.02


def test_new_data_look_like_the_task_whose_gates_explain_them():
    @jax.jit
    def nearest(task):
        gates = gates_of_tasks(PROBLEM, LEARNED)[:4]
        return gates, nearest_task(LEARNED, gates, PROBLEM.population(task))

    gates, found = nearest(EACH[1])
    root = 0.15**0.5
    np.testing.assert_allclose(gates, [[1, 0], [0, 1], [0, 0], [root, root]], atol=1e-12)
    assert int(found.task) == 1
    np.testing.assert_allclose(found.residuals, [2, 0, 1, root**2 + (1 - root) ** 2], atol=1e-12)
    # A task with nothing in the span looks like the one whose gates are zero.
    assert int(nearest(EACH[2])[1].task) == 2
    assert int(nearest(EACH[5])[1].task) == 3


def test_misuse_is_refused():
    deep = DeepLinear(jnp.ones((2, 3)), jnp.ones((2, 6)))
    with pytest.raises(ValueError, match="GatesOnly: got a DeepLinear"):
        GatesOnly().begin(PROBLEM, deep)
    with pytest.raises(ValueError, match="OneMorePath: got a DeepLinear"):
        OneMorePath().begin(PROBLEM, deep)
    with pytest.raises(ValueError, match="FromScratch: got a Linear"):
        FromScratch().begin(PROBLEM, eqx.nn.Linear(2, 2, key=jax.random.key(0)))
    with pytest.raises(ValueError, match="scale"):
        FromScratch(-1.0)
    with pytest.raises(ValueError, match="scale"):
        OneMorePath(-1.0)
