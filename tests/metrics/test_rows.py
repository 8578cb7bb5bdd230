import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import (
    assign_paths_by_row,
    assign_units,
    matched_rows,
    mean_over,
    num_distinct,
    published_row_matching,
    row_cosines,
    row_similarity,
    similarity_matrix,
    total_alignment,
)

ROUNDING = 1e-14

# Compiled whole: operation by operation, these tests would compile hundreds of programs.
(
    assign_paths_by_row,
    assign_units,
    matched_rows,
    mean_over,
    published_row_matching,
    row_cosines,
    row_similarity,
    similarity_matrix,
) = map(
    eqx.filter_jit,
    (
        assign_paths_by_row,
        assign_units,
        matched_rows,
        mean_over,
        published_row_matching,
        row_cosines,
        row_similarity,
        similarity_matrix,
    ),
)
TEACHERS = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 5)))
ROWS = jnp.asarray(np.random.default_rng(1).normal(size=(8, 5)))


def cosine(a, b):
    return float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.fixture(scope="module")
def cosines():
    return row_cosines(TEACHERS, ROWS)


def test_cosines_of_all_rows_by_hand(cosines):
    assert cosines.shape == (2, 3, 8)
    for teacher, output, row in np.ndindex(cosines.shape):
        assert cosines[teacher, output, row] == pytest.approx(
            cosine(TEACHERS[teacher, output], ROWS[row]), abs=ROUNDING
        )


def test_rows_without_a_norm_count_as_zero():
    silent = jnp.concatenate([ROWS[:1], jnp.zeros((1, 5))])
    np.testing.assert_array_equal(row_cosines(TEACHERS, silent)[:, :, 1], 0.0)


def test_similarity_of_rows_from_overlaps(cosines):
    weights = ROWS[:6].reshape(2, 3, 5)  # two paths of three rows
    students = np.einsum("poi,qoi->opq", weights, weights)
    cross = np.einsum("poi,moi->opm", weights, TEACHERS)
    teachers = np.einsum("moi,noi->omn", TEACHERS, TEACHERS)
    similarity = row_similarity(*map(jnp.asarray, (students, cross, teachers)))
    for teacher, output, path in np.ndindex(similarity.shape):
        assert similarity[teacher, output, path] == pytest.approx(
            float(cosines[teacher, output, 3 * path + output]), abs=ROUNDING
        )


def test_the_matching_of_units_is_the_best_of_all(cosines):
    small = np.asarray(cosines[:, :2, :5])
    matching = jax.jit(assign_units)(cosines[:, :2, :5])
    value = lambda units: sum(small.reshape(4, 5)[row, unit] for row, unit in enumerate(units))  # noqa: E731
    best = max(value(units) for units in itertools.permutations(range(5), 4))
    assert value(np.asarray(matching).ravel()) == pytest.approx(best, abs=ROUNDING)
    assert int(num_distinct(matching)) == 4


def test_many_units_are_matched_and_a_hidden_permutation_is_found():
    teachers = jax.random.normal(jax.random.key(2), (2, 10, 20))
    order = jax.random.permutation(jax.random.key(3), 20)
    units = jnp.zeros((20, 20)).at[order].set(0.1 * teachers.reshape(20, 20))
    matching = jax.jit(assign_units)(row_cosines(teachers, units))
    np.testing.assert_array_equal(matching.ravel(), order)
    found = matched_rows(row_cosines(teachers, units)[None], matching)
    assert float(found.alignment[0]) == pytest.approx(1.0, abs=ROUNDING)
    assert int(found.num_distinct) == 20


def test_paths_are_matched_in_every_row_apart():
    # Path 0 serves teacher A in the first output, teacher B in the second; together they would be a draw.
    similarity = jnp.asarray([[[0.9, 0.1], [0.2, 0.8]], [[0.0, 0.7], [0.6, 0.1]]])
    np.testing.assert_array_equal(assign_paths_by_row(similarity), [[0, 1], [1, 0]])
    # Each prefers path 0; one has to give way, the one that loses less.
    contested = jnp.asarray([[[0.9, 0.5]], [[0.8, 0.1]]])
    np.testing.assert_array_equal(assign_paths_by_row(contested), [[1], [0]])


def test_the_published_matching_may_use_a_row_twice_and_averages_the_whole_run():
    early = jnp.asarray([[[0.9, 0.0, 0.1]], [[0.8, 0.1, 0.0]]])
    late = jnp.asarray([[[0.2, 0.7, 0.0]], [[0.3, 0.1, 0.6]]])
    series = jnp.stack([early, early, late])
    published = published_row_matching(series)
    np.testing.assert_array_equal(published, [[0], [0]])
    assert int(matched_rows(series, published).num_distinct) == 1
    window = jnp.asarray([False, False, True])
    np.testing.assert_array_equal(mean_over(series, window), late)
    np.testing.assert_array_equal(assign_units(mean_over(series, window)), [[1], [2]])


def test_sorted_similarity_and_alignment_by_hand(cosines):
    series = jnp.stack([cosines, cosines[:, :, ::-1]])
    matching = jnp.asarray([[4, 0, 2], [2, 7, 1]])
    found = jax.jit(matched_rows)(series, matching)
    for record, teacher, path in np.ndindex(2, 2, 2):
        rows = [float(series[record, teacher, output, matching[path, output]]) for output in range(3)]
        assert found.similarity[record, teacher, path] == pytest.approx(np.mean(rows), abs=ROUNDING)
    np.testing.assert_allclose(found.alignment, np.trace(found.similarity, axis1=1, axis2=2) / 2, rtol=0, atol=ROUNDING)
    assert int(found.num_distinct) == 5  # row 2 serves both teachers


def test_rows_that_stay_together_give_the_alignment_of_paths():
    weights = ROWS[:6].reshape(2, 3, 5)
    matching = jnp.arange(6).reshape(2, 3)[::-1]
    found = matched_rows(row_cosines(TEACHERS, ROWS[:6])[None], matching)
    paths = similarity_matrix(TEACHERS, weights)
    np.testing.assert_allclose(found.similarity[0], paths[:, ::-1], rtol=0, atol=ROUNDING)
    expected = total_alignment(paths, jnp.asarray([1, 0]))
    assert float(found.alignment[0]) == pytest.approx(float(expected), abs=ROUNDING)


def test_composites_are_compared_but_not_matched(cosines):
    base_only = matched_rows(cosines[None], jnp.asarray([[4, 0, 2]]))
    assert base_only.similarity.shape == (1, 2, 1)
    assert float(base_only.alignment[0]) == float(base_only.similarity[0, 0, 0])


def test_too_few_units_are_refused(cosines):
    with pytest.raises(
        ValueError, match="5 hidden units cannot be matched with 2 teachers of 3 rows.*at least 6 units"
    ):
        assign_units(cosines[:, :, :5])
