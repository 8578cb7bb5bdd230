"""Gate tables and weights of given ranks, and the loss whose coefficient is claimed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np


def factors_of_ranks(rng, tasks, paths, entries, ranks):
    """Gates (tasks, paths) and weights (paths, entries) of ranks (of weights, of gates, of their product)."""
    r1, r2, r = ranks
    basis = np.linalg.qr(rng.normal(size=(paths, paths)))[0]
    reached = basis[:, :r1]
    read = np.concatenate([basis[:, :r], basis[:, r1 : r1 + r2 - r]], axis=1)
    return rng.normal(size=(tasks, r2)) @ read.T, reached @ rng.normal(size=(r1, entries))


def loss(theta, target):
    """1/(2 M) |C W - T|^2."""
    gates, weights = theta
    return jnp.sum((gates @ weights - target) ** 2) / (2 * gates.shape[0])


@functools.partial(jax.jit, static_argnums=2)
def hessian(gates, weights, penalty=lambda gates: 0.0):
    """Second derivatives of the loss around its zero and of a penalty on gates, as one matrix."""
    target, sizes = gates @ weights, gates.size

    def of_flat(flat):
        theta = flat[:sizes].reshape(gates.shape), flat[sizes:].reshape(weights.shape)
        return loss(theta, target) + penalty(theta[0])

    return jax.hessian(of_flat)(jnp.concatenate([gates.ravel(), weights.ravel()]))


@jax.jit
def jacobian(gates, weights):
    """D (C W) / d (C, W), shape (tasks entries, tasks paths + paths entries)."""
    of_gates, of_weights = jax.jacobian(jnp.matmul, argnums=(0, 1))(gates, weights)
    rows = gates.shape[0] * weights.shape[1]
    return jnp.concatenate([of_gates.reshape(rows, -1), of_weights.reshape(rows, -1)], axis=1)
