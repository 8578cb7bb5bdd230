"""What sweeps keep of hierarchies of gates."""

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.simulation.outcome import RESULTS
from ntadyn.sweeps.hierarchy_scores import context_alignment, kept_gates
from ntadyn.sweeps.scores import Recorded

# Contexts of the records, and the gates of the two paths below the first and the second gate. The first context has the
# second gate and comes back twice, the last time to what it left; the second comes back once, to what it did not.
CONTEXTS = [0, 1, 0, 1, 0, 0]
PATHS = [
    [1.0, 0.0, 0.8, 0.2],
    [1.0, 0.0, 0.5, 0.5],
    [1.0, 0.0, 0.5, 0.5],
    [0.5, 0.5, 1.0, 0.0],
    [0.0, 1.0, 1.0, 0.0],
    [0.0, 1.0, 0.0, 1.0],
]


def recorded(num_real):
    """Six records, of which the first are real."""
    number = len(CONTEXTS)
    values = {
        "context_similarity": jnp.broadcast_to(jnp.array([[0.1, 1.0], [0.9, 0.3]]), (number, 2, 2)),
        "context_shares": jnp.eye(2)[jnp.array(CONTEXTS)],
        "path_gates": jnp.array(PATHS),
    }
    blocks = jnp.arange(number)
    return Recorded(jnp.arange(float(number)), blocks, values, blocks < num_real, RESULTS.successful)


def test_contexts_are_matched_with_gates():
    assert float(context_alignment(recorded(6))) == pytest.approx(0.95)


@pytest.mark.parametrize(("num_real", "expected"), [(6, [0.0, 1.0]), (4, [0.0])])
def test_returns_of_the_later_half_count(num_real, expected):
    """Three returns, to (.5, .5) from .8, to (.5, .5) from 1, and to (1, 0) from what had no largest."""
    assert float(kept_gates(recorded(num_real))) == pytest.approx(np.mean(expected))


def test_without_a_return_there_is_nothing_to_keep():
    assert np.isnan(kept_gates(recorded(2)))
