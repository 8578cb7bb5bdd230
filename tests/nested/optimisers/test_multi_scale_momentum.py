"""A fast and a slow momentum."""

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.optimisers import MultiScaleMomentum, Sums, momentum_with_read_out, unread
from tests.nested.optimisers.runs import gradients, updates


def test_the_slow_momentum_acts_from_the_next_chunk_on():
    """Gradients of one, coefficients of one, nothing forgotten: -1 and -2, then -3 - 2 and -4 - 2."""
    rule = MultiScaleMomentum(1.0, 1.0, 1.0, 0.0, 1.0, 2, Sums(), unread, epsilon=1.0).transformation()
    found = updates(rule, jnp.ones((4, 1, 1)))[:, 0, 0]
    assert found.tolist() == [-1.0, -2.0, -5.0, -6.0]
    assert float(jnp.sum(found[:2])) == -3.0


def test_without_its_slow_part_it_is_momentum_with_a_read_out():
    sequence = gradients(20, (4, 6))
    alone = updates(MultiScaleMomentum(0.1, 0.95, share=0.0, preconditions=False).transformation(), sequence)
    np.testing.assert_allclose(alone, updates(momentum_with_read_out(0.1, 0.95), sequence), rtol=0, atol=1e-12)


def test_averages_are_corrected_for_their_start_at_zero():
    rule = MultiScaleMomentum(1.0, 0.9, 0.8, 0.999, 0.5, 2, read_out=unread, preconditions=False).transformation()
    found = updates(rule, jnp.full((5, 2, 2), 3.0))[:, 0, 0]
    # The average of threes is three, and that of sums over chunks of two is six.
    np.testing.assert_allclose(found, [-3.0, -3.0, -6.0, -6.0, -6.0], rtol=1e-12)


def test_summed_squares_make_steps_ever_smaller():
    rule = MultiScaleMomentum(1.0, 1.0, squares=1.0, share=0.0, accumulation=Sums(), read_out=jnp.sign).transformation()
    found = updates(rule, jnp.ones((400, 1, 1)))[:, 0, 0]
    np.testing.assert_allclose([found[99], found[399]], [-0.1, -0.05], rtol=1e-6)


def test_chunks_without_steps_are_refused():
    with pytest.raises(ValueError, match="one step at least"):
        MultiScaleMomentum(0.1, chunk=0)
