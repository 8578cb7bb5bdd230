import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.harness.variants import seeded
from experiments.sandbrink_2024.runs import composition
from ntadyn.regularizers import from_relative_weights
from ntadyn.simulation import Trajectory
from ntadyn.simulation.outcome import RESULTS
from ntadyn.specs import building
from ntadyn.specs.configuration import Curriculum, Randomness

# Most of the time is compilation.
pytestmark = pytest.mark.slow


def _curriculum(configuration):
    key = building.first(building.keys(Randomness(num_seeds=1)))
    return building.build_curriculum(
        configuration.curriculum, building.build_tasks(configuration.teachers, key.teachers)
    )


def test_published_order_of_tasks():
    tasks = np.asarray(_curriculum(composition.task_composition()).tasks)
    # Blocks 21 to 26; published code.
    np.testing.assert_array_equal(tasks[21:27], [0, 1, 5, 3, 4, 5])
    assert len(tasks) == 31
    composites = np.asarray(_curriculum(composition.composites_only()).tasks)
    np.testing.assert_array_equal(np.unique(composites), [3, 4, 5])


@pytest.mark.parametrize(
    ("configuration", "released", "published"),
    [
        (composition.task_composition(), (0.2, 0.03, 0.3), (1.2, 0.009, 0.09)),
        (composition.subtask_composition(), (0.2, 0.005, 0.025), (1.2, 0.0015, 0.0075)),
        (composition.composites_only(), (0.05, 0.03, 0.2), (0.3, 0.009, 0.06)),
    ],
)
def test_literal_numbers_and_their_translation(configuration, released, published):
    for item, expected in ((configuration, released), (composition.as_published(configuration), published)):
        numbers = (item.time_constants.weights, item.time_constants.gates, item.penalties.strength)
        assert numbers == pytest.approx(expected)
    assert composition.as_published(configuration).network.initial_scale == pytest.approx(0.00224, abs=5e-6)
    assert composition.forgetful(configuration).penalties.strength == 0.0


def test_effective_coefficients():
    def coefficients(configuration):
        penalty = from_relative_weights(**vars(configuration.penalties))["gates"]
        return {type(term).__name__: float(term.k) for term in penalty.terms}

    task = coefficients(composition.task_composition())
    assert task == pytest.approx({"Nonnegativity": 0.5, "UnitL1Norm": 2.5})
    subtask = coefficients(composition.subtask_composition())
    assert subtask == pytest.approx({"Nonnegativity": 0.02273, "UnitL2Norm": 0.02273}, abs=5e-6)


@pytest.fixture(scope="module")
def short():
    """Two base blocks and one composite of task composition, flexible and forgetful."""
    flexible = dataclasses.replace(
        seeded(composition.task_composition(), 2, 0),
        curriculum=Curriculum("A_B_C__AB_BC_CA__", total_time=3.0),
        max_step=0.01,
    )
    return composition.simulate({"flexible": flexible, "forgetful": composition.forgetful(flexible)}, 4)


def test_losses_that_follow_from_the_teachers(short):
    for dataset in short.values():
        # d_out s^2 / 2, but for initial weights of a hundredth of that size.
        np.testing.assert_allclose(dataset.loss.isel(record=0), 0.15, rtol=0.02)
    slow = short["forgetful"]
    # From a learned task to another one: d_out s^2; to a mean of two others it would be half of 1.5 d_out s^2.
    starts = [slow.loss.values[:, np.flatnonzero(slow.block.values == block)[0]] for block in (1, 2)]
    np.testing.assert_allclose(starts[0], 0.30, rtol=0.01)
    np.testing.assert_allclose(starts[1], 0.225, rtol=0.01)


def test_variants_differ_and_share_their_start(short):
    flexible, slow = short["flexible"], short["forgetful"]
    np.testing.assert_array_equal(flexible.loss.isel(record=0), slow.loss.isel(record=0))
    assert float(np.abs(flexible.gates.sum("path") - 1).isel(record=-1).max()) < 0.05
    assert float(slow.gates.sum("path").isel(record=-1).min()) > 1.5
    own = np.einsum("stmm->st", flexible.similarity.values[:, :, :3]) / 3
    np.testing.assert_allclose(flexible.alignment.values, own)
    assert set(flexible.published_gates.dims) == {"seed", "record", "path"}


def test_rows_find_their_teachers_in_every_output():
    """Teachers A, B, C in paths 0, 1, 2 for even outputs and in paths 2, 0, 1 for odd ones."""
    configuration = seeded(composition.subtask_composition(), 1, 0)
    key = building.first(building.keys(configuration.randomness))
    tasks = building.build_tasks(configuration.teachers, key.teachers)
    base = np.asarray(tasks.teachers[:3])
    path = np.array([[0, 1, 2], [2, 0, 1]])
    weights, gates = np.zeros((3, 6, 20)), np.zeros((3, 6))
    for output in range(6):
        for teacher in range(3):
            weights[path[output % 2, teacher], output] = base[teacher, output]
            gates[path[output % 2, teacher], output] = teacher
    curriculum = building.build_curriculum(Curriculum("A_B_C__AB_BC_CA__", total_time=3.0), tasks)
    records = np.arange(3)
    trajectory = Trajectory(
        jnp.asarray(records, float),
        jnp.asarray(records),
        {
            "loss": jnp.zeros((1, 3)),
            "gates": jnp.asarray(np.tile(gates, (1, 3, 1, 1))),
            "weights": jnp.asarray(np.tile(weights, (1, 3, 1, 1, 1)), jnp.float32),
        },
        None,
        jax.tree.map(lambda leaf: leaf[None], RESULTS.successful),
    )
    dataset = composition._sorted_by_row(configuration, trajectory, curriculum, tasks)
    # Weights are kept in single precision.
    np.testing.assert_allclose(dataset.alignment, 1.0, atol=1e-6)
    np.testing.assert_allclose(dataset.published_alignment, 1.0, atol=1e-6)
    np.testing.assert_allclose(dataset.momentary_alignment, 1.0, atol=1e-6)
    np.testing.assert_array_equal(dataset.distinct_rows, 18)
    np.testing.assert_array_equal(dataset.gates.isel(seed=0, record=0), np.repeat([[0.0], [1.0], [2.0]], 6, axis=1))
    # Half of the rows of AB are those of A, which paths of A and B then share.
    np.testing.assert_allclose(
        dataset.similarity.isel(seed=0, record=0), [*np.eye(3), [0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]], atol=1e-6
    )


def test_batches_take_the_published_steps():
    assert composition.on_batches(composition.task_composition()).max_step == 1e-3
    assert composition.subtask_composition().max_step == 0.01
    assert composition.as_flow(composition.subtask_composition()).max_step == composition.FLOW_STEP
