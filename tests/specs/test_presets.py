import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OnlineSGD
from ntadyn.regularizers import Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.simulation import FixedSteps, Updates, observables, simulate
from ntadyn.specs import building
from ntadyn.specs.configuration import NO_PENALTIES, Configuration, Dynamics, Penalties, TeacherScale
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import (
    SIMULATIONS,
    as_published_grid,
    figure_2_flexible,
    figure_5_published,
    figure_5_released,
    figure_6_flexible,
    figure_6_forgetful,
    figure_a7_published,
    figure_a7_released,
    translated_from_legacy,
)


@pytest.mark.parametrize("name", SIMULATIONS)
def test_every_preset_can_be_built(name):
    configuration = SIMULATIONS[name]()
    key = building.first(building.keys(configuration.randomness))
    system, _ = building.build(configuration, key)
    curriculum = building.build_curriculum(configuration.curriculum, system.tasks)
    assert float(curriculum.total_time) == pytest.approx(configuration.curriculum.total_time)


def test_figure_2_has_the_published_coefficients():
    configuration = figure_2_flexible()
    system, _ = building.build(configuration, building.first(building.keys(configuration.randomness)))
    # k_nn = 10 * 0.1 * 1/11 and k_1 = 10 * 0.1 * 10/11
    gates = jnp.asarray([0.5, -0.25])
    expected = Nonnegativity(1 / 11) + UnitL1Norm(10 / 11)
    np.testing.assert_allclose(system.penalties["gates"].energy(gates), expected.energy(gates), rtol=1e-14)


def test_figure_5_is_translated_to_the_numbers_behind_its_axes():
    translated, literal = figure_5_published(), figure_5_released()
    assert translated.time_constants.weights == pytest.approx(1.0)
    assert translated.time_constants.gates == pytest.approx(literal.time_constants.gates / 2)
    assert translated.penalties.strength == pytest.approx(0.15)
    assert translated.network.initial_scale == pytest.approx(0.01 / 20**0.5)
    assert translated.curriculum == literal.curriculum


def test_figure_6_has_the_published_coefficients():
    configuration = figure_6_flexible()
    system, state = building.build(configuration, building.first(building.keys(configuration.randomness)))
    # k_nn = 10 * 0.22 * 1/11 and k_2 = 0.22 * 10/11, on all 200 entries of the second layer.
    gates = jnp.asarray(np.linspace(-1, 1, 200).reshape(20, 10))
    expected = Nonnegativity(0.2) + UnitL2Norm(0.2)
    np.testing.assert_allclose(system.penalties["gates"].energy(gates), expected.energy(gates), rtol=1e-13)
    assert state.network.gates.shape == (20, 10)
    assert float(jnp.std(state.network.gates)) == pytest.approx(0.01 / 20**0.5, rel=0.2)
    assert building.build_method(configuration, system, state) == Updates(0.01)
    forgetful = figure_6_forgetful()
    assert forgetful.time_constants == configuration.time_constants
    key = building.first(building.keys(forgetful.randomness))
    assert building.build(forgetful, key)[0].penalties == {}


def test_figure_a7_is_translated_to_the_numbers_behind_its_axes():
    translated, literal = figure_a7_published(), figure_a7_released()
    assert translated.time_constants.weights == pytest.approx(0.4)
    assert translated.time_constants.gates == pytest.approx(literal.time_constants.gates / 2)
    assert translated.penalties.strength == pytest.approx(literal.penalties.strength / 2)
    assert translated.network.initial_scale == pytest.approx(0.01 / 20**0.5)
    assert translated.network.initial_gate_scale == literal.network.initial_gate_scale == 0.01


LEGACY = replaced(
    figure_5_released(),
    {
        "teachers.scale": TeacherScale.UNIT,
        "teachers.d_in": 8,
        "teachers.d_out": 4,
        "network.initial_scale": 0.1,
        "curriculum.block_duration": 0.4,
        "curriculum.total_time": 1.2,
        "time_constants.gates": 0.06,
        "dynamics": Dynamics.GRADIENT_FLOW,
    },
)


def literal_legacy_system(configuration, key):
    """The legacy rule tau dx/dt = -d/dx (L_task/d_out + R) as d_out tau dx/dt = -d/dx (L_task + d_out R)."""
    tasks = building.build_tasks(configuration.teachers, key.teachers)
    spec, d_out = configuration.penalties, tasks.d_out
    share = 10 * spec.strength / (spec.nonnegative + spec.unit_l1)
    penalty = Nonnegativity(d_out * share * spec.nonnegative) + UnitL1Norm(d_out * share * spec.unit_l1)
    taus = configuration.time_constants
    return GradientFlow(tasks, {"gates": d_out * taus.gates, "weights": d_out * taus.weights}, {"gates": penalty})


@pytest.mark.slow
@pytest.mark.parametrize("method", [building.explicit_euler(0.002), FixedSteps(max_step=0.01)], ids=["euler", "flow"])
def test_the_translation_moves_exactly_like_the_legacy_convention(method):
    key = building.first(building.keys(LEGACY.randomness))
    translated = translated_from_legacy(LEGACY)
    system, state = building.build(translated, key)
    _, legacy_state = building.build(LEGACY, key)
    legacy_system = literal_legacy_system(LEGACY, key)
    curriculum = building.build_curriculum(LEGACY.curriculum, system.tasks)
    assert np.linalg.norm(system.tasks.teachers[0, 0]) == pytest.approx(8**-0.5)
    assert np.linalg.norm(legacy_system.tasks.teachers[0, 0]) == pytest.approx(1.0)

    runs = [simulate(s, curriculum, x, method=method, records_per_block=4) for s, x in
            ((system, state), (legacy_system, legacy_state))]  # fmt: skip
    gates, legacy_gates = (run.values["gates"] for run in runs)
    assert float(jnp.max(jnp.abs(gates - 0.5))) > 0.1
    # Both are the same numbers up to a factor, so only rounding may differ; growing from a small start amplifies it.
    np.testing.assert_allclose(gates, legacy_gates, rtol=0, atol=1e-10)
    np.testing.assert_allclose(runs[0].values["similarity"], runs[1].values["similarity"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(runs[0].values["loss"] * 8, runs[1].values["loss"], rtol=0, atol=1e-10)
    weights, legacy_weights = (run.final_state.weights for run in runs)
    np.testing.assert_allclose(weights * 8**0.5, legacy_weights, rtol=0, atol=1e-10)


def test_the_translation_moves_exactly_like_the_legacy_convention_on_equal_batches():
    key = building.first(building.keys(LEGACY.randomness))
    flow, state = building.build(translated_from_legacy(LEGACY), key)
    _, legacy_state = building.build(LEGACY, key)
    system, legacy = (OnlineSGD(item, key.data, 20) for item in (flow, literal_legacy_system(LEGACY, key)))
    curriculum = building.build_curriculum(LEGACY.curriculum, system.tasks)
    method, recorded = Updates(0.002), {"loss": observables.batch_loss, "gates": observables.gates}
    one, other = (
        simulate(item, curriculum, item.initial_state(start), method=method, observables=recorded, records_per_block=9)
        for item, start in ((system, state), (legacy, legacy_state))
    )
    # 600 updates; the batches of 20 differ enough from their mean to be seen in the loss.
    assert float(jnp.ptp(jnp.diff(one.values["loss"]))) > 0.01
    np.testing.assert_allclose(one.values["gates"], other.values["gates"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(one.values["loss"] * 8, other.values["loss"], rtol=0, atol=1e-10)
    last, legacy_last = (run.final_state.network.weights for run in (one, other))
    np.testing.assert_allclose(last * 8**0.5, legacy_last, rtol=0, atol=1e-10)


@pytest.mark.slow
def test_the_translation_of_two_layers_moves_exactly_like_the_legacy_convention():
    scales = {"teachers.scale": TeacherScale.UNIT, "network.initial_scale": 0.1, "network.initial_gate_scale": 0.6}
    sizes = {"teachers.d_in": 8, "teachers.d_out": 4, "curriculum.total_time": 1.2, "max_step": 0.002}
    legacy = replaced(figure_a7_released(), scales | sizes | {"dynamics": Dynamics.GRADIENT_FLOW})
    key = building.first(building.keys(legacy.randomness))
    system, state = building.build(translated_from_legacy(legacy), key)
    legacy_flow, legacy_state = building.build(legacy, key)
    penalties = {"gates": legacy_flow.penalties["gates"].scaled(4.0)}
    taus = {name: 4 * tau for name, tau in legacy_flow.time_constants.items()}
    legacy_flow = GradientFlow(legacy_flow.tasks, taus, penalties)
    curriculum = building.build_curriculum(legacy.curriculum, system.tasks)
    method = building.explicit_euler(0.002)
    one, other = (simulate(s, curriculum, x, method=method, observables={}).final_state
                  for s, x in ((system, state), (legacy_flow, legacy_state)))  # fmt: skip
    assert float(jnp.max(jnp.abs(one.gates - state.gates))) > 0.1
    np.testing.assert_allclose(one.gates, other.gates, rtol=0, atol=1e-10)
    np.testing.assert_allclose(one.weights * 8**0.5, other.weights, rtol=0, atol=1e-10)


def test_the_translation_is_needed():
    changed = replaced(LEGACY, {"teachers.scale": TeacherScale.D_IN})
    assert translated_from_legacy(changed) == translated_from_legacy(LEGACY)
    assert translated_from_legacy(LEGACY) != changed


def test_penalties_on_weights_have_no_translation():
    with pytest.raises(ValueError, match="column_l2.*0.3"):
        translated_from_legacy(replaced(LEGACY, {"penalties.column_l2": 0.3}))
    unused = replaced(LEGACY, {"penalties.column_l2": 0.0})
    assert translated_from_legacy(unused).penalties.column_l2 == 0.0


def test_coefficients_are_translated_like_relative_weights():
    # Coefficients of the relative weights of figure 5: 10 * 0.3 * weight / 6.
    given = dataclasses.replace(LEGACY, penalties=NO_PENALTIES, coefficients=Penalties(nonnegative=0.5, unit_l1=2.5))
    energies = []
    for configuration in (translated_from_legacy(LEGACY), translated_from_legacy(given)):
        penalty = building.build_penalties(configuration)["gates"]
        energies.append(penalty.energy(jnp.asarray([0.7, -0.2])))
    np.testing.assert_allclose(*energies, rtol=1e-13)
    with pytest.raises(ValueError, match="column_l2.*0.3"):
        translated_from_legacy(replaced(given, {"coefficients.column_l2": 0.3}))


@pytest.mark.parametrize(("nominal", "actual"), [(1.0, 0.999), (0.8, 0.8), (0.6, 0.599), (0.4, 0.4), (0.1, 0.1)])
def test_published_grid_loses_a_step_where_the_published_code_did(nominal, actual):
    before = replaced(Configuration(), {"curriculum.block_duration": nominal})
    after = as_published_grid(before)
    assert after.curriculum.block_duration == pytest.approx(actual, abs=1e-12)
    assert replaced(after, {"curriculum.block_duration": nominal}) == before


def test_published_grid_moves_the_switches():
    configuration = as_published_grid(figure_2_flexible())
    tasks = eqx.filter_eval_shape(building.build_tasks, configuration.teachers, jax.random.key(0))
    curriculum = building.build_curriculum(configuration.curriculum, tasks)
    np.testing.assert_allclose(curriculum.switch_times[:2], [0.999, 1.998], rtol=1e-12)
    assert curriculum.num_blocks == 21
    assert float(curriculum.total_time) == pytest.approx(20.0)
