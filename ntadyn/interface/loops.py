"""Loops of unknown length that can be differentiated, in forward or in reverse mode."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from equinox.internal import while_loop
from jax import lax
from jaxtyping import PyTree


def plain_loop(unfinished: Callable, step: Callable, start: PyTree, max_steps: int | None) -> Any:
    """A loop of any length, for forward mode only."""
    del max_steps
    return lax.while_loop(unfinished, step, start)


def bounded_loop(unfinished: Callable, step: Callable, start: PyTree, max_steps: int | None) -> Any:
    """A loop of at most `max_steps`, for reverse mode only."""
    return while_loop(unfinished, step, start, max_steps=max_steps, kind="checkpointed")


class EventSearch(eqx.Module):
    """How a piecewise smooth path is followed.

    Attributes:
        max_pieces: how many smooth pieces are followed, at least 1.
        while_loop: `plain_loop`, or `bounded_loop` for reverse mode.
    """

    max_pieces: int = eqx.field(static=True, default=4)
    while_loop: Callable[..., Any] = eqx.field(static=True, default=plain_loop)

    def __check_init__(self):
        if self.max_pieces < 1:
            raise ValueError(f"max_pieces is {self.max_pieces}; allow at least one piece.")
