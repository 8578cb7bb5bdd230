"""Complete optimisers in place of a direction."""

import jax
import jax.numpy as jnp
import optax


def descending(optimiser: optax.GradientTransformation) -> optax.GradientTransformation:
    """An optimiser with its sign turned, for systems that take a step *against* what their rule returns.

    `OnlineSGD`, `ContinualDescent` and `LevelDescent` subtract (h / tau) times what their rule makes of a gradient, so
    that `optax.identity()` is plain descent. The updates of an optimiser are made to be added, and carry a learning
    rate: with a rate of one inside of it, h / tau is the learning rate outside.

    Args:
        optimiser: a transformation whose updates are added.
    """
    return optax.chain(optimiser, optax.stateless(lambda updates, params: jax.tree.map(jnp.negative, updates)))
