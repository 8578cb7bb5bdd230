"""Generators of teacher matrices `y* = W*^m x`.

Every random generator takes its own key. The published runs draw all teachers from one fixed seed, so that their error
bars hold initial weights and data only; here a replicate that should vary its teachers passes another key.

Axes: `m` task (teacher), `o` output row, `i` input, `a` singular mode.

Source: Sandbrink et al., "Flexible task abstractions emerge in linear networks with fast and bounded units",
NeurIPS 2024 (arXiv 2411.03840), and its published code.
"""

import enum
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, Real

from ntadyn import decompositions
from ntadyn.tasks.known import known_values
from ntadyn.tasks.sizes import (
    check_overlap,
    check_rows_fit,
    check_sizes,
    check_vectors_suffice,
    singular_values_per_task,
)
from ntadyn.tasks.task_set import TaskSet, from_matrices

__all__ = [
    "Basis",
    "Scale",
    "axis_aligned",
    "iid",
    "matched_rows_orthogonal",
    "orthogonal",
    "overlapping",
    "row_overlapping",
    "svd",
]

# Teachers are made once and everything later is measured against them, so their products
# are not left to the reduced float32 precision that accelerators use by default.
_PRECISION = jax.lax.Precision.HIGHEST


class Scale(enum.Enum):
    """Size `s` that a generator gives to rows or singular values.

    Attributes:
        D_IN: `1 / sqrt(d_in)`, the convention of the current published code.
        UNIT: `1`, the convention of its older state (legacy runs).
        NUM_SV: `1 / sqrt(min(d_in, d_out) // num_tasks)`: a split-basis svd teacher then has unit Frobenius norm.

    Source: published code, argument "scale" of the teacher generator.
    """

    D_IN = enum.auto()
    UNIT = enum.auto()
    NUM_SV = enum.auto()

    def value_for(self, num_tasks: int, d_out: int, d_in: int) -> float:
        """The number `s` for these sizes.

        Raises:
            ValueError: for NUM_SV with more tasks than singular values, where `s` would be infinite.
        """
        match self:
            case Scale.D_IN:
                return 1.0 / math.sqrt(d_in)
            case Scale.UNIT:
                return 1.0
            case Scale.NUM_SV:
                num_sv = singular_values_per_task(num_tasks, d_out, d_in)
                return 1.0 / math.sqrt(num_sv)


class Basis(enum.Enum):
    """How the tasks of `svd` come by their singular vectors on one side.

    Attributes:
        SPLIT: one Haar orthonormal basis, cut into consecutive chunks of `dim // num_tasks`, one chunk per task.
        SHARED: one Haar orthonormal basis, all of it for every task.
        RANDOM: independent Gaussian directions of unit length for every task; not orthogonal, so that the singular
            values of the teacher only scatter around `s`.
    """

    SPLIT = enum.auto()
    SHARED = enum.auto()
    RANDOM = enum.auto()


def orthogonal(
    key: PRNGKeyArray,
    num_tasks: int,
    d_out: int,
    d_in: int,
    scale: Scale = Scale.D_IN,
    dtype: DTypeLike | None = None,
) -> TaskSet:
    """`W*^m W*^nT = delta_mn s^2 I`: all rows of all teachers orthogonal, each of length `s`.

    Every teacher has `d_out` equal singular values `s`, and `||W*^m||_F^2 = d_out s^2`.

    Args:
        key: draws the Haar rotation of input space whose first columns become the rows.
        num_tasks: number of base tasks.
        d_out: number of outputs.
        d_in: number of inputs, at least `num_tasks * d_out`.
        scale: gives `s`.
        dtype: of the teachers; None is the default float.

    Raises:
        ValueError: if a size is not positive or the rows do not fit into input space.

    Source: published code, teacher mode "orthogonal" (the default of the paper).
    """
    check_rows_fit("orthogonal", num_tasks, d_out, d_in)
    size = scale.value_for(num_tasks, d_out, d_in)
    return from_matrices(size * _orthonormal_rows(key, num_tasks, d_out, d_in, dtype))


def matched_rows_orthogonal(
    key: PRNGKeyArray,
    num_tasks: int,
    d_out: int,
    d_in: int,
    scale: Scale = Scale.D_IN,
    dtype: DTypeLike | None = None,
) -> TaskSet:
    """`w*^m_o . w*^n_o = s^2 delta_mn`: tasks ask for orthogonal answers, output by output.

    Rows of different outputs are drawn independently, so that more of them fit into input space than in `orthogonal`.
    Whole teachers are orthogonal, `<W*^m, W*^n>_F = d_out s^2 delta_mn`.

    Args:
        key: draws one Haar rotation of input space per output, whose first columns become the rows of that output.
        num_tasks: number of base tasks, at most `d_in`.
        d_out: number of outputs.
        d_in: number of inputs.
        scale: gives `s`, the length of a row.
        dtype: of the teachers; None is the default float.

    Raises:
        ValueError: if a size is not positive or there are more tasks than inputs.

    Source: arXiv 2411.03840, section 2, `w*^1_i . w*^2_i = 0`, without its further orthogonality between outputs.
    """
    check_rows_fit("matched_rows_orthogonal", num_tasks, 1, d_in)
    check_sizes("matched_rows_orthogonal", num_tasks, d_out, d_in)
    size = scale.value_for(num_tasks, d_out, d_in)
    keys = jax.random.split(key, d_out)
    per_output = [_orthonormal_rows(one, num_tasks, 1, d_in, dtype)[:, 0] for one in keys]
    return from_matrices(size * jnp.stack(per_output, axis=1))


def axis_aligned(
    num_tasks: int, d_out: int, d_in: int, scale: Scale = Scale.D_IN, dtype: DTypeLike | None = None
) -> TaskSet:
    """`W*^m_ij = s` where `j = m d_out + i`, else 0: orthogonal teachers without the rotation.

    Args:
        num_tasks: number of base tasks.
        d_out: number of outputs.
        d_in: number of inputs, at least `num_tasks * d_out`.
        scale: gives `s`.
        dtype: of the teachers; None is the default float.

    Raises:
        ValueError: if a size is not positive or the rows do not fit into input space.

    Source: published code, teacher mode "orthogonal" with rotation off (Fig A1).
    """
    check_rows_fit("axis_aligned", num_tasks, d_out, d_in)
    size = scale.value_for(num_tasks, d_out, d_in)
    rows = jnp.eye(num_tasks * d_out, d_in, dtype=_float_dtype(dtype)).reshape(num_tasks, d_out, d_in)
    return from_matrices(size * rows)


def iid(
    key: PRNGKeyArray,
    num_tasks: int,
    d_out: int,
    d_in: int,
    scale: Scale = Scale.D_IN,
    dtype: DTypeLike | None = None,
) -> TaskSet:
    """`W*^m_ij ~ N(0, s^2)`, independent; with `Scale.D_IN` rows have length about 1, not about `s`.

    Args:
        key: draws the entries.
        num_tasks: number of base tasks.
        d_out: number of outputs.
        d_in: number of inputs.
        scale: gives `s`.
        dtype: of the teachers; None is the default float.

    Raises:
        ValueError: if a size is not positive.

    Source: published code, teacher mode "iid".
    """
    check_sizes("iid", num_tasks, d_out, d_in)
    size = scale.value_for(num_tasks, d_out, d_in)
    return from_matrices(size * jax.random.normal(key, (num_tasks, d_out, d_in), _float_dtype(dtype)))


def svd(
    key_left: PRNGKeyArray,
    key_right: PRNGKeyArray,
    num_tasks: int,
    d_out: int,
    d_in: int,
    *,
    left: Basis = Basis.SPLIT,
    right: Basis = Basis.SPLIT,
    num_modes: int | None = None,
    scale: Scale = Scale.D_IN,
    dtype: DTypeLike | None = None,
) -> TaskSet:
    """`W*^m = s sum_a u^m_a v^m_a^T` with left and right singular vectors chosen independently.

    A side offers `dim // num_tasks` vectors per task when split and `dim` otherwise; a teacher has as many modes as
    the poorer side offers. Split on both sides makes the tasks orthogonal in output and input space alike.

    One key for both sides with `d_out == d_in` gives the two sides the same basis. The teachers are then symmetric
    projectors `s P_m`, which is what the published code does unless told otherwise (Fig A2).

    Args:
        key_left: draws the basis of output space.
        key_right: draws the basis of input space.
        num_tasks: number of base tasks.
        d_out: number of outputs.
        d_in: number of inputs.
        left: where the vectors `u^m_a (o,)` come from.
        right: where the vectors `v^m_a (i,)` come from.
        num_modes: modes per teacher; None takes all that both sides offer.
        scale: gives `s`, the common singular value of orthonormal modes.
        dtype: of the teachers; None is the default float.

    Raises:
        ValueError: if a size is not positive, if a split basis has fewer vectors than tasks, or if `num_modes` is more
            than the bases offer.

    Source: published code, teacher mode "svd".
    """
    check_sizes("svd", num_tasks, d_out, d_in)
    available = min(_vectors_per_task(left, num_tasks, d_out), _vectors_per_task(right, num_tasks, d_in))
    check_vectors_suffice(available, num_tasks, d_out, d_in)
    if num_modes is None:
        num_modes = available
    if not 1 <= num_modes <= available:
        raise ValueError(
            f"svd: got num_modes = {num_modes}; with left = {left}, right = {right}, num_tasks = {num_tasks}, "
            f"d_out = {d_out}, d_in = {d_in} allowed are 1 to {available}. Lower it, or share a basis between tasks."
        )
    size = scale.value_for(num_tasks, d_out, d_in)
    dtype = _float_dtype(dtype)
    vectors_left = _singular_vectors(key_left, left, num_tasks, d_out, num_modes, dtype)
    vectors_right = _singular_vectors(key_right, right, num_tasks, d_in, num_modes, dtype)
    products = jnp.einsum("moa,mia->moi", vectors_left, vectors_right, precision=_PRECISION)
    return from_matrices(size * products)


def overlapping(
    key: PRNGKeyArray,
    num_tasks: int,
    d_out: int,
    d_in: int,
    overlap: Real[ArrayLike, ""],
    scale: Scale = Scale.D_IN,
    dtype: DTypeLike | None = None,
) -> TaskSet:
    """`z_k = normalise(sqrt(overlap) b + sqrt(1 - overlap) eta_k)`: every two rows overlap by about `overlap`.

    `b` is one random unit vector and `eta_k ~ N(0, I/d_in)`. Rows overlap within a teacher as much as between
    teachers, so each teacher gains one large singular value and is of rank one at `overlap = 1`; the overlaps that a
    draw realises scatter. `row_overlapping` has neither property.

    As `overlap -> 0` rows become independent, which is not the orthogonal set that the published code switches to at 0:
    ask `orthogonal` for that one. The published rotation of the rows is left out; their law does not feel it.

    Args:
        key: draws `b` and the `eta_k`.
        num_tasks: number of base tasks.
        d_out: number of outputs.
        d_in: number of inputs.
        overlap: mean cosine between rows, above 0 and up to 1. Unchecked when traced.
        scale: gives `s`, the length of a row.
        dtype: of the teachers; None is the default float.

    Raises:
        ValueError: if a size is not positive or `overlap` is out of range.

    Source: published code, non-orthogonality "xx" (Fig A13), where it is drawn without a seed.
    """
    check_sizes("overlapping", num_tasks, d_out, d_in)
    known = known_values(overlap)
    if known is not None:
        check_overlap(float(known))
    size = scale.value_for(num_tasks, d_out, d_in)
    dtype = _float_dtype(dtype)
    rho = jnp.asarray(overlap, dtype)
    key_common, key_own = jax.random.split(key)
    common = jax.random.normal(key_common, (1, 1, d_in), dtype)
    own = jax.random.normal(key_own, (num_tasks, d_out, d_in), dtype) / math.sqrt(d_in)
    rows = _normalise(jnp.sqrt(rho) * _normalise(common) + jnp.sqrt(1.0 - rho) * own)
    return from_matrices(size * rows)


def row_overlapping(
    key: PRNGKeyArray,
    num_tasks: int,
    d_out: int,
    d_in: int,
    overlap: Real[ArrayLike, ""],
    scale: Scale = Scale.D_IN,
    dtype: DTypeLike | None = None,
) -> TaskSet:
    """`W*^m W*^nT = s^2 (delta_mn + (1 - delta_mn) rho) I`: matched rows have cosine exactly `rho = overlap`.

    Rows within a teacher stay orthogonal and unmatched rows of different teachers too. For two tasks this is
    `W*^B = rho W*^A + sqrt(1 - rho^2) W_orth`; for more, `W*^m = sum_n L_mn W_orth^n` with `L L^T` the matrix of ones
    on the diagonal and `rho` off it. `W*^A` does not depend on `rho`, and at `rho = 0` the result is `orthogonal` with
    the same key.

    Args:
        key: draws the orthonormal rows that are mixed.
        num_tasks: number of base tasks.
        d_out: number of outputs.
        d_in: number of inputs, at least `num_tasks * d_out`.
        overlap: cosine of matched rows, from 0 to 1. Unchecked when traced.
        scale: gives `s`, the length of a row and the singular value of each teacher.
        dtype: of the teachers; None is the default float.

    Raises:
        ValueError: if a size is not positive, the rows do not fit into input space, or `overlap` is out of range.

    Source: exact counterpart of the published "xx" teachers (Fig A13).
    """
    check_rows_fit("row_overlapping", num_tasks, d_out, d_in)
    known = known_values(overlap)
    if known is not None and not 0.0 <= known <= 1.0:
        raise ValueError(
            f"row_overlapping: got overlap = {overlap}; allowed is 0 to 1. Give the cosine between matched rows."
        )
    size = scale.value_for(num_tasks, d_out, d_in)
    rows = _orthonormal_rows(key, num_tasks, d_out, d_in, dtype)
    factor = _equicorrelation_factor(jnp.asarray(overlap, rows.dtype), num_tasks)
    return from_matrices(size * jnp.einsum("mn,noi->moi", factor, rows, precision=_PRECISION))


def _float_dtype(dtype: DTypeLike | None) -> np.dtype:
    return jnp.zeros((), dtype).dtype


def _orthonormal_rows(
    key: PRNGKeyArray, num_tasks: int, d_out: int, d_in: int, dtype: DTypeLike | None
) -> Float[Array, "m o i"]:
    rotation = decompositions.rotation(key, d_in, _float_dtype(dtype))
    return rotation.T[: num_tasks * d_out].reshape(num_tasks, d_out, d_in)


def _normalise(rows: Float[Array, "... i"]) -> Float[Array, "... i"]:
    return rows / jnp.linalg.norm(rows, axis=-1, keepdims=True)


def _equicorrelation_factor(rho: Float[Array, ""], size: int) -> Float[Array, "m m"]:
    """Cholesky factor of `(1 - rho) I + rho 1 1^T`, in closed form so that it also exists at `rho = 1`."""
    index = jnp.arange(size)
    columns = [jnp.full((size,), rho).at[0].set(1.0)]
    for n in range(1, size):
        before, after = 1.0 + (n - 1) * rho, 1.0 + n * rho
        diagonal = jnp.sqrt((1.0 - rho) * after / before)
        below = rho * jnp.sqrt((1.0 - rho) / (before * after))
        columns.append(jnp.where(index == n, diagonal, jnp.where(index > n, below, jnp.zeros_like(rho))))
    return jnp.stack(columns, axis=1)


def _vectors_per_task(basis: Basis, num_tasks: int, dim: int) -> int:
    return dim // num_tasks if basis is Basis.SPLIT else dim


def _singular_vectors(
    key: PRNGKeyArray, basis: Basis, num_tasks: int, dim: int, num_modes: int, dtype: DTypeLike
) -> Float[Array, "m d a"]:
    if basis is Basis.RANDOM:
        vectors = _normalise(jax.random.normal(key, (num_tasks, num_modes, dim), dtype))
        return vectors.swapaxes(1, 2)
    rotation = decompositions.rotation(key, dim, dtype)
    chunk = dim // num_tasks if basis is Basis.SPLIT else 0
    return jnp.stack([rotation[:, m * chunk : m * chunk + num_modes] for m in range(num_tasks)])
