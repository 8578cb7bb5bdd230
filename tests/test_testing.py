"""The contract test as one call: what ships keeps it, and what breaks it is named."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OrderParameters
from ntadyn.testing import BrokenPromiseError, check_system
from tests.sweeps.own_spec import SAMPLES, TanhFlow, TanhOnData
from tests.systems import CASES, TIME_CONSTANTS, general_network, general_tasks

TASKS = general_tasks()


QUICK = ("order parameters", "symmetric", "online")
BY_NAME = [pytest.param(case, id=case.name, marks=[] if case.name in QUICK else pytest.mark.slow) for case in CASES]


@pytest.mark.representatives(2)
@pytest.mark.slow
@pytest.mark.parametrize("case", BY_NAME)
def test_what_ships_keeps_its_promises(case):
    kept = check_system(*case.make(jnp.float64))
    assert "a short run ends well" in kept
    assert len(kept) == len(set(kept)) >= 10


@pytest.mark.slow
def test_a_system_without_teachers_needs_a_curriculum():
    inputs, targets = jnp.ones((SAMPLES, 3)), jnp.ones((2, SAMPLES))
    system = TanhFlow(inputs, targets, jnp.asarray(0.1), jnp.asarray(1.0))
    network = (jnp.ones(4), jnp.full((4, 3), 0.5))
    with pytest.raises(ValueError, match="TanhFlow has no teachers; pass a curriculum"):
        check_system(system, network)
    assert "the vector field has the structure, shapes and dtypes of the state" in check_system(
        system, network, TanhOnData().build_curriculum(system)
    )


class Uphill(GradientFlow):
    def vector_field(self, t, state, task):
        return jax.tree.map(jnp.negative, super().vector_field(t, state, task))


class Short(GradientFlow):
    def vector_field(self, t, state, task):
        return eqx.tree_at(lambda net: net.gates, super().vector_field(t, state, task), jnp.zeros(1))


class Stale(OrderParameters):
    def relax_weights(self, state, task, duration):
        return super().relax_weights(state, task, 2 * duration)


class Impure(GradientFlow):
    def loss(self, state, task):
        return super().loss(state, task) + np.random.default_rng().random()


class Growing(GradientFlow):
    def at_block_end(self, state, block):
        return eqx.tree_at(lambda net: net.gates, state, jnp.append(state.gates, 0.0))


@pytest.mark.representatives(2)
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Uphill, "the energy falls along the field. It rises"),
        (Short, "the vector field has the structure, shapes and dtypes of the state"),
        (Stale, "the flows of the parts add up to the vector field. Over a short time they differ"),
        (Impure, "the loss is the same under jit. Use jax.numpy"),
        (Growing, "the state that at_block_end returns has the structure, shapes and dtypes of the state"),
    ],
)
def test_what_is_broken_is_named(kind, message):
    with pytest.raises(BrokenPromiseError, match=f"{kind.__name__} breaks the promise that {message}"):
        check_system(kind(TASKS, TIME_CONSTANTS), general_network())
