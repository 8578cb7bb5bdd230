import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import block_distance


def orbit(num_blocks, decay=0.0):
    """Two tasks in turn at distance sqrt(2), approached as decay^block in three phases, but fully off in the last."""
    at = np.eye(2)[np.arange(num_blocks) % 2]
    error = decay ** np.arange(num_blocks)[:, None] * np.array([0.1, 0.2, 1.0])
    return jnp.asarray(at[:, None, :] + error[:, :, None] * np.array([1.0, 0.0]))


def test_neighbouring_blocks_differ_by_the_tasks_and_blocks_two_apart_do_not():
    states = orbit(6)
    np.testing.assert_allclose(block_distance(states, 1)[1:], 2**0.5, rtol=1e-12)
    np.testing.assert_allclose(block_distance(states, 2)[1:], 0.0, atol=1e-15)


def test_the_largest_phase_counts():
    states = orbit(8, decay=0.5)
    expected = 0.5 ** np.arange(6) * (1 - 0.25)
    np.testing.assert_allclose(block_distance(states, 2), expected, rtol=1e-12)


@pytest.mark.parametrize("lag", [0, 4, -1])
def test_a_lag_needs_two_blocks(lag):
    with pytest.raises(ValueError, match="choose a number from 1 to 3"):
        block_distance(orbit(4), lag)
