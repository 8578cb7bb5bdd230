"""Which levels a learner has, and in which order."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
import pytest

from ntadyn.continual.committee import CommitteeMachine, CommitteeNetwork, CommitteeSGD, CommitteeTasks
from ntadyn.dynamics import GradientFlow, OnlineSGD
from ntadyn.nested import ALWAYS, Frequency, LevelRow, level_table, levels_of, levels_of_training, ranked
from ntadyn.specs import building
from ntadyn.specs.families import PRESETS
from tests.systems import general_network, general_tasks

STEP = Frequency(1 / 16)


def order(rows):
    return [(row.rank, row.name) for row in ranked(rows)]


@pytest.mark.parametrize(("tau", "first"), [(0.1, "gates"), (3.0, "weights")])
def test_of_gates_and_weights_the_one_with_the_smaller_time_constant_is_faster(tau, first):
    system = GradientFlow(general_tasks(), {"gates": tau, "weights": 1.3})
    rows = ranked(levels_of(system, general_network()))
    assert [row.rank for row in rows] == [1, 2]
    assert rows[0].name == first


def test_linear_attention_under_momentum_has_three_levels():
    """Its memory moves with every token, and of what moves with every batch the momentum comes first."""
    parameters = {"projections": jnp.ones((3, 4, 4))}
    training = levels_of_training(
        {"projections": 48}, {"projections": 1.0}, parameters, optax.sgd(0.1, momentum=0.9).init(parameters), 16
    )
    memory = LevelRow("memory", 16, Frequency(1.0), context="tokens")
    assert order((*training, memory)) == [(1, "memory"), (2, "trace"), (3, "projections")]


def test_moments_that_do_not_need_each_other_share_a_rank():
    flow = GradientFlow(general_tasks(), {"gates": 0.1, "weights": 1.3})
    options = {"flow": flow, "data_key": jax.random.key(0), "batch_size": 16, "rule": optax.scale_by_adam()}
    system: Any = OnlineSGD(**options)
    rows = ranked(levels_of(system, system.initial_state(general_network())))
    assert {row.name: row.rank for row in rows} == {"mu": 1, "nu": 1, "gates": 2, "weights": 2}
    assert {str(row.frequency) for row in rows} == {"1/16"}
    assert {row.name: row.rate for row in rows if row.context == "batches"} == pytest.approx(
        {"gates": 10.0, "weights": 1 / 1.3}
    )


def test_plain_descent_has_one_level():
    parameters = {"weights": jnp.ones(3)}
    rows = levels_of_training({"weights": 3}, {"weights": 0.5}, parameters, optax.identity().init(parameters))
    assert [(row.name, row.rate) for row in rows] == [("weights", 2.0)]


def test_frequencies_are_ordered_and_told():
    every = [Frequency(), Frequency(per_block=1.0), STEP, Frequency(1.0), ALWAYS]
    assert sorted(every, reverse=True) == every[::-1]
    assert [str(one) for one in every] == ["0", "1 per block", "1/16", "1", "inf"]


def test_levels_that_wait_for_each_other_are_refused():
    one, other = LevelRow("one", 1, STEP, needs=("other",)), LevelRow("other", 1, STEP, needs=("one",))
    with pytest.raises(ValueError, match="one -> other -> one"):
        ranked((one, other))
    with pytest.raises(ValueError, match="levels other are needed"):
        ranked((one,))


def test_a_table_has_frequencies_and_rates_in_columns_of_their_own():
    rows = [LevelRow("slow", 2, STEP, 0.5), LevelRow("never", 3, Frequency(), math.nan, context="before")]
    head, *lines = level_table(rows)
    assert head.split("  ")[0] == "rank"
    assert [line.split()[:5] for line in lines] == [["1", "slow", "2", "1/16", "0.5"], ["2", "never", "3", "0", "-"]]


def test_weights_and_heads_of_a_committee_are_two_levels_in_the_limit_and_on_samples():
    units, readouts = jnp.eye(3)[:2], jnp.eye(2)
    limit = CommitteeMachine(CommitteeTasks(units, readouts), 0.5, 2.0)
    network = CommitteeNetwork(jnp.ones((2, 3)), jnp.zeros((2, 2)))
    assert [(row.name, row.size, row.rate) for row in levels_of(limit, limit.initial_state(network))] == [
        ("overlaps", 8, 0.5),
        ("heads", 4, 2.0),
    ]
    samples = CommitteeSGD(limit, jax.random.key(0))
    rows = levels_of(samples, samples.initial_state(network))
    assert [(row.name, row.size, str(row.frequency), row.rate) for row in rows] == [
        ("weights", 6, "1", 0.5),
        ("heads", 4, "1", 2.0),
    ]


@pytest.mark.representatives(10)
@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_levels(name):
    system, state = eqx.filter_jit(PRESETS[name]().build)(building.first(building.keys_of(0, [(0, 0, 0)])))
    assert all(row.size > 0 for row in levels_of(system, state))
