"""The harness: records, switches, step halving, result codes, refusals, and one program for many values."""

import functools

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OnlineSGD, OrderParameters, Symmetric
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import ColumnL2, Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.simulation import (
    Adaptive,
    FixedSteps,
    GradientDescent,
    LaneSteps,
    Updates,
    default_step,
    integrate,
    observables,
    simulate,
)
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import lay_out, stack
from ntadyn.solvers import SlidingHeun
from ntadyn.tasks import Smooth
from ntadyn.tasks.curricula import alternating, sequence
from tests.systems import KINKED, TIME_CONSTANTS, covariance, general_network, general_tasks, symmetric_network

RECORDED = {"gates": observables.gates, "loss": observables.loss}
CURRICULUM = alternating(2, 3, 0.5)
METHOD = FixedSteps(max_step=0.01)


def order_parameters(**penalties):
    return OrderParameters(general_tasks(), TIME_CONSTANTS, penalties or {"gates": KINKED})


def start(system, **kwargs):
    return system.initial_state(general_network(**{"paths": 2, **kwargs}))


def simulated(system=None, curriculum=CURRICULUM, method=METHOD, **kwargs):
    system = order_parameters() if system is None else system
    return simulate(system, curriculum, start(system), method=method, observables=RECORDED, **kwargs)


@pytest.mark.slow
def test_records_lie_at_both_ends_of_every_block():
    trajectory = simulated()
    np.testing.assert_array_equal(trajectory.times, [0, 0.5, 0.5, 1.0, 1.0, 1.5])
    np.testing.assert_array_equal(trajectory.blocks, [0, 0, 1, 1, 2, 2])
    gates, loss = trajectory.values["gates"], trajectory.values["loss"]
    # The two records at a switch show one state under two tasks.
    np.testing.assert_array_equal(gates[1], gates[2])
    assert loss[2] > loss[1]
    np.testing.assert_array_equal(trajectory.final_state.gates, gates[-1])
    np.testing.assert_array_equal(trajectory.at_block_ends(trajectory.values)["gates"], gates[1::2])
    np.testing.assert_array_equal(gates[0], general_network(paths=2).gates)


@pytest.mark.slow
def test_more_records_at_multiples_of_the_step_change_nothing():
    plain, dense = simulated(), simulated(records_per_block=4, times=[0.25, 1.37])
    assert dense.times.shape == (3 * 6 + 2,)
    assert {0.25, 1.37} <= set(np.asarray(dense.times).tolist())
    at_ends = dense.at_block_ends(dense.values)["gates"]
    # 1.37 lies between two steps of the last block, and there the trajectory changes by its own error.
    np.testing.assert_allclose(at_ends[:2], plain.values["gates"][1:4:2], rtol=0, atol=1e-13)
    np.testing.assert_allclose(at_ends[2], plain.values["gates"][5], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_task_of_a_smooth_curriculum_is_that_of_the_time():
    system, curriculum = order_parameters(), Smooth(2.0, 0.5, num_blocks=2)
    task_in_force = {"task": lambda system, state, task: task}
    trajectory = simulate(system, curriculum, start(system), method=METHOD, observables=task_in_force, times=[0.1])
    expected = [curriculum.task(b, t) for b, t in zip(trajectory.blocks, trajectory.times, strict=True)]
    np.testing.assert_allclose(trajectory.values["task"], jnp.stack(expected), rtol=0, atol=1e-15)


@pytest.mark.slow
def test_padded_and_stacked_grids_give_identical_results():
    system = order_parameters()
    grids = [lay_out(sequence([0, 1, 0], [length, 0.5, 0.4], 2), 0.01, extra) for length, extra in ((0.5, 0), (0.3, 2))]
    advance = lambda grid: integrate(system, CURRICULUM, start(system), METHOD, grid, RECORDED)  # noqa: E731
    batch = jax.vmap(advance)(stack(grids))
    for index, grid in enumerate(grids):
        alone = advance(grid)
        length = grid.end.shape[0]
        np.testing.assert_array_equal(alone.values["gates"], advance(grid.padded(12)).values["gates"][:length])
        np.testing.assert_allclose(batch.values["gates"][index, :length], alone.values["gates"], rtol=0, atol=1e-13)
        np.testing.assert_allclose(batch.final_state.gates[index], alone.final_state.gates, rtol=0, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", [pytest.param(FixedSteps(max_step=0.02), marks=pytest.mark.slow), FixedSteps(diffrax.Heun(), 0.02)]
)
def test_error_estimate_is_close_to_the_error(method):
    system, curriculum = order_parameters(gates=UnitL2Norm(0.5)), alternating(2, 1, 0.3)
    trajectory = simulated(system, curriculum, method, estimate_error=True)
    exact = simulated(system, curriculum, Adaptive(rtol=1e-11, atol=1e-12))
    assert float(jnp.min(exact.values["gates"])) > 0
    true = jnp.max(jnp.abs(trajectory.values["gates"] - exact.values["gates"]))
    # A second-order step, whose error is 4/3 of what halving moves, of which three times is reported.
    assert float(jnp.max(trajectory.error["gates"]) / true) == pytest.approx(9 / 4, rel=0.1)


@pytest.mark.slow
def test_adaptive_error_estimate_bounds_the_error():
    system, curriculum = order_parameters(gates=UnitL2Norm(0.5)), alternating(2, 1, 0.3)
    trajectory = simulated(system, curriculum, Adaptive(rtol=1e-4, atol=1e-6), estimate_error=True)
    exact = simulated(system, curriculum, Adaptive(rtol=1e-11, atol=1e-12))
    true = float(jnp.max(jnp.abs(trajectory.values["gates"] - exact.values["gates"])))
    assert 0 < true < 2 * float(jnp.max(trajectory.error["gates"]))


def test_a_failing_trajectory_is_reported_and_leaves_the_others_alone():
    system = GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    network = general_network(paths=2)
    curriculum = alternating(2, 4, 1.0)

    @jax.jit
    @jax.vmap
    def batch(scale):
        state = GatedLinear(network.gates, scale * network.weights)
        method = FixedSteps(diffrax.Euler(), 0.05)
        return simulate(system, curriculum, state, method=method, observables=RECORDED)

    with_it, without_it = batch(jnp.array([1.0, 1e7, 0.5, 30.0])), batch(jnp.array([1.0, 1.0, 0.5, 1.0]))
    ended = lambda trajectory, how: np.asarray(trajectory.result == how)  # noqa: E731
    np.testing.assert_array_equal(ended(with_it, RESULTS.unresolved), [False, True, False, False])
    # Euler's steps of 0.05 are far from stable after a start thirty times too large; they are divided.
    np.testing.assert_array_equal(ended(with_it, RESULTS.successful), [True, False, True, True])
    assert "take smaller steps" in RESULTS[RESULTS.unresolved]
    for index in (0, 2):
        np.testing.assert_array_equal(with_it.values["gates"][index], without_it.values["gates"][index])


def test_what_a_solver_gave_up_stays_where_it_was():
    """An adaptive run that has met a kink costs and records nothing new in the blocks that follow."""
    system = OrderParameters(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    state = eqx.tree_at(lambda s: s.gates, start(system), jnp.array([0.9, 1e-3]))
    trajectory = simulate(system, alternating(2, 8, 1.0), state, method=Adaptive(), observables=RECORDED)
    assert bool(trajectory.result == RESULTS.kink_met)
    gates = np.asarray(trajectory.values["gates"])
    met = int(np.argmax(np.min(gates, axis=1) <= 0))
    assert 0 < met < len(gates) - 1
    np.testing.assert_array_equal(gates[met:], np.broadcast_to(gates[met], gates[met:].shape))


@pytest.mark.slow
def test_descent_is_gradient_descent_whatever_the_step():
    """x - h/tau dE/dx, made whole where a flow would be divided, and bound by no law of the flow."""
    system = GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    state, step = GatedLinear(np.array([0.5, 0.5]), 2.0 * general_network(paths=2).weights), 0.4
    curriculum = sequence([0], [3 * step], 2)
    descent = simulate(system, curriculum, state, method=GradientDescent(step), observables=RECORDED)
    expected = state
    for _ in range(3):
        rate = system.vector_field(0.0, expected, jnp.array([1.0, 0.0]))
        expected = jax.tree.map(lambda x, f: x + step * f, expected, rate)
    np.testing.assert_allclose(descent.final_state.weights, expected.weights, rtol=1e-12)
    losses = np.asarray(descent.values["loss"])
    assert losses[-1] > 1.5 * losses[0], "the case was chosen so that the energy rises"
    assert bool(descent.result == RESULTS.successful)
    flow = simulate(system, curriculum, state, method=FixedSteps(diffrax.Euler(), step), observables=RECORDED)
    assert flow.values["loss"][-1] < losses[0]


@pytest.mark.parametrize("step", [3.0, 30.0, 1e6])
def test_updates_that_run_away_have_diverged(step):
    flow = GradientFlow(general_tasks(), {"gates": 1.0, "weights": 1.0}, {"gates": KINKED})
    system = OnlineSGD(flow, jax.random.key(0), batch_size=20)
    method = Updates(step)
    state = system.initial_state(general_network(paths=2))
    trajectory = simulate(system, alternating(2, 2, 20 * step), state, method=method, observables=RECORDED)
    assert bool(trajectory.result == RESULTS.diverged)
    assert "Take smaller steps" in RESULTS[RESULTS.diverged]


@pytest.mark.slow
def test_adaptive_solvers_report_a_kink_and_stop_there():
    # Long enough for one gate to close.
    kinked = simulated(curriculum=alternating(2, 2, 4.0), method=Adaptive())
    assert bool(kinked.result == RESULTS.kink_met)
    assert float(jnp.min(kinked.values["gates"])) == pytest.approx(0, abs=1e-3)
    smooth = simulated(order_parameters(gates=UnitL2Norm(0.5)), alternating(2, 2, 4.0), Adaptive())
    assert bool(smooth.result == RESULTS.successful)


def test_default_step_follows_the_slow_and_the_fast_time_constant():
    size = float(jnp.max(jnp.linalg.norm(general_tasks().teachers, axis=(1, 2))))
    assert default_step(order_parameters()) == pytest.approx(0.0125 * np.sqrt(0.3 * 1.1) / size)


@pytest.mark.slow
def test_one_program_serves_all_values():
    traces = []

    def counting(system, state, task):
        traces.append(1)
        return system.loss(state, task)

    def once(k, step, tau, scale, duration):
        system = OrderParameters(
            general_tasks(), {"gates": tau, "weights": 1.1}, {"gates": Nonnegativity(k) + UnitL1Norm(2 * k)}
        )
        state = system.initial_state(
            GatedLinear(scale * general_network(paths=2).gates, general_network(paths=2).weights)
        )
        curriculum = alternating(2, 2, duration)
        method = FixedSteps(max_step=step)
        simulate(system, curriculum, state, method=method, observables={"loss": counting}, estimate_error=True)

    once(0.3, 0.02, 0.3, 1.0, 0.2)
    first = len(traces)
    assert first > 0
    for values in ((0.4, 0.02, 0.3, 1.0, 0.2), (0.3, 0.01, 0.2, 0.9, 0.5), (1.0, 0.03, 0.5, 1.1, 0.3)):
        once(*values)
    assert len(traces) == first


def test_works_inside_jit_with_everything_known_outside():
    system = order_parameters()
    state = start(system)
    compiled = jax.jit(lambda state: simulate(system, CURRICULUM, state, observables=RECORDED).values["gates"])
    plain = simulate(system, CURRICULUM, state, observables=RECORDED).values["gates"]
    np.testing.assert_allclose(compiled(state), plain, rtol=0, atol=1e-13)


def test_setting_up_inside_jit_is_possible():
    def final(scale):
        network = GatedLinear(np.array([0.5, 0.5]), scale * general_network(paths=2).weights)
        flow = GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": KINKED}, covariance())
        return simulate(flow, CURRICULUM, network, method=METHOD, observables=RECORDED).values["loss"][-1]

    assert jax.eval_shape(jax.jit(final), 1.0).shape == ()


def test_refusals_of_simulate_say_what_to_do():
    system = order_parameters()
    state, network = start(system), general_network(paths=2)
    online = OnlineSGD(GradientFlow(general_tasks(), TIME_CONSTANTS), jax.random.key(0), 5)
    refused = [
        ("build both from the same task set", lambda: simulate(system, alternating(3, 2, 1.0), state)),
        (
            "pass finite values",
            lambda: simulate(system, CURRICULUM, eqx.tree_at(lambda s: s.gates, state, jnp.nan * state.gates)),
        ),
        ("build all with one dtype", lambda: simulate(system, alternating(2, 2, jnp.asarray(1.0, jnp.float32)), state)),
        (r"system\.initial_state\(network\)", lambda: simulate(system, CURRICULUM, network)),
        ("Compare with the population flow", lambda: simulate(online, CURRICULUM, start(online), estimate_error=True)),
        (
            "Pass another solver",
            lambda: simulate(
                Symmetric(TIME_CONSTANTS),
                CURRICULUM,
                Symmetric(TIME_CONSTANTS).initial_state(symmetric_network()),
                method=FixedSteps(SlidingHeun()),
            ),
        ),
        (
            r"pass Updates\(max_step",
            lambda: simulate(online, CURRICULUM, start(online), method=FixedSteps(diffrax.Euler())),
        ),
        ("must be positive", lambda: simulate(system, CURRICULUM, state, method=FixedSteps(max_step=0.0))),
        ("drop", lambda: simulate(system, CURRICULUM, state, times=[9.0])),
    ]
    for message, call in refused:
        with pytest.raises(ValueError, match=message):
            call()


def test_traced_time_constants_need_an_explicit_step():
    def batch(tau):
        system = OrderParameters(general_tasks(), {"gates": tau, "weights": 1.1})
        return simulate(system, CURRICULUM, start(system)).values["loss"]

    with pytest.raises(ValueError, match="pass max_step explicitly"):
        jax.vmap(batch)(jnp.array([0.1, 0.2]))


def test_refusals_of_systems_say_what_to_do():
    tasks = general_tasks()
    refused = [
        ("exactly one for each", lambda: GradientFlow(tasks, {"gates": 1.0})),
        ("exactly one for each", lambda: OrderParameters(tasks, {"gates": 1.0, "weights": 1.0, "biases": 1.0})),
        ("positive and finite", lambda: GradientFlow(tasks, {"gates": 0.0, "weights": 1.0})),
        ("positive and finite", lambda: GradientFlow(tasks, {"gates": 1.0, "weights": float("inf")})),
        ("has the parameter groups", lambda: GradientFlow(tasks, TIME_CONSTANTS, {"c": KINKED})),
        ("use GradientFlow with it", lambda: OrderParameters(tasks, TIME_CONSTANTS, {"weights": ColumnL2(1.0)})),
        ("make them equal", lambda: GradientFlow(tasks, TIME_CONSTANTS, input_covariance=jnp.eye(4))),
        (
            "must be symmetric",
            lambda: GradientFlow(tasks, TIME_CONSTANTS, input_covariance=jnp.eye(3).at[0, 1].set(0.5)),
        ),
        ("eigenvalues >= 0", lambda: GradientFlow(tasks, TIME_CONSTANTS, input_covariance=-jnp.eye(3))),
        ("at least 1", lambda: OnlineSGD(GradientFlow(tasks, TIME_CONSTANTS), jax.random.key(0), 0)),
        ("same dtype", lambda: GradientFlow(tasks, TIME_CONSTANTS).initial_state(general_network(dtype=jnp.float32))),
        (
            "off the symmetric manifold",
            lambda: Symmetric(TIME_CONSTANTS).initial_state(GatedLinear(jnp.array([0.5, 0.6]), jnp.ones((2, 2, 1)))),
        ),
        ("two paths", lambda: Symmetric(TIME_CONSTANTS).initial_state(general_network(paths=3, d_out=2, d_in=1))),
    ]
    for message, call in refused:
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.slow
def test_what_is_recorded_does_not_change_how_an_online_rule_learns():
    # Its learning rate is its step: records wait for the end of one.
    system = OnlineSGD(GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": KINKED}), jax.random.key(0), 20)
    run = functools.partial(simulate, system, alternating(2, 2, 0.7), start(system), method=Updates(0.05))
    bare, watched = run(observables={}), run(observables={"gates": observables.gates}, records_per_block=4)
    np.testing.assert_allclose(watched.times[:6], 0.05 * np.asarray([0, 3, 6, 8, 11, 14]), rtol=1e-12)
    np.testing.assert_allclose(watched.final_state.network.weights, bare.final_state.network.weights, atol=1e-13)


@pytest.mark.slow
def test_steps_of_any_length_are_too_long_to_tell():
    system = order_parameters()
    curriculum = alternating(2, 2, 20.0)
    for max_step in (20.0, np.inf):
        method = FixedSteps(max_step=max_step)
        trajectory = simulate(
            system, curriculum, start(system), method=method, observables=RECORDED, estimate_error=True
        )
        assert np.isinf(trajectory.error["loss"]).all()


@pytest.mark.slow
def test_errors_of_whole_numbers_and_of_what_is_no_number():
    observed = {
        "largest": lambda system, state, task: jnp.argmax(state.gates),
        "open": lambda system, state, task: state.gates > 0,
        "none": lambda system, state, task: jnp.nan * state.gates,
    }
    system = order_parameters()
    trajectory = simulate(system, CURRICULUM, start(system), method=METHOD, observables=observed, estimate_error=True)
    assert np.all(np.asarray(trajectory.error["largest"]) == 0)
    assert np.all(np.asarray(trajectory.error["open"]) == 0)
    assert np.all(np.isinf(trajectory.error["none"]))


@pytest.mark.parametrize("make", [lambda: FixedSteps(refinement=0), lambda: LaneSteps(-1)], ids=["steps", "lanes"])
def test_a_refinement_below_one_is_refused(make):
    with pytest.raises(ValueError, match="refinement is "):
        make()
