"""Smooth switching: the published formula, its generalisation to more tasks, finite slopes; in both precisions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import Smooth, curricula
from tests.tasks.exact_times import eps

pytestmark = pytest.mark.usefixtures("precision")


def near_switches():
    """What rounding of the time may change: times are a few 1e-4 from a switch, where weights are steep."""
    return 1e-9 if eps() < 1e-10 else 1e-3


@eqx.filter_jit
def weights_at(curriculum, times):
    return jax.vmap(lambda t: curriculum.task(0, t))(times)


def all_weights(curriculum, times):
    return np.asarray(weights_at(curriculum, jnp.asarray(times)))


def test_until_shortens_smooth_curricula_without_speeding_them_up():
    smooth = Smooth(100.0, 5.0, 3)
    cut = curricula.until(smooth, 7.0)
    assert cut.durations.tolist() == [5.0, 2.0]
    assert np.array_equal(cut.task(1, 6.5), smooth.task(1, 6.5))


@pytest.mark.parametrize(
    ("t", "expected", "digits"),
    [
        (0.0, 0.960, 5e-4),
        (0.01, 0.978, 5e-4),
        (0.1, 0.989, 5e-4),
        (1.0, 0.9989, 5e-5),
        (2.5, 1.0, 5e-5),
        (4.9, 0.989, 5e-4),
    ],
)
def test_smooth_values(t, expected, digits):
    weights = Smooth(100.0, 5.0, 2).task(0, t)
    assert float(weights[0]) == pytest.approx(expected, abs=digits)
    assert float(np.sum(weights)) == pytest.approx(1.0, abs=1e3 * eps())


@pytest.mark.parametrize("num_tasks", [2, 3, 4])
def test_smooth_weights_sum_to_one_and_follow_the_blocks(num_tasks):
    smooth = Smooth(100.0, 5.0, 8, num_tasks)
    edges = np.asarray(smooth.edges)
    starts, middles = edges[:-1], 0.5 * (edges[1:] + edges[:-1])
    weights = all_weights(smooth, np.concatenate([starts, middles, np.linspace(0.0, 40.0, 801)]))
    # |sin|^(1/100) is steep where it vanishes: rounding of t near a switch is amplified, symmetrically in two tasks.
    assert np.allclose(np.sum(weights, axis=1), 1.0, atol=near_switches())
    assert float(np.min(weights)) >= 0.0
    # In force from the start of a block, and in its middle.
    assert np.argmax(weights[:16], axis=1).tolist() == 2 * [block % num_tasks for block in range(8)]


def test_smooth_equals_the_published_formula_for_two_tasks():
    hardness, tau = 7.0, 1.3
    smooth = Smooth(hardness, tau, 10)
    times = np.linspace(0.0, 13.0, 257)
    period = 2 * tau
    weights = all_weights(smooth, times)
    for task in range(2):
        x = times - task * tau - period / 4 * (1 - 1e-4)
        r = np.abs(np.fmod(x, period))
        r = np.minimum(r, period - r)
        u = np.where(np.pi * r / tau < np.pi, np.cos(np.pi * r / tau), -1.0)
        expected = 0.5 + 0.5 * np.sign(u) * np.abs(np.sin(np.pi * u / 2)) ** (1 / hardness)
        assert np.allclose(weights[:, task], expected, rtol=0, atol=near_switches())


def test_harder_switches_are_sharper():
    soft, hard = (float(Smooth(g, 5.0, 2).task(0, 0.1)[0]) for g in (100.0, 1000.0))
    assert 0.98 < soft < hard < 1.0


def test_smooth_has_finite_slopes_in_hardness_and_time():
    def share(hardness, t):
        return Smooth(hardness, 5.0, 2).task(0, t)[0]

    # The steepest point, where the power alone has no derivative, and an ordinary one.
    crossing = 5.0 * (1.0 - 0.5e-4)
    for t in (crossing, 1.0):
        slopes = jax.jit(jax.grad(share, argnums=(0, 1)))(100.0, t)
        assert np.all(np.isfinite(slopes))


@pytest.mark.parametrize("num_tasks", [2, 3, 5])
@pytest.mark.parametrize("duration", [5.0, 0.7, 0.1, 1 / 3])
def test_every_block_begins_with_its_own_task(num_tasks, duration):
    smooth = Smooth(100.0, duration, 400, num_tasks)
    at_start = np.argmax(all_weights(smooth, smooth.edges[:-1]), axis=1)
    assert at_start.tolist() == [block % num_tasks for block in range(400)]


def test_more_blocks_than_the_dtype_can_tell_switches_of_are_refused():
    if eps() < 1e-10:
        assert Smooth(100.0, 0.7, 100_000).num_blocks == 100_000
        return
    with pytest.raises(
        ValueError, match="got 500 blocks up to t = 350 in float32, which tells switches.* double precision"
    ):
        Smooth(100.0, 0.7, 500)
    with pytest.raises(ValueError, match="got 2 blocks up to t = 800 in float32"):
        Smooth(100.0, 0.7, 2).with_durations(jnp.asarray([400.0, 400.0]))


def test_smooth_messages():
    for hardness in (0.0, -1.0, float("inf")):
        with pytest.raises(ValueError, match="hardness = .*positive and finite"):
            Smooth(hardness, 1.0, 2)
    with pytest.raises(ValueError, match="num_tasks = 1; switching needs at least 2"):
        Smooth(100.0, 1.0, 2, 1)
    with pytest.raises(ValueError, match="every block must last"):
        Smooth(100.0, 0.0, 2)
    with pytest.raises(ValueError, match="for 0 blocks"):
        Smooth(100.0, 1.0, 0)
