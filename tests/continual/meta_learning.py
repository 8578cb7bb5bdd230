"""Meta-learning on small problems: what its tests share."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.continual import CommonRate, InnerLoop, ModelAgnosticMetaLearning, SecondOrder
from ntadyn.networks import GatedLinear

RATE = 0.3
FIRST = np.eye(3)[0]
LOWEST = 0.8


def plain_network(weights):
    """y = W x, without gates."""
    network = eqx.nn.Linear(3, 2, use_bias=False, key=jax.random.key(0))
    return eqx.tree_at(lambda layer: layer.weight, network, weights)


def meta(order=None, steps=1, rate=RATE, **inner):
    order = SecondOrder() if order is None else order
    return ModelAgnosticMetaLearning(InnerLoop(steps, CommonRate(rate), order=order, **inner))


def outer(strategy, problem, network):
    """The outer objective and its gradient, with the first task in force."""
    memory = strategy.begin(problem, network)[1]
    batch = problem.population(jnp.asarray(FIRST))
    return eqx.filter_value_and_grad(lambda network: strategy.objective(problem, network, memory, batch))(network)


def gram_of(weights):
    return jnp.einsum("...poi,...qoi->...pq", weights, weights)


def largest_gap(one, other):
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(np.max(np.abs(a - b))) for a, b in leaves)


def spread_gram():
    """Paths with a Gram matrix whose eigenvalues .8, 1, 1.25 let gates converge fast."""
    frame = jnp.linalg.qr(jax.random.normal(jax.random.key(2), (6, 3)))[0].T
    turn = jnp.linalg.qr(jax.random.normal(jax.random.key(6), (3, 3)))[0]
    weights = (turn * jnp.sqrt(jnp.asarray([[LOWEST, 1.0, 1.25]]))) @ frame
    return GatedLinear(jnp.asarray([0.4, 0.5, 0.6]), weights.reshape(3, 2, 3))
