"""Curricula that are cut at an end, and the exact number of blocks until then; in both precisions."""

from fractions import Fraction

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import curricula
from ntadyn.tasks.named import published_step_count
from tests.tasks.exact_times import decimals, default_dtype, durations_lists, eps

pytestmark = pytest.mark.usefixtures("precision")


@hypothesis.given(durations=durations_lists, fraction=st.floats(0.01, 1.0))
@hypothesis.settings(max_examples=15)
def test_until_ends_where_it_is_told(durations, fraction):
    curriculum = curricula.alternating(2, len(durations), durations)
    end = fraction * float(curriculum.total_time)
    cut = curricula.until(curriculum, end)
    assert float(cut.total_time) == pytest.approx(end, rel=eps())
    assert np.array_equal(cut.edges[:-1], curriculum.edges[: cut.num_blocks])
    assert cut.tasks.tolist() == curriculum.tasks.tolist()[: cut.num_blocks]


def test_until_at_an_edge_keeps_whole_blocks():
    curriculum = curricula.alternating(2, 30, 0.1)
    for end in (0.3, 0.1 + 0.2, float(curriculum.edges[3])):
        cut = curricula.until(curriculum, end)
        assert cut.durations.tolist() == curriculum.durations[:3].tolist()
    # 30 times 0.1 is not 3 in binary: neither an error nor a sliver.
    assert curricula.until(curriculum, 3.0).num_blocks == 30


def test_until_of_the_published_time_axis():
    block = 0.001 * published_step_count(1.0, 0.001)
    cut = curricula.until(curricula.alternating(2, 22, block), 20.0)
    assert cut.num_blocks == 21
    # 20 unit-step steps into block index 20.
    assert float(cut.durations[-1]) == pytest.approx(0.020, abs=20 * eps())


@pytest.mark.parametrize("dtype", [None, jnp.float32])
def test_until_keeps_the_dtype(dtype):
    cut = curricula.until(curricula.alternating(2, 3, jnp.asarray(1.0, dtype)), 2.5)
    assert cut.durations.dtype == (dtype or default_dtype())
    assert cut.durations.tolist() == [1.0, 1.0, 0.5]


def ways_to_write(count, duration):
    """The end of so many blocks of one duration, as people compute it in double precision."""
    number = float(duration)
    return [
        float(count * duration),
        count * number,
        count / (1 / number),
        np.linspace(0, float(2 * count * duration), 3)[1],
        float(np.cumsum(np.full(count, number))[-1]),
    ]


@pytest.mark.representatives(1)
@hypothesis.given(count=st.integers(1, 100_000), more=st.integers(0, 3), duration=decimals)
@hypothesis.settings(max_examples=40)
def test_the_number_of_blocks_is_exact(count, more, duration):
    curriculum = curricula.alternating(2, count + more, float(duration))
    for end in [*ways_to_write(count, duration), float(curriculum.edges[count])]:
        cut = curricula.until(curriculum, end)
        assert cut.num_blocks == count
        assert float(cut.total_time) == pytest.approx(end, rel=2 * eps() + count * 2.0**-53, abs=0)
        assert curricula.num_blocks_until(end, float(duration)) == count


@hypothesis.given(count=st.integers(1, 100_000), duration=decimals, share=st.floats(0.01, 0.99))
@hypothesis.settings(max_examples=25)
def test_an_end_inside_a_block_cuts_it(count, duration, share):
    whole = curricula.alternating(2, count, float(duration))
    number = Fraction(float(whole.durations[0]))
    # Rounded sums of as many durations may lie this far off, in units of one of them.
    hypothesis.assume(count * eps() < min(share, 1 - share))
    end = float((count - 1 + Fraction(share)) * number)
    cut = curricula.until(whole, end)
    assert cut.num_blocks == curricula.num_blocks_until(end, float(duration)) == count
    assert float(cut.total_time) == pytest.approx(end, rel=eps(), abs=0)
    last = Fraction(end) - (count - 1) * number
    assert float(cut.durations[-1]) == pytest.approx(float(last), rel=2 * eps(), abs=2.0**-52 * end)


@pytest.mark.parametrize("thirds", [3, 7, 50_001])
def test_blocks_of_a_third(thirds):
    end = thirds / 3
    assert curricula.num_blocks_until(end, 1 / 3) == thirds
    assert curricula.until(curricula.alternating(2, thirds, 1 / 3), end).num_blocks == thirds


def test_ten_thousand_blocks_of_one():
    curriculum = curricula.until(curricula.alternating(2, 10_000, 1.0), 10_000.0)
    assert curriculum.num_blocks == 10_000
    assert curriculum.edges.tolist() == list(range(10_001))


def test_numbers_of_blocks_of_no_length_are_refused():
    for total, duration in ((1.0, 0.0), (1.0, -1.0), (float("inf"), 1.0), (1.0, float("inf")), (0.0, 1.0)):
        with pytest.raises(ValueError, match=f"got total_time = {total} and duration = {duration}, which is"):
            curricula.num_blocks_until(total, duration)
    assert curricula.num_blocks_until(1e300, 1e-30) > 10**300


def test_only_rounding_makes_an_end_a_block_edge():
    curriculum = curricula.alternating(2, 9, 1000.0)
    # One unit in the last place is clear in single precision; in double precision it is what arithmetic costs.
    clear = eps() if default_dtype() == np.float32 else 8 * eps()
    assert curricula.until(curriculum, 4000.0 * (1 + clear)).num_blocks == 5
    assert curricula.until(curriculum, 4000.0 * (1 - clear)).durations[-1] < 1000.0
    assert curricula.until(curriculum, 4000.0 * (1 + eps() / 4)).num_blocks == 4
    with pytest.raises(ValueError, match=r"for a curriculum of 9000; allowed"):
        curricula.until(curriculum, 9000.0 * (1 + clear))


def test_an_end_in_single_precision_is_as_exact_as_that():
    curriculum = curricula.alternating(2, 10, 0.1)
    assert curricula.until(curriculum, jnp.float32(0.3)).num_blocks == 3


def test_until_messages():
    curriculum = curricula.alternating(2, 3, 1.0)
    with pytest.raises(ValueError, match="total_time = 3.5 for a curriculum of 3; .*Ask for more blocks"):
        curricula.until(curriculum, 3.5)
    for end in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="allowed is above 0"):
            curricula.until(curriculum, end)
    with pytest.raises(ValueError, match="got traced times.*before entering"):
        jax.jit(lambda duration: curricula.until(curricula.alternating(2, 3, duration), 1.5).edges)(1.0)
