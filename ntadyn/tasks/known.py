"""Values that can be looked at before anything is compiled."""

import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import ArrayLike, PyTree, Real


def known_values(x: Real[ArrayLike, "..."]) -> np.ndarray | None:
    """The numbers in `x`, or None while they are being traced."""
    return None if isinstance(x, Tracer) else np.asarray(x)


def is_traced(tree: PyTree) -> bool:
    """Whether anything in a tree of arrays is being traced."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(tree))
