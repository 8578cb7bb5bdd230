"""Teachers: sizes and geometry against closed forms, and the messages for sizes that cannot work."""

import itertools

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import Basis, Scale, composites, teachers

KEY = jax.random.key(3)
ROUNDING = 1e-12  # float64 products and one QR of a 20 x 20 matrix

GENERATORS = {
    "orthogonal": lambda key, m, o, i, **kw: teachers.orthogonal(key, m, o, i, **kw),
    "axis_aligned": lambda key, m, o, i, **kw: teachers.axis_aligned(m, o, i, **kw),
    "matched_rows_orthogonal": lambda key, m, o, i, **kw: teachers.matched_rows_orthogonal(key, m, o, i, **kw),
    "iid": lambda key, m, o, i, **kw: teachers.iid(key, m, o, i, **kw),
    "svd": lambda key, m, o, i, **kw: teachers.svd(*jax.random.split(key), m, o, i, **kw),
    "overlapping": lambda key, m, o, i, **kw: teachers.overlapping(key, m, o, i, 0.5, **kw),
    "row_overlapping": lambda key, m, o, i, **kw: teachers.row_overlapping(key, m, o, i, 0.5, **kw),
}
# For many overlaps: compiled once per size.
ROW_OVERLAPPING = eqx.filter_jit(teachers.row_overlapping)
every_generator = pytest.mark.parametrize("generate", GENERATORS.values(), ids=GENERATORS)


def matrices(tasks):
    """The teachers in NumPy: in JAX each slice and sum of the checks would be compiled."""
    return np.asarray(tasks.teachers)


def rank(matrix):
    return int(np.sum(np.linalg.svd(matrix, compute_uv=False) > 1e-9))


def expected_loss(one, other):
    """Mean loss on white inputs of a network that computes `other` while the task is `one`."""
    return 0.5 * float(np.sum((one - other) ** 2))


def row_cosines(one, other):
    norms = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return np.sum(one * other, axis=-1) / norms


@every_generator
def test_shape_names_and_dtype(generate):
    tasks = generate(KEY, 2, 4, 8)
    assert tasks.teachers.shape == (2, 4, 8)
    assert (tasks.num_tasks, tasks.num_base, tasks.num_composites, tasks.d_out, tasks.d_in) == (2, 2, 0, 4, 8)
    assert tasks.names == ("A", "B")
    assert tasks.teachers.dtype == jnp.zeros(()).dtype
    assert not tasks.teachers.weak_type


@every_generator
def test_float32_is_kept_with_composites(generate):
    tasks = generate(KEY, 2, 4, 8, dtype=jnp.float32)
    tasks = composites.with_sum_composites(tasks, jnp.asarray(0.3))
    assert tasks.teachers.dtype == jnp.float32
    assert tasks.gram.dtype == jnp.float32


@every_generator
def test_scale_multiplies_every_teacher(generate):
    unit = generate(KEY, 2, 4, 8, scale=Scale.UNIT)
    assert np.allclose(matrices(generate(KEY, 2, 4, 8)), matrices(unit) / np.sqrt(8.0), rtol=ROUNDING)
    assert np.allclose(
        matrices(generate(KEY, 2, 4, 8, scale=Scale.NUM_SV)), matrices(unit) / np.sqrt(2.0), rtol=ROUNDING
    )


@pytest.mark.parametrize(("scale", "value"), [(Scale.D_IN, 20**-0.5), (Scale.UNIT, 1.0), (Scale.NUM_SV, 5**-0.5)])
def test_scale_values(scale, value):
    assert scale.value_for(2, 10, 20) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("name", [name for name in GENERATORS if name != "axis_aligned"])
def test_the_key_decides(name):
    first, again, other = (matrices(GENERATORS[name](jax.random.key(seed), 2, 4, 8)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize("name", ["orthogonal", "axis_aligned"])
@pytest.mark.parametrize(("num_tasks", "d_out", "d_in"), [(2, 10, 20), (3, 6, 20), (4, 5, 20), (1, 1, 1)])
def test_orthogonal_rows_of_length_s(name, num_tasks, d_out, d_in):
    tasks = GENERATORS[name](KEY, num_tasks, d_out, d_in)
    rows = matrices(tasks).reshape(-1, d_in)
    assert np.allclose(rows @ rows.T, np.eye(num_tasks * d_out) / d_in, atol=ROUNDING)
    assert np.allclose(tasks.gram, d_out / d_in * np.eye(num_tasks), atol=ROUNDING)


def test_norm_of_the_fig_2_teachers():
    tasks = teachers.orthogonal(KEY, 2, 10, 20)
    assert np.allclose(np.sum(matrices(tasks) ** 2, axis=(1, 2)), 0.5, rtol=ROUNDING)
    zero = np.zeros((10, 20))
    assert expected_loss(matrices(tasks)[0], zero) == pytest.approx(0.25, rel=ROUNDING)
    assert expected_loss(*matrices(tasks)) == pytest.approx(0.5, rel=ROUNDING)


def test_rows_are_the_first_columns_of_the_rotation():
    rotation = jax.random.orthogonal(KEY, 9)
    rows = matrices(teachers.orthogonal(KEY, 2, 3, 9, Scale.UNIT))
    assert np.array_equal(rows[1, 2], rotation[:, 5])


def test_axis_aligned_entries():
    expected = np.zeros((2, 2, 5))
    expected[0, 0, 0] = expected[0, 1, 1] = expected[1, 0, 2] = expected[1, 1, 3] = 1.0
    assert np.array_equal(matrices(teachers.axis_aligned(2, 2, 5, Scale.UNIT)), expected)


def test_iid_moments():
    tasks = teachers.iid(KEY, 4, 50, 100)
    squares = matrices(tasks) ** 2 * 100.0
    # 20,000 entries: standard deviation of the mean square is sqrt(2/20000) = 0.01; four of them.
    assert float(np.mean(squares)) == pytest.approx(1.0, abs=0.04)
    norms = np.linalg.norm(matrices(tasks), axis=-1)
    assert float(np.mean(norms)) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("left", "right", "modes"),
    [
        (Basis.SPLIT, Basis.SPLIT, 5),
        (Basis.SHARED, Basis.SPLIT, 10),
        (Basis.SPLIT, Basis.SHARED, 5),
        (Basis.SHARED, Basis.SHARED, 10),
        (Basis.RANDOM, Basis.RANDOM, 10),
        (Basis.RANDOM, Basis.SPLIT, 10),
    ],
)
def test_svd_ranks(left, right, modes):
    tasks = teachers.svd(jax.random.key(0), jax.random.key(1), 2, 10, 20, left=left, right=right)
    assert [rank(teacher) for teacher in matrices(tasks)] == [modes, modes]


def test_svd_split_is_orthogonal_on_both_sides_with_equal_singular_values():
    first, second = matrices(teachers.svd(jax.random.key(0), jax.random.key(1), 2, 10, 20))
    assert np.allclose(first @ second.T, 0.0, atol=ROUNDING)
    assert np.allclose(first.T @ second, 0.0, atol=ROUNDING)
    values = np.linalg.svd(first, compute_uv=False)
    assert np.allclose(values[:5], 20**-0.5, rtol=ROUNDING)
    assert np.allclose(values[5:], 0.0, atol=ROUNDING)


def test_svd_shared_left_keeps_input_spaces_apart():
    first, second = matrices(teachers.svd(jax.random.key(0), jax.random.key(1), 2, 10, 20, left=Basis.SHARED))
    assert np.allclose(first @ second.T, 0.0, atol=ROUNDING)
    assert np.allclose(first @ first.T, np.eye(10) / 20.0, atol=ROUNDING)
    overlap_of_modes = np.linalg.svd(first.T @ second, compute_uv=False)
    assert np.allclose(overlap_of_modes[:10], 1 / 20, rtol=1e-9)


def test_svd_shared_on_both_sides_gives_one_teacher_to_all():
    first, second = matrices(teachers.svd(KEY, KEY, 2, 4, 6, left=Basis.SHARED, right=Basis.SHARED))
    assert np.array_equal(first, second)


def test_svd_random_vectors_have_unit_length_and_differ_between_tasks():
    tasks = teachers.svd(
        jax.random.key(0), jax.random.key(1), 2, 4, 6, left=Basis.RANDOM, right=Basis.RANDOM, num_modes=1
    )
    tasks = matrices(tasks) * np.sqrt(6.0)
    # One mode s u v^T with unit u and v has Frobenius norm s.
    assert np.allclose(np.linalg.norm(tasks, axis=(1, 2)), 1.0, rtol=ROUNDING)
    assert abs(float(np.sum(tasks[0] * tasks[1]))) < 0.99


def test_svd_with_one_key_gives_symmetric_projectors():
    tasks = teachers.svd(KEY, KEY, 2, 30, 30, scale=Scale.UNIT)
    for teacher in matrices(tasks):
        assert np.allclose(teacher, teacher.T, atol=ROUNDING)
        assert np.allclose(teacher @ teacher, teacher, atol=ROUNDING)
        assert float(np.trace(teacher)) == pytest.approx(15.0, rel=ROUNDING)
    two_keys = matrices(teachers.svd(KEY, jax.random.key(99), 2, 30, 30, scale=Scale.UNIT))[0]
    assert not np.allclose(two_keys, two_keys.T, atol=0.01)


@pytest.mark.parametrize("num_modes", [2, 5, 15])
def test_svd_num_modes_is_the_rank(num_modes):
    tasks = teachers.svd(KEY, KEY, 2, 30, 30, num_modes=num_modes, scale=Scale.UNIT)
    assert [rank(teacher) for teacher in matrices(tasks)] == [num_modes, num_modes]
    assert np.allclose(tasks.gram, num_modes * np.eye(2), atol=ROUNDING)


@pytest.mark.parametrize("overlap", [0.25, 0.5, 0.75])
def test_published_overlap_holds_on_average_within_and_between_teachers(overlap):
    rows = matrices(teachers.overlapping(KEY, 2, 100, 200, overlap, Scale.UNIT)).reshape(200, 200)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=ROUNDING)
    cosines = rows @ rows.T
    within = cosines[:100, :100][~np.eye(100, dtype=bool)]
    between = cosines[:100, 100:]
    # Pairs share rows, so the mean is off by about 1/d_in plus the scatter of |eta|; 0.03 covers both at d_in = 200.
    assert float(np.mean(within)) == pytest.approx(overlap, abs=0.03)
    assert float(np.mean(between)) == pytest.approx(overlap, abs=0.03)
    assert float(np.std(between)) > 0.02


def test_published_overlap_makes_one_large_singular_value():
    values = np.linalg.svd(matrices(teachers.overlapping(KEY, 2, 10, 20, 0.5))[0], compute_uv=False)
    # .54 in one draw of the published generator, .2236 without overlap.
    assert float(values[0]) == pytest.approx(0.54, abs=0.05)
    assert float(values[1]) < 0.35
    full = matrices(teachers.overlapping(KEY, 2, 10, 20, 1.0))
    assert [rank(teacher) for teacher in full] == [1, 1]
    assert float(np.linalg.norm(full[0])) == pytest.approx(np.sqrt(0.5), rel=ROUNDING)


@hypothesis.given(overlap=st.floats(0.0, 1.0), num_tasks=st.integers(1, 4))
@hypothesis.settings(max_examples=12)
def test_row_overlap_is_exact(overlap, num_tasks):
    d_out, d_in = 3, 12
    tasks = ROW_OVERLAPPING(KEY, num_tasks, d_out, d_in, jnp.asarray(overlap))
    rows = matrices(tasks).reshape(-1, d_in)
    between_tasks = overlap * np.ones((num_tasks, num_tasks)) + (1.0 - overlap) * np.eye(num_tasks)
    expected = np.kron(between_tasks, np.eye(d_out)) / d_in
    # sqrt(1 - rho) near rho = 1 costs half of the digits of 1 - rho, not of the cosine.
    assert np.allclose(rows @ rows.T, expected, atol=ROUNDING)
    for one, other in itertools.combinations(matrices(tasks), 2):
        assert np.allclose(row_cosines(one, other), overlap, atol=ROUNDING)


def test_row_overlap_at_zero_is_orthogonal_and_first_teacher_does_not_move():
    plain = matrices(teachers.orthogonal(KEY, 3, 4, 12))
    assert np.allclose(matrices(teachers.row_overlapping(KEY, 3, 4, 12, 0.0)), plain, atol=ROUNDING)
    mixed = matrices(teachers.row_overlapping(KEY, 3, 4, 12, 0.6))
    assert np.allclose(mixed[0], plain[0], atol=ROUNDING)
    assert np.allclose(mixed[1], 0.6 * plain[0] + 0.8 * plain[1], atol=ROUNDING)


def test_matched_rows_are_orthogonal_where_not_all_rows_fit():
    tasks = teachers.matched_rows_orthogonal(KEY, 3, 10, 20, teachers.Scale.UNIT)
    found = matrices(tasks)
    np.testing.assert_allclose(np.einsum("moi,noi->omn", found, found), np.tile(np.eye(3), (10, 1, 1)), atol=ROUNDING)
    np.testing.assert_allclose(tasks.gram, 10 * np.eye(3), atol=1e-11)
    # Rows of different outputs are independent, not orthogonal.
    assert np.abs(found[0] @ found[0].T - np.eye(10)).max() > 0.1
    with pytest.raises(ValueError, match="21"):
        teachers.matched_rows_orthogonal(KEY, 21, 2, 20)


@pytest.mark.parametrize("make", [teachers.overlapping, teachers.row_overlapping])
def test_a_sweep_over_overlap_vmaps_and_compiles_once(make):
    overlaps = jnp.linspace(0.1, 1.0, 4)
    traces = []

    @jax.jit
    def grams(values):
        traces.append(1)
        return jax.vmap(lambda rho: make(KEY, 2, 3, 8, rho).gram)(values)

    batch = grams(overlaps)
    assert np.allclose(grams(overlaps / 2.0)[3], make(KEY, 2, 3, 8, 0.5).gram, atol=ROUNDING)
    assert np.allclose(batch[1], make(KEY, 2, 3, 8, 0.4).gram, atol=ROUNDING)
    assert len(traces) == 1


def test_teachers_vmap_over_keys():
    keys = jax.random.split(KEY, 3)
    batch = eqx.filter_vmap(lambda key: composites.with_sum_composites(teachers.orthogonal(key, 2, 3, 8)))(keys)
    assert batch.teachers.shape == (3, 3, 3, 8)
    assert (batch.num_tasks, batch.d_out, batch.d_in) == (3, 3, 8)
    assert np.allclose(batch.teachers[1, :2], matrices(teachers.orthogonal(keys[1], 2, 3, 8)), atol=ROUNDING)


@pytest.mark.parametrize("name", ["orthogonal", "axis_aligned", "row_overlapping"])
def test_rows_that_do_not_fit(name):
    with pytest.raises(ValueError, match=r"3 \* 10 = 30 rows for d_in = 20.*Raise d_in to 30"):
        GENERATORS[name](KEY, 3, 10, 20)


@every_generator
@pytest.mark.parametrize("sizes", [(0, 2, 8), (2, 0, 8), (2, 2, 0)])
def test_sizes_must_be_positive(generate, sizes):
    with pytest.raises(ValueError, match="all must be at least 1"):
        generate(KEY, *sizes)


@every_generator
def test_num_sv_needs_a_singular_value_per_task(generate):
    with pytest.raises(ValueError, match=r"num_tasks = 3 with min\(d_in, d_out\) = 2|a split basis needs at least one"):
        generate(KEY, 3, 2, 8, scale=Scale.NUM_SV)


def test_svd_messages():
    with pytest.raises(ValueError, match=r"num_tasks = 3 for d_out = 2, d_in = 8.*Basis\.SHARED"):
        teachers.svd(KEY, KEY, 3, 2, 8)
    assert teachers.svd(KEY, KEY, 3, 2, 8, left=Basis.SHARED).num_tasks == 3
    with pytest.raises(ValueError, match=r"num_modes = 17.*allowed are 1 to 15"):
        teachers.svd(KEY, KEY, 2, 30, 30, num_modes=17)
    with pytest.raises(ValueError, match=r"num_modes = 0"):
        teachers.svd(KEY, KEY, 2, 30, 30, num_modes=0)


@pytest.mark.parametrize("overlap", [0.0, -0.1, 1.1, float("nan")])
def test_published_overlap_range(overlap):
    with pytest.raises(ValueError, match=r"allowed is 0 < overlap <= 1.*use orthogonal"):
        teachers.overlapping(KEY, 2, 3, 8, overlap)


@pytest.mark.parametrize("overlap", [-0.1, 1.1, float("nan")])
def test_row_overlap_range(overlap):
    with pytest.raises(ValueError, match="allowed is 0 to 1"):
        teachers.row_overlapping(KEY, 2, 3, 8, overlap)
