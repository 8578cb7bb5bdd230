"""Conservation laws along flows that are integrated here, in a few lines, independently of the package's solvers."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import (
    GateWeightSeries,
    difference_invariant,
    difference_residual,
    growth_while_sliding,
    layer_invariant,
    layer_residual,
    path_invariant,
    path_residual,
)

ROUNDING = 1e-12
TAU_C, TAU_W = 0.3, 1.1


def flow(gates, weights, teachers, penalty, steps=400, dt=0.01):
    """Runge-Kutta of the gradient flow, task 0 in the first half and task 1 in the second; the series it makes."""

    def velocity(state, teacher):
        c, w = state
        error = teacher - jnp.einsum("p,poi->oi", c, w)
        return (
            (jnp.einsum("poi,oi->p", w, error) - jax.grad(penalty)(c)) / TAU_C,
            jnp.einsum("p,oi->poi", c, error) / TAU_W,
        )

    def shifted(state, slope, h):
        return jax.tree.map(lambda x, v: x + h * v, state, slope)

    def step(state, index):
        teacher = teachers[(index >= steps // 2).astype(jnp.int32)]
        k1 = velocity(state, teacher)
        k2 = velocity(shifted(state, k1, dt / 2), teacher)
        k3 = velocity(shifted(state, k2, dt / 2), teacher)
        k4 = velocity(shifted(state, k3, dt), teacher)
        slope = jax.tree.map(lambda a, b, c, d: (a + 2 * b + 2 * c + d) / 6, k1, k2, k3, k4)
        return shifted(state, slope, dt), state

    _, (c, w) = jax.lax.scan(step, (gates, weights), jnp.arange(steps))
    students = jnp.einsum("tpoi,tqoi->topq", w, w)  # one row group per output
    return GateWeightSeries(dt * jnp.arange(float(steps)), c, students, jax.vmap(jax.grad(penalty))(c))


def random_flow(getkey, penalty, paths=2, **kwargs):
    teachers = 0.5 * jax.random.normal(getkey(), (2, 3, 4))
    weights = 0.3 * jax.random.normal(getkey(), (paths, 3, 4))
    return flow(jnp.linspace(0.5, 0.7, paths), weights, teachers, penalty, **kwargs)


def no_penalty(c):
    return jnp.sum(c) * 0.0


def norm_penalty(c):
    return 0.4 * (jnp.linalg.norm(c) - 1) ** 2


def sum_penalty(c):
    return 0.9 * (jnp.sum(c) - 1) ** 2


def without_penalty_gradient(series):
    return GateWeightSeries(series.times, series.gates, series.students)


def test_invariants_by_hand():
    gates, students = jnp.array([0.5, -1.0]), jnp.array([[2.0, 0.5], [0.5, 3.0]])
    np.testing.assert_allclose(path_invariant(gates, students, 0.2, 1.5), [0.2 * 0.25 - 3.0, 0.2 - 4.5], atol=ROUNDING)
    assert difference_invariant(gates, students, 0.2, 1.5) == pytest.approx(1.5 * 4 - 0.2 * 2.25, abs=ROUNDING)


def test_row_groups_are_summed(getkey):
    weights = jax.random.normal(getkey(), (2, 3, 4))
    gates = jnp.array([0.2, 0.9])
    by_row, whole = jnp.einsum("poi,qoi->opq", weights, weights), jnp.einsum("poi,qoi->pq", weights, weights)
    for invariant in (path_invariant, difference_invariant):
        np.testing.assert_allclose(
            invariant(gates, by_row, TAU_C, TAU_W), invariant(gates, whole, TAU_C, TAU_W), atol=ROUNDING
        )
    apart = jnp.sum((weights[0] - weights[1]) ** 2)
    expected = TAU_W * apart - TAU_C * (gates[0] - gates[1]) ** 2
    np.testing.assert_allclose(difference_invariant(gates, whole, TAU_C, TAU_W), expected, atol=ROUNDING)


def test_swapping_paths_swaps_path_invariants_and_keeps_the_difference(getkey):
    weights, gates = jax.random.normal(getkey(), (2, 12)), jnp.array([0.2, 0.9])
    students = weights @ weights.T
    np.testing.assert_array_equal(
        path_invariant(gates[::-1], students[::-1, ::-1], TAU_C, TAU_W),
        path_invariant(gates, students, TAU_C, TAU_W)[::-1],
    )
    np.testing.assert_allclose(
        difference_invariant(gates[::-1], students[::-1, ::-1], TAU_C, TAU_W),
        difference_invariant(gates, students, TAU_C, TAU_W),
        atol=ROUNDING,
    )


def test_the_matrix_law_by_hand(getkey):
    gates, weights = jax.random.normal(getkey(), (4, 3)), jax.random.normal(getkey(), (4, 5))
    invariant = layer_invariant(gates, weights @ weights.T, 0.3, 1.1)
    for unit, other in np.ndindex(4, 4):
        expected = float(0.3 * gates[unit] @ gates[other] - 1.1 * weights[unit] @ weights[other])
        assert invariant[unit, other] == pytest.approx(expected, abs=1e-14)


def test_gates_of_paths_and_a_second_layer_with_one_output_obey_the_same_laws(getkey):
    series = random_flow(getkey, norm_penalty, steps=40)
    layer = GateWeightSeries(
        series.times, series.gates[..., None], jnp.sum(series.students, 1), series.penalty_gradient[..., None]
    )
    residual = layer_residual(layer, TAU_C, TAU_W)
    diagonal = jnp.diagonal(residual, axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal, path_residual(series, TAU_C, TAU_W), atol=1e-14)
    # Off the diagonal as well: the penalty explains all of the drift but the error of the trapezoid sum.
    drift = layer_residual(without_penalty_gradient(layer), TAU_C, TAU_W)
    assert jnp.max(jnp.abs(residual[:, 0, 1])) < 0.01 * jnp.max(jnp.abs(drift[:, 0, 1]))


def test_a_constant_penalty_force_is_integrated(getkey):
    gates, force = jax.random.normal(getkey(), (2, 4, 3))
    weights = jax.random.normal(getkey(), (4, 5))
    times = jnp.asarray([0.0, 0.5, 0.5, 2.0])
    still = lambda array: jnp.broadcast_to(array, (4, *array.shape))  # noqa: E731
    series = GateWeightSeries(times, still(gates), still(weights @ weights.T), still(force))
    np.testing.assert_array_equal(layer_residual(without_penalty_gradient(series), 0.3, 1.1), 0.0)
    rate = gates @ force.T + force @ gates.T
    for record, time in zip(layer_residual(series, 0.3, 1.1), times, strict=True):
        np.testing.assert_allclose(record, float(time) * rate, rtol=0, atol=1e-13)


@pytest.mark.representatives(1)
@pytest.mark.parametrize("paths", [2, 3])
def test_path_law_without_penalty_holds_across_a_switch(getkey, paths):
    teachers = 0.5 * jax.random.normal(getkey(), (2, 3, 4))
    weights = 0.3 * jax.random.normal(getkey(), (paths, 3, 4))
    sizes = []
    for refinement in (1, 2):
        series = flow(
            jnp.linspace(0.5, 0.7, paths), weights, teachers, no_penalty, steps=400 * refinement, dt=0.01 / refinement
        )
        assert jnp.max(jnp.abs(series.gates - series.gates[:1])) > 0.05  # the run is not trivial
        sizes.append(jnp.max(jnp.abs(path_residual(without_penalty_gradient(series), TAU_C, TAU_W))))
    assert sizes[0] < 1e-6  # what is left is the error of the integrator,
    assert sizes[0] / sizes[1] > 10  # of fourth order: 16 in the limit


def test_difference_law_without_penalty_holds_across_a_switch(getkey):
    series = without_penalty_gradient(random_flow(getkey, no_penalty))
    np.testing.assert_allclose(difference_residual(series, TAU_C, TAU_W), 0, atol=1e-8)  # Runge-Kutta, dt = 0.01


def test_a_penalty_on_the_sum_of_gates_leaves_the_difference_alone(getkey):
    series = random_flow(getkey, sum_penalty)
    drift = difference_residual(without_penalty_gradient(series), TAU_C, TAU_W)
    np.testing.assert_allclose(drift, 0, atol=1e-7)  # Runge-Kutta, dt = 0.01, stiffer
    assert jnp.max(jnp.abs(path_residual(without_penalty_gradient(series), TAU_C, TAU_W))) > 1e-3


@pytest.mark.parametrize("residual", [path_residual, difference_residual])
def test_laws_with_a_penalty_hold_to_second_order_in_the_record_spacing(getkey, residual):
    teachers = 0.5 * jax.random.normal(getkey(), (2, 3, 4))
    weights = 0.3 * jax.random.normal(getkey(), (2, 3, 4))
    sizes = []
    for refinement in (1, 2):
        series = flow(
            jnp.array([0.5, 0.9]), weights, teachers, norm_penalty, steps=400 * refinement, dt=0.01 / refinement
        )
        sizes.append(jnp.max(jnp.abs(residual(series, TAU_C, TAU_W))))
        without = jnp.max(jnp.abs(residual(without_penalty_gradient(series), TAU_C, TAU_W)))
        assert sizes[-1] < 0.01 * without  # the right-hand side is needed and explains the drift
    assert sizes[0] / sizes[1] == pytest.approx(4.0, rel=0.2)  # trapezoid


@pytest.mark.parametrize("residual", [path_residual, difference_residual])
def test_wrong_time_constants_break_the_laws(getkey, residual):
    series = without_penalty_gradient(random_flow(getkey, no_penalty))
    assert jnp.max(jnp.abs(residual(series, 2 * TAU_C, TAU_W))) > 1e-3


def test_equal_times_at_a_switch_add_nothing_to_the_integral():
    gates = jnp.array([[1.0, 0.5], [1.0, 0.5], [1.0, 0.5]])
    students = jnp.tile(jnp.eye(2), (3, 1, 1))
    series = GateWeightSeries(jnp.array([0.0, 1.0, 1.0]), gates, students, jnp.ones((3, 2)))
    np.testing.assert_allclose(path_residual(series, 1.0, 1.0), [[0, 0], [2, 1], [2, 1]], atol=ROUNDING)


def test_growth_is_attributed_to_the_steps_with_a_shut_gate():
    times = jnp.array([0.0, 1.0, 2.0, 4.0, 5.0])
    invariant = jnp.array([0.0, -0.1, 0.9, 2.1, 2.0])
    gates = jnp.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0], [0.8, 0.2], [0.5, 0.5]])
    result = growth_while_sliding(times, invariant, gates)
    assert result.growth_share == pytest.approx(2.2 / 2.0, abs=ROUNDING)
    assert result.time_share == pytest.approx(3 / 5, abs=ROUNDING)
    wider = growth_while_sliding(times, invariant, gates, tolerance=0.15)
    assert wider.growth_share == pytest.approx(2.1 / 2.0, abs=ROUNDING)


def test_no_growth_has_no_share():
    result = growth_while_sliding(jnp.arange(3.0), jnp.ones(3), jnp.zeros((3, 2)))
    assert (result.growth_share, result.time_share) == (0.0, 1.0)


def test_other_numbers_of_paths_and_mismatched_axes_are_errors():
    with pytest.raises(ValueError, match="two paths"):
        difference_invariant(jnp.ones(3), jnp.eye(3), 1.0, 1.0)
    series = GateWeightSeries(jnp.arange(2.0), jnp.ones((2, 3)), jnp.ones((2, 3, 3)))
    with pytest.raises(ValueError, match="two paths"):
        difference_residual(series, 1.0, 1.0)
    unequal = eqx.tree_at(lambda x: x.times, series, jnp.arange(5.0))
    with pytest.raises(ValueError, match="penalty gradient"):
        path_residual(unequal, 1.0, 1.0)
    layer = GateWeightSeries(jnp.arange(3.0), jnp.ones((3, 4, 2)), jnp.ones((3, 4, 4)))
    unequal = eqx.tree_at(lambda x: x.penalty_gradient, layer, jnp.ones((3, 4, 1)), is_leaf=lambda leaf: leaf is None)
    with pytest.raises(ValueError, match="penalty gradient the shape of the gates"):
        layer_residual(unequal, 0.3, 1.1)
    with pytest.raises(ValueError, match="one entry per record"):
        inspect.unwrap(growth_while_sliding)(jnp.arange(3.0), jnp.ones(2), jnp.ones((3, 2)))


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_conservation_under_jit_and_vmap_keeps_dtype(getkey, dtype):
    series = jax.tree.map(lambda x: jnp.stack([x, 2 * x]).astype(dtype), random_flow(getkey, norm_penalty, steps=20))
    taus = jnp.array([0.3, 0.4], dtype)
    for residual in (path_residual, difference_residual):
        found = jax.jit(jax.vmap(residual, (0, 0, None)))(series, taus, 1.1)
        assert found.dtype == dtype
        expected = [residual(jax.tree.map(lambda x, k=k: x[k], series), taus[k], 1.1) for k in range(2)]
        np.testing.assert_allclose(found, jnp.stack(expected), atol=1e-5)  # float32 sums of 20 records
    for invariant in (path_invariant, difference_invariant):
        found = jax.jit(jax.vmap(invariant, (0, 0, None, None)))(series.gates[0], series.students[0], taus[0], 1.1)
        assert found.dtype == dtype
        expected = [invariant(c, k, taus[0], 1.1) for c, k in zip(series.gates[0], series.students[0], strict=True)]
        np.testing.assert_allclose(found, jnp.stack(expected), rtol=1e-5)  # float32 rounding
    shares = jax.jit(jax.vmap(growth_while_sliding))(series.times, series.times**2, series.gates)
    assert shares.growth_share.dtype == dtype
    np.testing.assert_array_equal(shares.growth_share, 0)
