"""Teachers: sizes, geometry and composites against closed forms, and the messages for sizes that cannot work."""

import itertools

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import Basis, Scale, TaskSet, teachers

KEY = jax.random.key(3)
ROUNDING = 1e-12  # float64 products and one QR of a 20 x 20 matrix

GENERATORS = {
    "orthogonal": lambda key, m, o, i, **kw: teachers.orthogonal(key, m, o, i, **kw),
    "axis_aligned": lambda key, m, o, i, **kw: teachers.axis_aligned(m, o, i, **kw),
    "iid": lambda key, m, o, i, **kw: teachers.iid(key, m, o, i, **kw),
    "svd": lambda key, m, o, i, **kw: teachers.svd(*jax.random.split(key), m, o, i, **kw),
    "overlapping": lambda key, m, o, i, **kw: teachers.overlapping(key, m, o, i, 0.5, **kw),
    "row_overlapping": lambda key, m, o, i, **kw: teachers.row_overlapping(key, m, o, i, 0.5, **kw),
}
every_generator = pytest.mark.parametrize("generate", GENERATORS.values(), ids=GENERATORS)


def rank(matrix):
    return int(jnp.sum(jnp.linalg.svd(matrix, compute_uv=False) > 1e-9))


def expected_loss(one, other):
    """Mean loss on white inputs of a network that computes `other` while the task is `one`."""
    return 0.5 * float(jnp.sum((one - other) ** 2))


def row_cosines(one, other):
    norms = jnp.linalg.norm(one, axis=-1) * jnp.linalg.norm(other, axis=-1)
    return jnp.sum(one * other, axis=-1) / norms


@every_generator
def test_shape_names_and_dtype(generate):
    tasks = generate(KEY, 2, 6, 20)
    assert tasks.teachers.shape == (2, 6, 20)
    assert (tasks.num_tasks, tasks.num_base, tasks.num_composites, tasks.d_out, tasks.d_in) == (2, 2, 0, 6, 20)
    assert tasks.names == ("A", "B")
    assert tasks.teachers.dtype == jnp.zeros(()).dtype
    assert not tasks.teachers.weak_type


@every_generator
def test_float32_is_kept_with_composites(generate):
    tasks = generate(KEY, 3, 4, 12, dtype=jnp.float32)
    tasks = teachers.with_sum_composites(tasks, jnp.asarray(0.3))
    assert tasks.teachers.dtype == jnp.float32
    assert tasks.gram.dtype == jnp.float32


@every_generator
def test_scale_multiplies_every_teacher(generate):
    unit = generate(KEY, 2, 4, 8, scale=Scale.UNIT)
    assert jnp.allclose(generate(KEY, 2, 4, 8).teachers, unit.teachers / np.sqrt(8.0), rtol=ROUNDING)
    assert jnp.allclose(
        generate(KEY, 2, 4, 8, scale=Scale.NUM_SV).teachers, unit.teachers / np.sqrt(2.0), rtol=ROUNDING
    )


@pytest.mark.parametrize(("scale", "value"), [(Scale.D_IN, 20**-0.5), (Scale.UNIT, 1.0), (Scale.NUM_SV, 5**-0.5)])
def test_scale_values(scale, value):
    assert scale.value_for(2, 10, 20) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("name", [name for name in GENERATORS if name != "axis_aligned"])
def test_the_key_decides(name):
    first, again, other = (GENERATORS[name](jax.random.key(seed), 2, 3, 8).teachers for seed in (0, 0, 1))
    assert jnp.array_equal(first, again)
    assert not jnp.allclose(first, other)


@pytest.mark.parametrize("name", ["orthogonal", "axis_aligned"])
@pytest.mark.parametrize(("num_tasks", "d_out", "d_in"), [(2, 10, 20), (3, 6, 20), (4, 5, 20), (1, 1, 1)])
def test_orthogonal_rows_of_length_s(name, num_tasks, d_out, d_in):
    tasks = GENERATORS[name](KEY, num_tasks, d_out, d_in)
    rows = tasks.teachers.reshape(-1, d_in)
    assert jnp.allclose(rows @ rows.T, jnp.eye(num_tasks * d_out) / d_in, atol=ROUNDING)
    assert jnp.allclose(tasks.gram, d_out / d_in * jnp.eye(num_tasks), atol=ROUNDING)


def test_norm_of_the_fig_2_teachers():
    tasks = teachers.orthogonal(KEY, 2, 10, 20)
    assert jnp.allclose(jnp.sum(tasks.teachers**2, axis=(1, 2)), 0.5, rtol=ROUNDING)
    zero = jnp.zeros((10, 20))
    assert expected_loss(tasks.teachers[0], zero) == pytest.approx(0.25, rel=ROUNDING)
    assert expected_loss(*tasks.teachers) == pytest.approx(0.5, rel=ROUNDING)


def test_rows_are_the_first_columns_of_the_rotation():
    rotation = jax.random.orthogonal(KEY, 9)
    rows = teachers.orthogonal(KEY, 2, 3, 9, Scale.UNIT).teachers
    assert jnp.array_equal(rows[1, 2], rotation[:, 5])


def test_axis_aligned_entries():
    expected = np.zeros((2, 2, 5))
    expected[0, 0, 0] = expected[0, 1, 1] = expected[1, 0, 2] = expected[1, 1, 3] = 1.0
    assert jnp.array_equal(teachers.axis_aligned(2, 2, 5, Scale.UNIT).teachers, expected)


def test_iid_moments():
    tasks = teachers.iid(KEY, 4, 50, 100)
    squares = tasks.teachers**2 * 100.0
    # 20,000 entries: standard deviation of the mean square is sqrt(2/20000) = 0.01; four of them.
    assert float(jnp.mean(squares)) == pytest.approx(1.0, abs=0.04)
    norms = jnp.linalg.norm(tasks.teachers, axis=-1)
    assert float(jnp.mean(norms)) == pytest.approx(1.0, abs=0.02)


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
    assert [rank(teacher) for teacher in tasks.teachers] == [modes, modes]


def test_svd_split_is_orthogonal_on_both_sides_with_equal_singular_values():
    first, second = teachers.svd(jax.random.key(0), jax.random.key(1), 2, 10, 20).teachers
    assert jnp.allclose(first @ second.T, 0.0, atol=ROUNDING)
    assert jnp.allclose(first.T @ second, 0.0, atol=ROUNDING)
    values = jnp.linalg.svd(first, compute_uv=False)
    assert jnp.allclose(values[:5], 20**-0.5, rtol=ROUNDING)
    assert jnp.allclose(values[5:], 0.0, atol=ROUNDING)


def test_svd_shared_left_keeps_input_spaces_apart():
    first, second = teachers.svd(jax.random.key(0), jax.random.key(1), 2, 10, 20, left=Basis.SHARED).teachers
    assert jnp.allclose(first @ second.T, 0.0, atol=ROUNDING)
    assert jnp.allclose(first @ first.T, jnp.eye(10) / 20.0, atol=ROUNDING)
    overlap_of_modes = jnp.linalg.svd(first.T @ second, compute_uv=False)
    assert jnp.allclose(overlap_of_modes[:10], 1 / 20, rtol=1e-9)


def test_svd_shared_on_both_sides_gives_one_teacher_to_all():
    first, second = teachers.svd(KEY, KEY, 2, 4, 6, left=Basis.SHARED, right=Basis.SHARED).teachers
    assert jnp.array_equal(first, second)


def test_svd_random_vectors_have_unit_length_and_differ_between_tasks():
    tasks = teachers.svd(
        jax.random.key(0), jax.random.key(1), 2, 4, 6, left=Basis.RANDOM, right=Basis.RANDOM, num_modes=1
    )
    tasks = tasks.teachers * np.sqrt(6.0)
    # One mode s u v^T with unit u and v has Frobenius norm s.
    assert jnp.allclose(jnp.linalg.norm(tasks, axis=(1, 2)), 1.0, rtol=ROUNDING)
    assert abs(float(jnp.sum(tasks[0] * tasks[1]))) < 0.99


def test_svd_with_one_key_gives_symmetric_projectors():
    tasks = teachers.svd(KEY, KEY, 2, 30, 30, scale=Scale.UNIT)
    for teacher in tasks.teachers:
        assert jnp.allclose(teacher, teacher.T, atol=ROUNDING)
        assert jnp.allclose(teacher @ teacher, teacher, atol=ROUNDING)
        assert float(jnp.trace(teacher)) == pytest.approx(15.0, rel=ROUNDING)
    two_keys = teachers.svd(KEY, jax.random.key(99), 2, 30, 30, scale=Scale.UNIT).teachers[0]
    assert not jnp.allclose(two_keys, two_keys.T, atol=0.01)


@pytest.mark.parametrize("num_modes", [2, 5, 15])
def test_svd_num_modes_is_the_rank(num_modes):
    tasks = teachers.svd(KEY, KEY, 2, 30, 30, num_modes=num_modes, scale=Scale.UNIT)
    assert [rank(teacher) for teacher in tasks.teachers] == [num_modes, num_modes]
    assert jnp.allclose(tasks.gram, num_modes * jnp.eye(2), atol=ROUNDING)


@pytest.mark.parametrize("overlap", [0.25, 0.5, 0.75])
def test_published_overlap_holds_on_average_within_and_between_teachers(overlap):
    rows = teachers.overlapping(KEY, 2, 100, 200, overlap, Scale.UNIT).teachers.reshape(200, 200)
    assert jnp.allclose(jnp.linalg.norm(rows, axis=1), 1.0, rtol=ROUNDING)
    cosines = rows @ rows.T
    within = cosines[:100, :100][~np.eye(100, dtype=bool)]
    between = cosines[:100, 100:]
    # Pairs share rows, so the mean is off by about 1/d_in plus the scatter of |eta|; 0.03 covers both at d_in = 200.
    assert float(jnp.mean(within)) == pytest.approx(overlap, abs=0.03)
    assert float(jnp.mean(between)) == pytest.approx(overlap, abs=0.03)
    assert float(jnp.std(between)) > 0.02


def test_published_overlap_makes_one_large_singular_value():
    values = jnp.linalg.svd(teachers.overlapping(KEY, 2, 10, 20, 0.5).teachers[0], compute_uv=False)
    # .54 in one draw of the published generator, .2236 without overlap.
    assert float(values[0]) == pytest.approx(0.54, abs=0.05)
    assert float(values[1]) < 0.35
    full = teachers.overlapping(KEY, 2, 10, 20, 1.0).teachers
    assert [rank(teacher) for teacher in full] == [1, 1]
    assert float(jnp.linalg.norm(full[0])) == pytest.approx(np.sqrt(0.5), rel=ROUNDING)


@hypothesis.given(overlap=st.floats(0.0, 1.0), num_tasks=st.integers(1, 4))
@hypothesis.settings(max_examples=12)
def test_row_overlap_is_exact(overlap, num_tasks):
    d_out, d_in = 3, 12
    tasks = teachers.row_overlapping(KEY, num_tasks, d_out, d_in, overlap)
    rows = tasks.teachers.reshape(-1, d_in)
    between_tasks = overlap * np.ones((num_tasks, num_tasks)) + (1.0 - overlap) * np.eye(num_tasks)
    expected = np.kron(between_tasks, np.eye(d_out)) / d_in
    # sqrt(1 - rho) near rho = 1 costs half of the digits of 1 - rho, not of the cosine.
    assert jnp.allclose(rows @ rows.T, expected, atol=ROUNDING)
    for one, other in itertools.combinations(tasks.teachers, 2):
        assert jnp.allclose(row_cosines(one, other), overlap, atol=ROUNDING)


def test_row_overlap_at_zero_is_orthogonal_and_first_teacher_does_not_move():
    plain = teachers.orthogonal(KEY, 3, 4, 12).teachers
    assert jnp.allclose(teachers.row_overlapping(KEY, 3, 4, 12, 0.0).teachers, plain, atol=ROUNDING)
    mixed = teachers.row_overlapping(KEY, 3, 4, 12, 0.6).teachers
    assert jnp.allclose(mixed[0], plain[0], atol=ROUNDING)
    assert jnp.allclose(mixed[1], 0.6 * plain[0] + 0.8 * plain[1], atol=ROUNDING)


@pytest.mark.parametrize("make", [teachers.overlapping, teachers.row_overlapping])
def test_a_sweep_over_overlap_vmaps_and_compiles_once(make):
    overlaps = jnp.linspace(0.1, 1.0, 4)
    traces = []

    @jax.jit
    def grams(values):
        traces.append(1)
        return jax.vmap(lambda rho: make(KEY, 2, 3, 8, rho).gram)(values)

    batch = grams(overlaps)
    assert jnp.allclose(grams(overlaps / 2.0)[3], make(KEY, 2, 3, 8, 0.5).gram, atol=ROUNDING)
    assert jnp.allclose(batch[1], make(KEY, 2, 3, 8, 0.4).gram, atol=ROUNDING)
    assert len(traces) == 1


def test_teachers_vmap_over_keys():
    keys = jax.random.split(KEY, 3)
    batch = eqx.filter_vmap(lambda key: teachers.with_sum_composites(teachers.orthogonal(key, 2, 3, 8)))(keys)
    assert batch.teachers.shape == (3, 3, 3, 8)
    assert (batch.num_tasks, batch.d_out, batch.d_in) == (3, 3, 8)
    assert jnp.allclose(batch.teachers[1, :2], teachers.orthogonal(keys[1], 2, 3, 8).teachers, atol=ROUNDING)


@hypothesis.given(seed=st.integers(0, 1000), num_tasks=st.integers(1, 3))
@hypothesis.settings(max_examples=6)
def test_gram_does_not_feel_a_rotation_of_inputs(seed, num_tasks):
    tasks = teachers.iid(jax.random.key(seed), num_tasks, 3, 6)
    rotation = jax.random.orthogonal(jax.random.key(seed + 1), 6)
    rotated = teachers.from_matrices(tasks.teachers @ rotation)
    assert jnp.allclose(rotated.gram, tasks.gram, atol=ROUNDING)
    flat = tasks.teachers.reshape(num_tasks, -1)
    assert jnp.allclose(tasks.gram, flat @ flat.T, atol=ROUNDING)


@pytest.mark.parametrize(
    ("num_base", "names"),
    [
        (2, ("A", "B", "AB")),
        (3, ("A", "B", "C", "AB", "BC", "CA")),
        (4, ("A", "B", "C", "D", "AB", "BC", "CD", "DA")),
    ],
)
def test_composite_order(num_base, names):
    base = teachers.orthogonal(KEY, num_base, 4, 16)
    for extended in (teachers.with_sum_composites(base), teachers.with_interleaved_composites(base)):
        assert extended.names == names
        assert (extended.num_base, extended.num_composites) == (num_base, len(names) - num_base)
        assert jnp.array_equal(extended.teachers[:num_base], base.teachers)


@pytest.mark.parametrize("extend", [teachers.with_sum_composites, teachers.with_interleaved_composites])
def test_four_task_pairs_add_the_diagonals(extend):
    base = teachers.orthogonal(KEY, 4, 4, 16)
    at_once = extend(base, pairs=teachers.FOUR_TASK_PAIRS)
    assert at_once.names[-6:] == ("AB", "BC", "CD", "DA", "AC", "BD")
    in_two_steps = extend(extend(base), pairs=[(0, 2), (1, 3)])
    assert in_two_steps.names == at_once.names
    assert jnp.array_equal(in_two_steps.teachers, at_once.teachers)


def test_sum_composites_of_20_to_6():
    base = teachers.orthogonal(KEY, 3, 6, 20)
    a, b, c, ab, bc, ca = teachers.with_sum_composites(base).teachers
    assert jnp.allclose(ca, 0.5 * (c + a), atol=ROUNDING)
    assert float(jnp.sum(ab**2)) == pytest.approx(0.15, rel=ROUNDING)
    assert float(jnp.sum(ab * bc) / jnp.sum(ab**2)) == pytest.approx(0.5, rel=ROUNDING)
    assert expected_loss(ca, b) == pytest.approx(0.225, rel=ROUNDING)
    assert expected_loss(bc, ab) == pytest.approx(0.075, rel=ROUNDING)
    assert expected_loss(b, a) == pytest.approx(0.30, rel=ROUNDING)


def test_interleaved_composites_of_20_to_6():
    base = teachers.orthogonal(KEY, 3, 6, 20)
    a, b, _, ab, bc, ca = teachers.with_interleaved_composites(base).teachers
    assert jnp.array_equal(ab[0::2], a[0::2])
    assert jnp.array_equal(ab[1::2], b[1::2])
    assert expected_loss(ca, b) == pytest.approx(0.30, rel=ROUNDING)
    assert expected_loss(bc, ab) == pytest.approx(0.30, rel=ROUNDING)
    assert expected_loss(ab, a) == pytest.approx(0.15, rel=ROUNDING)


def test_mixing_is_the_share_of_the_first_and_may_be_traced():
    base = teachers.orthogonal(KEY, 2, 3, 8)
    a, b, ab = teachers.with_sum_composites(base, 0.8).teachers
    assert jnp.allclose(ab, 0.8 * a + 0.2 * b, atol=ROUNDING)
    swept = jax.vmap(lambda mixing: teachers.with_sum_composites(base, mixing).teachers[2])(jnp.array([0.0, 0.8, 1.0]))
    assert jnp.allclose(swept, jnp.stack([b, ab, a]), atol=ROUNDING)


def test_teachers_from_the_published_run_are_orthogonal(shared):
    tasks = teachers.from_matrices(np.load(shared / "reference" / "fig2_flexible.npz")["teachers"])
    assert tasks.names == ("A", "B")
    assert np.allclose(tasks.gram, 0.5 * np.eye(2), atol=1e-6)  # stored in float32


def test_names_go_on_after_the_alphabet():
    tasks = teachers.from_matrices(np.zeros((28, 1, 1)))
    assert tasks.names[25:] == ("Z", "A1", "B1")


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


@pytest.mark.parametrize("pairs", [[(0, 0)], [(0, 2)], [(-1, 0)], [(0, 1, 1)], []])
@pytest.mark.parametrize("extend", [teachers.with_sum_composites, teachers.with_interleaved_composites])
def test_bad_pairs(extend, pairs):
    base = teachers.orthogonal(KEY, 2, 3, 8)
    # A pair of wrong length may already be turned away by the type checker of the tests.
    expected = (ValueError, TypeError) if pairs and len(pairs[0]) != 2 else ValueError
    with pytest.raises(expected, match="composites: got pairs.*indices 0 to 1|Type-check error"):
        extend(base, pairs=pairs)


def test_composite_messages():
    base = teachers.orthogonal(KEY, 2, 3, 8)
    with pytest.raises(ValueError, match="mixing = 1.5; allowed is 0 to 1"):
        teachers.with_sum_composites(base, 1.5)
    with pytest.raises(ValueError, match="names .*no two alike"):
        teachers.with_sum_composites(teachers.with_sum_composites(base))
    with pytest.raises(ValueError, match="num_base = 1; a composite needs two"):
        teachers.with_sum_composites(teachers.orthogonal(KEY, 1, 3, 8))
    with pytest.raises(ValueError, match="d_out = 1; alternating rows need at least 2"):
        teachers.with_interleaved_composites(teachers.orthogonal(KEY, 2, 1, 8))


def test_task_set_messages():
    matrices = jnp.ones((2, 3, 4))
    with pytest.raises(ValueError, match="for 2 teachers; there must be one per teacher"):
        TaskSet(matrices, ("A",), 1)
    for num_base in (0, 3):
        with pytest.raises(ValueError, match=f"num_base = {num_base} for 2 teachers; allowed are 1 to 2"):
            TaskSet(matrices, ("A", "B"), num_base)
    # With type checking on, shape and dtype are refused before the message is reached.
    for wrong in (jnp.ones((3, 4)), jnp.ones((2, 3, 4), dtype=int)):
        with pytest.raises((ValueError, TypeError), match="floating-point with axes|Type-check error|type-check"):
            TaskSet(wrong, ("A", "B"), 2)
