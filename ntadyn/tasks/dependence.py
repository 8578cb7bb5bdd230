"""What a function depends on, read off its trace."""

from collections.abc import Callable

import jax
from jax.extend.core import Var
from jaxtyping import Array, PyTree


def depends_on_first(function: Callable[..., list[Array]], first: PyTree, *others: PyTree) -> list[bool]:
    """Which of the results of a function its first argument enters.

    Args:
        function: traceable; nothing is computed.
        first: the argument in question, arrays or their shapes.
        others: further arguments.
    """
    traced = jax.make_jaxpr(function)(first, *others).jaxpr
    reached = set(traced.invars[: len(jax.tree.leaves(first))])
    for equation in traced.eqns:
        if any(variable in reached for variable in equation.invars if isinstance(variable, Var)):
            reached.update(equation.outvars)
    return [isinstance(variable, Var) and variable in reached for variable in traced.outvars]
