"""Arrays whose first axis is the path."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, PyTree, Shaped


def per_path(values: Shaped[Array, " p"], array: Array) -> Shaped[Array, "p ..."]:
    """One value per path, shaped so that it meets an array whose first axis is the path.

    Args:
        values: shape (paths,).
        array: shape (paths, ...).

    Returns:
        The values in an array of as many axes, all but the first of length one.
    """
    return values.reshape(values.shape + (1,) * (array.ndim - 1))


def with_paths(network: PyTree, gates: Array, weights: Array) -> PyTree:
    """A gated network, or a tree like it, with other gates and weights."""
    return eqx.tree_at(lambda network: (network.gates, network.weights), network, (gates, weights))


def only_paths(network: PyTree, chosen: Bool[Array, " p"]) -> PyTree:
    """A gated network whose gates and weights are zero, but for those of chosen paths."""
    gates, weights = (jnp.where(per_path(chosen, part), part, 0) for part in (network.gates, network.weights))
    return with_paths(network, gates, weights)
