"""Alignment: exact identities, symmetries, degenerate inputs, and agreement between the ways of computing it."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import (
    column_cosine,
    left_singular_alignment,
    mode_projection,
    overlap_similarity,
    right_singular_alignment,
    row_cosine,
    similarity_matrix,
    total_alignment,
    total_map_alignment,
)

ROUNDING = 1e-12  # a few hundred float64 operations on numbers of order one
PAIR_METRICS = [row_cosine, column_cosine, total_map_alignment, left_singular_alignment, right_singular_alignment]


def random_case(getkey, teachers=2, paths=3, d_out=4, d_in=6, dtype=jnp.float64):
    return (
        jax.random.normal(getkey(), (teachers, d_out, d_in), dtype),
        jax.random.normal(getkey(), (paths, d_out, d_in), dtype),
    )


def overlaps_by_row(teachers, weights):
    return (
        jnp.einsum("poi,qoi->opq", weights, weights),
        jnp.einsum("poi,moi->opm", weights, teachers),
        jnp.einsum("moi,noi->omn", teachers, teachers),
    )


def test_row_cosine_by_hand():
    a = jnp.array([[1.0, 0.0], [0.0, 2.0]])
    b = jnp.array([[3.0, 0.0], [4.0, 3.0]])
    assert row_cosine(a, b) == pytest.approx((1 + 0.6) / 2, abs=ROUNDING)


def test_a_matrix_is_aligned_with_its_positive_multiples_and_against_its_negative(getkey):
    (teacher,), _ = random_case(getkey, teachers=1)
    assert row_cosine(teacher, 7.0 * teacher) == pytest.approx(1.0, abs=ROUNDING)
    assert row_cosine(teacher, -0.01 * teacher) == pytest.approx(-1.0, abs=ROUNDING)


def test_similarity_matrix_collects_row_cosines(getkey):
    teachers, weights = random_case(getkey)
    expected = [[row_cosine(teacher, weight) for weight in weights] for teacher in teachers]
    np.testing.assert_allclose(similarity_matrix(teachers, weights), np.array(expected), atol=ROUNDING)


def test_path_permutation_permutes_columns(getkey):
    teachers, weights = random_case(getkey)
    order = jnp.array([2, 0, 1])
    np.testing.assert_array_equal(
        similarity_matrix(teachers, weights[order]), similarity_matrix(teachers, weights)[:, order]
    )


def test_similarity_ignores_rotations_of_the_input(getkey):
    teachers, weights = random_case(getkey)
    rotation, _ = jnp.linalg.qr(jax.random.normal(getkey(), (6, 6)))
    np.testing.assert_allclose(
        similarity_matrix(teachers @ rotation, weights @ rotation),
        similarity_matrix(teachers, weights),
        atol=ROUNDING,
    )


@pytest.mark.slow
def test_one_row_group_per_output_gives_the_row_cosine(getkey):
    teachers, weights = random_case(getkey)
    np.testing.assert_allclose(
        overlap_similarity(*overlaps_by_row(teachers, weights)), similarity_matrix(teachers, weights), atol=ROUNDING
    )


@pytest.mark.parametrize("leading", [(), (1,)])
def test_one_row_group_gives_the_frobenius_cosine(getkey, leading):
    teachers, weights = random_case(getkey)
    whole = [x.sum(axis=0).reshape(*leading, *x.shape[1:]) for x in overlaps_by_row(teachers, weights)]
    expected = [[jnp.sum(t * w) / jnp.linalg.norm(t) / jnp.linalg.norm(w) for w in weights] for t in teachers]
    np.testing.assert_allclose(overlap_similarity(*whole), np.array(expected), atol=ROUNDING)


def test_column_cosine_of_the_reduced_model_is_at_most_a_half():
    teacher = jnp.array([[0.6], [0.8]])
    assert column_cosine(teacher, 3.0 * teacher) == pytest.approx(0.5, abs=ROUNDING)


def test_column_cosine_of_a_match_is_inputs_over_outputs(getkey):
    (teacher,), _ = random_case(getkey, teachers=1)
    assert column_cosine(teacher, teacher) == pytest.approx(6 / 4, abs=ROUNDING)


def test_total_alignment_is_the_row_cosine_of_the_stacked_matrices(getkey):
    teachers, weights = random_case(getkey, teachers=3)
    assignment = jnp.array([1, 2, 0])
    stacked = row_cosine(teachers.reshape(-1, 6), weights[assignment].reshape(-1, 6))
    np.testing.assert_allclose(
        total_alignment(similarity_matrix(teachers, weights), assignment), stacked, atol=ROUNDING
    )


def test_total_alignment_under_the_identity_is_the_mean_of_the_diagonal(getkey):
    similarity = jax.random.uniform(getkey(), (3, 3))
    expected = jnp.mean(jnp.diagonal(similarity))
    assert total_alignment(similarity, jnp.arange(3)) == pytest.approx(float(expected), abs=ROUNDING)


def test_total_alignment_with_a_path_that_does_not_exist_is_nan():
    assert jnp.isnan(total_alignment(jnp.ones((2, 2)), jnp.array([0, 2])))


@pytest.mark.parametrize("metric", [left_singular_alignment, right_singular_alignment])
def test_singular_alignment_finds_the_leading_mode_among_two_of_the_student(getkey, metric):
    left, _ = jnp.linalg.qr(jax.random.normal(getkey(), (4, 4)))
    right, _ = jnp.linalg.qr(jax.random.normal(getkey(), (6, 4)))
    teacher = left @ jnp.diag(jnp.array([3.0, 1.0, 0.5, 0.2])) @ right.T
    second = left @ jnp.diag(jnp.array([2.0, 5.0, 0.5, 0.2])) @ right.T
    third = left @ jnp.diag(jnp.array([0.6, 5.0, 2.0, 0.2])) @ right.T
    assert metric(teacher, -second) == pytest.approx(1.0, abs=ROUNDING)
    assert metric(teacher, third) == pytest.approx(0.0, abs=ROUNDING)


def test_left_and_right_singular_alignment_swap_under_transposition(getkey):
    (teacher,), (student, *_) = random_case(getkey, teachers=1)
    expected = float(right_singular_alignment(teacher.T, student.T))
    assert left_singular_alignment(teacher, student) == pytest.approx(expected, abs=ROUNDING)


def test_mode_projection_recovers_components_and_their_sum_rebuilds_the_weights(getkey):
    left, _ = jnp.linalg.qr(jax.random.normal(getkey(), (3, 3)))
    basis, _ = jnp.linalg.qr(jax.random.normal(getkey(), (6, 6)))
    right = jnp.stack([basis[:, :3], basis[:, 3:]])
    components = jax.random.normal(getkey(), (2, 2, 3))  # paths, teachers, modes
    weights = jnp.einsum("oa,pma,mia->poi", left, components, right)
    np.testing.assert_allclose(mode_projection(left, right, weights), components, atol=ROUNDING)


@pytest.mark.parametrize("metric", PAIR_METRICS)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_zero_matrices_count_as_zero_and_dtype_is_kept(getkey, metric, dtype):
    (teacher,), _ = random_case(getkey, teachers=1, dtype=dtype)
    for pair in [(teacher, jnp.zeros_like(teacher)), (jnp.zeros_like(teacher), teacher)]:
        value = metric(*pair)
        assert value == 0
        assert value.dtype == dtype


def test_one_zero_row_costs_its_share(getkey):
    (teacher,), _ = random_case(getkey, teachers=1)
    assert row_cosine(teacher, teacher.at[1].set(0.0)) == pytest.approx(3 / 4, abs=ROUNDING)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_overlap_similarity_of_a_zero_path_is_zero_and_dtype_is_kept(getkey, dtype):
    teachers, weights = random_case(getkey, dtype=dtype)
    similarity = overlap_similarity(*overlaps_by_row(teachers, weights.at[1].set(0.0)))
    assert similarity.dtype == dtype
    np.testing.assert_array_equal(similarity[:, 1], 0)
    assert jnp.all(jnp.isfinite(similarity))


def test_gradient_at_a_zero_student_is_finite(getkey):
    (teacher,), _ = random_case(getkey, teachers=1)
    assert jnp.all(jnp.isfinite(jax.grad(row_cosine, argnums=1)(teacher, jnp.zeros_like(teacher))))


def test_tiny_float32_weights_do_not_underflow(getkey):
    (teacher,), _ = random_case(getkey, teachers=1, dtype=jnp.float32)
    assert row_cosine(teacher, 1e-30 * teacher) == pytest.approx(1.0, abs=1e-6)  # float32 rounding


@hypothesis.given(st.integers(0, 2**31 - 1), st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
@hypothesis.settings(max_examples=30)
def test_cosines_are_bounded_symmetric_and_scale_free(seed, first_scale, second_scale):
    a, b = jax.random.normal(jax.random.key(seed), (2, 4, 6))
    value = row_cosine(a, b)
    assert abs(value) <= 1 + ROUNDING
    assert value == pytest.approx(float(row_cosine(b, a)), abs=ROUNDING)
    assert value == pytest.approx(float(row_cosine(first_scale * a, second_scale * b)), abs=ROUNDING)


@pytest.mark.parametrize("metric", PAIR_METRICS)
def test_pair_metrics_under_jit_and_vmap(getkey, metric):
    _, a = random_case(getkey)
    _, b = random_case(getkey)
    expected = jnp.stack([metric(x, y) for x, y in zip(a, b, strict=True)])
    np.testing.assert_allclose(jax.jit(jax.vmap(metric))(a, b), expected, atol=ROUNDING)


def test_matrix_metrics_under_jit_and_vmap(getkey):
    teachers, weights = random_case(getkey)
    batch = jnp.stack([weights, 2.0 * weights[::-1]])
    expected = jnp.stack([similarity_matrix(teachers, w) for w in batch])
    found = jax.jit(jax.vmap(similarity_matrix, (None, 0)))(teachers, batch)
    np.testing.assert_allclose(found, expected, atol=ROUNDING)

    groups = [jnp.stack(x) for x in zip(*(overlaps_by_row(teachers, w) for w in batch), strict=True)]
    np.testing.assert_allclose(jax.jit(jax.vmap(overlap_similarity))(*groups), expected, atol=ROUNDING)

    assignments = jnp.array([[0, 2], [1, 0]])
    totals = jnp.stack([total_alignment(s, a) for s, a in zip(expected, assignments, strict=True)])
    np.testing.assert_allclose(jax.jit(jax.vmap(total_alignment))(expected, assignments), totals, atol=ROUNDING)

    left, right = jnp.eye(4), jnp.stack([jnp.eye(6)[:, :4], jnp.eye(6)[:, 2:]])
    projections = jnp.stack([mode_projection(left, right, w) for w in batch])
    found = jax.jit(jax.vmap(mode_projection, (None, None, 0)))(left, right, batch)
    np.testing.assert_allclose(found, projections, atol=ROUNDING)
