"""Which student row belongs to which teacher row, where every row may find a teacher for itself.

Rows of the first layer of a two-layer network, or of the paths of a network with one gate per neuron, specialise on
their own. Similarities of rows have the axes (teacher, output row of the teacher, student row); a matching is an array
with the first two that names a student row.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ntadyn.metrics.alignment import overlap_cosines, unit
from ntadyn.metrics.assignment import optimal_assignment

_EXACT = jax.lax.Precision.HIGHEST


def row_cosines(teachers: Float[Array, "m o i"], rows: Float[Array, "n i"]) -> Float[Array, "m o n"]:
    """C_{m,i,r} = W*^m_i . W_r / (|W*^m_i| |W_r|), signed.

    Args:
        teachers: base teachers, shape (teachers, d_out, d_in).
        rows: student rows, shape (rows, d_in): the first layer, or weights (paths, d_out, d_in) reshaped to rows, in
            which row p d_out + i feeds output i of path p.

    Returns:
        Cosines, shape (teachers, d_out, rows); zero rows count as cosine 0.

    Source: published code of arXiv 2411.03840, per-row alignment of two-layer networks.
    """
    return jnp.einsum("moi,ni->mon", unit(teachers, -1), unit(rows, -1), precision=_EXACT)


def row_similarity(
    students: Float[Array, "r p p"], cross: Float[Array, "r p m"], teachers: Float[Array, "r m m"]
) -> Float[Array, "m r p"]:
    """C_{m,r,p} = S^r_{pm} / sqrt(K^r_{pp} T^r_{mm}): teacher rows against what each path feeds into the same output.

    For a two-layer network, whose units feed the same row into all outputs, these are all of `row_cosines`.

    Args:
        students: K_{pq} = <W^p, W^q> of every output row, shape (d_out, paths, paths).
        cross: S_{pm} = <W^p, W*^m>, shape (d_out, paths, teachers).
        teachers: T_{mn} = <W*^m, W*^n>, shape (d_out, teachers, teachers).

    Returns:
        Cosines, shape (teachers, d_out, paths); rows without a norm count as cosine 0.

    Source: published code of arXiv 2411.03840, per-row alignment, from overlaps.
    """
    return jnp.transpose(overlap_cosines(students, cross, teachers), (2, 0, 1))


def mean_over(series: Float[Array, "t ..."], window: Bool[Array, " t"]) -> Float[Array, "..."]:
    """The mean over the records of a window, for example `last_blocks_mask`; NaN for an empty one."""
    weight = window.astype(series.dtype)
    return jnp.tensordot(weight, series, axes=1, precision=_EXACT) / jnp.sum(weight)


def assign_units(similarity: Float[Array, "m o n"]) -> Int[Array, "m o"]:
    """The injective matching of all teacher rows with units that maximises the sum of their cosines.

    Args:
        similarity: cosines, for example averaged over the last two blocks, shape (teachers, d_out, units).

    Returns:
        The unit of every teacher row, shape (teachers, d_out), without repetition.

    Raises:
        ValueError: if there are fewer units than teacher rows.

    Source: linear assignment problem; replaces `published_row_matching`.
    """
    num_teachers, rows, units = similarity.shape
    if units < num_teachers * rows:
        raise ValueError(
            f"{units} hidden units cannot be matched with {num_teachers} teachers of {rows} rows, one each; use at "
            f"least {num_teachers * rows} units, or fewer teachers."
        )
    return optimal_assignment(similarity.reshape(-1, units)).reshape(num_teachers, rows)


def assign_paths_by_row(similarity: Float[Array, "m o p"]) -> Int[Array, "m o"]:
    """In every output row for itself, the injective matching of teachers with paths of largest summed cosine.

    Args:
        similarity: cosines within output rows, shape (teachers, d_out, paths).

    Returns:
        The path of every teacher row, shape (teachers, d_out); no path repeats within an output row.

    Raises:
        ValueError: if there are fewer paths than teachers.

    Source: linear assignment problem; replaces `published_row_matching`.
    """
    return jax.vmap(optimal_assignment, in_axes=1, out_axes=1)(similarity)


def published_row_matching(similarity_over_time: Float[Array, "t m o n"]) -> Int[Array, "m o"]:
    """argmax_r <C_{m,i,r}>_t: every teacher row takes the student row that was most like it in the mean of all records.

    Kept to compare with published numbers. One student row may serve several teacher rows (`num_distinct` counts
    them), and the unspecialised beginning of a run counts as much as its end.

    Args:
        similarity_over_time: cosines, shape (records, teachers, d_out, rows).

    Returns:
        The student row of every teacher row, shape (teachers, d_out); ties go to the first row.

    Source: published code of arXiv 2411.03840, row matching of figures 3D, 6, A4 to A7 and A12.
    """
    return jnp.argmax(jnp.mean(similarity_over_time, axis=0), axis=-1).astype(jnp.int32)


class MatchedRows(eqx.Module):
    """A run under a matching of rows; "path p" stands for the student rows that are matched to teacher p.

    Attributes:
        similarity: cos(W*^m, path p), the mean cosine of rows, shape (records, teachers, matched teachers).
        alignment: the mean cosine of all matched rows, which is the mean diagonal of `similarity`, shape (records,).
        num_distinct: how many student rows are matched at all.
    """

    similarity: Float[Array, "t m p"]
    alignment: Float[Array, " t"]
    num_distinct: Int[Array, ""]


def matched_rows(similarity_over_time: Float[Array, "t m o n"], matching: Int[Array, "p o"]) -> MatchedRows:
    """sim_{m,p} = (1/d_out) sum_i C_{m,i,r(p,i)} under a matching r.

    Args:
        similarity_over_time: cosines, shape (records, teachers, d_out, rows); teachers that are not matched, such as
            composites, come last.
        matching: r, shape (matched teachers, d_out), from `assign_units`, `assign_paths_by_row` or
            `published_row_matching`.

    Returns:
        Similarity of teachers with the sorted student, total alignment, and the number of rows in use.

    Source: arXiv 2411.03840, total alignment of two-layer networks (figures 6B, A4, A7).
    """
    index = matching[None, None, :, :, None]
    cosines = jnp.take_along_axis(similarity_over_time[:, :, None], index, axis=-1)[..., 0]
    similarity = jnp.mean(cosines, axis=-1)
    return MatchedRows(similarity, jnp.mean(jnp.diagonal(similarity, axis1=1, axis2=2), axis=1), num_distinct(matching))


def num_distinct(labels: Int[Array, "..."]) -> Int[Array, ""]:
    """The number of different values in an array of any shape."""
    ordered = jnp.sort(labels.reshape(-1))
    return 1 + jnp.sum(ordered[1:] != ordered[:-1])
