"""Many tokens of a linear memory at once, as products of matrices.

All linear rules are M_t = a_t M_(t-1) + u_t k_t^T with u_t = r_t v_t - p_t M_(t-1) k_t. With P[t, s] = a_(s+1) ... a_t,
which is 1 for s = t and 0 for s > t, the states of a chunk that starts from M_0 are

    M_t = P[t, 0] M_0 + sum_(s <= t) P[t, s] u_s k_s^T.

Put into u_t this is a triangular system for all u of the chunk (rows of U),

    (I + A) U = diag(r) V - diag(p P[t-1, 0]) K M_0^T,     A[t, s] = p_t P[t-1, s] <k_t, k_s>,

strictly lower triangular because P[t-1, s] = 0 for s >= t. Reads then need no state:

    M_t q_t = P[t, 0] M_0 q_t + sum_s P[t, s] <q_t, k_s> u_s,      and with P[t-1, .] for M_(t-1) q_t.

A rule that erases nothing (p = 0) has U = diag(r) V and nothing to solve.

Source: for the delta rule without retention Yang et al. 2024 (arXiv 2406.06484), section 3; with a retention, in
another order, Yang et al. 2024 (arXiv 2412.06464), section 3. What is here is derived from the first line above.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from ntadyn.nested.memories.forms import AbstractForm, Reads, Writes
from ntadyn.nested.memories.linear import AbstractLinearRule, Coefficients, Matrix
from ntadyn.nested.memories.rule import AbstractRule


class Chunk(eqx.Module):
    """Tokens that are computed at once; of a whole sequence, with a leading axis.

    Attributes:
        keys: shape (tokens, d).
        values: shape (tokens, e).
        coefficients: of every write.
        before: queries before every write.
        after: queries after it.
    """

    keys: Array
    values: Array
    coefficients: Coefficients
    before: tuple[Array, ...]
    after: tuple[Array, ...]


class Parallel(AbstractForm):
    """The whole sequence at once; of linear memories. Time and room grow with the square of its length.

    With `Hebbian` this is Y = ((Q K^T) * D) diag(b) V, attention without its softmax.
    """

    def run(self, rule: AbstractRule, state: PyTree, writes: Writes, queries: Reads) -> tuple[PyTree, Reads]:
        """See `AbstractForm.run`."""
        linear = _linear(rule, self)
        state, answers = _through(linear, state, _chunk_of(linear, writes, queries))
        return state, Reads(*answers)


class Chunked(AbstractForm):
    """Chunks of C tokens, one after the other, each at once; of linear memories.

    The last chunk is filled up with tokens that write nothing, so that any number of tokens will do.

    Attributes:
        size: C.

    Raises:
        ValueError: if C is not positive.
    """

    size: int = eqx.field(static=True)

    def __check_init__(self):
        if self.size < 1:
            raise ValueError(f"Chunked: size is {self.size}; a chunk has at least 1 token.")

    def run(self, rule: AbstractRule, state: PyTree, writes: Writes, queries: Reads) -> tuple[PyTree, Reads]:
        """See `AbstractForm.run`."""
        linear = _linear(rule, self)
        length = writes.keys.shape[0]
        size = max(1, min(self.size, length))
        missing = -length % size
        whole = _chunk_of(linear, writes, queries)

        def split(leaf: Array, fill: float = 0.0) -> Array:
            filled = jnp.pad(leaf, [(0, missing)] + [(0, 0)] * (leaf.ndim - 1), constant_values=fill)
            return filled.reshape(-1, size, *leaf.shape[1:])

        chunks = jax.tree.map(split, whole)
        if (retention := whole.coefficients.retention) is not None:
            chunks = eqx.tree_at(lambda chunk: chunk.coefficients.retention, chunks, split(retention, 1.0))
        # As in `Recurrent`: a gradient keeps one state per chunk, and computes the rest again.
        through = jax.checkpoint(functools.partial(_through, linear))
        state, answers = jax.lax.scan(through, state, chunks)
        joined = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:length], answers)
        return state, Reads(*joined)


def retained(retention: Float[Array, " c"] | None, length: int, dtype: DTypeLike) -> Float[Array, "n n"]:
    """P[t, s] = a_(s+1) ... a_t for s <= t, else 0; t and s from 0, the state before the first token, to `length`.

    Args:
        retention: a_1 ... a_c, each from 0 to 1, or None for ones.
        length: c.
        dtype: of the result.
    """
    return jnp.tril(jnp.ones((length + 1, length + 1), dtype)) if retention is None else products_between(retention)


@jax.custom_jvp
def products_between(factors: Float[Array, " c"]) -> Float[Array, "n n"]:
    """P[t, s] = a_(s+1) ... a_t for s <= t, else 0.

    Products, not exp(L_t - L_s) of a running sum L of logarithms: a = 0 is no exception, neither here nor in the
    derivative, and nothing is lost to the difference of two sums that grow with the length, which in single precision
    costs two to three digits after a thousand tokens. The derivative dP = sum_r P[:, r] P[r-1, :] da_r is exact too.

    Args:
        factors: a_1 ... a_c.
    """
    length = factors.shape[0] + 1
    rows = jnp.concatenate([jnp.ones((1,), factors.dtype), factors])
    square = jnp.ones((length, length), factors.dtype)
    below = jnp.where(jnp.tril(square, -1) > 0, rows[:, None], square)
    return jnp.tril(jnp.cumprod(below, axis=0))


@products_between.defjvp
def _products_between_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    products = products_between(*primals)
    return products, products[:, 1:] @ (tangents[0][:, None] * products[:-1])


def solved(strictly_lower: Float[Array, "c c"], right: Float[Array, "c e"]) -> Float[Array, "c e"]:
    """The solution U of (I + A) U = R.

    On a CPU `jax.scipy.linalg.solve_triangular` makes a memory some hundred times slower, where it is mapped over
    samples and C is 32 or more.

    Args:
        strictly_lower: A.
        right: R.
    """
    inverse = jax.lax.stop_gradient(unit_lower_inverse(strictly_lower))
    return jax.lax.custom_linear_solve(
        lambda unknown: unknown + strictly_lower @ unknown,
        right,
        solve=lambda _, right: inverse @ right,
        transpose_solve=lambda _, right: inverse.T @ right,
    )


def unit_lower_inverse(strictly_lower: Float[Array, "c c"]) -> Float[Array, "c c"]:
    """The inverse of I + A, from those of ever larger blocks on its diagonal.

    [[L, 0], [B, R]] has the inverse [[L^-1, 0], [-R^-1 B L^-1, R^-1]]: products of matrices only, as many as A has
    binary digits in its size, and no powers of A, which overflow where keys are alike.

    Args:
        strictly_lower: A.
    """
    length = strictly_lower.shape[0]
    size = 1 << max(length - 1, 0).bit_length()
    filled = jnp.pad(strictly_lower, (0, size - length))
    inverses = jnp.ones((size, 1, 1), filled.dtype)
    while len(inverses) > 1:
        count, block = len(inverses) // 2, inverses.shape[1]
        pairs = filled.reshape(count, 2, block, count, 2, block)
        below = jnp.moveaxis(jnp.diagonal(pairs[:, 1, :, :, 0, :], axis1=0, axis2=2), -1, 0)
        left, right = inverses[::2], inverses[1::2]
        rows = (left, jnp.zeros_like(left)), (-right @ below @ left, right)
        inverses = jnp.concatenate([jnp.concatenate(row, 2) for row in rows], 1)
    return inverses[0, :length, :length]


def _linear(rule: AbstractRule, form: AbstractForm) -> AbstractLinearRule:
    if not isinstance(rule, AbstractLinearRule):
        raise ValueError(
            f"{type(form).__name__} needs a linear rule (Hebbian, Delta, GatedDelta, ProximalDelta) and was given "
            f"{type(rule).__name__}; use Recurrent()."
        )
    return rule


def _chunk_of(rule: AbstractLinearRule, writes: Writes, queries: Reads) -> Chunk:
    coefficients = jax.vmap(rule.coefficients)(writes.keys, writes.retentions, writes.rates)
    return Chunk(writes.keys, writes.values, coefficients, queries.before, queries.after)


def _through(
    rule: AbstractLinearRule, state: Matrix, chunk: Chunk
) -> tuple[Matrix, tuple[tuple[Array, ...], tuple[Array, ...]]]:
    """The state after a chunk, and the answers before and after every write."""
    keys, numbers = chunk.keys, chunk.coefficients
    products = retained(numbers.retention, keys.shape[0], keys.dtype)
    before, after = products[:-1], products[1:]
    changes = numbers.insertion[:, None] * chunk.values
    if rule.erases:
        erased = numbers.erasure[:, None] * before
        changes = solved(erased[:, 1:] * (keys @ keys.T), changes - erased[:, :1] * (keys @ state.T))

    def answers(queries: Array, products: Array) -> Array:
        return products[:, :1] * (queries @ state.T) + (products[:, 1:] * (queries @ keys.T)) @ changes

    answered = (
        tuple(answers(queries, before) for queries in chunk.before),
        tuple(answers(queries, after) for queries in chunk.after),
    )
    last = products[-1]
    return last[0] * state + (last[1:, None] * changes).T @ keys, answered
