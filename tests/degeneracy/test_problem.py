"""Losses at a point, and the parts of it that move; input that is refused."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.degeneracy.coefficient import Settings, learning_coefficient
from ntadyn.degeneracy.neighbourhood import Gaussian
from ntadyn.degeneracy.nested_slices import NestedSlices
from ntadyn.degeneracy.problem import BehaviouralAt, LossProblem, MeanEnergy, check_scale, squared_error
from ntadyn.degeneracy.samplers import MALA, SGLD, Feed
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.tasks import teachers
from tests.degeneracy.losses import Monomial, table


def test_one_path_alone_can_be_sampled():
    point, loss = table(jnp.eye(2))
    path = (np.array([[True, False], [True, False]]), np.array([[True] * 6, [False] * 6]))
    assert LossProblem(loss, point, path).dimension == 8


@pytest.mark.slow
def test_a_network_with_functions_in_it_is_a_point_and_masks_and_whole_numbers_work_under_nested_slices():
    network = eqx.nn.MLP(2, 1, 3, 1, jnp.tanh, key=jax.random.key(0))
    inputs = jax.random.normal(jax.random.key(1), (20, 2))
    problem = BehaviouralAt(lambda network: jax.vmap(network)(inputs))(network)
    assert problem.dimension == 13
    masked = LossProblem(lambda w: jnp.sum(w**2), jnp.zeros(3), np.array([True, False, True]))
    slices = NestedSlices(num_live=40, num_delete=10, log_volume=-4.0)
    run = slices.run(masked, Gaussian(100), jax.random.key(0))
    assert run.losses.shape[0] > 40
    with pytest.raises(ValueError, match="let at least 3 survive"):
        NestedSlices(num_live=4, num_delete=2).run(masked, Gaussian(100), jax.random.key(0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LossProblem(jnp.sum, jnp.ones(2, jnp.float32)), "float32"),
        (lambda: LossProblem(jnp.sum, {"a": 1}), "nothing can move"),
        (lambda: LossProblem(jnp.sum, jnp.ones(2), False), "nothing can move"),
        (lambda: LossProblem(lambda w: w, jnp.ones(2)), "returns one number"),
        (lambda: Settings(localisation=0.0), "localisation must be positive"),
        (lambda: Settings(inverse_temperature=-1.0), "inverse_temperature must be positive"),
        (lambda: Feed(batch_size=0), "at least 1"),
        (lambda: LossProblem(lambda w: jnp.sum(w) / 0, jnp.ones(2)), "is inf at the centre"),
        (lambda: LossProblem(lambda w: jnp.sum(w).astype(jnp.float32), jnp.ones(2)), "loss is float32"),
        (lambda: LossProblem(jnp.sum, jnp.ones(2), "weights"), "does not fit"),
        (lambda: LossProblem(jnp.sum, jnp.ones(2), np.ones(3, bool)), "does not fit"),
        (lambda: LossProblem(lambda w: jnp.sum(w).real, jnp.ones(2, complex)), "complex128"),
        (lambda: MALA(num_draws=3), "four draws"),
        (lambda: SGLD(-0.1), "step_size must be positive"),
        (
            lambda: check_scale(
                lambda w: jnp.asarray(2.0),
                squared_error(lambda w, x: w @ x, jnp.ones((4, 3)), jnp.ones((4, 2))),
                jnp.ones((2, 3)),
            ),
            "multiply it by 2",
        ),
        (
            lambda: squared_error(lambda w, x: w @ x, jnp.ones((4, 3)), jnp.ones(4))(jnp.ones((2, 3))),
            "outputs have shape",
        ),
        (lambda: squared_error(lambda w, x: w @ x, jnp.ones((4, 3)), jnp.ones((3, 2))), "4 inputs and 3 targets"),
    ],
)
def test_bad_input_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_batches_need_examples():
    sampler = SGLD(feed=Feed(batch_size=10))  # pyright: ignore[reportCallIssue]
    with pytest.raises(ValueError, match="has no examples"):
        learning_coefficient(Monomial(jnp.ones(2)), jnp.zeros(2), Settings(sampler=sampler))


@pytest.mark.slow
def test_the_energy_of_any_system_is_a_loss():
    """One map cannot do two orthogonal tasks; at their mean it has the curvature of one map of six entries."""
    tasks = teachers.orthogonal(jax.random.key(0), 2, 1, 6)
    flow = GradientFlow(tasks, {"gates": 1.0, "weights": 1.0})
    network = GatedLinear(jnp.ones(1), tasks.teachers.mean(axis=0)[None])
    weights = eqx.tree_at(lambda network: (network.gates, network.weights), network, (False, True))
    problem = LossProblem(MeanEnergy(flow, jnp.eye(2)), network, weights)
    assert problem.dimension == 6
    np.testing.assert_allclose(jax.hessian(problem.excess)(jnp.zeros(6)), np.eye(6), atol=1e-12)
    np.testing.assert_allclose(jax.grad(problem.excess)(jnp.zeros(6)), 0, atol=1e-12)
