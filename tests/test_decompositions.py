"""The library's decompositions, in a form that two programs may use at a time."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.decompositions import eigh, rotation

SIZE = 5
ROUNDING = 1e-13


@pytest.fixture(scope="module")
def matrices():
    """Six symmetric matrices in a batch of two axes."""
    values = np.random.default_rng(0).normal(size=(2, 3, SIZE, SIZE))
    return values + np.swapaxes(values, -1, -2)


def test_eigh_is_the_library_routine_under_nested_batches(matrices):
    values, vectors = jax.jit(jax.vmap(jax.vmap(eigh)))(matrices)
    expected_values, expected_vectors = np.linalg.eigh(matrices)
    np.testing.assert_allclose(values, expected_values, atol=ROUNDING)
    np.testing.assert_allclose(np.abs(vectors), np.abs(expected_vectors), atol=ROUNDING)


@pytest.mark.representatives(2)
@pytest.mark.parametrize("derivative", [jax.grad, jax.jacfwd, jax.hessian])
def test_derivatives_are_those_of_the_library(matrices, derivative):
    weights = jnp.arange(float(SIZE))

    def of(decomposition):
        def number(matrix):
            values, vectors = decomposition(0.5 * (matrix + matrix.T))
            return jnp.sum(jnp.sin(values)) + jnp.sum((weights @ vectors) ** 2 * values**2)

        return jax.jit(jax.vmap(derivative(number)))

    np.testing.assert_allclose(of(eigh)(matrices[0]), of(jnp.linalg.eigh)(matrices[0]), atol=1e-9)


def test_derivatives_stay_finite_in_an_eigenspace():
    change = jax.jvp(lambda matrix: eigh(matrix)[0], (jnp.eye(3),), (jnp.diag(jnp.arange(3.0)),))[1]
    assert sorted(np.asarray(change)) == [0, 1, 2]


def test_rotations_are_those_of_the_library_in_a_batch():
    keys = jax.random.split(jax.random.key(0), 4)
    found = np.asarray(jax.vmap(lambda key: rotation(key, SIZE, jnp.float64))(keys))
    np.testing.assert_allclose(found @ np.swapaxes(found, 1, 2), np.broadcast_to(np.eye(SIZE), found.shape), atol=1e-14)
    for key, matrix in zip(keys, found, strict=True):
        np.testing.assert_allclose(matrix, jax.random.orthogonal(key, SIZE, dtype=jnp.float64), atol=ROUNDING)


TWO_AT_ONCE = """
import threading
import jax
import jax.numpy as jnp
from ntadyn.decompositions import eigh, rotation

def several(keys):
    drawn = [jax.vmap(lambda key: rotation(key, 20, jnp.float32))(keys + k) for k in range(4)]
    return [jax.vmap(eigh)(matrices + jnp.swapaxes(matrices, 1, 2)) for matrices in drawn]

program = jax.jit(several)
keys = jax.random.split(jax.random.PRNGKey(0), 20)
jax.block_until_ready(program(keys))
repeat = lambda: [jax.block_until_ready(program(keys)) for _ in range(50)]
threads = [threading.Thread(target=repeat) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.slow
def test_two_programs_may_decompose_at_once():
    # Batches of matrices made them wait for each other forever, most often in less than a second.
    subprocess.run([sys.executable, "-c", TWO_AT_ONCE], check=True, timeout=120)
