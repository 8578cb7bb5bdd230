"""Derivatives of scores against those of another simulation, and against laws that they obey."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import OrderParameters
from ntadyn.dynamics.order_parameters import OrderParameterState
from ntadyn.regularizers import from_coefficients
from ntadyn.simulation import FixedSteps
from ntadyn.simulation.trajectory import numbers_as_arrays
from ntadyn.stability.curriculum_design import Cohort, Design, by_gradient, mean_and_gradient, scores, without_gradient
from ntadyn.stability.sensitivity import final_contrast, sensitivities, time_to
from ntadyn.tasks import TaskSet, curricula

RADIUS = np.sqrt(0.5)
START = np.array(
    [[1.02045956e-3, -1.27783252e-3, 6.95922509e-3, 0], [2.09049423e-4, -2.83884803e-4, -1.41408115e-3, 6.84929053e-3]]
)
# Specification 5, table 7.1: tau_c -> contrast and its derivatives by the logarithms of tau_c, tau_W, tau_B, lambda.
TABLE = {
    0.02: (0.9296888, [-0.2930366, -0.2218473, 0.5148840, 0.0044028]),
    0.03: (0.7484034, [-1.3152007, -0.4534111, 1.7686117, 0.0391613]),
}


def batch(*taus: float):
    """Systems of one state and these gate time constants, and the states, as batches."""
    tasks = TaskSet(RADIUS * jnp.eye(2)[:, None, :], names=("A", "B"), num_base=2)
    penalties = from_coefficients({"nonnegative": 0.25, "unit_l1": 1.25})
    w = jnp.asarray(START)
    state = OrderParameterState(jnp.array([0.5, 0.5]), (w @ w.T)[None], RADIUS * w[:, :2][None])
    systems = [OrderParameters(tasks, {"gates": tau, "weights": 1.0}, penalties) for tau in taus]
    pairs = [(numbers_as_arrays(system, w.dtype), state) for system in systems]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *pairs)


@pytest.mark.slow
def test_the_table_of_another_simulation_and_the_rescaling_of_time():
    """T15: both cells, to 1e-6; what has no unit of time does not depend on it, and a time is proportional to it."""
    systems, states = batch(*TABLE)
    system, state = jax.tree.map(lambda leaf: leaf[0], (systems, states))
    curriculum = curricula.alternating(2, 7, jnp.asarray(1.0))
    method = FixedSteps(max_step=1 / 60).fitted(system, state)
    grid = method.lay_out(system, state, curriculum, 11, ())
    wanted = {"contrast": final_contrast, "half": time_to(0.5), "never": time_to(1.5)}
    found = sensitivities(systems, curriculum, states, method.laid_out(), grid, wanted)
    for row, (contrast, gradient) in enumerate(TABLE.values()):
        np.testing.assert_allclose(found["contrast"].values[row], contrast, atol=1e-6)
        np.testing.assert_allclose(found["contrast"].gradients[row], gradient, atol=1e-6)
    np.testing.assert_allclose(found["contrast"].gradients[:, :3].sum(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(found["half"].gradients[:, :3].sum(axis=1), found["half"].values, atol=1e-6)
    assert np.all((found["half"].values > 0) & (found["half"].values < 7))
    assert np.all(np.isnan(found["never"].values))
    assert np.all(np.isnan(found["never"].gradients))
    assert (found["half"].count, found["never"].count) == (2, 0)


@pytest.mark.slow
@pytest.mark.exhaustive  # it compiles for long
def test_curricula_by_gradient_and_without():
    """The gradient against differences of the same score; both searches beat where they start, and keep to bounds."""
    systems, states = batch(0.03, 0.028)
    # Compiled far sooner than steps that follow kinks, which the test above differentiates.
    method = FixedSteps(diffrax.Heun()).fitted(*jax.tree.map(lambda leaf: leaf[0], (systems, states))).laid_out()
    cohort = Cohort(systems, states, method)
    design = Design(total=4.0, least=0.2, test=(0.5, 0.5), most=3, steps=40)
    lengths = np.array([2.01, 1.31, 0.68])
    value, gradient = mean_and_gradient(design, cohort, lengths)
    assert value == pytest.approx(scores(design, cohort, lengths).mean(), abs=1e-13)
    for k, slope in enumerate(gradient):
        ends = [scores(design, cohort, lengths + sign * 1e-5 * np.eye(3)[k]).mean() for sign in (1, -1)]
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-7)
    # Fewer blocks run in the same program.
    whole = scores(design, cohort, np.array([2.0, 2.0]))
    starts = np.array([[0.0, 0.0]])
    for search in (by_gradient, without_gradient):
        found = search(design, cohort, starts, 6)
        assert found.score >= whole.mean() - 1e-12
        assert found.lengths.sum() == pytest.approx(4.0, abs=1e-12)
        assert found.lengths.min() > 0.2
        assert found.evaluations <= 8
        assert scores(design, cohort, found.lengths).mean() == pytest.approx(found.score, abs=1e-12)


def test_designs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit into 2"):
        Design(total=2.0, least=0.5, most=5)
    with pytest.raises(ValueError, match="must be positive"):
        Design(total=2.0, least=0.0)
    design = Design(total=2.0, least=0.1, most=3)
    with pytest.raises(ValueError, match="4 blocks of training"):
        design.check_number(4)
    np.testing.assert_allclose(design.lengths(jnp.array([0.0, 50.0])), [0.1, 1.9], atol=1e-12)
