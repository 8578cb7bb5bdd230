"""Levels, their clocks, and the systems that are made of them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.continual import TeacherProblem
from ntadyn.dynamics import GradientFlow
from ntadyn.nested import EverySteps, Flow, Level, LevelDescent, LevelFlow, Once, OncePerBlock, PenalisedLoss
from ntadyn.simulation import simulate
from ntadyn.tasks.curricula import alternating
from ntadyn.testing import check_system
from tests.systems import KINKED, TIME_CONSTANTS, general_network, general_tasks

PROBLEM: Any = TeacherProblem(tasks=general_tasks())  # pyright: ignore[reportCallIssue]
TASK = jnp.array([0.3, 0.7])


def gates(network):
    return network.gates


def weights(network):
    return network.weights


def of_weights(clock, **options):
    return Level("weights", weights, clock, **options)


def flow_of(levels) -> Any:
    return LevelFlow(problem=PROBLEM, levels=levels)  # pyright: ignore[reportCallIssue]


def two_levels():
    """Gates under a penalty, and weights."""
    fast = Level("gates", gates, Flow(TIME_CONSTANTS["gates"]), PenalisedLoss(KINKED))
    return flow_of((of_weights(Flow(TIME_CONSTANTS["weights"])), fast))


def descent(*levels, batch_size: int | None = None) -> Any:
    options: dict[str, Any] = {"data_key": jax.random.key(3), "batch_size": batch_size}
    return LevelDescent(problem=PROBLEM, levels=levels, **options)  # pyright: ignore[reportCallIssue]


def stepped(system, number, step=0.1):
    """The states after every step under one task."""
    update = eqx.filter_jit(system.update)
    states = [system.initial_state(general_network())]
    for _ in range(number):
        states.append(update(states[-1], TASK, jnp.asarray(step)))
    return states


def test_gates_and_weights_are_the_case_of_two_levels():
    system, network = two_levels(), general_network()
    expected = GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": KINKED}).vector_field(0.0, network, TASK)
    found = system.vector_field(0.0, system.initial_state(network), TASK).network
    np.testing.assert_allclose(found.gates, expected.gates, rtol=1e-12)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-12)


def test_every_path_may_be_a_level_with_a_time_constant_of_its_own():
    paths = tuple(
        Level(f"path {p}", lambda network, p=p: network.weights[p], Flow(tau)) for p, tau in enumerate((0.5, 1.0, 4.0))
    )

    class Apart(eqx.Module):
        """The paths of a network as fields of their own."""

        gates: jax.Array
        weights: tuple[jax.Array, ...]

        def __call__(self, x):
            return sum(gate * path @ x for gate, path in zip(self.gates, self.weights, strict=True))

    network = general_network()
    system = flow_of(paths)
    state = system.initial_state(Apart(network.gates, tuple(network.weights)))
    found = system.vector_field(0.0, state, TASK).network.weights
    plain = GradientFlow(general_tasks(), {"gates": 1.0, "weights": 1.0}).vector_field(0.0, network, TASK).weights
    for rate, slope, tau in zip(found, plain, (0.5, 1.0, 4.0), strict=True):
        np.testing.assert_allclose(rate, slope / tau, rtol=1e-12)
    assert not any(jax.tree.leaves(system.flowing(state).network.gates))


def test_what_moves_once_per_block_jumps_there_and_what_came_before_stays():
    system = flow_of((Level("gates", gates, Flow(0.3)), of_weights(OncePerBlock(0.2), retention=0.9)))
    state = system.initial_state(general_network())
    found = simulate(system, alternating(2, 2, 0.4), state, observables={"network": lambda s, x, task: x.network})
    records = found.values["network"].weights
    np.testing.assert_array_equal(records[0], records[1])
    # The hook comes after the last record of a block and before the first one of the next.
    end = jax.tree.map(lambda leaf: leaf[1], found.values["network"])
    slope = jax.grad(lambda network: PROBLEM.loss(network, PROBLEM.population(jnp.array([1.0, 0.0]))))(end).weights
    np.testing.assert_allclose(records[2], 0.9 * end.weights - 0.2 * slope, rtol=1e-9)
    still = flow_of((Level("gates", gates, Flow(0.3)), of_weights(Once())))
    assert not jax.tree.leaves(still.flowing(state).network.weights)[0]


def test_levels_move_when_their_turn_comes_and_rest_in_between():
    system = descent(Level("gates", gates, EverySteps(1.0)), of_weights(EverySteps(1.0, 4)))
    states = stepped(system, 9)
    changed = [bool(jnp.any(a.network.weights != b.network.weights)) for a, b in zip(states, states[1:], strict=False)]
    assert changed == [False, False, False, True, False, False, False, True, False]
    assert all(jnp.any(a.network.gates != b.network.gates) for a, b in zip(states, states[1:], strict=False))


def test_gradients_between_moves_are_averaged_by_the_rule_of_the_level():
    """With the network at rest they are all alike, so that four steps are one step of four times the length."""
    alone = stepped(descent(of_weights(EverySteps(2.0, 4), rule=optax.trace(0.9), retention=0.95)), 8)
    coarse = stepped(descent(of_weights(EverySteps(2.0), rule=optax.trace(0.9), retention=0.95)), 2, 0.4)
    np.testing.assert_allclose(alone[4].network.weights, coarse[1].network.weights, rtol=1e-12)
    np.testing.assert_allclose(alone[8].network.weights, coarse[2].network.weights, rtol=1e-12)


@pytest.mark.slow
def test_on_batches_every_level_sees_the_same_examples():
    system = descent(Level("gates", gates, EverySteps(0.5)), of_weights(EverySteps(2.0)), batch_size=5)
    state = system.initial_state(general_network())
    after = system.update(state, TASK, jnp.asarray(0.1))
    batch = PROBLEM.draw(jax.random.split(state.key)[1], TASK, 5)
    slope = jax.grad(lambda network: PROBLEM.loss(network, batch))(state.network)
    np.testing.assert_allclose(after.network.gates, state.network.gates - 0.2 * slope.gates, rtol=1e-12)
    np.testing.assert_allclose(after.network.weights, state.network.weights - 0.05 * slope.weights, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("system", [two_levels(), descent(of_weights(EverySteps(1.0, 2)), batch_size=4)])
def test_they_keep_the_promises_of_the_interface(system):
    check_system(system, general_network(), alternating(2, 2, 0.4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: flow_of((of_weights(EverySteps(1.0)),)), "has the clock EverySteps"),
        (lambda: flow_of((of_weights(Once()),)), "no level has the clock Flow"),
        (lambda: flow_of((of_weights(Flow(1.0), retention=0.5),)), "about steps"),
        (lambda: flow_of((of_weights(Flow(1.0)),) * 2), "a name of its own"),
        (lambda: descent(of_weights(Flow(1.0))), "has the clock Flow"),
        (lambda: descent(of_weights(EverySteps(1.0)), batch_size=0), "batch_size is 0"),
        (lambda: EverySteps(1.0, 0), "after 1 step or more"),
        (lambda: Flow(0.0), "must be positive"),
        (lambda: OncePerBlock(-1.0), "must be positive"),
        (lambda: of_weights(Flow(1.0), retention=1.5), "from 0 to 1"),
    ],
)
def test_levels_that_cannot_be_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_parameters_have_one_owner():
    both = Level("both", lambda network: (network.gates, network.weights), Flow(1.0))
    with pytest.raises(ValueError, match="another level owns already"):
        flow_of((both, of_weights(Flow(1.0)))).initial_state(general_network())
