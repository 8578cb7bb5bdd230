"""How much functions resemble each other on examples."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.metrics.alignment import overlap_cosines


def function_cosines(
    answers: Float[Array, "n p o"], targets: Float[Array, "n o"], weights: Float[Array, " n"]
) -> Float[Array, " p"]:
    """C_p = <f_p, y> / (|f_p| |y|) with <f, y> = sum_n w_n f(x_n) . y_n.

    Args:
        answers: what every path says to every example, shape (examples, paths, outputs).
        targets: what is asked for, shape (examples, outputs).
        weights: of the examples, shape (examples,).

    Returns:
        Cosines, shape (paths,); 0 where a path says nothing, or nothing is asked for.
    """
    students = jnp.einsum("n,npo,nqo->pq", weights, answers, answers)
    cross = jnp.einsum("n,npo,no->p", weights, answers, targets)
    teachers = jnp.einsum("n,no,no->", weights, targets, targets)
    return overlap_cosines(students, cross[:, None], teachers[None, None])[:, 0]
