"""How much students look like teachers: cosines, overlaps and projections of weight matrices."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

_EXACT = jax.lax.Precision.HIGHEST


def unit(vectors: Array, axis: int) -> Array:
    """Vectors along an axis, each divided by its norm; zero vectors stay zero."""
    # The largest entry is divided out first, so that tiny float32 weights do not underflow when they are squared.
    largest = jnp.max(jnp.abs(vectors), axis=axis, keepdims=True)
    nonzero = largest > 0
    scaled = vectors / jnp.where(nonzero, largest, jnp.ones_like(largest))
    safe = jnp.where(nonzero, scaled, jnp.ones_like(scaled))
    return jnp.where(nonzero, scaled / jnp.linalg.norm(safe, axis=axis, keepdims=True), jnp.zeros_like(scaled))


def row_cosine(a: Float[Array, "o i"], b: Float[Array, "o i"]) -> Float[Array, ""]:
    """cos(A, B) = (1/d_out) sum_i A_i . B_i / (|A_i| |B_i|), the mean cosine of matched rows.

    Args:
        a: first matrix, shape (d_out, d_in).
        b: second matrix, same shape.

    Returns:
        A scalar in [-1, 1]. A row that is exactly zero in either matrix counts as cosine 0.

    Source: arXiv 2411.03840, the student-teacher alignment of figure 2.
    """
    return jnp.einsum("oi,oi->", unit(a, -1), unit(b, -1), precision=_EXACT) / a.shape[0]


def similarity_matrix(teachers: Float[Array, "m o i"], weights: Float[Array, "p o i"]) -> Float[Array, "m p"]:
    """sim_{mp} = cos(W*^m, W^p), the row cosine of every teacher with every path.

    Args:
        teachers: teacher matrices, shape (teachers, d_out, d_in).
        weights: path weights, shape (paths, d_out, d_in).

    Returns:
        Similarities, shape (teachers, paths), entries in [-1, 1]; zero rows count as cosine 0.

    Source: arXiv 2411.03840, the student-teacher alignment of figure 2.
    """
    return jnp.einsum("moi,poi->mp", unit(teachers, -1), unit(weights, -1), precision=_EXACT) / teachers.shape[1]


def overlap_similarity(
    students: Float[Array, "*r p p"], cross: Float[Array, "*r p m"], teachers: Float[Array, "*r m m"]
) -> Float[Array, "m p"]:
    """sim_{mp} = mean_r S^r_{pm} / sqrt(K^r_{pp} T^r_{mm}), the cosines of an order-parameter state.

    One row group gives the Frobenius cosine of whole matrices; one group per output row gives the row cosine.

    Args:
        students: K_{pq} = <W^p, W^q> in each row group, shape (..., paths, paths); the leading axes are row groups.
        cross: S_{pm} = <W^p, W*^m>, shape (..., paths, teachers).
        teachers: T_{mn} = <W*^m, W*^n>, shape (..., teachers, teachers).

    Returns:
        Similarities, shape (teachers, paths). Groups in which a path or a teacher has no norm count as cosine 0.

    Source: arXiv 2411.03840, alignment; closure of the flow in the overlaps K, S, T.
    """
    cosines = overlap_cosines(students, cross, teachers)
    return jnp.mean(cosines.reshape(-1, *cosines.shape[-2:]), axis=0).T


def overlap_cosines(
    students: Float[Array, "*r p p"], cross: Float[Array, "*r p m"], teachers: Float[Array, "*r m m"]
) -> Float[Array, "*r p m"]:
    """S^r_{pm} / sqrt(K^r_{pp} T^r_{mm}) in every row group; arguments as in `overlap_similarity`.

    Returns:
        Cosines, shape (..., paths, teachers); 0 where a path or a teacher has no norm.
    """
    student_norm = _safe_root(jnp.diagonal(students, axis1=-2, axis2=-1))[..., :, None]
    teacher_norm = _safe_root(jnp.diagonal(teachers, axis1=-2, axis2=-1))[..., None, :]
    # One factor is divided out at a time: the product of two small norms can underflow when neither factor does.
    return jnp.where(
        (student_norm > 0) & (teacher_norm > 0),
        cross / _one_where_zero(student_norm) / _one_where_zero(teacher_norm),
        jnp.zeros_like(cross),
    )


def _safe_root(squares: Array) -> Array:
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, jnp.ones_like(squares))), jnp.zeros_like(squares))


def _one_where_zero(norm: Array) -> Array:
    return jnp.where(norm > 0, norm, jnp.ones_like(norm))


def column_cosine(a: Float[Array, "o i"], b: Float[Array, "o i"]) -> Float[Array, ""]:
    """(1/d_out) sum_j A_:j . B_:j / (|A_:j| |B_:j|), the published "columns" similarity of the reduced model.

    The sum runs over the d_in columns but is divided by d_out, so a perfect match gives d_in/d_out: with one input
    and two outputs the maximum is 1/2. It orders paths correctly, which is all it was used for; as a cosine it is
    wrong by that factor.

    Args:
        a: first matrix, shape (d_out, d_in).
        b: second matrix, same shape.

    Returns:
        A scalar in [-d_in/d_out, d_in/d_out]. A zero column in either matrix counts as cosine 0.

    Source: published code of arXiv 2411.03840, metric "cosine, cols".
    """
    return jnp.einsum("oi,oi->", unit(a, 0), unit(b, 0), precision=_EXACT) / a.shape[0]


def total_alignment(similarity: Float[Array, "m p"], assignment: Int[Array, " m"]) -> Float[Array, ""]:
    """(1/M) sum_m sim_{m, p(m)}, the mean similarity of every teacher with the path assigned to it.

    For row cosines this equals the row cosine of the stacked teachers with the stacked assigned students, the
    "concatenated alignment" of the published code.

    Args:
        similarity: similarities, shape (teachers, paths).
        assignment: path index of each teacher, shape (teachers,), for example from `optimal_assignment`.

    Returns:
        A scalar; NaN if an index is not a path.

    Source: arXiv 2411.03840, total alignment (figures 5, A7).
    """
    matched = jnp.take_along_axis(similarity, assignment[:, None], axis=1, mode="fill", fill_value=jnp.nan)
    return jnp.mean(matched)


def total_map_alignment(total_map: Float[Array, "o i"], teacher: Float[Array, "o i"]) -> Float[Array, ""]:
    """cos(sum_p c_p W^p, W*), the row cosine of what the network computes with the teacher in force.

    Args:
        total_map: the linear map of the network, shape (d_out, d_in).
        teacher: the current teacher (or the current mixture of teachers), shape (d_out, d_in).

    Returns:
        A scalar in [-1, 1]; zero rows count as cosine 0.

    Source: published code of arXiv 2411.03840, logged alignment of the gated sum.
    """
    return row_cosine(total_map, teacher)


def left_singular_alignment(teacher: Float[Array, "o i"], student: Float[Array, "o i"]) -> Float[Array, ""]:
    """max_{b = 1, 2} |u*_1 . u_b|, the first left singular vector of the teacher against two of the student.

    The vector u*_1 is arbitrary when the leading singular values of the teacher are equal, as they are for teachers
    with orthogonal rows: use it for teachers with a distinct leading mode, and `mode_projection` otherwise.

    Args:
        teacher: shape (d_out, d_in).
        student: shape (d_out, d_in).

    Returns:
        A scalar in [0, 1]; 0 if teacher or student is exactly zero.

    Source: published code of arXiv 2411.03840, metric "SVD".
    """
    teacher_vectors, teacher_values, _ = jnp.linalg.svd(teacher, full_matrices=False)
    student_vectors, student_values, _ = jnp.linalg.svd(student, full_matrices=False)
    overlaps = jnp.abs(jnp.einsum("o,ob->b", teacher_vectors[:, 0], student_vectors[:, :2], precision=_EXACT))
    defined = (teacher_values[0] > 0) & (student_values[0] > 0)
    return jnp.where(defined, jnp.max(overlaps), jnp.zeros_like(overlaps[0]))


def right_singular_alignment(teacher: Float[Array, "o i"], student: Float[Array, "o i"]) -> Float[Array, ""]:
    """max_{b = 1, 2} |v*_1 . v_b|, the first right singular vector of the teacher against two of the student.

    The caveat about equal singular values of `left_singular_alignment` holds here too.

    Args:
        teacher: shape (d_out, d_in).
        student: shape (d_out, d_in).

    Returns:
        A scalar in [0, 1]; 0 if teacher or student is exactly zero.

    Source: published code of arXiv 2411.03840, metric "SVD", right-vector version.
    """
    return left_singular_alignment(teacher.T, student.T)


def mode_projection(
    left: Float[Array, "o a"], right: Float[Array, "m i a"], weights: Float[Array, "p o i"]
) -> Float[Array, "p m a"]:
    """w_a^{p,m} = u_a^T W^p v_a^m, the component of every path along every singular mode of every teacher.

    Exact, signed and linear in the weights; the reduced model of one effective mode is about these numbers.

    Args:
        left: left singular vectors u_a shared by the teachers, in columns, shape (d_out, modes).
        right: right singular vectors v_a^m, in columns, shape (teachers, d_in, modes).
        weights: path weights, shape (paths, d_out, d_in).

    Returns:
        Components, shape (paths, teachers, modes). Divide by the singular values to get 1 for a perfect match.

    Source: arXiv 2411.03840, reduction to singular modes.
    """
    return jnp.einsum("oa,poi,mia->pma", left, weights, right, precision=_EXACT)
