"""A tree of gates as a network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested import GateHierarchy


def tree():
    """Two contexts of three sub-contexts of two paths, with no two gates alike."""
    network = GateHierarchy.initialise(jax.random.key(0), (2, 3, 2), (2, 4))
    contexts = (jnp.array([0.5, 2.0]), jnp.arange(1.0, 7.0))
    return GateHierarchy(contexts, jnp.linspace(0.1, 1.2, 12), network.weights)


def test_the_map_is_the_sum_over_all_branches():
    network, x = tree(), jnp.array([1.0, -2.0, 0.5, 3.0])
    (top, middle), bottom = network.contexts, network.gates
    expected = np.zeros(2)
    for k in range(2):
        for j in range(3):
            for p in range(2):
                path = 6 * k + 2 * j + p
                expected += top[k] * middle[3 * k + j] * bottom[path] * (network.weights[path] @ x)
    np.testing.assert_allclose(network(x), expected, rtol=1e-14)


def test_without_contexts_it_is_flat():
    network = GateHierarchy.initialise(jax.random.key(0), (3,), (2, 4))
    assert network.contexts == ()
    np.testing.assert_array_equal(network.flat().gates, network.gates)


@pytest.mark.parametrize("sizes", [(2, 3), (4, 2)])
def test_levels_that_make_no_tree_are_refused(sizes):
    upper, paths = sizes
    with pytest.raises(ValueError, match="do not make a tree"):
        GateHierarchy((jnp.ones(upper),), jnp.ones(paths), jnp.ones((paths, 2, 4)))


@pytest.mark.parametrize("branches", [(), (2, 0)])
def test_branches_that_are_none_are_refused(branches):
    with pytest.raises(ValueError, match="branches are"):
        GateHierarchy.initialise(jax.random.key(0), branches, (2, 4))
