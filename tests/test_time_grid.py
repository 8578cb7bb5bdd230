"""Steps and records laid out on a curriculum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks.curricula import alternating, sequence
from ntadyn.time_grid import lay_out, lay_out_whole_steps, stack


def test_blocks_begin_and_end_with_a_record():
    grid = lay_out(sequence([0, 1], [0.5, 0.75], 2), 0.1)
    np.testing.assert_array_equal(grid.end, [0.0, 0.5, 0.5, 1.25])
    np.testing.assert_array_equal(grid.block, [0, 0, 1, 1])
    np.testing.assert_array_equal(grid.num_steps, [0, 5, 0, 8])
    np.testing.assert_array_equal(grid.start[1::2], grid.end[0::2])


def test_intervals_join_up_and_steps_stay_below_the_bound():
    grid = lay_out(sequence([0, 1, 0], [0.31, 0.47, 0.22], 2), 0.03, records_per_block=3, times=[0.1, 0.5])
    np.testing.assert_array_equal(grid.start[1:], grid.end[:-1])
    length, steps = np.asarray(grid.end - grid.start), np.asarray(grid.num_steps)
    assert np.all((steps == 0) == (length == 0))
    assert np.all(length <= steps * 0.03 * (1 + 1e-9))
    assert np.all(length > (steps - 1) * 0.03)


def test_whole_number_of_steps_is_not_rounded_up():
    assert lay_out(alternating(1, 1, 0.3), 0.1).num_steps[1] == 3  # 0.3 / 0.1 = 2.9999999999999996
    assert lay_out(alternating(1, 1, 0.7), 0.1).num_steps[1] == 7  # 0.7 / 0.1 = 6.999999999999999
    assert lay_out(alternating(1, 1, 1.1), 0.1).num_steps[1] == 11  # 11.000000000000002


def test_equally_spaced_and_chosen_records():
    grid = lay_out(alternating(2, 2, 1.0), 0.5, records_per_block=1, times=[0.25, 1.5, 1.75])
    np.testing.assert_array_equal(grid.end, [0, 0.25, 0.5, 1, 1, 1.5, 1.75, 2])
    np.testing.assert_array_equal(grid.block, [0, 0, 0, 0, 1, 1, 1, 1])


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_times_that_miss_an_edge_by_rounding_fall_on_it(dtype):
    # Ten tenths sum to 0.9999999999999999 in double precision, three to 0.30000000000000004; single precision is worse.
    curriculum = alternating(2, 10, jnp.full(10, 0.1, dtype))
    plain = lay_out(curriculum, 0.05)
    with_edges = lay_out(curriculum, 0.05, times=[0.0, 0.1, 0.3, 0.6, 0.7, 1.0])
    np.testing.assert_array_equal(with_edges.end, plain.end)
    with_middle = lay_out(curriculum, 0.05, records_per_block=1, times=[0.35])
    assert with_middle.end.shape == lay_out(curriculum, 0.05, records_per_block=1).end.shape


def test_an_unbounded_step_is_one_step_per_interval():
    np.testing.assert_array_equal(lay_out(alternating(2, 2, 1.0), float("inf")).num_steps, [0, 1, 0, 1])


def test_dtype_is_that_of_the_curriculum():
    grid = lay_out(alternating(2, 2, jnp.asarray(1.0, jnp.float32)), 0.5)
    assert grid.start.dtype == grid.end.dtype == jnp.float32


def test_refining_and_padding_keep_the_records():
    grid = lay_out(alternating(2, 2, 1.0), 0.25)
    np.testing.assert_array_equal(grid.refined(3).num_steps, [0, 12, 0, 12])
    np.testing.assert_array_equal(grid.refined(3).end, grid.end)
    padded = grid.padded(6)
    np.testing.assert_array_equal(padded.end, [0, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(padded.start[4:], padded.end[4:])
    np.testing.assert_array_equal(padded.num_steps, [0, 4, 0, 4, 0, 0])
    np.testing.assert_array_equal(padded.block, [0, 0, 1, 1, 1, 1])


def test_stacking_pads_to_the_longest():
    grids = [lay_out(alternating(2, blocks, 1.0), 0.5) for blocks in (1, 3)]
    batch = stack(grids)
    assert batch.end.shape == (2, 6)
    np.testing.assert_array_equal(batch.num_steps[0], [0, 2, 0, 0, 0, 0])
    np.testing.assert_array_equal(batch.end[1], grids[1].end)


def test_refusals_say_what_to_do():
    curriculum = alternating(2, 2, 1.0)
    for step in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="must be positive"):
            lay_out(curriculum, step)
    with pytest.raises(ValueError, match="zero or more"):
        lay_out(curriculum, 0.1, records_per_block=-1)
    for times in ([-0.1], [0.5, 2.1], [float("nan")]):
        with pytest.raises(ValueError, match=r"\[0\.0, 2\.0\]; drop"):
            lay_out(curriculum, 0.1, times=times)
    with pytest.raises(ValueError, match="cannot be padded to 2"):
        lay_out(curriculum, 0.1).padded(2)
    with pytest.raises(ValueError, match="outside jit and vmap"):
        jax.jit(lambda duration: lay_out(alternating(2, 2, duration), 0.1).end)(1.0)


def test_whole_steps_do_not_depend_on_what_is_recorded():
    curriculum, ends = sequence([0, 1, 0], [1.0, 0.505, 0.02], 2), []
    for records, times in ((0, []), (5, [0.4, 0.41]), (1000, [])):
        grid = lay_out_whole_steps(curriculum, 0.03, records, times)
        steps = [int(np.sum(grid.num_steps[grid.block == block])) for block in range(3)]
        assert steps == [34, 17, 1]  # 1.0 / 0.03 = 33.3, 0.505 / 0.03 = 16.8
        moving = np.asarray(grid.num_steps) > 0
        lengths = (np.asarray(grid.end - grid.start) / np.maximum(grid.num_steps, 1))[moving]
        np.testing.assert_allclose(lengths, np.asarray([1 / 34, 0.505 / 17, 0.02])[np.asarray(grid.block)[moving]])
        ends.append(np.asarray(grid.end))
    # Where every step is recorded; more records than steps are the same.
    assert ends[2].size == 34 + 17 + 1 + 3
    assert ends[1].size == 7 + 1 + 7 + 2
    for time in ends[1]:
        assert np.min(np.abs(ends[2] - time)) < 1e-12
    np.testing.assert_allclose(ends[1][[3, 4]], [round(0.4 * 34) / 34, 0.5], rtol=1e-12)  # 0.41 is on the same step


def test_whole_steps_refuse_what_other_grids_refuse():
    with pytest.raises(ValueError, match="max_step is 0.0; it must be positive"):
        lay_out_whole_steps(alternating(2, 2, 1.0), 0.0)
    np.testing.assert_array_equal(lay_out_whole_steps(alternating(2, 2, 1.0), float("inf"), 3).num_steps, [0, 1, 0, 1])
