"""Regression in context: outputs of the teachers in force, switches where they are said to be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks.sequence_data import FreshTeachers, HeldOut, SameTeachers, SwitchingRegression
from tests.systems import orthogonal_tasks

TASKS = orthogonal_tasks(3, 2, 6)


@pytest.fixture(scope="module")
def task():
    return SwitchingRegression.make(SameTeachers(TASKS), length=30, block=8, num_held_out=50)


@pytest.mark.slow
def test_outputs_are_those_of_the_teacher_in_force(task):
    batch = task.held_out(HeldOut.TEST)["regression"]
    x = np.asarray(batch.inputs)[..., :6]
    W = np.asarray(TASKS.teachers)[np.asarray(batch.in_force)]
    np.testing.assert_allclose(batch.targets, np.einsum("btoi,bti->bto", W, x), atol=1e-12)
    # What is read besides the input is the pair of the position before.
    np.testing.assert_array_equal(batch.inputs[:, 1:, 6:12], x[:, :-1])
    np.testing.assert_array_equal(batch.inputs[:, 1:, 12:], batch.targets[:, :-1])
    assert not np.asarray(batch.inputs[:, 0, 6:]).any()


def test_blocks_bring_another_teacher_after_as_many_positions(task):
    batch = task.held_out(HeldOut.TEST)["regression"]
    force, since = np.asarray(batch.in_force), np.asarray(batch.since_switch)
    switches = force[:, 1:] != force[:, :-1]
    np.testing.assert_array_equal(switches, since[:, 1:] == 0)
    firsts = [int(np.flatnonzero(row)[0]) + 1 for row in switches]
    assert set(firsts) == set(range(1, 9))  # at any place of the first block
    for row in switches:
        assert set(np.diff(np.flatnonzero(row))) == {8}
    assert (since[:, 0] == -1).all()
    assert since.max() == 7


def test_measures_average_over_positions_since_a_switch(task):
    examples = task.held_out(HeldOut.TEST)["regression"]
    since = np.asarray(examples.since_switch)
    found = task.measures({"loss": np.where(since < 0, 100.0, since**2.0)}, examples)
    axes, curve = found["adaptation"]
    assert axes == ("since_switch",)
    np.testing.assert_allclose(curve, np.arange(8) ** 2)
    np.testing.assert_allclose(found["adaptation_error"][1], 0, atol=1e-12)


def test_fresh_teachers_differ_between_sequences():
    task = SwitchingRegression.make(FreshTeachers((2, 2, 3)), length=8, block=4, num_held_out=2)
    keys = jax.random.split(jax.random.key(0), 400)
    drawn = np.asarray(jax.vmap(task.source.teachers)(keys))
    assert drawn.shape == (400, 2, 2, 3)
    assert abs(drawn.std() ** 2 * 3 - 1) < 0.1
    score = task.scores(jnp.ones((8, 2)), jnp.zeros((8, 2)))
    assert list(score) == ["loss"]
    assert jnp.array_equal(score["loss"], jnp.ones(8))


@pytest.mark.parametrize(("num_teachers", "length"), [(1, 30), (2, 15)])
def test_without_a_whole_block_after_a_switch_it_is_refused(num_teachers, length):
    with pytest.raises(ValueError, match="nothing to switch to, or no whole block"):
        SwitchingRegression.make(FreshTeachers((num_teachers, 2, 3)), length=length, block=8)
