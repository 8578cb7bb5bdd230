"""Sets of teachers: names, Gram matrix, and what is refused."""

import hypothesis
import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import TaskSet, from_matrices

ROUNDING = 1e-12  # float64 products and one QR of a 6 x 6 matrix


def matrices(tasks):
    """The teachers in NumPy: in JAX each slice and sum of the checks would be compiled."""
    return np.asarray(tasks.teachers)


@hypothesis.given(seed=st.integers(0, 1000), num_tasks=st.integers(1, 3))
@hypothesis.settings(max_examples=6)
def test_gram_does_not_feel_a_rotation_of_inputs(seed, num_tasks):
    rng = np.random.default_rng(seed)
    tasks = from_matrices(rng.normal(size=(num_tasks, 3, 6)))
    rotated = from_matrices(matrices(tasks) @ np.linalg.qr(rng.normal(size=(6, 6)))[0])
    assert np.allclose(rotated.gram, tasks.gram, atol=ROUNDING)
    flat = matrices(tasks).reshape(num_tasks, -1)
    assert np.allclose(tasks.gram, flat @ flat.T, atol=ROUNDING)


def test_teachers_from_the_published_run_are_orthogonal(shared):
    tasks = from_matrices(np.load(shared / "reference" / "fig2_flexible.npz")["teachers"])
    assert tasks.names == ("A", "B")
    assert np.allclose(tasks.gram, 0.5 * np.eye(2), atol=1e-6)  # stored in float32


def test_names_go_on_after_the_alphabet():
    tasks = from_matrices(np.zeros((28, 1, 1)))
    assert tasks.names[25:] == ("Z", "A1", "B1")


def test_task_set_messages():
    matrices = jnp.ones((2, 3, 4))
    with pytest.raises(ValueError, match="for 2 teachers; there must be one per teacher"):
        TaskSet(matrices, ("A",), 1)
    for num_base in (0, 3):
        with pytest.raises(ValueError, match=f"num_base = {num_base} for 2 teachers; allowed are 1 to 2"):
            TaskSet(matrices, ("A", "B"), num_base)
    # With type checking on, shape and dtype are refused before the message is reached.
    for wrong in (jnp.ones((3, 4)), jnp.ones((2, 3, 4), dtype=int)):
        with pytest.raises((ValueError, TypeError), match="floating-point with axes|Type-check error|type-check"):
            TaskSet(wrong, ("A", "B"), 2)
