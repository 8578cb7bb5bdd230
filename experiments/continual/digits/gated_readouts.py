"""A perceptron with several read-outs of one hidden layer, and a gate for each."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


class GatedReadouts(eqx.Module):
    """y = sum_p c_p V^p h + b, h = max(U x + a, 0).

    Attributes:
        hidden: U and a.
        gates: c, shape (paths,).
        readouts: V, shape (paths, outputs, units).
        bias: b, shape (outputs,).
    """

    hidden: eqx.nn.Linear
    gates: Float[Array, " p"]
    readouts: Float[Array, "p o h"]
    bias: Float[Array, " o"]

    @classmethod
    def initialise(cls, key: PRNGKeyArray, sizes: tuple[int, int, int, int]) -> "GatedReadouts":
        """Gates that sum to one, and weights of the usual size.

        Args:
            key: the random key of the initial state.
            sizes: paths, inputs, units, outputs.
        """
        paths, d_in, units, d_out = sizes
        of_hidden, of_readouts = jax.random.split(key)
        readouts = jax.random.normal(of_readouts, (paths, d_out, units)) / units**0.5
        return cls(eqx.nn.Linear(d_in, units, key=of_hidden), jnp.full(paths, 1 / paths), readouts, jnp.zeros(d_out))

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The outputs for one input."""
        features = jax.nn.relu(self.hidden(x))
        return jnp.einsum("p,poh,h->o", self.gates, self.readouts, features) + self.bias
