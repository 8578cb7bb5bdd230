"""Matrix decompositions that are safe in several programs at once.

On a CPU, decomposing a batch of matrices by LAPACK blocks a thread of the pool that has to do the work, so that two
programs at once, as in a sweep, may wait for each other forever. A single matrix is decomposed in the thread that asks
for it: here a batch is taken one matrix at a time on a CPU, and stays a batch on other devices.
"""

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_batching import custom_vmap
from jax.typing import DTypeLike
from jaxtyping import Float, PRNGKeyArray

# Up to this size a matrix product in a batch costs more to call than to compute.
_MOST_SUMMED = 8


@jax.custom_jvp
def eigh(matrix: Float[Array, "n n"]) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """A = V diag(lambda) V^T for a symmetric matrix.

    Args:
        matrix: A, shape (n, n).

    Returns:
        Eigenvalues in ascending order, shape (n,), and orthonormal eigenvectors as columns, shape (n, n).
    """
    return _eigh(matrix)


@eigh.defjvp
def _eigh_jvp(primals, tangents):
    values, vectors = eigh(*primals)
    (change,) = tangents
    rotated = vectors.T @ (0.5 * (change + change.T)) @ vectors
    gaps = values[None, :] - values[:, None]
    # Within an eigenspace the vectors are free to turn; in this derivative they do not.
    turning = jnp.where(gaps == 0, 0, rotated / jnp.where(gaps == 0, 1, gaps))
    return (values, vectors), (jnp.diagonal(rotated), vectors @ turning)


def largest_eigenvalue(gram: Float[Array, "n n"]) -> Float[Array, ""]:
    """(tr G^8)^(1/8): a bound on the largest eigenvalue of a Gram matrix G, at most n^(1/8) times too large.

    Args:
        gram: G, shape (n, n).
    """
    size = _norm(gram)
    power = gram / jnp.where(size > 0, size, 1)
    power = _squared(power)
    power = _squared(power)
    # Two roots are instructions of the processor; a power is a call per number.
    return size * jnp.sqrt(jnp.sqrt(_norm(power)))


def smaller_gram(factor: Float[Array, "n m"]) -> Float[Array, "k k"]:
    """The smaller one of F F^T and F^T F, which share all their nonzero eigenvalues."""
    return factor @ factor.T if factor.shape[0] <= factor.shape[1] else factor.T @ factor


def _squared(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The product with itself; of a small matrix as plain sums, which in a batch run side by side."""
    if matrix.shape[0] > _MOST_SUMMED:
        return matrix @ matrix
    return jnp.sum(matrix[:, :, None] * matrix[None], axis=1)


def _norm(matrix: Float[Array, "n n"]) -> Float[Array, ""]:
    return jnp.sqrt(jnp.sum(matrix**2))


def rotation(key: PRNGKeyArray, size: int, dtype: DTypeLike) -> Float[Array, "n n"]:
    """A rotation or reflection drawn from the Haar measure.

    Args:
        key: the random key.
        size: n.
        dtype: floating dtype of the matrix.

    Returns:
        An orthogonal matrix, shape (n, n).
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
