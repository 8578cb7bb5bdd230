"""Which estimates are trusted: refusals and their causes, second opinions."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy.closed_form import localised_monomial
from ntadyn.degeneracy.coefficient import AllMove, Settings, learning_coefficient, learning_coefficients
from ntadyn.degeneracy.estimate import SecondOpinion
from ntadyn.degeneracy.nested_slices import NestedSlices
from ntadyn.degeneracy.problem import ExampleLoss, LossProblem, squared_error
from ntadyn.degeneracy.refusals import Refusal
from ntadyn.degeneracy.samplers import MALA, NUTS, SGHMC, SGLD, Feed, RMSPropSGLD
from ntadyn.degeneracy.whitening import DenseWhitening
from tests.degeneracy.losses import SHORT, Monomial, table


@pytest.mark.exhaustive
def test_local_moves_are_biased_at_a_crossing_while_diagnostics_look_well():
    """w1^2 w2^2 at inverse temperature 100, twelve seeds: the mass is in arms that are long and thin."""
    exact = localised_monomial(1, 1, 100.0, 1.0)
    found = learning_coefficients(AllMove(Monomial(jnp.ones(2))), jnp.zeros((12, 2)), Settings(100.0, 1.0))
    values = np.array([each.value for each in found])
    assert np.sum(values < exact) >= 9
    well = [each for each in found if Refusal.UNRESOLVED not in each.refusals]
    assert len(well) >= 6
    assert sum(each.value < exact - 2 * each.error for each in well) >= 3
    assert all(Refusal.SINGULAR_UNCHECKED in each.refusals for each in found)


@pytest.mark.exhaustive
def test_samplers_of_unknown_bias_are_never_trusted():
    inputs = jax.random.normal(jax.random.key(0), (50, 3))
    loss = squared_error(lambda w, x: w @ x, inputs, inputs @ jnp.ones(3))
    assert isinstance(loss, ExampleLoss)
    for sampler in (RMSPropSGLD(), SGLD(feed=Feed(batch_size=10)), SGHMC()):  # pyright: ignore[reportCallIssue]
        found = learning_coefficient(loss, jnp.ones(3), Settings(sampler=sampler))
        assert found.inverse_temperature == pytest.approx(50 / np.log(50))
        assert found.status == "STEP_BIAS"
        assert 0.5 * found.effective_dimension < found.value < 2 * found.effective_dimension


@pytest.mark.exhaustive
def test_a_second_opinion_is_part_of_the_estimate():
    point, loss = table(jnp.eye(2))
    found = learning_coefficient(
        loss,
        point,
        Settings(sampler=SHORT, check=NUTS(num_warm_up=200, num_draws=300)),  # pyright: ignore
    )
    assert found.second_opinion is not None
    assert found.second_opinion.sampler == "NUTS"
    assert abs(found.second_opinion.value - found.value) < 3 * np.hypot(found.second_opinion.error, found.error)
    assert "NUTS finds" in str(found)


def chart_of(loss, dimension):
    problem = LossProblem(loss, jnp.zeros(dimension))
    return DenseWhitening().chart(problem, jnp.asarray(1e4), jnp.asarray(100.0))


@pytest.mark.slow
def test_kinks_that_go_up_on_all_sides_are_minima_and_others_are_not():
    def bowl(w):
        return 0.5 * jnp.sum(w**2)

    across = chart_of(lambda w: bowl(w) + 0.05 * jnp.maximum(w[0] - w[1], 0), 2)
    hinge = chart_of(lambda w: bowl(w) + 0.05 * jnp.sum(jax.nn.relu(-w)), 2)
    downhill = chart_of(lambda w: bowl(w) - 0.02 * jnp.sum(jax.nn.relu(w)), 1)
    assert across.lowered_by_slope < 1e-6
    assert hinge.lowered_by_slope < 1e-6
    assert downhill.lowered_by_slope > 1


@pytest.mark.slow
def test_saddles_are_no_minima():
    found = learning_coefficient(lambda w: 0.5 * w[0] ** 2 - 0.0025 * w[1] ** 2, jnp.zeros(2), Settings(sampler=SHORT))
    assert found.most_negative == pytest.approx(-0.005)
    assert found.status == "NOT_A_MINIMUM"


def estimate_with(value, error, second):
    point, loss = table(jnp.eye(2))
    found = learning_coefficient(loss, point, Settings(sampler=SHORT), 3)
    return dataclasses.replace(found, value=value, error=error, effective_dimension=0.0, second_opinion=second)


def test_chains_that_have_not_filled_flat_directions_are_refused():
    found = estimate_with(6.0, 0.1, None)
    filled = dataclasses.replace(found, effective_dimension=6.0, distance_ess=10.0, distance=0.45)
    assert filled.trusted
    assert dataclasses.replace(filled, distance=0.3).status == "UNRESOLVED"
    assert dataclasses.replace(filled, distance=0.3, distance_ess=500.0).trusted


def test_second_opinions_certify_singular_points_only_within_the_smaller_error():
    def second(value, error, failure=""):
        return SecondOpinion("NestedSlices", value, error, True, failure)

    assert estimate_with(0.31, 0.01, second(0.33, 0.012)).trusted
    assert estimate_with(0.31, 0.01, second(0.355, 0.012)).status == "SAMPLER_DISAGREE"
    assert estimate_with(0.29, 0.01, second(0.35, 0.12)).status == "SAMPLER_DISAGREE"
    failed = estimate_with(0.31, 0.01, second(np.nan, np.nan, "too cold"))
    assert {reason.name for reason in failed.refusals} == {"SINGULAR_UNCHECKED", "CHECK_FAILED"}
    assert "NestedSlices: too cold" in str(failed)


@pytest.mark.slow
def test_losses_that_are_not_finite_are_refused():
    def loss(w):
        return jnp.sum(w**2) + jnp.sum(jnp.where(jnp.abs(w) > 0.005, jnp.nan, 0.0))

    sampler = SGLD(num_warm_up=100, num_draws=100)  # pyright: ignore[reportCallIssue]
    found = learning_coefficient(loss, jnp.zeros(1), Settings(sampler=sampler))
    assert found.status == "NONFINITE"


@pytest.mark.slow
def test_chains_that_leave_and_chains_that_are_short_are_refused():
    sampler = MALA(num_warm_up=100, num_draws=100)  # pyright: ignore[reportCallIssue]
    found = learning_coefficient(lambda w: -jnp.sum(w), jnp.zeros(1), Settings(1000.0, 1.0, sampler))
    assert set(found.refusals) >= {Refusal.NOT_A_MINIMUM, Refusal.UNRESOLVED, Refusal.NONLOCAL}
    assert "draw more" in str(found)


@pytest.mark.exhaustive
def test_nested_slices_certify_what_local_moves_found_or_contradict_it():
    loss, exact = Monomial(jnp.ones(2)), localised_monomial(1, 1, 100.0, 1.0)
    settings = Settings(100.0, 1.0, check=NestedSlices(num_live=2000, num_delete=200))
    found = learning_coefficients(AllMove(loss), jnp.zeros((4, 2)), settings)
    seconds = [each.second_opinion for each in found]
    assert max(abs(second.value - exact) / second.error for second in seconds if second) < 3.5
    assert {each.status for each in found} <= {"TRUSTED", "SAMPLER_DISAGREE", "UNRESOLVED"}
    assert "SAMPLER_DISAGREE" in {each.refusals[-1].name for each in found if each.refusals}
    for each in found:
        if each.trusted:
            assert abs(each.value - exact) < 4 * each.error
