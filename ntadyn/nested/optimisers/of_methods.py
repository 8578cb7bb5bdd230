"""Transformations made of the methods of a module."""

from collections.abc import Callable
from typing import Any

import optax


def of_methods(init: Callable[..., Any], update: Callable[..., Any]) -> optax.GradientTransformation:
    """A transformation of two methods that is told from others by identity, as those of optax are.

    Methods of a module hash by its contents, which arrays have no hash for: a rule with an array in it could not be a
    static field of a system.

    Args:
        init: parameters -> state.
        update: (updates, state, parameters) -> (updates, state).
    """
    return optax.GradientTransformation(
        lambda params: init(params), lambda updates, state, params=None: update(updates, state, params)
    )
