"""The observable that hands out the network itself; the others are compared system by system in tests/dynamics."""

import jax
import numpy as np
import pytest

from ntadyn import GatedLinear, GradientFlow, OnlineSGD, OrderParameters
from ntadyn.simulation import observables
from tests.systems import orthogonal_tasks

TASKS = orthogonal_tasks(2, 2, 4)
TIMES = {"gates": 0.1, "weights": 1.0}
NETWORK = GatedLinear(np.full(2, 0.5), np.ones((2, 2, 4)))


def test_the_network_comes_without_what_an_online_rule_carries_beside_it():
    flow = GradientFlow(TASKS, TIMES)
    online = OnlineSGD(flow, jax.random.key(1), 5)
    for system in (flow, online):
        found = observables.network(system, system.initial_state(NETWORK), TASKS.teachers[0, 0, :2])
        assert isinstance(found, GatedLinear)
        np.testing.assert_array_equal(found.weights, NETWORK.weights)


def test_a_reduced_state_has_no_network():
    reduced = OrderParameters(TASKS, TIMES)
    with pytest.raises(ValueError, match=r"OrderParameterState.* has no weights; record full_state"):
        observables.network(reduced, reduced.initial_state(NETWORK), TASKS.teachers[0, 0, :2])
