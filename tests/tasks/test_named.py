"""Published schedules and bookkeeping, in both precisions."""

import numpy as np
import pytest

from ntadyn.tasks import curricula
from ntadyn.tasks.named import NAMED, named, published_num_blocks, published_step_count, published_switch_block

pytestmark = pytest.mark.usefixtures("precision")


def tasks_of(curriculum):
    return curriculum.tasks.tolist()


# num_blocks 8: training in blocks 0 to 5, test in blocks 6 and 7.
@pytest.mark.parametrize(
    ("name", "num_base", "num_composites", "tasks"),
    [
        ("A_B__", 2, 0, [0, 1, 0, 1, 0, 1, 0, 1]),
        ("A_B__", 3, 0, [0, 1, 2, 0, 1, 2, 0, 1]),
        ("A_B__AB__", 2, 1, [0, 1, 0, 1, 0, 1, 2, 2]),
        ("B_AB__A_B_AB__", 2, 1, [1, 2, 1, 2, 1, 2, 0, 1]),
        ("B_AB__A_B__", 2, 1, [1, 2, 1, 2, 1, 2, 0, 1]),
        ("AB_BC__", 3, 3, [3, 4, 3, 4, 3, 4, 3, 4]),
        ("AB_BC_CA__", 3, 3, [3, 4, 5, 3, 4, 5, 3, 4]),
        ("A_B_C__AB_BC_CA__", 3, 3, [0, 1, 2, 0, 1, 2, 3, 4]),
        ("AB_BC_CA__A_B_C__", 3, 3, [3, 4, 5, 3, 4, 5, 0, 1]),
        ("AB_CD__AD__", 4, 4, [4, 6, 4, 6, 4, 6, 7, 7]),
        ("AB_BC_CD_DA__AC_BD__", 4, 6, [4, 5, 6, 7, 4, 5, 8, 9]),
    ],
)
def test_named_tables(name, num_base, num_composites, tasks):
    curriculum = named(name, 8, num_base, num_composites, 1.0)
    assert tasks_of(curriculum) == tasks
    assert curriculum.num_tasks == num_base + num_composites


def test_three_phase_test_block_differs_from_two_phase():
    # Blocks 9 to 11 tell b mod 3 from b mod 2.
    assert tasks_of(named("B_AB__A_B_AB__", 12, 2, 1, 1.0))[9:] == [0, 1, 2]
    assert tasks_of(named("B_AB__A_B__", 12, 2, 1, 1.0))[9:] == [1, 0, 1]


def test_every_named_curriculum_is_tested():
    tested = {mark.args[1][row][0] for mark in test_named_tables.pytestmark for row in range(len(mark.args[1]))}
    assert tested == set(NAMED)


def test_fig_3_switches_at_block_23():
    assert published_switch_block(31) == 23
    assert published_switch_block(30) == 22
    num_blocks = published_num_blocks(30.0, 1.0)
    curriculum = named("A_B_C__AB_BC_CA__", num_blocks, 3, 3, 1.0)
    assert curriculum.num_blocks == 31
    assert tasks_of(curriculum)[21:27] == [0, 1, 5, 3, 4, 5]


@pytest.mark.parametrize(
    ("duration", "dt", "steps"),
    [
        (1.0, 0.001, 999),
        (1.0, 0.01, 99),
        (0.8, 0.001, 800),
        (0.6, 0.001, 599),
        (0.4, 0.001, 400),
        (0.1, 0.001, 100),
        (5, 1e-4, 49999),
    ],
)
def test_published_step_count(duration, dt, steps):
    assert published_step_count(duration, dt) == steps


@pytest.mark.parametrize(
    ("total", "duration", "blocks"),
    [(20, 1.0, 21), (30, 1.0, 31), (25, 1.0, 26), (7, 1.0, 8), (7, 0.8, 9), (7, 0.6, 12), (7, 0.4, 18), (7, 0.1, 70)],
)
def test_published_num_blocks(total, duration, blocks):
    assert published_num_blocks(total, duration) == blocks


def test_block_starts_of_the_published_run(shared):
    reference = np.load(shared / "reference" / "fig2_flexible.npz")
    block = 0.001 * published_step_count(1.0, 0.001)
    curriculum = curricula.alternating(2, 20, block)
    # Stored once per record, so up to two records (0.002 each) late.
    assert np.abs(reference["t_block_end"] - np.asarray(curriculum.switch_times)).max() < 0.005


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="got the curriculum 'A_B_AB__'") as caught:
        named("A_B_AB__", 8, 2, 1, 1.0)
    assert all(name in str(caught.value) for name in NAMED)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("A_B__AB__", 8, 2, 0, 1.0), "asks for task 2, got 2 base tasks and 0 composites"),
        (("AB_BC_CD_DA__AC_BD__", 8, 4, 4, 1.0), r"asks for task 9.*indices 0 to 7.*FOUR_TASK_PAIRS"),
        (("A_B__AB__", 8, 3, 3, 1.0), "num_base = 3 for 'A_B__AB__'; .* for num_base = 2"),
        (("AB_CD__AD__", 8, 3, 5, 1.0), "num_base = 3 for 'AB_CD__AD__'; .* for num_base = 4"),
        (("A_B__", 0, 2, 0, 1.0), "num_blocks = 0"),
        (("AB_BC__", 8, 1, 1, 1.0), "num_base = 1"),
        (("A_B__", 8, 2, -1, 1.0), "num_composites = -1"),
        (("A_B__", 8, 2, 0, 0.0), "must last a positive, finite time"),
    ],
)
def test_named_messages(arguments, message):
    with pytest.raises(ValueError, match=message):
        named(*arguments)


def test_count_messages():
    with pytest.raises(ValueError, match="published_step_count: got duration = 1.0, dt = 0.0"):
        published_step_count(1.0, 0.0)
    with pytest.raises(ValueError, match="published_num_blocks: got total = -1.0, duration = 1.0"):
        published_num_blocks(-1.0, 1.0)
