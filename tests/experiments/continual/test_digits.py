import dataclasses

import equinox as eqx
import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.continual import digits
from experiments.continual.digits import numbers, simulation
from experiments.continual.digits.gated_readouts import GatedReadouts
from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated


@pytest.fixture(scope="module")
def data():
    """A made-up result: what methods do to accuracies is given, not learned; after the end of each block one record."""
    made = {}
    final = {
        "permuted": {numbers.JOINT: 0.9, numbers.FINE_TUNING: 0.3},
        "rotated": {numbers.JOINT: 0.9, numbers.FINE_TUNING: 0.3},
        "split_by_task": {numbers.JOINT: 0.97, numbers.FINE_TUNING: 0.6},
        "split_by_class": {numbers.JOINT: 0.92, numbers.FINE_TUNING: 0.0, simulation.TUNED: 0.01},
    }
    for name, ends in final.items():
        accuracy = np.zeros((len(simulation.METHODS), 2, 10, 5))
        for row, method in enumerate(simulation.METHODS):
            for block in range(5):
                # Perfect at the end of the own block, what the table says at the end of others.
                accuracy[row, :, 2 * block : 2 * block + 2] = ends.get(method, 0.8)
                accuracy[row, :, 2 * block + 1, block] = 1.0
        variables = {
            "accuracy": (("learner", "seed", "record", "task"), accuracy),
            "result": (("learner", "seed"), np.zeros(accuracy.shape[:2], int)),
            "tuning": (("strength", "tuning_seed"), np.zeros((2, 1))),
            "chosen": ((), 3.0),
            "rate": ((), 0.5),
        }
        coordinates = {
            "learner": list(simulation.METHODS),
            "strength": [1.0, 3.0],
            "step": ("record", 100.0 * ((np.arange(10) + 1) // 2)),
            "block": ("record", np.arange(10) // 2),
        }
        made[name] = numbers.xr.Dataset(variables, coordinates)
    return made


def test_forgetting_is_the_fall_since_the_best_end_of_a_block(data):
    np.testing.assert_allclose(numbers.forgetting(data["split_by_task"], numbers.FINE_TUNING), [0.4, 0.4])
    np.testing.assert_allclose(numbers.final_accuracy(data["split_by_task"], numbers.FINE_TUNING), 0.8 * 0.6 + 0.2)
    gain = numbers.gain(data["split_by_task"], simulation.TUNED, numbers.FINE_TUNING)
    np.testing.assert_allclose(gain, 0.8 * 0.2)


def test_what_is_as_it_must_be_is_accepted(data):
    assert all_accepted(digits.accept(data))


@pytest.mark.parametrize(
    ("stream", "method", "value", "missed"),
    [
        ("split_by_task", numbers.FINE_TUNING, 0.9, "split, task-incremental: forgetting, fine-tuning"),
        ("split_by_task", numbers.JOINT, 0.9, "split, task-incremental: accuracy, joint training"),
        ("split_by_class", simulation.TUNED, 0.5, "split, class-incremental: gain of EWC, tuned, over fine-tuning"),
        ("rotated", simulation.TUNED, 0.3, "rotated: gain of EWC, tuned, over fine-tuning"),
    ],
)
def test_a_test_that_is_none_is_refused(data, stream, method, value, missed):
    changed = data[stream].copy(deep=True)
    accuracy = changed.accuracy.sel(learner=method).values
    changed["accuracy"].loc[{"learner": method}] = np.where(accuracy < 1, value, accuracy)
    changed["accuracy"].loc[{"learner": method, "record": 9}] = value
    rows = digits.accept(data | {stream: changed})
    assert missed in [row.name for row in rows if row.verdict is Verdict.OUTSIDE]


def test_plot(data):
    drawn = digits.plot({name: one.assign_coords(task=list("abcde")) for name, one in data.items()})
    assert [ax.get_title() for ax in drawn.axes[:2]] == ["permuted pixels", "rotated"]
    drawn.canvas.draw()
    plt.close(drawn)


def test_gated_readouts_are_a_weighted_sum():
    network = GatedReadouts.initialise(jax.random.key(0), (3, 4, 5, 2))
    x = np.arange(4.0) - 1.5
    features = np.maximum(np.asarray(network.hidden.weight) @ x + np.asarray(network.hidden.bias), 0)
    expected = sum(np.asarray(readout) @ features for readout in network.readouts) / 3
    np.testing.assert_allclose(network(x), expected, rtol=1e-12)


TINY = dataclasses.replace(digits.FAST, num_seeds=2, num_tuning_seeds=1, steps=3, units=4, batch=2, records_per_block=1)


@pytest.mark.slow
def test_the_strength_is_chosen_without_a_look_at_what_is_reported():
    tasks, rate = simulation.STREAMS["split_by_class"].tasks(), np.asarray(0.3)
    blind = eqx.tree_at(lambda tasks: tasks.held_out.targets, tasks, tasks.held_out.targets[:, ::-1])
    seen, unseen = (simulation.tuned(each, rate, TINY) for each in (tasks, blind))
    assert seen.shape == (3, 1)
    np.testing.assert_array_equal(seen, unseen)


@pytest.mark.slow
@pytest.mark.parametrize("stream", ["permuted", "split_by_class"])
def test_every_method_runs(stream):
    found = simulation.simulated(stream, TINY)
    assert found.accuracy.dims == ("learner", "seed", "record", "task")
    assert found.accuracy.shape == (len(found.learner), 2, 15, 5)
    assert (simulation.GATED in found.learner.values) == (stream == "permuted")
    assert np.ptp(found.accuracy.sel(learner="fine-tuning").values, axis=0).max() > 0
    assert not found.result.values.any()
    assert found.step.values[-1] == 15


@pytest.mark.slow
def test_fast_run_is_accepted():
    rows = digits.accept(simulated(digits, digits.FAST))
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
