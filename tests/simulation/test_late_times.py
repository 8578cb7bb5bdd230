"""A flow that does not know the time goes the same way at any time, in any precision."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OnlineSGD, OrderParameters, OrderParameterState
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity
from ntadyn.simulation import Adaptive, FixedSteps, LaneSteps, Updates, integrate, integrate_batch, observables
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import lay_out, lay_out_whole_steps
from ntadyn.solvers import LearningTerm, SlidingHeun, Splitting
from ntadyn.tasks import Smooth, curricula, from_matrices

KEY = jax.random.key(0)
TASKS = from_matrices(0.5 * np.eye(4).reshape(2, 2, 4))
RECORDED = {"gates": observables.gates, "loss": observables.loss}
STEP = 0.02
# Here the numbers of a dtype lie further apart than two steps, and two blocks much further apart than that.
LATE = {jnp.float32: 2.0**20, jnp.float64: 2.0**49}


def flow(kind, dtype):
    tasks = jax.tree.map(lambda leaf: leaf.astype(dtype), TASKS)
    taus = {"gates": jnp.asarray(0.1, dtype), "weights": jnp.asarray(0.7, dtype)}
    system = kind(tasks, taus, {"gates": Nonnegativity(jnp.asarray(0.1, dtype))})
    gates = jnp.asarray([0.6, 0.4], dtype)
    return system, system.initial_state(GatedLinear.initialise(KEY, (2, 2, 4), 0.5, gates, dtype))


def early_and_late(dtype, place=lay_out):
    curriculum = curricula.alternating(2, 3, jnp.asarray(1.0, dtype))
    grid = place(curriculum, STEP, 1)
    late = jnp.asarray(LATE[dtype], dtype)
    return curriculum, [
        grid,
        eqx.tree_at(lambda grid: (grid.start, grid.end), grid, (grid.start + late, grid.end + late)),
    ]


@pytest.mark.representatives(1)
@pytest.mark.parametrize(
    ("method", "dtype"),
    [
        (FixedSteps(Splitting()), jnp.float32),
        (FixedSteps(SlidingHeun()), jnp.float32),
        (FixedSteps(diffrax.Heun()), jnp.float32),
        (FixedSteps(diffrax.Heun()), jnp.float64),
        (LaneSteps(), jnp.float32),
    ],
    ids=["splitting", "sliding", "heun", "heun in double precision", "lanes"],
)
def test_late_steps_are_as_long_as_early_ones(method, dtype):
    curriculum, grids = early_and_late(dtype)
    system, state = flow(OrderParameters, dtype)
    batch = jax.tree.map(lambda leaf: leaf[None], (system, state))
    early, late = (
        eqx.filter_jit(integrate_batch)(batch[0], curriculum, batch[1], method, grid, RECORDED) for grid in grids
    )
    assert bool(jnp.all(early.result == RESULTS.successful))
    assert float(early.values["loss"][0, 2]) < 0.5 * float(early.values["loss"][0, 0])
    for name in RECORDED:
        np.testing.assert_array_equal(late.values[name], early.values[name])


def test_late_updates_have_the_learning_rate_of_early_ones():
    curriculum, grids = early_and_late(jnp.float32, lay_out_whole_steps)
    inner, _ = flow(GradientFlow, jnp.float32)
    system = OnlineSGD(inner, KEY, 5)
    state = system.initial_state(
        GatedLinear.initialise(KEY, (2, 2, 4), 0.5, jnp.full(2, 0.5, jnp.float32), jnp.float32)
    )
    early, late = (integrate(system, curriculum, state, Updates(), grid, RECORDED) for grid in grids)
    assert float(early.values["loss"][2]) < float(early.values["loss"][0])
    np.testing.assert_array_equal(late.values["loss"], early.values["loss"])


@pytest.mark.slow
def test_adaptive_steps_do_not_know_how_late_it_is():
    curriculum, grids = early_and_late(jnp.float32)
    system, state = flow(OrderParameters, jnp.float32)
    method = Adaptive(rtol=1e-4, atol=1e-5)
    early, late = (integrate(system, curriculum, state, method, grid, RECORDED) for grid in grids)
    assert bool(late.result == RESULTS.successful)
    np.testing.assert_array_equal(late.values["loss"], early.values["loss"])


def test_a_clock_that_starts_late_shows_the_time_of_the_curriculum():
    curriculum = Smooth(2.0, 1.0, 4)

    class Clock(OrderParameters):
        def vector_field(self, t, state, task):
            square = jnp.full((1, 2, 2), t)
            return OrderParameterState(task, square, square)

    system, state = flow(Clock, jnp.float64)
    term, _ = LearningTerm.of(system, curriculum, state)
    block = jnp.asarray(2)
    late, plain = (
        term.starting_at(jnp.asarray(2.25)).vf(jnp.asarray(0.5), state, block),
        term.vf(jnp.asarray(2.75), state, block),
    )
    assert float(late.cross[0, 0, 0]) == float(plain.cross[0, 0, 0]) == 2.75
    np.testing.assert_array_equal(late.gates, curriculum.task(block, 2.75))
    np.testing.assert_array_equal(plain.gates, late.gates)
