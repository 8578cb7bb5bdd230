"""Derivatives of whole runs, in both modes, against finite differences: smooth, and through a kink."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OrderParameters
from ntadyn.regularizers import Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.simulation import Adaptive, FixedSteps, simulate
from ntadyn.solvers import SlidingHeun, Splitting
from ntadyn.tasks.curricula import alternating
from tests.systems import general_network, general_tasks

STEP = 0.02
LOSS = {"loss": lambda system, state, task: system.loss(state, task)}
SMOOTH = {
    "splitting": Splitting(),
    "heun": diffrax.Heun(),
    "tsit5": diffrax.Tsit5(),
    "sliding": SlidingHeun(),
}


def final_loss(method, kinked, kind=OrderParameters):
    """Of (tau_c, penalty strength): the loss at the end of two blocks."""
    curriculum = alternating(2, 2, 1.0 if kinked else 0.5)

    def loss(parameters):
        tau, strength = parameters
        penalty = Nonnegativity(strength) + UnitL1Norm(2 * strength) if kinked else UnitL2Norm(strength)
        system = kind(general_tasks(), {"gates": tau, "weights": 1.1}, {"gates": penalty})
        state = system.initial_state(general_network(paths=2))
        found = simulate(system, curriculum, state, method=method, observables=LOSS)
        return found.values["loss"][-1]

    return loss


def by_differences(function, at, width=1e-5):
    shift = width * jnp.eye(2)
    return np.array([(function(at + row) - function(at - row)) / (2 * width) for row in shift])


AT = jnp.array([0.3, 0.4])


# Compiling a run and its derivatives in both modes takes long; the rest of the table is slow.
CASES = [("sliding", True)]
SLOW = [
    ("splitting", False),
    ("splitting", True),
    ("tsit5", False),
    ("sliding", False),
    ("heun", True),
    ("heun", False),
]


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(("name", "kinked"), [*CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)])
def test_both_modes_agree_with_finite_differences(name, kinked):
    solver = SMOOTH[name]
    forward = final_loss(FixedSteps(solver, STEP), kinked)
    backward = final_loss(FixedSteps(solver, STEP, reverse_steps=128), kinked)
    expected = by_differences(jax.jit(forward), AT)
    assert np.max(np.abs(expected)) > 1e-3
    np.testing.assert_allclose(jax.jit(jax.jacfwd(forward))(AT), expected, rtol=2e-4, atol=1e-7)
    np.testing.assert_allclose(jax.jit(jax.grad(backward))(AT), expected, rtol=2e-4, atol=1e-7)


@pytest.mark.exhaustive
def test_adaptive_steps_are_differentiated_in_both_modes():
    forward, backward = (final_loss(Adaptive(reverse_mode=mode, max_steps=256), False) for mode in (False, True))
    expected = by_differences(jax.jit(forward), AT)
    np.testing.assert_allclose(jax.jit(jax.jacfwd(forward))(AT), expected, rtol=1e-4)
    np.testing.assert_allclose(jax.jit(jax.grad(backward))(AT), expected, rtol=1e-4)


def test_a_bound_that_is_too_small_is_told():
    system = GradientFlow(general_tasks(), {"gates": 0.3, "weights": 1.1})
    method = FixedSteps(Splitting(), STEP, reverse_steps=3)
    found = simulate(system, alternating(2, 2, 0.5), general_network(paths=2), method=method, observables=LOSS)
    assert "max" in str(found.result).lower() or not bool(found.result == found.result.successful)
