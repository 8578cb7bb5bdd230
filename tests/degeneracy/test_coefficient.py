"""Learning coefficients of networks and of singular losses, against theory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from ntadyn.degeneracy.closed_form import gated_linear, gated_with_l1, gated_with_l1_and_l2, two_layer_at
from ntadyn.degeneracy.coefficient import Settings, learning_coefficient, learning_coefficients, learning_curve
from ntadyn.degeneracy.estimate import labelled
from ntadyn.degeneracy.problem import Behavioural, LossProblem
from ntadyn.degeneracy.samplers import MALA, NUTS
from ntadyn.degeneracy.whitening import DiagonalWhitening
from ntadyn.regularizers import Zero, from_coefficients
from tests.degeneracy.exact_losses import gated_linear as gated_linear_by_quadrature, specialised
from tests.degeneracy.losses import MIXED, SHORT, TwoLayers, table


@pytest.mark.slow
def test_gate_tables_that_solve_their_tasks_are_all_as_degenerate_and_checkpoints_share_a_program():
    points = [table(gates)[0] for gates in (np.eye(2), MIXED)]
    loss = table(MIXED)[1]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *points)
    found = learning_coefficients(lambda point: LossProblem(loss, point), stacked, Settings(sampler=SHORT))
    for point, estimate in zip(points, found, strict=True):
        gates, weights = (np.asarray(part) for part in point)
        sums = np.linalg.eigvalsh(gates @ gates.T)[:, None] + np.pad(np.linalg.svd(weights)[1] ** 2, (0, 4))[None]
        np.testing.assert_allclose(estimate.effective_dimension, np.sum(sums / 2 / (2 * (sums / 2 + 0.01))), rtol=1e-9)
        assert estimate.status == "TRUSTED"
        assert abs(estimate.value - 6) < 0.05 * 6 + 3 * estimate.error
        assert estimate.half_rank == 6
    axes = labelled(found, {"gates": ["specialised", "mixed"]})
    assert axes.value.dims == ("gates",)
    assert list(axes.status.values) == ["TRUSTED"] * 2


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(("sampled", "expected"), [((False, True), 6), ((True, False), 2)])
def test_a_part_of_the_parameters_is_a_linear_model(sampled, expected):
    point, loss = table(jnp.eye(2))
    found = learning_coefficients(
        lambda point: LossProblem(loss, point, sampled),
        jax.tree.map(lambda leaf: leaf[None], point),
        Settings(1e6, 100.0),
    )[0]
    assert found.dimension == (12 if expected == 6 else 4)
    assert found.half_rank == expected
    assert abs(found.value - expected) < 3 * found.error + 0.01


@pytest.mark.exhaustive
def test_the_curve_over_temperatures_rises_to_the_coefficient():
    point, loss = table(jnp.eye(2))
    curve = learning_curve(loss, point, (1e2, 1e4, 1e6), Settings(sampler=SHORT))
    values = [found.value for found in curve]
    assert values == sorted(values)
    assert [found.cutoff for found in curve] == [1.0, 0.01, 0.0001]
    for found in curve:
        assert abs(found.value - found.effective_dimension) < 3 * found.error + 0.03 * found.value


@pytest.mark.exhaustive
def test_a_cubic_term_has_its_sign():
    """A target that is not symmetric: signs that are wrong twice do not cancel."""

    def loss(w):
        return jnp.where(jnp.abs(w) < 0.7, w**2 * (1 + w), jnp.inf)

    def weight(w):
        return np.exp(-20 * w**2 * (1 + w) - w**2 / 2)

    mean, mass = (integrate.quad(f, -0.7, 0.7)[0] for f in (lambda w: w**2 * (1 + w) * weight(w), weight))
    sampler = MALA(num_draws=12000)  # pyright: ignore[reportCallIssue]
    found = learning_coefficient(loss, jnp.asarray(0.0), Settings(20.0, 1.0, sampler))
    assert abs(found.value - 20 * mean / mass) < 3 * found.error
    assert found.error < 0.012
    assert 20 * mean / mass - found.effective_dimension > 4 * found.error


@pytest.mark.exhaustive
def test_a_diagonal_estimates_what_a_dense_hessian_says():
    point, loss = table(MIXED)
    dense, diagonal = (
        learning_coefficient(loss, point, Settings(sampler=SHORT, whitening=whitening))
        for whitening in (None, DiagonalWhitening())
    )
    assert abs(diagonal.effective_dimension / dense.effective_dimension - 1) < 1e-9
    assert abs(diagonal.value - dense.value) < 3 * np.hypot(diagonal.error, dense.error)
    assert np.isnan(diagonal.step_bias) == 0


@pytest.mark.slow
def test_any_point_is_a_minimum_of_its_behavioural_loss():
    (gates, weights), _ = table(jnp.eye(2))
    point = (gates, weights + 0.3)

    def outputs(parts):
        return parts[0] @ parts[1]

    loss = Behavioural.of(outputs, point)
    found = learning_coefficient(loss, point, Settings(sampler=SHORT))
    assert float(loss(point)) == 0
    assert found.lowered_by_slope == 0
    assert found.status == "TRUSTED"


PENALTIES = {
    "none": ({}, gated_linear),
    "l1": ({"nonnegative": 1.0, "unit_l1": 1.0}, gated_with_l1),
    "l1 and l2": ({"nonnegative": 1.0, "unit_l1": 1.0, "unit_l2": 1.0}, gated_with_l1_and_l2),
}


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("penalty", "gates", "expected"),
    [
        ("none", np.eye(2), 6),
        ("none", MIXED, 6),
        ("l1", np.eye(2), 7),
        ("l1", MIXED, 7),
        ("l1 and l2", np.eye(2), 8),
    ],
)
def test_gated_networks_with_penalties_have_their_coefficients(penalty, gates, expected):
    """With the loss |CW - T|^2 / 2 and stiff penalties, at inverse temperature 1e4."""
    terms, exact = PENALTIES[penalty]
    point, _ = table(gates)
    loss = TwoLayers(point[0] @ point[1])
    penalties = from_coefficients(terms).get("gates", Zero())

    def penalised(parts):
        return loss(parts) + jnp.sum(jax.vmap(penalties.energy)(parts[0]))

    # A wall that gates stick to needs more draws; with fewer the estimate is refused as unresolved.
    sampler = MALA(num_draws=80000)  # pyright: ignore[reportCallIssue]
    found = learning_coefficient(penalised, point, Settings(1e4, 100.0, sampler))
    assert exact(*(np.asarray(part) for part in point)).exact.coefficient == expected
    assert found.trusted, found
    assert abs(found.value - expected) < 0.05 * expected + 3 * found.error
    if expected == 6:
        assert abs(found.value - found.effective_dimension) < 3 * found.error + 0.05


@pytest.mark.representatives(2)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("rank_w1", "rank_w2", "multiplicity"), [(1, 1, 1), (0, 1, 1), (2, 0, 1), (0, 2, 1), (0, 0, 2), (1, 0, 2)]
)
def test_one_loss_has_another_coefficient_at_every_kind_of_its_zeros(rank_w1, rank_w2, multiplicity):
    """|W2 W1|^2 / 2 of 3 inputs, 2 hidden units and 2 outputs, with W2 W1 = 0."""
    exact = two_layer_at(3, 2, 2, rank_w1, rank_w2, 0)
    assert exact.multiplicity == multiplicity
    first = jnp.zeros((2, 3)).at[jnp.arange(rank_w1), jnp.arange(rank_w1)].set(1)
    second = jnp.zeros((2, 2)).at[jnp.arange(rank_w2), 1 - jnp.arange(rank_w2)].set(1)
    loss = TwoLayers(jnp.zeros((2, 3)))
    found = learning_coefficient(loss, (second, first), Settings(1e6, 100.0, NUTS(num_warm_up=1000, num_draws=2000)))
    # A multiplicity above one lowers the value at a finite temperature by (m - 1) / log t and a constant.
    slack = 0.3 if multiplicity == 2 else 0.0
    assert -3 * found.error - slack - 0.01 < found.value - float(exact.coefficient) < 3 * found.error


@pytest.mark.slow
def test_moves_along_the_gauge_change_nothing():
    (gates, weights), _ = table(MIXED)
    mixing = jnp.asarray([[2.0, 0.3], [-0.4, 0.7]])
    moved = (gates @ jnp.linalg.inv(mixing), mixing @ weights)
    loss = Behavioural.of(lambda parts: parts[0] @ parts[1], (gates, weights))
    assert float(loss(moved)) < 1e-24
    swapped = (gates[:, ::-1], weights[::-1])
    found = [
        learning_coefficient(loss, point, Settings(sampler=SHORT), seed)
        for seed, point in enumerate(((gates, weights), swapped))
    ]
    np.testing.assert_allclose(found[0].effective_dimension, found[1].effective_dimension, rtol=1e-10)
    assert abs(found[0].value - found[1].value) < 3 * np.hypot(found[0].error, found[1].error)


@pytest.mark.slow
def test_langevin_steps_agree_with_quadrature_where_nested_slices_do():
    problem = specialised()
    found = learning_coefficient(problem.loss, problem.centre, Settings(1e4, 100.0))
    assert abs(found.value - gated_linear_by_quadrature(1e4, 100.0)) < 3 * found.error
