"""Which context has which gate, and what is kept of gates."""

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import context_alignment, context_similarity, kept_share

# Teachers of two contexts in rows, paths below two gates in columns: each gate has learned the other context.
CROSSED = jnp.array(
    [
        [0.1, 0.0, 0.9, 0.2],
        [0.0, 0.2, 0.1, 0.7],
        [1.0, 0.0, 0.3, 0.0],
        [0.0, 0.6, 0.0, 0.1],
    ]
)


def test_the_best_paths_below_a_gate_count():
    np.testing.assert_allclose(context_similarity(CROSSED, 2), [[0.15, 0.8], [0.8, 0.2]])


def test_gates_are_assigned_as_suits_contexts_best():
    assert float(context_alignment(context_similarity(CROSSED, 2))) == pytest.approx(0.8)


def test_one_task_of_each_context_makes_a_half():
    mixed = jnp.eye(4)[jnp.array([0, 2, 1, 3])]
    assert float(context_alignment(context_similarity(mixed, 2))) == pytest.approx(0.5)


def test_numbers_that_cannot_be_shared_out_are_refused():
    with pytest.raises(ValueError, match="4 teachers and 3 paths"):
        context_similarity(CROSSED[:, :3], 2)


def test_the_share_of_the_gate_that_was_open_is_kept():
    before = jnp.array([[1.2, 0.0], [1.2, 0.0], [1.2, 0.0], [-1.2, 0.1]])
    after = jnp.array([[0.9, 0.0], [0.5, 0.5], [0.0, 1.0], [-0.75, 0.25]])
    np.testing.assert_allclose(kept_share(before, after), [1.0, 0.0, -1.0, 0.5])
    assert np.isnan(kept_share(jnp.ones(1), jnp.ones(1)))
