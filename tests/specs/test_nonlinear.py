"""Gated networks with hidden units as plain values: presets, sweeps, refusals."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.networks import GatedNetwork
from ntadyn.regularizers import Zero
from ntadyn.specs import building
from ntadyn.specs.configuration import Penalties
from ntadyn.specs.nonlinear import GatedStudent, SoftmaxGates, UnitGates
from ntadyn.specs.nonlinear_building import learner_of
from ntadyn.specs.nonlinear_presets import NONLINEAR, digits_flexible, nonlinear_flexible, nonlinear_softmax
from ntadyn.specs.paths import replaced
from ntadyn.specs.run import run
from ntadyn.specs.spec import check_spec
from ntadyn.sweeps import Measures, Sweep, as_axes, sweep
from ntadyn.sweeps.scores import OUTCOME
from ntadyn.sweeps.tiles import TiledSweep

KEY = building.Keys(*map(jax.random.key, range(3)))
KEPT = Measures({}, {"result": OUTCOME.scores["result"]})
SMALL = {
    "tasks.d_in": 4,
    "tasks.units": 2,
    "tasks.d_out": 2,
    "tasks.points": 5,
    "paths.units": 3,
    "curriculum.num_blocks": 2,
    "curriculum.block_duration": 3.0,
    "batch_size": 4,
}


@pytest.mark.parametrize("name", NONLINEAR)
def test_presets_make_sense(name):
    spec = NONLINEAR[name]()
    check_spec(spec)
    system, state = eqx.filter_eval_shape(spec.build, KEY)
    assert system.num_tasks == 2
    assert state.network.gates.shape == (2,)
    assert ("accuracy" in system.observables()) == name.startswith("digits")


def test_gates_of_units_are_as_many_as_units():
    spec = replaced(nonlinear_flexible(), SMALL | {"gating": UnitGates(), "learning_rates.gates": 0.01})
    _, state = eqx.filter_eval_shape(spec.build, KEY)
    assert state.network.gates.shape == (2, 3)


@pytest.mark.slow
def test_a_sweep_over_rates_is_one_program_and_each_cell_the_run_alone():
    spec = replaced(nonlinear_softmax(), SMALL)
    axes: Any = {
        "learning_rates.gates": (0.5, 1.0),
        "gating.temperature": (1.0, 2.0),
        "learning_rates.weights": (0.1, 0.2),
    }
    found = sweep(spec, axes, seeds=2)
    tiles = TiledSweep.make(Sweep(spec, as_axes(axes), num_seeds=2), KEPT).tiles
    assert len({repr(tile.structure) for tile in tiles}) == 1
    cell = {"learning_rates_gates": 1.0, "gating_temperature": 2.0, "learning_rates_weights": 0.2}
    changes = {"learning_rates.gates": 1.0, "gating.temperature": 2.0, "learning_rates.weights": 0.2}
    alone = run(replaced(spec, changes), seeds=2, records_per_block=0)
    for name in ("loss", "gates", "path_overlaps"):
        np.testing.assert_allclose(found[name].sel(cell).values, alone[name].values[:, -1], rtol=1e-9)
    assert float(np.ptp(found.gates.values)) > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rates.gates": 0.25}, "gates would diverge: learning rate 0.25 times stiffness 5.0 times 2"),
        ({"num_paths": 3}, "times 3 gates is 3"),
        ({"gating": UnitGates()}, "times 24 gates is 24"),
        ({"learning_rates.weights": -1.0}, "learning_rates.weights is -1.0; it must be zero or more"),
        ({"gating": SoftmaxGates(temperature=0.0)}, "gating.temperature is 0.0; it must be positive"),
        ({"curriculum.block_duration": 2.5}, "here it counts steps"),
        ({"penalties": Penalties(frobenius=1.0)}, "for weight matrices"),
        ({"paths": 3}, "paths is 3"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_values_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        check_spec(replaced(nonlinear_flexible(), changes))


def test_digits_have_two_labellings_and_come_with_scikit_learn(monkeypatch):
    with pytest.raises(ValueError, match="two ways of labelling"):
        check_spec(replaced(digits_flexible(), {"tasks.num_tasks": 3}))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"ntadyn\[images\]"):
        check_spec(digits_flexible())


def test_digits_are_centred_and_relabelled():
    system, _ = eqx.filter_eval_shape(digits_flexible().build, KEY)
    assert system.problem.practised.inputs.shape[:2] == system.problem.practised.targets.shape
    problem = digits_flexible().tasks.build(KEY.teachers)
    inputs, targets = np.asarray(problem.held_out.inputs), np.asarray(problem.held_out.targets)
    assert (inputs.min(), inputs.max()) == (-1.0, 1.0)
    np.testing.assert_array_equal(targets[1], targets[0] // 2 + 5 * (targets[0] % 2))
    np.testing.assert_array_equal(inputs[0], inputs[1])


@pytest.mark.slow
def test_a_network_of_ones_own_paths_can_be_trained():
    class Line(eqx.Module):
        weight: jax.Array

        def __call__(self, x):
            return self.weight @ x

    problem = replaced(GatedStudent(), SMALL).tasks.build(KEY.teachers)
    network = GatedNetwork.of([Line(jnp.zeros((2, 4))), Line(jnp.ones((2, 4)))])
    system = learner_of(problem, network, (0.1, 0.01), Zero(), KEY.data, 4)
    state = eqx.filter_jit(system.update)(system.initial_state(network), jnp.eye(2)[0], jnp.asarray(1.0))
    assert bool(jnp.any(state.network.paths.weight[0] != 0))
