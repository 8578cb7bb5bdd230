"""Steps and records laid out on a curriculum, in both precisions."""

import itertools
import re
from fractions import Fraction

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.limits import MOST_STEPS
from ntadyn.simulation.time_grid import lay_out, lay_out_whole_steps, stack
from ntadyn.tasks.curricula import alternating, sequence
from tests.tasks.exact_times import default_dtype

pytestmark = pytest.mark.usefixtures("precision")


def check_grid(grid, curriculum, max_step):
    """Intervals join up, inside blocks they move on, and every block is as long as it should be."""
    start, end, length, block, num_steps = (np.asarray(leaf) for leaf in jax.tree.leaves(grid))
    dtype = np.asarray(curriculum.durations).dtype
    assert start.dtype == end.dtype == length.dtype == dtype
    np.testing.assert_array_equal(start[1:], end[:-1])
    first = np.append(True, np.diff(block) > 0)
    np.testing.assert_array_equal(block[first], np.arange(curriculum.num_blocks))
    assert np.all((start == end)[first] & (length == 0)[first] & (num_steps == 0)[first])
    assert np.all((end > start)[~first] & (length > 0)[~first] & (num_steps > 0)[~first])
    np.testing.assert_array_equal(end[np.append(first[1:], True)], np.asarray(curriculum.edges)[1:])
    steps = num_steps[~first] * max_step
    assert np.all(length[~first].astype(float) <= steps * (1 + 2e-9 + 2 * float(np.finfo(dtype).eps)))
    for index, duration in enumerate(np.asarray(curriculum.durations).tolist()):
        parts = length[block == index].astype(float).tolist()
        assert sum(parts) == pytest.approx(duration, rel=2 * float(np.finfo(dtype).eps), abs=2.0**-52 * float(end[-1]))


def test_blocks_begin_and_end_with_a_record():
    grid = lay_out(sequence([0, 1], [0.5, 0.75], 2), 0.1)
    np.testing.assert_array_equal(grid.end, [0.0, 0.5, 0.5, 1.25])
    np.testing.assert_array_equal(grid.length, [0.0, 0.5, 0.0, 0.75])
    np.testing.assert_array_equal(grid.block, [0, 0, 1, 1])
    np.testing.assert_array_equal(grid.num_steps, [0, 5, 0, 8])
    np.testing.assert_array_equal(grid.start[1::2], grid.end[0::2])


def test_intervals_join_up_and_steps_stay_below_the_bound():
    curriculum = sequence([0, 1, 0], [0.31, 0.47, 0.22], 2)
    grid = lay_out(curriculum, 0.03, records_per_block=3, times=[0.1, 0.5])
    check_grid(grid, curriculum, 0.03)
    moving = np.asarray(grid.num_steps) > 0
    length, steps = np.asarray(grid.length)[moving], np.asarray(grid.num_steps)[moving]
    assert np.all(length > (steps - 1) * 0.03)


@pytest.mark.parametrize(
    ("duration", "step", "steps"), [(0.3, 0.1, 3), (0.7, 0.1, 7), (1.1, 0.1, 11), (0.1, 1e-3, 100)]
)
def test_whole_number_of_steps_is_not_rounded_up(duration, step, steps):
    # In binary 0.3 / 0.1 is 2.9999999999999996, 1.1 / 0.1 is 11.000000000000002; in single precision it is worse.
    assert lay_out(alternating(1, 1, duration), step).num_steps[1] == steps
    assert lay_out_whole_steps(alternating(1, 1, duration), step).num_steps[1] == steps


def test_equally_spaced_and_chosen_records():
    grid = lay_out(alternating(2, 2, 1.0), 0.5, records_per_block=1, times=[0.25, 1.5, 1.75])
    np.testing.assert_array_equal(grid.end, [0, 0.25, 0.5, 1, 1, 1.5, 1.75, 2])
    np.testing.assert_array_equal(grid.block, [0, 0, 0, 0, 1, 1, 1, 1])


def test_times_that_miss_an_edge_by_rounding_fall_on_it():
    # Ten tenths sum to 0.9999999999999999 in double precision, three to 0.30000000000000004; single precision is worse.
    curriculum = alternating(2, 10, 0.1)
    plain = lay_out(curriculum, 0.05)
    with_edges = lay_out(curriculum, 0.05, times=[0.0, 0.1, 0.3, 0.6, 0.7, 1.0])
    np.testing.assert_array_equal(with_edges.end, plain.end)
    with_middle = lay_out(curriculum, 0.05, records_per_block=1, times=[0.35])
    assert with_middle.end.shape == lay_out(curriculum, 0.05, records_per_block=1).end.shape


@pytest.mark.parametrize(("duration", "count"), [(0.1, 10_000), (0.7, 1000), (1.05, 3000), (1 / 3, 5000)])
def test_switches_written_as_decimals_fall_on_the_records_there(duration, count):
    curriculum = alternating(2, count, duration)
    plain = lay_out(curriculum, 1.0).end
    block = np.arange(count + 1)
    for times in (block * duration, np.cumsum(np.full(count, duration)), np.asarray(curriculum.edges)):
        np.testing.assert_array_equal(lay_out(curriculum, 1.0, times=times).end, plain)


def test_a_record_beside_a_late_switch_is_hit():
    curriculum = alternating(2, 10, 1000.0)
    for after in (0.01, 0.001, -0.001):  # the numbers of single precision lie 0.00098 apart here
        grid = lay_out(curriculum, 1.0, times=[9000.0 + after])
        assert grid.end.shape == (21,)
        (index,) = np.flatnonzero(np.asarray(grid.end) == default_dtype().type(9000.0 + after))
        assert int(grid.block[index]) == (9 if after > 0 else 8)
        check_grid(grid, curriculum, 1.0)


@pytest.mark.parametrize(
    ("records_per_block", "times", "named"),
    [
        (0, [9500.0, 9500.0003], r"t = 9500\.0 and 9500\.0003 in block 9"),
        (0, [8499.9997, 8500.0003], r"t = 8499\.9997 and 8500\.0003 in block 8"),
        (0, [8191.9998, 8192.0003], r"t = 8191\.9998 and 8192\.0003 in block 8"),
        (20, [], r"t = 10000\.0 and 10000\.000476\d+ in block 10"),
    ],
)
def test_records_that_the_dtype_cannot_tell_apart_are_refused_by_name(records_per_block, times, named):
    curriculum = alternating(2, 11, [*10 * [1000.0], 0.01])
    if default_dtype() == np.float64:
        check_grid(lay_out(curriculum, 1.0, records_per_block, times), curriculum, 1.0)
        return
    with pytest.raises(ValueError, match=rf"records at {named} are one number in float32, .* double precision"):
        lay_out(curriculum, 1.0, records_per_block, times)


def test_times_that_differ_by_arithmetic_only_are_one():
    curriculum = alternating(2, 2, 1.0)
    grid = lay_out(curriculum, 0.5, times=[0.3, 0.1 + 0.2, 0.7])
    assert sorted({float(time) for time in grid.end}) == sorted(
        {float(default_dtype().type(time)) for time in (0.0, 0.3, 0.1 + 0.2, 0.7, 1.0, 2.0)}
    )


DOUBLE = Fraction(1, 2**53)  # half a unit in the last place, relative


def exact(times):
    return [Fraction(float(time)) for time in np.asarray(times, np.float64)]


def exact_records(curriculum, records_per_block):
    """Exact times of starts and ends of blocks and of equally spaced records, and the block that each ends or is in."""
    start, records = Fraction(0), [(Fraction(0), 0)]
    for block, duration in enumerate(exact(curriculum.durations)):
        parts = records_per_block + 1
        records += [(start + duration * part / parts, block) for part in range(1, parts + 1)]
        start += duration
    return records


@pytest.mark.representatives(1)
@hypothesis.given(
    first=st.sampled_from([0.3, 100.0, 9000.0, 250_000.0]),
    durations=st.lists(st.sampled_from([0.1, 0.7, 1.0, 1 / 3, 2.5, 40.0]), min_size=1, max_size=6),
    records_per_block=st.integers(0, 4),
    anywhere=st.lists(st.floats(0.0, 1.0), max_size=4),
    beside=st.lists(st.tuples(st.integers(0, 40), st.integers(-40, 40)), max_size=4),
)
@hypothesis.settings(max_examples=200)
def test_every_time_is_hit_or_refused(first, durations, records_per_block, anywhere, beside):
    dtype = default_dtype()
    eps = Fraction(float(np.finfo(dtype).eps))
    curriculum = alternating(2, len(durations) + 1, [first, *durations])
    known = exact_records(curriculum, records_per_block)
    total = known[-1][0]
    # Anywhere, and some tenths of a unit in the last place beside other records.
    asked = [float(share * total) for share in anywhere]
    asked += [float(known[index % len(known)][0] * (1 + tenths * eps / 10)) for index, tenths in beside]
    asked = [time for time in asked if time <= float(total)]

    def is_known(time, operations):
        """Equals a record up to the rounding of durations, of the time, and of sums."""
        return any(abs(time - record) <= record * (eps / 2 + (block + operations) * DOUBLE) for record, block in known)

    # What a few roundings in double precision decide is not looked at.
    hypothesis.assume(all(is_known(time, 5) == is_known(time, 7) for time in exact(asked)))
    new = sorted({time for time in exact(asked) if not is_known(time, 6)})
    every = sorted([*new, *(record for record, _ in known)])
    pairs = [
        (float(one), float(other))
        for one, other in itertools.pairwise(every)
        if dtype.type(float(one)) == dtype.type(float(other))
        and not (one in new and other in new and other - one <= 5 * DOUBLE * other)
    ]
    try:
        grid = lay_out(curriculum, 1.0, records_per_block, asked)
    except ValueError as error:
        named = [float(number) for number in re.findall(r"t = (\S+) and (\S+) in block", str(error))[0]]
        assert any(np.allclose(named, pair, rtol=1e-15, atol=0) for pair in pairs)
        return
    assert not pairs
    check_grid(grid, curriculum, 1.0)
    end, edges = np.asarray(grid.end), np.append(0.0, np.cumsum(np.asarray(curriculum.durations, np.float64)))
    for time in new:
        (index,) = np.flatnonzero(end == dtype.type(float(time)))
        assert edges[grid.block[index]] < time < edges[grid.block[index] + 1]
    found, expected = np.unique(end), np.unique([dtype.type(float(time)) for time in every])
    np.testing.assert_allclose(found, expected, rtol=2.0**-51)


def test_an_unbounded_step_is_one_step_per_interval():
    np.testing.assert_array_equal(lay_out(alternating(2, 2, 1.0), float("inf")).num_steps, [0, 1, 0, 1])


@pytest.mark.parametrize("dtype", [None, jnp.float16, jnp.float32])
def test_dtype_is_that_of_the_curriculum(dtype):
    curriculum = alternating(2, 2, jnp.asarray(1.0, dtype))
    check_grid(lay_out(curriculum, 0.5, 3, [0.3]), curriculum, 0.5)


def test_refining_and_padding_keep_the_records():
    grid = lay_out(alternating(2, 2, 1.0), 0.25)
    np.testing.assert_array_equal(grid.refined(3).num_steps, [0, 12, 0, 12])
    np.testing.assert_array_equal(grid.refined(3).end, grid.end)
    np.testing.assert_array_equal(grid.refined(3).length, grid.length)
    padded = grid.padded(6)
    np.testing.assert_array_equal(padded.end, [0, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(padded.start[4:], padded.end[4:])
    np.testing.assert_array_equal(padded.length, [0, 1, 0, 1, 0, 0])
    assert [leaf.dtype for leaf in jax.tree.leaves(padded)] == [leaf.dtype for leaf in jax.tree.leaves(grid)]
    np.testing.assert_array_equal(padded.num_steps, [0, 4, 0, 4, 0, 0])
    np.testing.assert_array_equal(padded.block, [0, 0, 1, 1, 1, 1])


def test_stacking_pads_to_the_longest():
    grids = [lay_out(alternating(2, blocks, 1.0), 0.5) for blocks in (1, 3)]
    batch = stack(grids)
    assert batch.end.shape == (2, 6)
    np.testing.assert_array_equal(batch.num_steps[0], [0, 2, 0, 0, 0, 0])
    np.testing.assert_array_equal(batch.end[1], grids[1].end)


def test_stacking_refuses_to_mix_precisions():
    grids = [lay_out(alternating(2, 2, jnp.asarray(1.0, dtype)), 0.5) for dtype in (jnp.float16, jnp.float32)]
    with pytest.raises(ValueError, match=r"2 time grids of the dtypes \['float16', 'float32'\]; .* all of one dtype"):
        stack(grids)
    with pytest.raises(ValueError, match="0 time grids .* stack one or more"):
        stack([])


def test_more_steps_than_the_limit_are_refused():
    grid = lay_out(alternating(2, 2, 1.0), 2 / (0.6 * MOST_STEPS))
    with pytest.raises(ValueError, match=f"a refinement by 2 makes .* steps, and the limit is {MOST_STEPS:,}"):
        grid.refined(2)
    for step in (1e-9, 5e-324):
        for place in (lay_out, lay_out_whole_steps):
            with pytest.raises(
                ValueError, match=f"max_step is {step}, which makes .* and the limit is .*; take longer steps"
            ):
                place(alternating(2, 2, 1.0), step)


def test_more_records_than_the_limit_are_refused_before_they_are_made():
    with pytest.raises(
        ValueError, match="2 blocks, records_per_block 2,000,000,000 and 1 further times: that makes 4,0"
    ):
        lay_out(alternating(2, 2, 1.0), 0.1, 2_000_000_000, [0.5])


def test_refusals_say_what_to_do():
    curriculum = alternating(2, 2, 1.0)
    for step in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="must be positive"):
            lay_out(curriculum, step)
    with pytest.raises(ValueError, match="zero or more"):
        lay_out(curriculum, 0.1, records_per_block=-1)
    with pytest.raises((ValueError, TypeError), match=r"is 1\.5; it must be a whole number|Type-check error"):
        lay_out(curriculum, 0.1, records_per_block=1.5)
    for times in ([-0.1], [0.5, 2.1], [float("nan")], [float("inf")]):
        with pytest.raises(ValueError, match=r"\[0\.0, 2\.0\]; drop"):
            lay_out(curriculum, 0.1, times=times)
    with pytest.raises(ValueError, match="cannot be padded to 2"):
        lay_out(curriculum, 0.1).padded(2)
    with pytest.raises(ValueError, match="outside jit and vmap"):
        jax.jit(lambda duration: lay_out(alternating(2, 2, duration), 0.1).end)(1.0)


def test_whole_steps_do_not_depend_on_what_is_recorded():
    curriculum, ends, eps = sequence([0, 1, 0], [1.0, 0.505, 0.02], 2), [], float(np.finfo(default_dtype()).eps)
    for records, times in ((0, []), (5, [0.4, 0.41]), (1000, [])):
        grid = lay_out_whole_steps(curriculum, 0.03, records, times)
        steps = [int(np.sum(grid.num_steps[grid.block == block])) for block in range(3)]
        assert steps == [34, 17, 1]  # 1.0 / 0.03 = 33.3, 0.505 / 0.03 = 16.8
        moving = np.asarray(grid.num_steps) > 0
        check_grid(grid, curriculum, 0.03)
        lengths = (np.asarray(grid.length) / np.maximum(grid.num_steps, 1))[moving]
        np.testing.assert_allclose(
            lengths, np.asarray([1 / 34, 0.505 / 17, 0.02])[np.asarray(grid.block)[moving]], rtol=2 * eps
        )
        ends.append(np.asarray(grid.end))
    # Where every step is recorded; more records than steps are the same.
    assert ends[2].size == 34 + 17 + 1 + 3
    assert ends[1].size == 7 + 1 + 7 + 2
    for time in ends[1]:
        assert np.min(np.abs(ends[2] - time)) < 4 * eps
    np.testing.assert_allclose(ends[1][[3, 4]], [round(0.4 * 34) / 34, 0.5], rtol=eps)  # 0.41 is on the same step


def test_whole_steps_refuse_what_other_grids_refuse():
    with pytest.raises(ValueError, match="max_step is 0.0; it must be positive"):
        lay_out_whole_steps(alternating(2, 2, 1.0), 0.0)
    np.testing.assert_array_equal(lay_out_whole_steps(alternating(2, 2, 1.0), float("inf"), 3).num_steps, [0, 1, 0, 1])
