"""The strategies of meta-learning and their parts."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from ntadyn.continual import (
    CommonRate,
    ContinualDescent,
    ContinualFlow,
    DrawnEpisodes,
    FirstOrder,
    FollowTheMetaLeader,
    GatedContinualFlow,
    InnerLoop,
    LearnedRates,
    ModelAgnosticMetaLearning,
    TeacherProblem,
    adapted_losses,
)
from ntadyn.continual.meta import MetaMemory
from ntadyn.dynamics import GradientFlow
from ntadyn.tasks.curricula import alternating
from ntadyn.testing import check_system
from tests.continual.meta_learning import FIRST, RATE, meta, plain_network
from tests.systems import general_network, general_tasks

TAUS = {"gates": jnp.asarray(0.5), "weights": jnp.ones(())}
CURRICULUM = alternating(2, 3, jnp.asarray(0.1))


@pytest.mark.slow
def test_the_flow_of_the_meta_leader_keeps_the_promises_of_systems():
    inner = InnerLoop(1, CommonRate(RATE), order=FirstOrder())
    flow = ContinualFlow(TeacherProblem(general_tasks(2)), FollowTheMetaLeader(inner), TAUS)
    assert "a short run ends well" in check_system(flow, general_network(), CURRICULUM)


@pytest.mark.slow
def test_descent_on_drawn_episodes_keeps_the_promises_of_systems():
    strategy = ModelAgnosticMetaLearning(InnerLoop(2, CommonRate(RATE)), DrawnEpisodes(4, 4))
    flow = ContinualFlow(TeacherProblem(general_tasks(2)), strategy, TAUS)
    descent = ContinualDescent(flow, jax.random.key(0), rule=optax.scale_by_adam())
    with jax.numpy_dtype_promotion("standard"):  # Adam raises a decay to a whole number of steps
        assert "a short run ends well" in check_system(descent, general_network(), CURRICULUM)


def test_the_meta_leader_is_followed():
    """The meta-batch holds the task in force and those whose blocks have ended."""
    strategy = FollowTheMetaLeader(InnerLoop(1, CommonRate(RATE)))

    @jax.jit
    def followed(problem, network):
        _, fresh = strategy.begin(problem, network)
        batches = [problem.population(task) for task in jnp.eye(3)]
        _, later = strategy.at_end(problem, network, fresh, batches[1])
        weights = [
            strategy.meta_batch(*pair) for pair in ((fresh, batches[1]), (later, batches[2]), (later, batches[1]))
        ]
        value = strategy.objective(problem, network, later, batches[2])
        return weights, value, adapted_losses(problem, network, strategy.inner)

    weights, value, losses = followed(TeacherProblem(general_tasks(3)), general_network(paths=3))
    np.testing.assert_array_equal(weights, [[0, 1, 0], [0, 0.5, 0.5], [0, 1, 0]])
    np.testing.assert_allclose(value, (losses[1] + losses[2]) / 2, rtol=1e-13)


@pytest.mark.slow
def test_episodes_are_drawn_anew_at_every_step():
    strategy = ModelAgnosticMetaLearning(InnerLoop(1, CommonRate(RATE)), DrawnEpisodes(500, 700))

    @jax.jit
    def drawn(problem, network):
        _, memory = strategy.begin(problem, network)
        batch = problem.population(jnp.asarray(FIRST))
        other = strategy.after_step(problem, network, memory, batch, jax.random.key(9))[1]
        keys = jnp.stack([memory.key, memory.key, other.key])
        values = lax.map(lambda key: strategy.objective(problem, network, MetaMemory(memory.met, key), batch), keys)
        whole = meta().objective(problem, network, memory, batch)
        return strategy.episodes.of_task(problem, memory.key, jnp.asarray(FIRST)), values, whole

    (support, query), values, whole = drawn(TeacherProblem(general_tasks(3)), general_network(paths=3))
    assert (support.inputs.shape, query.inputs.shape) == ((500, 3), (700, 3))
    assert not np.isin(support.inputs, query.inputs).any()
    assert values[0] == values[1] != values[2]
    np.testing.assert_allclose(values, whole, rtol=0.2)


def test_what_is_refused():
    problem, network = TeacherProblem(general_tasks(3)), general_network(paths=3)
    plain, batch = plain_network(jnp.ones((2, 3))), problem.population(jnp.asarray(FIRST))
    with pytest.raises(ValueError, match="no gates to adapt; pass InnerLoop"):
        InnerLoop().adapted(problem, plain, batch)
    with pytest.raises(ValueError, match="nothing of a Linear adapts"):
        InnerLoop(adapts=lambda tree: jax.tree.map(lambda _: False, tree)).adapted(problem, plain, batch)
    with pytest.raises(ValueError, match="no rates to learn; start from RatedNetwork"):
        InnerLoop(rates=LearnedRates()).adapted(problem, network, batch)
    with pytest.raises(ValueError, match="-1 steps; allowed are 0"):
        InnerLoop(-1)
    with pytest.raises(ValueError, match="rate of an inner loop is -0.1"):
        CommonRate(-0.1)
    with pytest.raises(ValueError, match="pull of an inner loop is -1"):
        InnerLoop(pull=-1.0)
    with pytest.raises(ValueError, match="0 examples of support"):
        DrawnEpisodes(0, 3)
    with pytest.raises(ValueError, match="no closed form on gated linear networks"):
        GatedContinualFlow(GradientFlow(problem.tasks, {"gates": 1.0, "weights": 1.0}), FollowTheMetaLeader())
