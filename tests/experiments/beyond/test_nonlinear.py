"""Gated networks with hidden units: what is measured of them, and that they do it (N12 at few seeds)."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.beyond import lanes, nonlinear
from experiments.beyond.nonlinear import numbers, simulation
from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated

BLOCKS = 6


def table(conditions, steps):
    """A made-up table: what conditions take is given, not learned."""
    shape = (len(conditions), 3)
    made = np.broadcast_to(np.asarray(steps, float)[:, None, None], (*shape, BLOCKS))
    tests = np.arange(2 * BLOCKS)
    softmax = np.array([name.startswith("softmax, rate") for name in conditions])
    return xr.Dataset(
        {
            "steps": (("condition", "seed", "block"), made),
            "score": (("condition", "seed", "test"), np.full((*shape, len(tests)), 0.5)),
            "gates": (("condition", "seed", "path"), np.ones((*shape, 2))),
            "switching": (("condition", "seed"), np.where(softmax, 0.0, 1.0)[:, None] * np.ones(shape)),
            "path_overlaps": (("condition", "seed", "path", "task"), np.ones((*shape, 2, 2))),
            "loss": (("condition", "seed", "task"), np.ones((*shape, 2))),
            "result": (("condition", "seed"), np.zeros(shape, int)),
        },
        {"condition": conditions, "step": ("test", 10.0 * tests), "block_of_test": ("test", tests // 2)},
    )


@pytest.fixture(scope="module")
def data():
    named = {**{name: mean for name, (mean, _) in numbers.PROTOTYPE.items()}, numbers.FLOORED: 8}
    return {
        "teachers": table(list(named), list(named.values())),
        "digits": table(["flexible", "forgetful"], [10, 90]),
        "quick_digits": table(["flexible", "forgetful"], [10, 10]),
        "convolutions": table(["flexible", "forgetful", "flexible, slow weights"], [10, 100, 300]),
    }


def missed(data):
    return {row.name for row in nonlinear.accept(data) if row.verdict is Verdict.OUTSIDE}


def test_what_is_as_it_must_be_is_accepted(data):
    assert missed(data) == set()


@pytest.mark.parametrize(
    ("name", "condition", "steps", "row"),
    [
        ("digits", "flexible", 25, "digits: steps, flexible"),
        ("digits", "forgetful", 55, "digits: steps, forgetful"),
        ("digits", "flexible", np.inf, "digits: steps, flexible"),
        ("quick_digits", "forgetful", 30, "quick weights, digits: steps, forgetful"),
        ("teachers", "flexible", 30, "teachers, small weights: forgetful over flexible"),
        ("teachers", "softmax, rate 1", 30, "teachers: steps, softmax, rate 1"),
    ],
)
def test_what_is_not_is_refused(data, name, condition, steps, row):
    changed = data[name].copy(deep=True)
    changed["steps"].loc[{"condition": condition}] = steps
    assert row in missed(data | {name: changed})


def test_plot(data):
    drawn = nonlinear.plot(data)
    assert [ax.get_title() for ax in drawn.axes[:2]] == ["teachers, small initial weights", "digits, slow weights"]
    drawn.canvas.draw()
    plt.close(drawn)


def test_steps_count_from_the_start_of_a_block_to_the_first_test_that_is_passed():
    step, block = np.array([0, 5, 10, 10, 15, 20.0]), np.array([0, 0, 0, 1, 1, 1])
    found = np.array([[False, True, False, False, False, True], [False, False, False, True, False, False]])
    np.testing.assert_array_equal(lanes.steps_until(found, step, block), [[5, 10], [np.inf, 0]])


def test_a_network_switches_where_another_path_is_open_at_the_end_of_every_block():
    turns = np.array([[1, 0], [0, 1], [1, 0], [0.2, 0.7]])
    stays = np.array([[1, 0.9], [1, 0.8], [1, 0.9], [1, 0.8]])
    half = np.array([[1, 0], [1, 0], [0, 1], [0, 1.0]])
    np.testing.assert_allclose(lanes.switching_share(np.stack([turns, stays, half])), [1, 0, 1 / 3])


def test_gates_of_units_in_their_own_units_are_the_conditions_of_plain_ones():
    """c = s c': eta' = eta / s^2, k of norms times s^2, k of the hinge times s."""
    s2 = simulation.UNITS
    assert simulation.UNIT.rate * s2 == pytest.approx(simulation.FLEXIBLE.rate)
    assert simulation.UNIT.unit_l2 / s2 == pytest.approx(simulation.FLEXIBLE.unit_l1)
    assert simulation.UNIT.nonnegative / s2**0.5 == pytest.approx(simulation.FLEXIBLE.nonnegative)


@pytest.mark.slow
def test_gates_that_would_diverge_are_refused_before_anything_is_compiled():
    spec = simulation.nonlinear_flexible()
    with pytest.raises(ValueError, match="must not exceed 2"):
        lanes.trained(spec, {simulation.RATE: [0.1, 0.3]}, 1, 4)


@pytest.mark.slow
def test_fast_run_is_accepted(optimised):
    found = simulated(nonlinear, nonlinear.FAST)
    assert found["teachers"].steps.dims == ("condition", "seed", "block")
    assert missed(found) <= {f"teachers: steps, {name}" for name in numbers.PROTOTYPE}
