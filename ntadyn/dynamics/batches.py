"""How the batches of stochastic gradient descent are drawn: row by row, or as what descent sees of them.

A batch X of B inputs enters the gradient only by its second moments S = X^T X / B. Whatever has the same X^T X is as
good as the batch: F with F^T F = X^T X.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray


class AbstractSampler(eqx.Module):
    """Draws F, of any number of rows, with F^T F in law equal to X^T X for B rows x_b ~ N(0, 1)."""

    @abc.abstractmethod
    def __call__(self, key: PRNGKeyArray, size: int, d_in: int, dtype: DTypeLike) -> Float[Array, "rows i"]:
        """F for batches of `size` inputs with `d_in` numbers each."""

    def check(self, size: int, d_in: int) -> None:
        """Refuse sizes for which there is no such draw.

        Raises:
            ValueError: for those.
        """
        del size, d_in


class Rows(AbstractSampler):
    """F = X: the batch itself. Its cost grows with B."""

    def __call__(self, key: PRNGKeyArray, size: int, d_in: int, dtype: DTypeLike) -> Float[Array, "rows i"]:
        """X, shape (size, d_in)."""
        return jax.random.normal(key, (size, d_in), dtype)


class Wishart(AbstractSampler):
    """F = A^T with X^T X = A A^T in law: A is lower triangular, N(0, 1) below, A_ii^2 ~ chi^2 of B - i, i = 0, 1, ...

    Exact for batches of at least as many rows as inputs, at a cost that does not depend on B. The numbers are others
    than those of `Rows` with the same key.

    Source: Bartlett 1933, Proc. R. Soc. Edinb. 53, 260, the decomposition of a Wishart matrix.
    """

    def __call__(self, key: PRNGKeyArray, size: int, d_in: int, dtype: DTypeLike) -> Float[Array, "i i"]:
        """A^T, shape (d_in, d_in)."""
        below, diagonal = jax.random.split(key)
        freedom = jnp.asarray(size, dtype) - jnp.arange(d_in, dtype=dtype)
        root = jnp.sqrt(2 * jax.random.gamma(diagonal, 0.5 * freedom, dtype=dtype))
        lower = jnp.tril(jax.random.normal(below, (d_in, d_in), dtype), -1)
        return (lower + jnp.diag(root)).T

    def check(self, size: int, d_in: int) -> None:
        """See `AbstractSampler.check`."""
        if size < d_in:
            raise ValueError(
                f"Wishart draws batches of at least as many inputs as there are numbers in each; got batches of {size} "
                f"inputs with {d_in} numbers. Use Rows, which costs less there, too."
            )
