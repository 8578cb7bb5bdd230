"""Optimisers as plain values, on a linear map that switches between tasks."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.nested import Optimiser, levels_of, optimisers as library, ranked
from ntadyn.specs import building, optimisers
from ntadyn.specs.configuration import Curriculum
from ntadyn.specs.paths import replaced
from ntadyn.specs.spec import check_spec
from ntadyn.specs.switching import SwitchingStudent
from ntadyn.specs.switching_presets import SWITCHING, switching_momentum
from ntadyn.sweeps import sweep

KEY = building.Keys(*map(jax.random.key, range(3)))
LENGTHS, RETENTIONS, RATE = (4, 10), (0.5, 0.95), 0.02
RULES = {
    "switching-momentum": lambda kept: library.momentum(RATE, kept),
    "switching-delta-momentum": lambda kept: library.delta_momentum(RATE, kept, 0.5),
}


def small(name: str) -> SwitchingStudent:
    changes = {
        "teachers.d_in": 4,
        "teachers.d_out": 2,
        "curriculum": Curriculum(block_duration=10.0, total_time=40.0),
        "optimiser.learning_rate": RATE,
    }
    return replaced(SWITCHING[name](), changes)


def by_hand(rule: Any, teachers: Any, start: Any, length: int) -> float:
    """The mean over the later half of 40 steps of the loss before every step."""

    def step(carry, count):
        weights, state = carry
        gradient = weights - teachers[(count // length) % 2]
        update, state = rule.update(gradient, state, weights)
        return (optax.apply_updates(weights, update), state), 0.5 * jnp.sum(gradient**2)

    losses = jax.jit(lambda: jax.lax.scan(step, (start, rule.init(start)), jnp.arange(40))[1])()
    return float(jnp.mean(losses[20:]))


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_a_sweep_of_retention_and_block_length_is_the_loop_of_updates_by_hand(name):
    spec = small(name)
    axes: Any = {"optimiser.retention": RETENTIONS, "curriculum.block_duration": tuple(map(float, LENGTHS))}
    found = sweep(spec, axes, seeds=2)
    system, state = spec.build(jax.tree.map(lambda leaf: leaf[1], building.keys_of(0, [(0, 0, 0), (0, 1, 1)])))
    for length in LENGTHS:
        for kept in RETENTIONS:
            expected = by_hand(RULES[name](kept), system.problem.tasks.teachers, state.network.levels[0], length)
            cell = found.practice_loss.sel(optimiser_retention=kept, block_duration=length).isel(seed=1)
            assert float(cell) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", SWITCHING)
def test_presets_make_sense(name):
    check_spec(SWITCHING[name]())


def test_what_an_optimiser_accumulates_is_a_level_that_the_weights_need():
    rows = {row.name: row for row in ranked(levels_of(*small("switching-two-momenta").build(KEY)))}
    assert [row.rank for row in rows.values()] == [1, 1, 2, 3]
    assert rows["weights"].needs == ("fast of weights", "squares of weights")
    assert str(rows["slow of weights"].frequency) == "1/32"


def test_the_parameters_of_an_optimiser_are_data():
    found = small("switching-delta-momentum").optimiser.build()
    assert jax.tree.leaves(found) == [RATE, 0.9, 0.5]
    assert isinstance(found, Optimiser)
    chunked = small("switching-two-momenta").optimiser.build()
    assert chunked.parameters[0].chunk == 32
    assert RATE in jax.tree.leaves(chunked)


@pytest.mark.slow
def test_an_optimiser_moves_a_level_by_its_own_updates():
    system, state = small("switching-muon").build(KEY)
    rule = library.momentum_with_read_out(RATE, 0.9)
    task, weights = jnp.asarray([1.0, 0.0]), state.network.levels[0]
    update, _ = rule.update(weights - system.problem.tasks.teachers[0], rule.init(weights))
    after = eqx.filter_jit(system.update)(state, task, jnp.asarray(1.0))
    np.testing.assert_allclose(after.network.levels[0], weights + update, rtol=1e-9)
    np.testing.assert_allclose(after.cumulative_loss, system.loss(state, task), rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimiser": 3}, "optimiser is 3"),
        ({"optimiser.learning_rate": 0.0}, "optimiser.learning_rate is 0.0"),
        ({"optimiser.retention": 1.2}, "optimiser.retention is 1.2"),
        ({"optimiser": optimisers.DeltaMomentum(0.1, 0.5, 1.5)}, "below 1 . retention = 1.5"),
        ({"optimiser": optimisers.TwoMomenta(chunk=0)}, "optimiser.chunk is 0"),
        ({"curriculum.block_duration": 2.5}, "curriculum.block_duration is 2.5; here it counts steps"),
        ({"curriculum.block_duration": -1.0}, "block_duration is -1.0"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_values_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        check_spec(replaced(switching_momentum(), changes))
