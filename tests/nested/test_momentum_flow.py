"""Momentum in continuous time: against closed forms, and in its limits."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import TeacherProblem
from ntadyn.nested import MomentumFlow, levels_of, ranked
from ntadyn.nested.continuum import ChainOfLevels
from ntadyn.simulation import simulate
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import alternating, sequence
from ntadyn.testing import check_system
from tests.systems import general_network, general_tasks

TEACHER = jnp.asarray([[0.3, -0.7, 0.4], [0.1, 0.5, -0.2]])


def flow(tau, memory, forgetting: Any = 0.0, tasks=None) -> Any:
    problem: Any = TeacherProblem(  # pyright: ignore[reportCallIssue]
        tasks=from_matrices(TEACHER[None]) if tasks is None else tasks
    )
    options: dict[str, Any] = {"time_constant": tau, "memory": memory, "forgetting": forgetting}
    return MomentumFlow(problem=problem, **options)  # pyright: ignore[reportCallIssue]


@pytest.mark.slow
def test_it_keeps_what_the_interface_promises():
    check_system(flow(0.7, 0.3, 0.5, general_tasks()), general_network(), alternating(2, 2, 0.4))


@pytest.mark.representatives(2)
@pytest.mark.parametrize(("tau", "memory"), [(0.3, 1.0), (2.0, 0.4), (1.0, 1e-3)])
def test_the_heavy_ball_swings_and_decays_as_its_two_roots_say(tau, memory):
    """Tau tau_m r^2 + tau r + 1 = 0; with a short memory what is left is the gradient flow of tau."""
    system = flow(tau, memory)
    state = system.initial_state(ChainOfLevels((jnp.zeros((2, 3)),)))
    found = simulate(system, sequence([0], 2.0, 1), state).final_state.network.levels[0]
    first, second = np.roots([tau * memory, tau, 1.0]).astype(complex)
    left = np.real((second * np.exp(2 * first) - first * np.exp(2 * second)) / (second - first))
    np.testing.assert_allclose(found, (1 - left) * TEACHER, rtol=0, atol=2e-7)
    if memory < 0.01:
        assert left == pytest.approx(np.exp(-2 / tau), rel=2 * memory)


def test_along_a_constant_gradient_the_momentum_rests_at_less():
    """Of a network that hardly moves: -g / (1 + kappa)."""
    for forgetting in (0.0, 3.0):
        system = flow(1e9, 0.1, forgetting)
        state = system.initial_state(ChainOfLevels((jnp.zeros((2, 3)),)))
        found = simulate(system, sequence([0], 4.0, 1), state).final_state.momentum.levels[0]
        # All of a gradient of several rows is forgotten only where it is largest.
        left, sizes, right = np.linalg.svd(np.asarray(TEACHER), full_matrices=False)
        kept = sizes / (1 + forgetting * sizes**2 / np.sum(sizes**2))
        np.testing.assert_allclose(found, (left * kept[None]) @ right, rtol=0, atol=1e-7)


def test_momentum_and_network_are_two_levels():
    for tau, memory, first in ((1.0, 0.1, "momentum"), (0.1, 1.0, "network")):
        system = flow(tau, memory, tasks=general_tasks())
        rows = ranked(levels_of(system, system.initial_state(general_network())))
        assert rows[0].name == first
        assert {row.name: row.rate for row in rows} == pytest.approx({"momentum": 1 / memory, "network": 1 / tau})


@pytest.mark.slow
def test_a_momentum_without_a_gradient_has_derivatives():
    """Where a task is solved, keys have no direction."""
    system = flow(1.0, 0.5, jnp.asarray(0.5))
    state = system.initial_state(ChainOfLevels((TEACHER,)))
    field = jax.jacfwd(lambda weights: system.vector_field(0.0, _with(state, weights), jnp.ones(1)).momentum.levels[0])
    assert np.all(np.isfinite(field(TEACHER)))


def _with(state: Any, weights: Any) -> Any:
    return type(state)(ChainOfLevels((weights,)), state.momentum)


@pytest.mark.parametrize(
    ("values", "message"),
    [((-1.0, 1.0), "time constant"), ((1.0, 0.0), "memory"), ((1.0, 1.0, -0.5), "forgetting is -0.5")],
)
def test_numbers_that_cannot_be_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        flow(*values)
