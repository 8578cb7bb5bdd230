"""From a configuration to coefficients at the ends of its blocks."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy import MALA, Behavioural, Settings, TableEnergy, TableOutputs
from ntadyn.degeneracy.gate_table import GateTable
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import DeepLinear, GatedLinear, NeuronGatedLinear
from ntadyn.regularizers import from_relative_weights
from ntadyn.specs import presets
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.degeneracy import Measured, Places, degeneracy, simulated
from ntadyn.specs.paths import replaced, to_json
from ntadyn.specs.reading import from_json
from ntadyn.tasks import teachers

SHORT = Settings(sampler=MALA(num_chains=2, num_warm_up=200, num_draws=200))  # pyright: ignore[reportCallIssue]
SMALL = replaced(
    presets.figure_2_flexible(),
    {"teachers.d_in": 5, "teachers.d_out": 2, "curriculum.num_blocks": 6, "curriculum.total_time": None},
)


@pytest.mark.representatives(1)
@pytest.mark.parametrize("kind", [GatedLinear, NeuronGatedLinear, DeepLinear])
def test_the_energy_of_a_table_is_the_mean_over_tasks_of_networks_with_their_gates(kind):
    tasks = teachers.orthogonal(jax.random.key(0), 2, 3, 6)
    flow = GradientFlow(tasks, {"gates": 0.1, "weights": 1.0}, from_relative_weights(0.1, nonnegative=1, unit_l1=1))
    networks = [kind.initialise(jax.random.key(seed), (4, 3, 6)) for seed in (1, 2)]
    weights = networks[0].weights + 0.3
    table = GateTable(jnp.stack([network.gates + 0.1 * k for k, network in enumerate(networks)]), weights)
    parts = [dataclasses.replace(networks[0], gates=gates, weights=weights) for gates in table.gates]
    mean = np.mean([flow.energy(part, jnp.eye(2)[task]) for task, part in enumerate(parts)])
    np.testing.assert_allclose(TableEnergy(flow, networks[0], jnp.eye(2))(table), mean, rtol=1e-12)
    outputs = TableOutputs(flow, networks[0])
    moved = GateTable(table.gates + 0.2, table.weights)
    differences = [dataclasses.replace(part, gates=part.gates + 0.2).total_map() - part.total_map() for part in parts]
    expected = sum(float(jnp.sum(difference**2)) for difference in differences) / 4
    np.testing.assert_allclose(Behavioural.of(outputs, table)(moved), expected, rtol=1e-12)


@pytest.mark.slow
def test_tables_hold_the_gates_that_every_task_had_last():
    blocks, found = simulated(SMALL, Places(seeds=2))
    assert blocks == [1, 2, 4, 6]
    assert found.table.gates.shape == (2, 4, 2, 2)
    # The task of block 1 is not practised again before block 3, nor that of block 2 after block 6.
    np.testing.assert_array_equal(found.table.gates[:, 0, 0], found.table.gates[:, 1, 0])
    assert not np.allclose(found.table.gates[:, 1], found.table.gates[:, 2])
    # Before it is met, a task has the gates of the start.
    np.testing.assert_allclose(found.table.gates[:, 0, 1], 0.5)
    assert not np.allclose(found.table.weights[0], found.table.weights[1])


@pytest.mark.slow
def test_a_simulation_has_coefficients_at_its_blocks_and_over_temperatures():
    places = Places(seeds=2, blocks=(6, 1), temperatures=(1e2, 1e5))
    found = degeneracy(SMALL, places, SHORT)
    assert found.value.dims == ("seed", "block")
    assert found.curve_value.dims == ("seed", "over_temperature")
    assert found.block.values.tolist() == [1, 6]
    assert np.all(found.lowered_by_slope == 0)
    # At the end two maps of ten entries are stored, after one block hardly more than one.
    assert np.all(abs(found.curve_effective_dimension.sel(over_temperature=1e5) - 10) < 0.5)
    assert np.all(found.effective_dimension.sel(block=1) < found.effective_dimension.sel(block=6))
    np.testing.assert_allclose(found.curve_inverse_temperature[0], [1e2, 1e5])
    np.testing.assert_array_equal(found.limit, 10)  # gates of the first task have moved, too
    assert from_json(Configuration, found.attrs["configuration"]) == SMALL


@pytest.mark.slow
def test_the_training_loss_of_an_unfinished_point_is_refused():
    found = degeneracy(SMALL, Places(blocks=(1,), temperatures=(), loss=Measured.TRAINING), SHORT)
    assert found.status.values.tolist() == [["NOT_A_MINIMUM"]]


@pytest.mark.slow
@pytest.mark.parametrize("dynamics", [Dynamics.ORDER_PARAMETERS, Dynamics.ONLINE])
def test_other_dynamics_are_measured_in_weight_space(dynamics):
    spec = replaced(SMALL, {"dynamics": dynamics, "curriculum.num_blocks": 2, "curriculum.block_duration": 0.1})
    _, found = simulated(spec, Places())
    assert found.table.weights.shape == (1, 2, 2, 2, 5)
    assert isinstance(found.flow, GradientFlow)


def test_blocks_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match="counted from 1 to 6; got 0, 3"):
        simulated(SMALL, Places(blocks=(0, 3)))


@pytest.mark.parametrize("name", sorted(presets.SIMULATIONS))
def test_configurations_come_back_from_their_text(name):
    configuration = presets.SIMULATIONS[name]()
    assert from_json(Configuration, to_json(configuration)) == configuration


@pytest.mark.parametrize("text", ['{"teachers": 3}', '{"strategy": {}}', "null", '{"dynamics": "NONE"}'])
def test_text_of_something_else_is_refused(text):
    with pytest.raises(ValueError, match="no Configuration"):
        from_json(Configuration, text)
