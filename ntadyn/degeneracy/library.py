"""BlackJAX, which is an extra, and what it asks of JAX."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import jax


def blackjax() -> ModuleType:
    """The library of samplers.

    Raises:
        ImportError: if it is not installed.
    """
    try:
        import blackjax
    except ImportError as error:
        raise ImportError('samplers come with BlackJAX; install it by `pip install "ntadyn[degeneracy]"`.') from error
    return blackjax


@contextmanager
def its_promotion() -> Iterator[None]:
    """JAX's usual rules for mixed dtypes and ranks, on which BlackJAX relies, where stricter ones are set outside."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
