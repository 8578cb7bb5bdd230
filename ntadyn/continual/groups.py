"""The parameter groups of a network, and their time constants."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from ntadyn.continual.per_path import per_path, with_paths
from ntadyn.continual.strategy import Released
from ntadyn.networks import AbstractGatedNetwork, AbstractGatedPaths
from ntadyn.regularizers.coefficients import known_reals

TimeConstants = dict[str, float | Float[Array, ""]] | float | Float[Array, ""]
"""tau of every field of a network that learns, by name, or one tau for all of them."""


def as_time_constants(time_constants: Any) -> TimeConstants:
    """Time constants as arrays, or numbers as they are; infinity freezes a group.

    Raises:
        ValueError: for values that are not positive.
    """
    named = time_constants if isinstance(time_constants, dict) else {"the network": time_constants}
    for name, value in named.items():
        numbers = known_reals(f"time constant of {name!r}", value)
        if numbers is not None and not np.all(numbers > 0):
            raise ValueError(f"time constant of {name!r} is {value}; it must be positive (infinity freezes it).")
    return time_constants


def of_arrays(network: PyTree) -> PyTree:
    """The same network with functions, for example the activations of `eqx.nn.MLP`, as part of its structure.

    A state that steps carry along is a tree of arrays, in which a function has no place.
    """

    def hidden(leaf: Any) -> Any:
        return jax.tree_util.Partial(leaf) if callable(leaf) else leaf

    return jax.tree.map(hidden, network)


def check_groups(network: PyTree, time_constants: TimeConstants) -> None:
    """Refuse time constants that do not fit a network.

    Raises:
        ValueError: for a field with parameters that has no time constant, or one that does not exist.
    """
    if not isinstance(time_constants, dict):
        return
    fields = {name for name, value in vars(network).items() if jax.tree.leaves(eqx.filter(value, eqx.is_inexact_array))}
    if set(time_constants) != fields:
        raise ValueError(
            f"time constants are named {sorted(time_constants)}; the network has the parameter groups {sorted(fields)} "
            f"and needs exactly one for each, or a single number for all."
        )


def over_time_constants(tree: PyTree, time_constants: TimeConstants) -> PyTree:
    """A tree like a network, every group divided by its time constant."""
    if not isinstance(time_constants, dict):
        return jax.tree.map(lambda leaf: leaf / time_constants, tree)
    names = list(time_constants)
    divided = [jax.tree.map(lambda leaf, tau=time_constants[name]: leaf / tau, getattr(tree, name)) for name in names]
    return eqx.tree_at(lambda network: [getattr(network, name) for name in names], tree, divided)


def slow_part(network: PyTree) -> PyTree:
    """The parameters that hold what was learned: the weights of a gated network, everything of any other.

    Returns:
        A tree like the network, None in place of the rest.
    """
    learned = eqx.filter(network, eqx.is_inexact_array)
    if isinstance(network, AbstractGatedNetwork | AbstractGatedPaths):
        return eqx.tree_at(lambda tree: tree.gates, learned, None)
    return learned


def with_slow_part(network: PyTree, slow: PyTree) -> PyTree:
    """A network with other parameters in place of those of `slow_part`."""
    return eqx.combine(slow, network)


def masked(tree: PyTree, released: Released | None) -> PyTree:
    """A tree like a gated network, zero for paths that are frozen."""
    if released is None:
        return tree
    gates, weights = tree.gates, tree.weights
    return with_paths(tree, gates * released.of_gates(gates), weights * per_path(released.weights, weights))


def without_moments(optimiser: PyTree, network: PyTree, renewed: Bool[Array, " p"] | None) -> PyTree:
    """The state of an update rule, zero in what it keeps of the paths of a gated network that are new.

    Args:
        optimiser: the state; whatever in it is a tree like the network holds moments.
        network: a gated network.
        renewed: which of its paths are new; None if none is.
    """
    if renewed is None:
        return optimiser

    def like_network(part: Any) -> bool:
        return isinstance(part, type(network))

    def blank(leaf: Array) -> Array:
        return jnp.where(per_path(renewed, leaf), jnp.zeros_like(leaf), leaf)

    return jax.tree.map(
        lambda part: jax.tree.map(blank, part) if like_network(part) else part, optimiser, is_leaf=like_network
    )


def dtype_of(network: PyTree) -> jnp.dtype:
    """The floating dtype of a network."""
    return jnp.result_type(*jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)))
