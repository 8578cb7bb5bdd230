"""Runs in parts, and what they refuse; all of them share the program of one small sampler."""

import math
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy.neighbourhood import Ball
from ntadyn.degeneracy.nested_slices import NestedSlices, _advance
from ntadyn.degeneracy.problem import LossProblem
from tests.degeneracy.exact_losses import Powers

SAMPLER = NestedSlices(num_live=60, num_delete=6, log_volume=-6.0)


def problem(*powers):
    return LossProblem(Powers(jnp.array(powers)), jnp.zeros(2))


@pytest.fixture(scope="module")
def told():
    """A run, what it said on its way, and how many programs it compiled."""
    said, before = [], _advance._cached._cache_size()
    run = SAMPLER.run(problem(2.0, 2.0), Ball(1.0), jax.random.key(0), lambda *steps: said.append(steps))
    return run, said, _advance._cached._cache_size() - before


@pytest.mark.slow
def test_progress_is_told_up_to_the_last_step(told):
    _, said, _ = told
    total = SAMPLER.num_steps
    assert 5 <= len(said) <= 10
    assert said[-1] == (total, total)
    assert [done for done, _ in said] == sorted({done for done, _ in said})


def test_points_die_from_the_highest_loss_down(told):
    run, _, _ = told
    assert run.losses.size == SAMPLER.num_steps * 6 + 60
    assert np.all(np.diff(run.losses) <= 0)
    assert run.losses[-1] > 0


def test_volumes_are_those_of_deaths_in_batches(told):
    run, _, _ = told
    falls = -np.diff(run.log_volumes, prepend=0.0)
    np.testing.assert_allclose(falls[:8], [1 / 60, 1 / 59, 1 / 58, 1 / 57, 1 / 56, 1 / 55, 1 / 60, 1 / 59], rtol=1e-12)
    np.testing.assert_allclose(falls[-60:], 1 / np.arange(60.0, 0.0, -1.0), rtol=1e-10)
    assert -6.0 - 1.01 * np.sum(SAMPLER.shrinkages) < run.log_volumes[-61] <= -6.0


def test_evaluations_are_counted(told):
    # At least both ends of each line and the point that is taken: five lines per birth.
    run, _, _ = told
    births = 6 * SAMPLER.num_steps
    assert 60 + 15 * births < int(run.num_evaluations) < 60 + 200 * births


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(told):
    arguments = SAMPLER, problem(2.0, 2.0), Ball(1.0)
    state = eqx.filter_jit(SAMPLER.begin)(*arguments[1:], jax.random.key(0))
    for steps in (7, SAMPLER.num_steps - 7):
        state = _advance(*arguments, state, jnp.asarray(steps))
    np.testing.assert_array_equal(SAMPLER.finish(state).losses, told[0].losses)
    assert int(state.num_done) == SAMPLER.num_steps


def test_one_program_serves_all_parts_and_several_problems(told):
    before = _advance._cached._cache_size()
    assert told[2] == 1
    run = SAMPLER.run(problem(2.0, 4.0), Ball(1.0), jax.random.key(1))
    assert _advance._cached._cache_size() == before
    assert np.any(run.losses != told[0].losses)


def test_a_loss_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="is nan at the centre"):
        SAMPLER.run(problem(math.nan, 2.0), Ball(1.0), jax.random.key(0))


def test_a_flat_bottom_is_refused():
    # So high a power that the loss is exactly zero in most of the ball.
    with pytest.raises(ValueError, match="flat bottom"):
        SAMPLER.run(problem(3000.0, 0.0), Ball(1.0), jax.random.key(0))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"num_live": 10, "num_delete": 6}, "at most half"),
        ({"num_delete": 0}, "at least one"),
        ({"num_inner_steps": 0}, "at least 1"),
        ({"log_volume": 0.0}, "negative log V"),
        ({"log_volume": -math.inf}, "finite"),
    ],
)
def test_sizes_that_make_no_run_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        NestedSlices(**given)


def test_a_run_ends_at_the_first_step_below_its_volume():
    sampler = NestedSlices(num_live=400, num_delete=40, log_volume=-18.0)
    fall = sum(1 / (400 - j) for j in range(40))
    assert (sampler.num_steps - 1) * fall < 18.0 <= sampler.num_steps * fall


@pytest.mark.slow
def test_the_import_does_not_import_the_sampler():
    code = "import sys, ntadyn.degeneracy.nested_slices, ntadyn.degeneracy.volume; assert 'blackjax' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
