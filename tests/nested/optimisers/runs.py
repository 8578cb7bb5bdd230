"""What the tests of optimisers share: gradients, runs, and minimisers of quadratic objectives."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree


def gradients(number, shape, seed=0):
    """Random gradients, shape (number, *shape); drawn by numpy, so that nothing is compiled."""
    return jnp.asarray(np.random.default_rng(seed).normal(size=(number, *shape)))


def updates(rule, sequence):
    """The updates that a rule makes of a sequence of gradients, whatever the parameters are."""

    def step(state, gradient):
        update, state = rule.update(gradient, state, gradient)
        return state, update

    @jax.jit
    def run(sequence):
        return jax.lax.scan(step, rule.init(jax.tree.map(lambda leaf: leaf[0], sequence)), sequence)[1]

    return run(sequence)


def descended(rule, loss, start, number):
    """Parameters after steps down a loss."""

    def step(carry, _):
        params, state = carry
        update, state = rule.update(jax.grad(loss)(params), state, params)
        return (optax.apply_updates(params, update), state), loss(params)

    @jax.jit
    def run(start):
        return jax.lax.scan(step, (start, rule.init(start)), length=number)

    (params, _), losses = run(start)
    return params, losses


def minimiser(objective, like):
    """The only minimiser of a quadratic objective, by its linear system."""
    flat, unravel = ravel_pytree(like)
    slope = jax.grad(lambda z: objective(unravel(z)))
    zero = jnp.zeros_like(flat)
    hessian = jax.jacfwd(slope)(zero)
    assert np.all(np.linalg.eigvalsh(np.asarray(hessian)) > 0)
    return unravel(jnp.linalg.solve(hessian, -slope(zero)))
