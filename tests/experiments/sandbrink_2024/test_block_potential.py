import numpy as np
import pytest

from experiments.sandbrink_2024.figure_a9.potential import BlockPotential, first_order_loss


def test_constants():
    assert BlockPotential().curvature == pytest.approx(1.6)


def test_the_angle_is_zero_around_even_multiples_of_two_blocks_and_pi_between():
    angles = BlockPotential().angles(np.array([0.0, 0.5, 0.9, 1.1, 2.9, 3.5, 5.5]))
    # A smooth wave is never quite one or zero, and arccos is steep there.
    np.testing.assert_allclose(angles, np.pi * np.array([0, 0, 0, 1, 1, 0, 1]), atol=0.1)
    longer = BlockPotential(block_duration=2.0).angles(np.array([1.5, 2.5, 5.5, 6.5]))
    np.testing.assert_allclose(longer, np.pi * np.array([0, 1, 1, 0]), atol=0.1)


def test_descent_in_the_growth_term_is_quadratic_in_time():
    # dX/dt = -dV_2/dX from X_0 has the solution (sqrt(X_0) + (3/16) tau_B C_q t)^2.
    potential = BlockPotential()
    x0, step, rate = 0.01, 1e-4, 3 / 16 * 1.6
    x, times = x0, step * np.arange(3001)
    path = []
    for _ in times:
        path.append(x)
        near = np.array([x - 1e-6, x + 1e-6])
        x = x - step * np.diff(potential.growth(near))[0] / 2e-6
    np.testing.assert_allclose(path, (np.sqrt(x0) + rate * times) ** 2, rtol=1e-3)


def test_the_effective_potential_is_the_sum_over_both_tasks():
    potential, wbar = BlockPotential(block_duration=3.0), np.linspace(-1.05, 1.05, 7)
    tasks = [
        potential.linear(along) + potential.growth(along) + potential.wall(np.abs(wbar)) for along in (wbar, -wbar)
    ]
    np.testing.assert_allclose(potential.effective(wbar), np.sum(tasks, axis=0), rtol=1e-14)


def test_without_gates_both_tasks_resist():
    np.testing.assert_allclose(first_order_loss(np.array([-1.0, 0.0, 0.5])), [4.0, 0.0, 1.0], atol=1e-15)


def test_both_wells_are_equally_deep_and_deepen_with_the_block():
    depths = [BlockPotential(block_duration=duration).well_depth() for duration in (1.0, 2.0, 4.0)]
    # Without the wall every task adds tau_B C_q / 4 at X = 1.
    assert 0.6 < depths[0] < 0.8
    np.testing.assert_allclose(np.divide(depths[1:], depths[:-1]), 2, atol=0.1)


def test_a_ball_rolls_into_the_well_on_its_side():
    times, right = BlockPotential().descend(0.1, 2.0)
    _, left = BlockPotential().descend(-0.1, 2.0)
    assert right[0] == 0.1
    assert times[-1] == pytest.approx(2.0)
    assert right[-1] > 0.15
    assert left[-1] < -0.1
