"""Learners on examples as plain values: digits, files, networks of one's own."""

import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.arena.presets import on_data
from ntadyn.continual import ContinualDescent, CrossEntropy
from ntadyn.specs import building
from ntadyn.specs.continual_data import ContinualData, ContinualDigits, ContinualFile, DigitStream
from ntadyn.specs.run import run
from ntadyn.specs.spec import check_spec
from ntadyn.specs.strategies import EWC, MultiTask

KEY = building.Keys(*map(jax.random.key, range(3)))


class Line(eqx.Module):
    """A linear network, as somebody might write one."""

    weight: jax.Array

    def __call__(self, x):
        return self.weight @ x


@dataclasses.dataclass(frozen=True)
class OwnNetwork(ContinualFile):
    """A file, and a network of one's own."""

    def build_network(self, key, d_in, d_out):
        return Line(jnp.zeros((d_out, d_in)))


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Two tasks with two classes, told apart by the sign of one input each."""
    rng = np.random.default_rng(0)
    lines = ["task,x,y,class"]
    for task in ("first", "second"):
        for x, y in rng.normal(size=(20, 2)).round(3):
            lines.append(f"{task},{x},{y},{'up' if (x if task == 'first' else y) > 0 else 'down'}")
    path = tmp_path / "stream.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize("stream", DigitStream)
def test_digits_build(stream):
    spec = ContinualDigits(stream=stream, units=4)
    check_spec(spec)
    system, state = eqx.filter_eval_shape(spec.build, KEY)
    assert isinstance(system, ContinualDescent)
    outputs = 2 if stream is DigitStream.SPLIT_BY_DOMAIN else 10
    assert state.network.layers[-1].weight.shape == (outputs, 4)
    assert system.num_tasks == spec.build_curriculum(system).num_blocks == 5


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("kind", [ContinualFile, OwnNetwork])
def test_a_file_is_learned_with_any_network(file, kind):
    spec = kind(file=file, strategy=MultiTask(), units=8, learning_rate=0.5, steps_per_block=40, batch_size=16)
    dataset = run(spec, records_per_block=0)
    assert int(dataset.result[0]) == 0
    assert dataset.loss.values[0, -1] < 0.8 * dataset.loss.values[0, 0]


def test_all_methods_take_the_file_and_the_network(file):
    for entry in on_data(OwnNetwork(file=file)):
        check_spec(entry.spec)
        system, state = entry.spec.build(KEY)
        assert isinstance(state.network, Line)
        assert isinstance(system.problem.criterion, CrossEntropy)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"units": 0}, "units is 0"),
        ({"learning_rate": -1.0}, "learning_rate is -1"),
        ({"num_tasks": 3}, "num_tasks is 3"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        check_spec(dataclasses.replace(ContinualDigits(strategy=EWC()), **changes))


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"ntadyn\[images\]"):
        check_spec(ContinualDigits())


def test_a_stream_has_to_say_what_there_is_to_learn():
    with pytest.raises(NotImplementedError, match="examples"):
        ContinualData().examples()
