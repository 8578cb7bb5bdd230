"""What a network that grows puts into a new path."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.networks import AbstractGatedNetwork
from ntadyn.networks.network import gaussian_weights
from ntadyn.regularizers.coefficients import check_nonnegative
from ntadyn.tasks.examples import Batch


class AbstractNewPath(eqx.Module):
    """A way of choosing the first weights of new paths, whose gates are one."""

    @abc.abstractmethod
    def weights(
        self, network: AbstractGatedNetwork, batch: Batch, key: PRNGKeyArray, number: int
    ) -> Float[Array, "n o i"]:
        """The weights of `number` new paths.

        Args:
            network: the network without them, with the gates that suit the task best.
            batch: examples of the task.
            key: a random key.
            number: how many paths are wanted.
        """


class ResidualPath(AbstractNewPath):
    """W = E (y - Y x) x^T (E x x^T)^+: the least-squares map of what the network leaves unexplained.

    The first of several new paths takes all of it; the others start at zero, and are dropped if they stay there.
    """

    def weights(
        self, network: AbstractGatedNetwork, batch: Batch, key: PRNGKeyArray, number: int
    ) -> Float[Array, "n o i"]:
        """See `AbstractNewPath.weights`."""
        del key
        left = batch.targets - batch.inputs @ network.total_map().T
        weighted = batch.weights[:, None] * batch.inputs
        fitted = (left.T @ weighted) @ jnp.linalg.pinv(batch.inputs.T @ weighted, hermitian=True)
        return jnp.zeros((number, *fitted.shape), fitted.dtype).at[0].set(fitted)


class RandomPath(AbstractNewPath):
    """W_ij ~ N(0, scale^2 / d_in), as in `GatedLinear.initialise`.

    Attributes:
        scale: the initialisation scale.

    Raises:
        ValueError: for a scale that is negative.
    """

    scale: float | Float[Array, ""] = 0.01

    def __check_init__(self):
        check_nonnegative("RandomPath: scale", self.scale)

    def weights(
        self, network: AbstractGatedNetwork, batch: Batch, key: PRNGKeyArray, number: int
    ) -> Float[Array, "n o i"]:
        """See `AbstractNewPath.weights`."""
        del batch
        return gaussian_weights(key, (number, *network.weights.shape[1:]), self.scale, network.weights.dtype)
