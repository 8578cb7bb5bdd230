"""A penalty on softmax gates that have become too sure of themselves."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from ntadyn.regularizers.coefficients import Coefficient, Group, Scalar
from ntadyn.regularizers.penalty import AbstractTerm


class EntropyFloor(AbstractTerm):
    """`R(c) = k max(H_0 - H(g), 0)`, `g = softmax(c / T)`, `H(g) = -sum_p g_p ln g_p`: gates that stay open a little.

    dH/dc_p = -g_p (ln g_p + H) / T, so that the pull on a gate that is nearly shut is k g_p ln(1/g_p) / T; what shuts
    it is of the order of g_p / T. For small enough g_p the pull is the stronger one, whatever k > 0 is.

    Attributes:
        k: energy per nat, >= 0.
        floor: H_0 in nats, between 0 and ln P.
        temperature: T, that of the gating.

    Raises:
        ValueError: if `k` is negative or not finite.
    """

    k: Coefficient
    floor: Coefficient = 0.1
    temperature: Coefficient = 1.0
    shrinks: ClassVar[bool] = False
    kinked: ClassVar[bool] = False

    def energy(self, x: Group) -> Scalar:
        """`k max(H_0 - H(g), 0)`."""
        return self.coefficient(x) * jnp.maximum(jnp.asarray(self.floor, x.dtype) - self._entropy(x)[0], 0.0)

    def branch_gradient(self, x: Group, sign: Group) -> Group:
        """`k g_p (ln g_p + H) / T` below the floor, half of it on the floor, and 0 above; the same in every orthant."""
        del sign
        entropy, logs = self._entropy(x)
        share = 0.5 * (1.0 + jnp.sign(jnp.asarray(self.floor, x.dtype) - entropy))
        temperature = jnp.asarray(self.temperature, x.dtype)
        return self.coefficient(x) * share * jnp.exp(logs) * (logs + entropy) / temperature

    def proximal(self, x: Group, step: float | Scalar) -> Group:
        """None in closed form.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "EntropyFloor has no proximal map in closed form; move the gates by its gradient, as ContinualDescent and "
            "ContinualFlow do."
        )

    def _entropy(self, x: Group) -> tuple[Scalar, Group]:
        """H, and the logarithms of all shares."""
        logs = jax.nn.log_softmax(x.ravel() / jnp.asarray(self.temperature, x.dtype)).reshape(x.shape)
        return -jnp.sum(jnp.exp(logs) * logs), logs
