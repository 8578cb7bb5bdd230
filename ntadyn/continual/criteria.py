"""How outputs are judged: the loss of one example, and the distribution of outputs for which that loss is natural.

Axes: `k` output, `r` root.
"""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

Outputs = Float[Array, " k"]


class AbstractCriterion(eqx.Module):
    """The loss of one example as minus the logarithm of a probability, up to constants and a factor.

    Attributes:
        judges_classes: whether targets are classes, whole numbers that name an output; otherwise they are outputs.
    """

    judges_classes: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def loss(self, outputs: Outputs, target: Array) -> Float[Array, ""]:
        """How wrong the outputs are."""

    @abc.abstractmethod
    def fisher_roots(self, outputs: Outputs) -> Float[Array, "r k"]:
        """Rows s with sum_r s s^T = H, the Fisher information of the distribution of targets about the outputs."""

    @abc.abstractmethod
    def drawn(self, key: PRNGKeyArray, outputs: Outputs) -> Array:
        """A target from the distribution that the outputs stand for."""

    @abc.abstractmethod
    def score(self, outputs: Outputs, target: Array) -> Outputs:
        """D log p(target) / d outputs."""

    @abc.abstractmethod
    def divergence(self, outputs: Outputs, taught: Outputs) -> Float[Array, ""]:
        """How far outputs are from those of a teacher network: the loss of distillation."""


class SquaredError(AbstractCriterion):
    """1/2 |y - y*|^2; the targets are Gaussian around the outputs.

    Attributes:
        noise: sigma, the standard deviation of the targets, which only the Fisher information depends on.
    """

    noise: float | Float[Array, ""] = 1.0
    judges_classes: ClassVar[bool] = False

    def loss(self, outputs: Outputs, target: Array) -> Float[Array, ""]:
        """1/2 |y - y*|^2."""
        return 0.5 * jnp.sum((outputs - target) ** 2)

    def fisher_roots(self, outputs: Outputs) -> Float[Array, "k k"]:
        """I / sigma: H = I / sigma^2."""
        return jnp.eye(outputs.size, dtype=outputs.dtype) / self.noise

    def drawn(self, key: PRNGKeyArray, outputs: Outputs) -> Array:
        """Y + sigma N(0, I)."""
        return outputs + self.noise * jax.random.normal(key, outputs.shape, outputs.dtype)

    def score(self, outputs: Outputs, target: Array) -> Outputs:
        """(y* - y) / sigma^2."""
        return (target - outputs) / self.noise**2

    def divergence(self, outputs: Outputs, taught: Outputs) -> Float[Array, ""]:
        """1/2 |y - y'|^2."""
        return 0.5 * jnp.sum((outputs - taught) ** 2)


class CrossEntropy(AbstractCriterion):
    """-log softmax(y)[class].

    Outputs of minus infinity stand for classes that are out of the question (another head); they have probability 0.

    Attributes:
        temperature: T of distillation, T^2 KL(softmax(y'/T) || softmax(y/T)).

    Source: Hinton, Vinyals, Dean 2015 (arXiv 1503.02531) for the divergence.
    """

    temperature: float | Float[Array, ""] = 4.0
    judges_classes: ClassVar[bool] = True

    def loss(self, outputs: Outputs, target: Array) -> Float[Array, ""]:
        """-log p(class)."""
        return -jax.nn.log_softmax(outputs)[target]

    def fisher_roots(self, outputs: Outputs) -> Float[Array, "k k"]:
        """Row y: sqrt(p_y) (e_y - p): H = diag(p) - p p^T."""
        p = jax.nn.softmax(outputs)
        return jnp.sqrt(p)[:, None] * (jnp.eye(p.size, dtype=p.dtype) - p[None])

    def drawn(self, key: PRNGKeyArray, outputs: Outputs) -> Array:
        """A class with the probabilities softmax(y)."""
        return jax.random.categorical(key, outputs)

    def score(self, outputs: Outputs, target: Array) -> Outputs:
        """e_class - p."""
        p = jax.nn.softmax(outputs)
        return jax.nn.one_hot(target, p.size, dtype=p.dtype) - p

    def divergence(self, outputs: Outputs, taught: Outputs) -> Float[Array, ""]:
        """T^2 KL(softmax(y'/T) || softmax(y/T))."""
        temperature = self.temperature
        target = jax.nn.softmax(taught / temperature)
        reached = jax.nn.log_softmax(outputs / temperature)
        told = jax.nn.log_softmax(taught / temperature)
        possible = target > 0
        gap = jnp.where(possible, told, 0) - jnp.where(possible, reached, 0)
        return temperature**2 * jnp.sum(target * gap)
