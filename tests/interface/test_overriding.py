"""No override is silently ignored: by the default solver, by one that is passed, on lanes, or by an update."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import (
    DeepOrderParameters,
    GradientFlow,
    OnlineSGD,
    OrderParameters,
    SVDModes,
    Symmetric,
)
from ntadyn.networks import DeepLinear
from ntadyn.simulation import Adaptive, FixedSteps, GradientDescent, Updates, lanes, method_for, simulate
from ntadyn.solvers import SlidingHeun, Splitting
from ntadyn.tasks.curricula import alternating
from tests.systems import ON_SPHERE, TIME_CONSTANTS, general_network, general_tasks, orthogonal_tasks, symmetric_network

CURRICULUM = alternating(2, 2, 0.2)
LOSS = {"loss": lambda system, state, task: system.loss(state, task)}
ORTHOGONAL = orthogonal_tasks(2, 2, 5)


def many():
    return general_network(DeepLinear, 17)


SHIPPED = {
    GradientFlow: (lambda kind: kind(general_tasks(), TIME_CONSTANTS), general_network),
    OrderParameters: (lambda kind: kind(general_tasks(), TIME_CONSTANTS), general_network),
    DeepOrderParameters: (lambda kind: kind(general_tasks(), TIME_CONSTANTS, {"gates": ON_SPHERE}), many),
    SVDModes: (lambda kind: kind(ORTHOGONAL, TIME_CONSTANTS), lambda: general_network(paths=2, d_in=5)),
    Symmetric: (lambda kind: kind(TIME_CONSTANTS), symmetric_network),
}
each_flow = pytest.mark.parametrize("kind", SHIPPED, ids=lambda kind: kind.__name__)


def still(kind):
    """The system with a field that is zero everywhere."""

    class Still(kind):
        def vector_field(self, t, state, task):
            return jax.tree.map(jnp.zeros_like, state)

    return Still


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind is not OrderParameters)) for kind in SHIPPED]
)
def test_a_subclass_with_another_field_moves_by_it(kind):
    make, network = SHIPPED[kind]
    system = make(still(kind))
    state = system.initial_state(network())
    trajectory = simulate(system, CURRICULUM, state, observables=LOSS)
    jax.tree.map(np.testing.assert_array_equal, trajectory.final_state, state)
    plain = simulate(make(kind), CURRICULUM, state, observables=LOSS)
    assert float(plain.values["loss"][1]) < float(plain.values["loss"][0])


# `Symmetric` is no system for the second in any case.
PAIRS = [(kind, solver) for solver in (Splitting(), SlidingHeun()) for kind in SHIPPED]
PAIRS.remove((Symmetric, SlidingHeun()))


@pytest.mark.parametrize(("kind", "solver"), PAIRS, ids=lambda item: getattr(item, "__name__", type(item).__name__))
def test_a_solver_that_would_not_notice_is_refused(kind, solver):
    make, network = SHIPPED[kind]
    if isinstance(solver, SlidingHeun):  # which starts from the field, and the rule of the penalty at its kinks

        class Other(kind):
            def flow_gates(self, state, task, duration, search):
                return state

        changed, named = Other, "flow_gates"
    else:
        changed, named = still(kind), "vector_field"
    system = make(changed)
    with pytest.raises(ValueError, match=f"overrides {named}, which {type(solver).__name__} does not use.*Leave the"):
        simulate(system, CURRICULUM, system.initial_state(network()), method=FixedSteps(solver, 0.1))


@each_flow
def test_an_override_that_nothing_moves_by_is_refused_at_once(kind):
    class Doubled(kind):
        def loss(self, state, task):
            return 2 * super().loss(state, task)

    make, _ = SHIPPED[kind]
    if kind is GradientFlow:  # whose field is the gradient of it
        assert isinstance(method_for(make(Doubled), general_network()), Adaptive)
        return
    with pytest.raises(ValueError, match="Doubled overrides loss, but .*would not notice. Override .*observable"):
        make(Doubled)


@pytest.mark.slow
def test_weight_decay_in_the_field_is_followed():
    class Decaying(GradientFlow):
        def vector_field(self, t, state, task):
            field = super().vector_field(t, state, task)
            return type(state)(field.gates, field.weights - 0.5 * state.weights)

    system = Decaying(general_tasks(), TIME_CONSTANTS)
    found = simulate(system, CURRICULUM, general_network(), observables=LOSS).final_state
    method = Adaptive(diffrax.Dopri8())
    reference = simulate(system, CURRICULUM, general_network(), observables=LOSS, method=method).final_state
    plain = simulate(GradientFlow(general_tasks(), TIME_CONSTANTS), CURRICULUM, general_network(), observables=LOSS)
    np.testing.assert_allclose(found.weights, reference.weights, rtol=0, atol=1e-7)
    assert float(jnp.max(jnp.abs(found.weights - plain.final_state.weights))) > 1e-2


@pytest.mark.slow
def test_parts_that_are_overridden_are_solved():
    class Frozen(OrderParameters):
        def relax_weights(self, state, task, duration):
            return state

    system = Frozen(general_tasks(), TIME_CONSTANTS)
    state = system.initial_state(general_network())
    assert isinstance(method_for(system, state).solver, Splitting)
    final = simulate(system, CURRICULUM, state, observables=LOSS).final_state
    np.testing.assert_array_equal(final.students, state.students)
    with pytest.raises(ValueError, match="overrides relax_weights, which Tsit5 does not use"):
        simulate(system, CURRICULUM, state, method=Adaptive())
    with pytest.raises(ValueError, match="overrides relax_weights, which GradientDescent does not use"):
        simulate(system, CURRICULUM, state, method=GradientDescent(0.1))


@pytest.mark.slow
def test_who_overrides_every_description_may_choose_any_solver():
    class Halved(OrderParameters):
        def vector_field(self, t, state, task):
            return jax.tree.map(lambda rate: 0.5 * rate, super().vector_field(t, state, task))

        def flow_gates(self, state, task, duration, search):
            return super().flow_gates(state, task, 0.5 * duration, search)

        def flow_weights(self, state, task, duration):
            return super().flow_weights(state, task, 0.5 * duration)

    system = Halved(general_tasks(), TIME_CONSTANTS)
    state = system.initial_state(general_network())
    assert isinstance(method_for(system, state).solver, Splitting)
    methods = (FixedSteps(max_step=0.002), Adaptive())
    split, smooth = (
        simulate(system, CURRICULUM, state, method=method, observables=LOSS).final_state for method in methods
    )
    np.testing.assert_allclose(split.gates, smooth.gates, rtol=0, atol=1e-5)


def test_a_penalty_that_all_descriptions_share_excuses_no_override():
    class Both(OrderParameters):
        def gate_penalty(self):
            return super().gate_penalty()

        def vector_field(self, t, state, task):
            return jax.tree.map(jnp.zeros_like, state)

    system = Both(general_tasks(), TIME_CONSTANTS)
    state = system.initial_state(general_network())
    final = simulate(system, CURRICULUM, state, observables=LOSS).final_state
    jax.tree.map(np.testing.assert_array_equal, final, state)


def test_subclasses_leave_lanes():
    plain = OrderParameters(general_tasks(), TIME_CONSTANTS)
    state = plain.initial_state(general_network())
    assert lanes.lanes_can_run(plain, state)

    class Same(OrderParameters):
        pass

    assert not lanes.lanes_can_run(Same(general_tasks(), TIME_CONSTANTS), state)


def test_updates_move_by_what_they_override():
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS)

    class Still(OnlineSGD):
        def update(self, state, task, step):
            return state

    system = Still(flow, jax.random.key(0), 5)
    start = system.initial_state(general_network())
    final = simulate(system, CURRICULUM, start, method=Updates(0.1), observables=LOSS).final_state
    np.testing.assert_array_equal(final.network.weights, start.network.weights)

    class Ignored(OnlineSGD):
        def loss(self, state, task):
            return jnp.zeros(())

    with pytest.raises(ValueError, match="Ignored overrides loss, but what moves it is update of OnlineSGD"):
        Ignored(flow, jax.random.key(0), 5)
