import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import (
    frozen_alignment,
    gate_levels,
    largest_share,
    num_distinct,
    num_kept_winners,
    participation_ratio,
    relative_change,
    row_cosine,
    sorted_second_layer,
    winning_units,
)

ROUNDING = 1e-14

# Compiled whole: operation by operation, these tests would compile hundreds of programs.
(
    frozen_alignment,
    gate_levels,
    largest_share,
    participation_ratio,
    relative_change,
    sorted_second_layer,
    winning_units,
) = map(
    eqx.filter_jit,
    (
        frozen_alignment,
        gate_levels,
        largest_share,
        participation_ratio,
        relative_change,
        sorted_second_layer,
        winning_units,
    ),
)


def ideal(task, d_out=10):
    """Output i listens to unit 2 i + task with strength 1/sqrt(d_out), to nothing else; and the matching of units."""
    matching = jnp.stack([2 * jnp.arange(d_out), 2 * jnp.arange(d_out) + 1])
    gates = jnp.zeros((2 * d_out, d_out)).at[matching[task], jnp.arange(d_out)].set(d_out**-0.5)
    return gates, matching


def random_gates(seed=0, units=6, d_out=3):
    return jax.random.normal(jax.random.key(seed), (units, d_out))


def test_sorted_blocks_by_hand():
    gates, matching = random_gates(), jnp.asarray([[4, 0, 2], [1, 5, 3]])
    blocks = sorted_second_layer(gates, matching)
    second_layer = gates.T
    for teacher in range(2):
        np.testing.assert_array_equal(blocks[teacher], second_layer[:, np.asarray(matching[teacher])])


@pytest.mark.parametrize("task", [0, 1])
def test_levels_of_the_ideal_second_layer(task):
    levels = gate_levels(sorted_second_layer(*ideal(task)))
    active = np.eye(2)[task]
    np.testing.assert_allclose(levels.own, active * 10**-0.5, rtol=1e-14)
    np.testing.assert_array_equal(levels.others, 0.0)
    np.testing.assert_allclose(levels.whole, active * 10**-0.5 / 10, rtol=1e-14)


def test_levels_by_hand():
    blocks = jnp.asarray([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 6.0], [-2.0, 8.0]]])
    levels = gate_levels(blocks)
    np.testing.assert_allclose(levels.own, [2.5, 4.0], rtol=1e-14)
    np.testing.assert_allclose(levels.others, [2.5, 2.0], rtol=1e-14)
    np.testing.assert_allclose(levels.whole, [2.5, 3.0], rtol=1e-14)
    single = gate_levels(jnp.ones((2, 1, 1)))
    np.testing.assert_array_equal(single.others, 0.0)


def test_gating_of_single_outputs_by_hand():
    gates = random_gates()
    energy = np.asarray(gates) ** 2
    np.testing.assert_allclose(largest_share(gates), energy.max(0) / energy.sum(0), rtol=1e-14)
    np.testing.assert_allclose(participation_ratio(gates), energy.sum(0) ** 2 / (energy**2).sum(0), rtol=1e-14)
    np.testing.assert_array_equal(winning_units(gates), energy.argmax(0))


def test_extremes_of_gating():
    # One unit; all units alike; none. Tiny single-precision gates have squares that are zero.
    gates = jnp.asarray([[0.0, 1.0, 0.0], [-3.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]], jnp.float32) * 1e-30
    np.testing.assert_allclose(largest_share(gates), [1.0, 0.25, 0.0], rtol=1e-6)
    np.testing.assert_allclose(participation_ratio(gates), [1.0, 4.0, 0.0], rtol=1e-6)
    np.testing.assert_array_equal(winning_units(gates), [1, 0, 0])


def test_winners_over_two_tasks():
    ideally = jnp.stack([winning_units(ideal(task)[0]) for task in (0, 1)])
    assert int(num_distinct(ideally)) == 20
    assert int(num_kept_winners(ideally)) == 0
    winners = jnp.asarray([[3, 1, 4, 1], [3, 5, 4, 2]])
    assert int(num_distinct(winners)) == 5
    assert int(num_kept_winners(winners)) == 2


def test_relative_change_of_a_layer():
    before, after = (ideal(task)[0] for task in (0, 1))
    assert float(relative_change(before, before)) == 0.0
    assert float(relative_change(before, after)) == pytest.approx(2**0.5, rel=1e-14)
    assert float(relative_change(before, -before)) == pytest.approx(2.0, rel=1e-14)
    assert float(relative_change(before, 0 * before)) == pytest.approx(2**0.5, rel=1e-14)
    assert float(relative_change(0 * before, 0 * before)) == 0.0
    one, other = random_gates(1), random_gates(2)
    expected = np.linalg.norm(one - other) / np.sqrt((np.sum(one**2) + np.sum(other**2)) / 2)
    assert float(relative_change(one, other)) == pytest.approx(expected, rel=1e-14)


def test_frozen_second_layers_are_compared_with_the_teacher_in_force():
    frozen, weights, teacher = (
        jnp.stack([random_gates(3), random_gates(4)]),
        random_gates(5, 6, 4),
        random_gates(6, 3, 4),
    )
    alignments = frozen_alignment(frozen, weights, teacher)
    expected = [float(row_cosine(gates.T @ weights, teacher)) for gates in frozen]
    np.testing.assert_allclose(alignments, expected, rtol=0, atol=ROUNDING)
    assert abs(expected[0] - expected[1]) > 0.01


def test_everything_maps_over_seeds():
    gates = jnp.stack([random_gates(seed) for seed in range(3)])
    matching = jnp.asarray([[4, 0, 2], [1, 5, 3]])

    def measures(gates):
        levels = gate_levels(sorted_second_layer(gates, matching))
        winners = jnp.stack([winning_units(gates), winning_units(-gates[::-1])])
        return levels.own, largest_share(gates), participation_ratio(gates), num_distinct(winners)

    batched = jax.jit(jax.vmap(measures))(gates)
    for seed in range(3):
        for one, all_of_them in zip(measures(gates[seed]), batched, strict=True):
            np.testing.assert_allclose(all_of_them[seed], one, rtol=0, atol=ROUNDING)
