from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import (
    AbstractStrategy,
    ContinualDescent,
    ContinualFlow,
    Detected,
    ElasticWeightConsolidation,
    LossJump,
    TeacherProblem,
)
from ntadyn.networks import GatedLinear
from ntadyn.simulation import simulate
from ntadyn.simulation.whole_steps import Updates
from ntadyn.tasks.curricula import alternating, sequence
from ntadyn.tasks.task_set import from_matrices
from ntadyn.testing import check_system


@pytest.fixture(scope="module")
def fired():
    """Where the default detector fires in a series of losses, as one program for all series of one length."""

    @jax.jit
    def run(losses, threshold):
        detector = LossJump(threshold)

        def one(recent, loss):
            return detector.look(recent, loss)

        return jax.lax.scan(one, detector.begin(losses.dtype), losses)[1]

    def places(losses, threshold=6.0):
        padded = np.concatenate([losses, np.full(10_000 - len(losses), -1e9)])
        return np.flatnonzero(np.asarray(run(jnp.asarray(padded), jnp.asarray(threshold)))).tolist()

    return places


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(size=10_000)


def test_noise_raises_no_false_alarm(fired, noise):
    assert fired(5.0 + noise) == []
    # The same noise against a lower threshold: P(t_49 > 2.94) = 0.0025 would make 25 alarms without refractory time.
    assert 10 < len(fired(5.0 + noise, 3.0)) < 40


@pytest.mark.parametrize("height", [8.0, 12.0, 1000.0])
def test_a_jump_is_seen_at_once(fired, noise, height):
    losses = 5.0 + noise[:400] + height * (np.arange(400) >= 200)
    assert fired(losses) == [200]


def test_a_small_jump_passes_unseen(fired, noise):
    """3 sigma are below the threshold, and after 50 steps they are part of the mean."""
    assert fired(5.0 + noise[:400] + 3.0 * (np.arange(400) >= 200)) == []


def test_jumps_follow_each_other_when_the_window_is_full_again(fired, noise):
    steps = np.arange(400)
    level = 20.0 * (steps >= 100) + 20.0 * (steps >= 120) + 20.0 * (steps >= 200)
    assert fired(5.0 + noise[:400] + level) == [100, 200]


def test_drifts_are_no_jumps(fired, noise):
    steps = np.arange(400.0)
    assert fired(steps) == []
    assert fired(1e6 * steps + noise[:400]) == []
    assert fired(10 * np.exp(-steps / 20) + 1e-3 * noise[:400]) == []
    assert fired(np.full(400, 0.1) * (1 + 1e-12 * noise[:400])) == []
    # A straight line lies 51/2 slopes above the mean of the 50 values before it, whose deviation is sqrt(2499/12).
    ratio = 25.5 / np.sqrt(2499 / 12)
    assert fired(steps, ratio * 1.001) == []
    assert fired(steps, ratio * 0.999) == list(range(50, 400, 50))


def test_a_falling_loss_jumps_where_it_starts_again(fired):
    fall = np.exp(-np.arange(200) / 20)
    assert fired(np.concatenate([fall, fall, fall])) == [200, 400]


class Told(AbstractStrategy):
    """Remembers with which network and examples its hooks were called last, and how often."""

    needs_boundaries: ClassVar[bool] = True
    needs_task_ids: ClassVar[bool] = True

    def begin(self, problem, network):
        nothing = jnp.zeros(network.weights.shape)
        return network, {
            "ends": 0 * nothing.sum(),
            "starts": 0 * nothing.sum(),
            "anchor": nothing,
            "tasks": jnp.zeros(2),
        }

    def at_start(self, problem, network, memory, batch):
        return network, memory | {"starts": memory["starts"] + 1, "anchor": network.weights}

    def at_end(self, problem, network, memory, batch):
        return network, memory | {"ends": memory["ends"] + 1, "tasks": batch.task_shares(2)}


@pytest.fixture(scope="module")
def problem():
    return TeacherProblem(from_matrices(jnp.stack([jnp.eye(2, 4), jnp.eye(2, 4, 2)])))


@pytest.fixture(scope="module")
def network():
    return GatedLinear(jnp.ones(1), jnp.full((1, 2, 4), 0.1))


def descent(problem, strategy) -> ContinualDescent:
    flow = ContinualFlow(problem, strategy, {"gates": jnp.asarray(np.inf), "weights": jnp.asarray(20.0)})
    return ContinualDescent(flow, jax.random.key(1), 16)


def ran(problem, strategy, network, tasks):
    system = descent(problem, strategy)
    recorded = {
        "weights": lambda system, state, task: state.network.weights,
        "detections": lambda system, state, task: state.memory.detections,
    }
    curriculum = sequence(tasks, jnp.asarray(300.0), 2)
    state = system.initial_state(network)
    return simulate(system, curriculum, state, method=Updates(1.0), observables=recorded, records_per_block=299)


@pytest.fixture(scope="module")
def told(problem, network):
    """A, A, B, A: three blocks to the learner, four to the simulator."""
    return ran(problem, Detected(Told(), support=100), network, [0, 0, 1, 0])


@pytest.mark.slow
def test_blocks_of_the_simulator_are_ignored_and_jumps_are_not(told):
    detections = np.asarray(told.values["detections"])
    at = np.flatnonzero(np.diff(detections)) + 1
    # Records are those of the start and of every step of a block of 300 steps, so that blocks take 301.
    assert at.tolist() == [2 * 301 + 1, 3 * 301 + 1]
    memory = told.final_state.memory
    assert (int(memory.inner["starts"]), int(memory.inner["ends"]), int(memory.detections)) == (3, 2, 2)
    assert int(memory.steps) == 1200


def test_the_anchor_has_not_seen_the_new_task(told):
    """The step that revealed it is undone, and the examples that are handed over are the last of the old task."""
    weights = np.asarray(told.values["weights"])
    start = 3 * 301
    np.testing.assert_array_equal(weights[start], weights[start - 1])
    np.testing.assert_array_equal(weights[start + 1], weights[start])
    assert np.any(weights[start + 2] != weights[start])
    memory = told.final_state.memory
    np.testing.assert_array_equal(memory.inner["anchor"], weights[start])
    np.testing.assert_allclose(memory.inner["tasks"], [0, 1], atol=1e-12)
    assert set(memory.recent.tasks.tolist()) == {0}
    np.testing.assert_allclose(memory.recent.weights, 1 / 100)


@pytest.mark.slow
def test_fewer_examples_than_asked_for_weigh_the_same(problem, network):
    strategy = Detected(Told(), support=40)
    network, memory = strategy.begin(problem, network)
    batch = problem.draw(jax.random.key(0), jnp.array([1.0, 0]), 16)
    step = jax.jit(lambda memory: strategy.after_step(problem, network, memory, batch, jax.random.key(0))[1])
    first = step(memory)
    np.testing.assert_allclose(first.recent.weights, [0] * 24 + [1 / 16] * 16)
    third = step(step(first))
    np.testing.assert_allclose(third.recent.weights, [1 / 40] * 40)
    np.testing.assert_array_equal(third.recent.inputs[-16:], batch.inputs)


@pytest.mark.slow
def test_detected_ewc_anchors_like_one_that_is_told(problem, network):
    """With unit gates the model Fisher information is the second moment of the inputs, here of the last 256."""
    found = ran(problem, Detected(ElasticWeightConsolidation(0.5)), network, [0, 1]).final_state.memory
    assert int(found.detections) == 1
    precision = np.asarray(found.inner.precision.weights)
    # The mean of 256 squares of a normal number has standard deviation 0.088.
    assert np.abs(precision - 1).max() < 4 * 0.088
    np.testing.assert_allclose(found.inner.drive.weights[0] / precision[0], np.eye(2, 4), atol=0.05)


def test_what_is_needed(problem):
    detected = Detected(ElasticWeightConsolidation())
    assert (detected.needs_boundaries, detected.needs_task_ids, detected.sees_all_tasks) == (False, False, False)
    assert Detected(Told()).needs_task_ids
    assert not Detected.needs_boundaries


@pytest.mark.slow
def test_it_is_a_system(problem, network):
    system = descent(problem, Detected(ElasticWeightConsolidation()))
    assert "an update is the same under vmap" in check_system(system, network, alternating(2, 2, jnp.asarray(0.1)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LossJump(0.0), "threshold is 0.0"),
        (lambda: LossJump(window=1), "window is 1"),
        (lambda: Detected(Told(), support=0), "support is 0"),
    ],
)
def test_settings_that_detect_nothing_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_flows_are_refused(problem, network):
    flow = ContinualFlow(problem, Detected(Told()), jnp.asarray(1.0))
    with pytest.raises(ValueError, match="use ContinualDescent"):
        simulate(flow, alternating(2, 2, jnp.asarray(1.0)), flow.initial_state(network))
    assert eqx.tree_equal(flow.strategy, Detected(Told()))
