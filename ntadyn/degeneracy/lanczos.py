"""Sums over the spectrum of a matrix that is only ever applied to vectors."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.decompositions import eigh

Apply = Callable[[Array], Array]


def ritz_pairs(
    apply: Apply, start: Float[Array, " d"], steps: int
) -> tuple[Float[Array, " n"], Float[Array, "d n"], Float[Array, " n"]]:
    """Eigenpairs of H in the Krylov space of v, which holds those of its largest eigenvalues almost exactly.

    Lanczos steps with full reorthogonalisation; where the Krylov space ends early the rest are zeros.

    Args:
        apply: v -> H v, with H symmetric of shape (d, d).
        start: v, shape (d,).
        steps: n, at most d.

    Returns:
        Values x in ascending order, shape (n,); vectors in columns, shape (d, n); their overlaps with v/|v|, (n,).

    Source: Golub, Meurant, "Matrices, Moments and Quadrature" (2010).
    """
    size = jnp.linalg.norm(start)
    tiny = jnp.finfo(start.dtype).eps

    def step(carried, index):
        basis, vector, before, scale = carried
        basis = basis.at[index].set(vector)
        image = apply(vector)
        diagonal = vector @ image
        rest = image - diagonal * vector - before * basis[index - 1]
        for _ in range(2):  # once loses half of the digits
            rest = rest - basis.T @ (basis @ rest)
        scale = jnp.maximum(scale, jnp.abs(diagonal))
        length = jnp.linalg.norm(rest)
        ends = length <= tiny * basis.shape[1] * scale
        length = jnp.where(ends, 0, length)
        return (basis, jnp.where(ends, 0, rest / jnp.where(ends, 1, length)), length, scale), (diagonal, length)

    zero = jnp.zeros((), start.dtype)
    basis = jnp.zeros((steps, start.shape[0]), start.dtype)
    begin = (basis, start / jnp.where(size > 0, size, 1), zero, zero)
    (basis, *_), (diagonal, beside) = lax.scan(step, begin, jnp.arange(steps))
    values, vectors = eigh(jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1))
    return values, basis.T @ vectors, vectors[0]


def quadrature(apply: Apply, start: Float[Array, " d"], steps: int) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Nodes and weights with sum_k w_k f(x_k) ~ v.f(H)v, exact for polynomials f of degree 2n - 1.

    Args:
        apply: v -> H v, with H symmetric of shape (d, d).
        start: v, shape (d,).
        steps: n, at most d.

    Returns:
        x and w, shape (n,).

    Source: Golub, Meurant, "Matrices, Moments and Quadrature" (2010); Ubaru, Chen, Saad 2017.
    """
    nodes, _, overlaps = ritz_pairs(apply, start, steps)
    return nodes, jnp.sum(start**2) * overlaps**2


def traces(
    apply: Apply, of: Callable[[Array], Array], key: PRNGKeyArray, dimension: int, probes: int, steps: int
) -> Float[Array, " probes"]:
    """Independent estimates of tr f(H), one for every random vector of signs.

    Args:
        apply: v -> H v.
        of: f, from nodes to values.
        key: of the random vectors.
        dimension: d.
        probes: how many.
        steps: Lanczos steps each.

    Returns:
        Estimates, shape (probes,): their mean is the estimate, their spread its error.

    Source: Hutchinson 1990 for the trace; see `quadrature`.
    """
    signs = jax.random.rademacher(key, (probes, dimension), jnp.zeros(()).dtype)

    def one(start: Array) -> Array:
        nodes, weights = quadrature(apply, start, steps)
        return jnp.sum(weights * of(nodes))

    return lax.map(one, signs)
