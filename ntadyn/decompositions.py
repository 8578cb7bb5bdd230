"""Matrix decompositions that may run in several programs at a time.

On a CPU, LAPACK's decompositions of a batch of matrices wait inside a thread of the pool that is to do their work. Two
programs at a time, as a sweep runs them, then wait for each other forever. A single matrix is decomposed where it is,
so here a batch is taken one matrix after the other; on other devices it stays a batch.
"""

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_batching import custom_vmap
from jax.typing import DTypeLike
from jaxtyping import Float, PRNGKeyArray


@jax.custom_jvp
def eigh(matrix: Float[Array, "n n"]) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """A = V diag(lambda) V^T for a symmetric matrix.

    Args:
        matrix: A.

    Returns:
        Eigenvalues in ascending order, and orthonormal eigenvectors as columns.
    """
    return _eigh(matrix)


@eigh.defjvp
def _eigh_jvp(primals, tangents):
    values, vectors = eigh(*primals)
    (change,) = tangents
    rotated = vectors.T @ (0.5 * (change + change.T)) @ vectors
    gaps = values[None, :] - values[:, None]
    # Inside an eigenspace vectors are free to turn, and the derivative chooses that they do not.
    turning = jnp.where(gaps == 0, 0, rotated / jnp.where(gaps == 0, 1, gaps))
    return (values, vectors), (jnp.diagonal(rotated), vectors @ turning)


def largest_eigenvalue(gram: Float[Array, "n n"]) -> Float[Array, ""]:
    """(tr G^8)^(1/8): an upper bound of the largest eigenvalue of a Gram matrix G, and at most n^(1/8) of it.

    Args:
        gram: G.
    """
    size = _norm(gram)
    power = gram / jnp.where(size > 0, size, 1)
    power = power @ power
    power = power @ power
    return size * _norm(power) ** 0.25


def smaller_gram(factor: Float[Array, "n m"]) -> Float[Array, "k k"]:
    """F F^T or F^T F, which have the same eigenvalues but for zeros, whichever is smaller."""
    return factor @ factor.T if factor.shape[0] <= factor.shape[1] else factor.T @ factor


def _norm(matrix: Float[Array, "n n"]) -> Float[Array, ""]:
    return jnp.sqrt(jnp.sum(matrix**2))


def rotation(key: PRNGKeyArray, size: int, dtype: DTypeLike) -> Float[Array, "n n"]:
    """A rotation or reflection drawn from the Haar measure.

    Args:
        key: the random key.
        size: n.
        dtype: of the matrix.
    """

    def draw(key: PRNGKeyArray) -> Float[Array, "n n"]:
        return jax.random.orthogonal(key, size, dtype=dtype)

    @custom_vmap
    def one(key: PRNGKeyArray) -> Float[Array, "n n"]:
        return draw(key)

    @one.def_vmap
    def _(axis_size, in_batched, keys):
        del axis_size, in_batched
        return lax.platform_dependent(keys, cpu=lambda keys: lax.map(one, keys), default=jax.vmap(draw)), True

    return one(key)


@custom_vmap
def _eigh(matrix: Float[Array, "n n"]) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    values, vectors = jnp.linalg.eigh(matrix)
    return values, vectors


@_eigh.def_vmap
def _(axis_size, in_batched, matrices):
    del axis_size, in_batched
    as_batch = jax.vmap(lambda matrix: tuple(jnp.linalg.eigh(matrix)))
    found = lax.platform_dependent(matrices, cpu=lambda matrices: lax.map(_eigh, matrices), default=as_batch)
    return tuple(found), (True, True)
