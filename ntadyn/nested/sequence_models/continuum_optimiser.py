"""The continuum memory system in training: every level of the feed-forward parts has a clock and a rate of its own."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.typing import DTypeLike
from jaxtyping import PyTree

from ntadyn.nested.continuum import CHUNKS
from ntadyn.nested.continuum.levels import SLOWING, continuum
from ntadyn.nested.sequence_models.feed_forward import ContinuumFeedForward

REST = "rest"
SHARES = tuple(SLOWING**-index for index in range(len(CHUNKS)))
"""eta_l / eta of the usual levels."""


def continuum_optimiser(
    make: Callable[[Any], optax.GradientTransformation],
    chunks: Sequence[int] = CHUNKS,
    shares: Sequence[Any] = SHARES,
    dtype: DTypeLike | None = None,
) -> optax.GradientTransformation:
    """An optimiser of all parameters that moves level l after every C_l steps, along the sum of their gradients.

        optimiser = continuum_optimiser(lambda share: optax.adamw(0.004 * share))

    What is no level moves at every step with share 1. A chunk is no time constant, see `nested.continuum`: what makes a
    level slow is its share. Optimisers that divide by the size of gradients, as Adam does, see no difference between
    the sum of a chunk and its mean, and so a level of chunk C_l is C_l times slower by its chunk alone.

    Args:
        make: from eta_l / eta to an optimiser; each level has one of its own, and counts its own moves.
        chunks: C_l, each dividing the next, or equal to it.
        shares: eta_l / eta.
        dtype: of the sums, that of the parameters; JAX's default one if omitted.

    Raises:
        ValueError: for chunks that do not nest, or numbers that differ.
    """
    continuum(shares, chunks)  # which says what is wrong with them
    kind = jnp.zeros(()).dtype if dtype is None else dtype
    parts: dict[Hashable, optax.GradientTransformation] = {REST: make(1.0)}
    for index, (chunk, share) in enumerate(zip(chunks, shares, strict=True)):
        # The sums would be of single precision, whatever the parameters are.
        every = optax.MultiSteps(make(share), chunk, use_grad_mean=False, accumulator_dtype=kind)
        parts[_name(index)] = every.gradient_transformation()
    return optax.partition(parts, level_labels)


def level_labels(model: PyTree) -> PyTree:
    """For every array of a model the name of its level, "level 1" the fastest, or "rest".

    Args:
        model: or any tree that contains `ContinuumFeedForward`.
    """

    def labelled(node: PyTree) -> PyTree:
        if not isinstance(node, ContinuumFeedForward):
            return _all(REST, node)
        levels = tuple(_all(_name(index), level) for index, level in enumerate(node.levels))
        return eqx.tree_at(lambda node: node.levels, node, levels)

    return jax.tree.map(labelled, model, is_leaf=lambda node: isinstance(node, ContinuumFeedForward))


def _name(index: int) -> str:
    return f"level {index + 1}"


def _all(name: str, tree: PyTree) -> PyTree:
    return jax.tree.map(lambda _: name, tree)
