"""Bad input of the library is refused before anything is compiled; the same for configurations is in test_building."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OnlineSGD, OrderParameters
from ntadyn.networks import GatedLinear, NeuronGatedLinear
from ntadyn.regularizers import ColumnL2, Nonnegativity
from ntadyn.simulation import simulate
from ntadyn.tasks.curricula import alternating, from_switch_times
from tests.systems import orthogonal_tasks

TASKS = orthogonal_tasks(2, 2, 5)
TAUS = {"gates": 0.1, "weights": 1.0}
CURRICULUM = alternating(2, 2, 1.0)
NETWORK = GatedLinear(np.full(2, 0.5), np.ones((2, 2, 5)))


@pytest.fixture(autouse=True)
def _nothing_is_compiled(monkeypatch):
    def refuse(*args):
        pytest.fail("compiled before the input was refused")

    monkeypatch.setattr("ntadyn.simulation.trajectory.integrate", refuse)


@pytest.mark.parametrize("kind", [GradientFlow, OrderParameters])
@pytest.mark.parametrize(
    ("taus", "message"),
    [
        ({"gates": 0.0, "weights": 1.0}, "'gates' is 0.0; it must be positive"),
        ({"gates": 0.1, "weights": -1.0}, "'weights' is -1.0; it must be positive"),
        ({"gates": np.nan, "weights": 1.0}, "'gates' is nan"),
        ({"gates": 0.1, "weights": np.inf}, "'weights' is inf"),
        ({"gates": 10**400, "weights": 1.0}, "'gates' must be a real number"),
        ({"gates": 0.1, "weights": "slow"}, "'weights' must be a real number, got 'slow'"),
        ({"gates": 0.1}, r"\['gates'\]; this system has .*\['gates', 'weights'\]"),
        ({"gates": 0.1, "weights": 1.0, "biases": 1.0}, "biases"),
    ],
)
def test_time_constants_must_be_positive_and_complete(kind, taus, message):
    with pytest.raises(ValueError, match=message):
        kind(TASKS, taus)


def test_penalties_must_belong_to_a_group_that_can_carry_them():
    with pytest.raises(ValueError, match=r"penalties on \['gate'\]"):
        GradientFlow(TASKS, TAUS, {"gate": Nonnegativity(1.0)})
    with pytest.raises(ValueError, match="cannot be written in reduced variables; use GradientFlow"):
        OrderParameters(TASKS, TAUS, {"weights": ColumnL2(1.0)})


@pytest.mark.parametrize("kind", [GradientFlow, OrderParameters])
def test_networks_must_fit_the_teachers(kind):
    with pytest.raises(ValueError, match=r"\(3, 5\), the teachers \(2, 5\); make them equal"):
        kind(TASKS, TAUS).initial_state(GatedLinear.initialise(jax.random.key(1), (2, 3, 5)))
    single = GatedLinear.initialise(jax.random.key(1), (2, 2, 5), dtype=jnp.float32)
    with pytest.raises(ValueError, match="float32 and the teachers are float64; make both"):
        kind(TASKS, TAUS).initial_state(single)


def test_per_neuron_gates_need_resolved_rows():
    network = NeuronGatedLinear.initialise(jax.random.key(1), (2, 2, 5))
    with pytest.raises(ValueError, match="row_resolved=True"):
        OrderParameters(TASKS, TAUS).initial_state(network)


def test_batches_hold_at_least_one_sample():
    with pytest.raises(ValueError, match="batch size is 0; it must be at least 1"):
        OnlineSGD(GradientFlow(TASKS, TAUS), jax.random.key(2), 0)


def test_switch_times_out_of_order_are_refused():
    with pytest.raises(ValueError, match=r"\[2.0, 1.0\] and total 3.0; allowed are .*increasing order.*Sort them"):
        from_switch_times([2.0, 1.0], [0, 1, 0], 3.0, 2)


@pytest.mark.parametrize("kind", [GradientFlow, OrderParameters])
def test_states_that_are_not_finite_or_do_not_fit_are_refused(kind):
    system = kind(TASKS, TAUS)
    state = system.initial_state(NETWORK)
    for bad in (jnp.nan, jnp.inf):
        broken = eqx.tree_at(lambda s: s.gates, state, state.gates.at[1].set(bad))
        with pytest.raises(ValueError, match="initial state holds NaN or infinity; pass finite"):
            simulate(system, CURRICULUM, broken)
    for gates in (jnp.ones(3), jnp.ones((2, 2, 2))):
        broken = eqx.tree_at(lambda s: s.gates, state, gates)
        with pytest.raises(ValueError, match="does not fit the system.*initial_state"):
            simulate(system, CURRICULUM, broken)
    broken = eqx.tree_at(lambda s: s.gates, state, state.gates.astype(jnp.float32))
    with pytest.raises(ValueError, match=r"mix the dtypes \['float32', 'float64'\]"):
        simulate(system, CURRICULUM, broken)


def test_teachers_and_curricula_of_different_dtype_are_refused():
    system = OrderParameters(TASKS, TAUS)
    single = alternating(2, 2, jnp.ones((), jnp.float32))
    with pytest.raises(ValueError, match="mix the dtypes"):
        simulate(system, single, system.initial_state(NETWORK))


def test_curricula_must_know_the_tasks_of_the_system():
    system = OrderParameters(TASKS, TAUS)
    with pytest.raises(ValueError, match="curriculum has 3 tasks, the system 2 teachers"):
        simulate(system, alternating(3, 3, 1.0), system.initial_state(NETWORK))
