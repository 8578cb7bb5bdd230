"""Associative recall: every answer can be read off the sequence, and a memory that forgets nothing else finds it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.memories import Delta, Hebbian
from ntadyn.tasks.sequence_data import AssociativeRecall, HeldOut


def last_values(row, pairs):
    """The dictionary that the pairs of one sequence leave."""
    return {int(row[2 * index]): int(row[2 * index + 1]) for index in range(pairs)}


@pytest.mark.representatives(1)
@pytest.mark.parametrize(("pairs", "rebound"), [(4, 0), (8, 4), (16, 3)])
def test_answers_are_the_last_values_of_their_keys(pairs, rebound):
    task = AssociativeRecall.make(pairs=pairs, rebound=rebound, num_held_out=40)
    batch = task.held_out(HeldOut.TEST)["recall"]
    inputs, targets, weights = (np.asarray(leaf) for leaf in (batch.inputs, batch.targets, batch.weights))
    rebindings_that_changed = 0
    for row, answers, asked in zip(inputs, targets, weights > 0, strict=True):
        known = last_values(row, pairs)
        assert len(known) == pairs - rebound
        assert all(1 <= key <= 31 and 32 <= value <= 63 for key, value in known.items())
        assert sorted(row[asked]) == sorted(known)  # every key is asked for once
        assert [known[int(key)] for key in row[asked]] == answers[asked].tolist()
        assert not asked[: 2 * pairs].any()
        assert not row[2 * pairs :][~asked[2 * pairs :]].any()
        first = {int(row[2 * index]): int(row[2 * index + 1]) for index in reversed(range(pairs))}
        rebindings_that_changed += sum(first[key] != known[key] for key in known)
    assert rebindings_that_changed == 40 * rebound


@pytest.mark.slow
def test_batches_depend_on_the_key_and_tests_are_not_practised():
    task = AssociativeRecall.make(num_held_out=8)
    one, same, other = (task.draw(jax.random.key(seed), 8, jnp.asarray(0)).inputs for seed in (0, 0, 1))
    assert jnp.array_equal(one, same)
    assert not jnp.array_equal(one, other)
    test, choice = (task.held_out(which)["recall"].inputs for which in (HeldOut.TEST, HeldOut.VALIDATION))
    assert not jnp.array_equal(test, choice)


@pytest.mark.slow
def test_the_delta_rule_answers_the_last_binding_and_hebb_cannot():
    """Written by hand for one-hot keys, with rate 1: the floor that the overwrite variant is meant to show."""
    task = AssociativeRecall.make(pairs=8, rebound=4, num_held_out=30)
    batch = task.held_out(HeldOut.TEST)["recall"]
    right = {"delta": [], "hebb": []}
    for row, answers, asked in zip(*(np.asarray(x) for x in (batch.inputs, batch.targets, batch.weights)), strict=True):
        keys, values = (np.eye(64)[row[start : 2 * task.pairs : 2]] for start in (0, 1))
        for name, rule in (("delta", Delta()), ("hebb", Hebbian())):
            memory = jnp.zeros((64, 64))
            for key, value in zip(jnp.asarray(keys), jnp.asarray(values), strict=True):
                memory = memory + jnp.outer(value - (memory @ key if isinstance(rule, Delta) else 0.0), key)
            told = np.argmax(np.asarray(memory)[:, row[asked > 0]], axis=0)
            right[name].append(np.mean(told == answers[asked > 0]))
    assert np.mean(right["delta"]) == 1.0
    # Of two values with the same weight, the smaller symbol is named: right in half of the rebound keys.
    assert 0.4 < np.mean(right["hebb"]) < 0.8


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"symbols": 63}, "give an even number"),
        ({"pairs": 33}, "There are 31 keys and 32 values"),
        ({"pairs": 4, "rebound": 3}, "at most half"),
        ({"pairs": 16, "length": 40}, "need 48 positions, and there are 40"),
        ({"pairs": 0}, "give at least 1"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, said):
    with pytest.raises(ValueError, match=said):
        AssociativeRecall.make(**sizes)
