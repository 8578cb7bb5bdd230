"""What figures record beside the observables of the library."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.simulation import observables


def weights(system, state, task) -> Float[Array, "p o i"]:
    """Observable: all weights in single precision, plenty for cosines and rates of turning, and half the memory."""
    return observables.network(system, state, task).weights.astype(jnp.float32)
