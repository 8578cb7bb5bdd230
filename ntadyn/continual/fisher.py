"""Fisher information: how much what a network says depends on each of its parameters.

F = E_x E_y [ (d log p(y | x, W) / dW)^2 ], with y from the distribution that the outputs of the network stand for. It
is never the square of a mean gradient, which would be smaller by the size of the batch.
"""

import abc
import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.continual.groups import slow_part, with_slow_part
from ntadyn.continual.problem import AbstractProblem
from ntadyn.tasks.examples import Batch
from ntadyn.tasks.known import known_values

# Below this share of what the model expects, a Fisher information has vanished: errors are a thousand times smaller
# than the noise that the criterion assumes.
VANISHED = 1e-6
VANISHING = (
    "the empirical Fisher information vanished: where a network answers every example correctly its errors are zero, "
    "and so are their squared gradients, so that nothing is protected. Use ModelFisher() or SampledFisher()."
)


class AbstractFisher(eqx.Module):
    """One way of measuring Fisher information.

    Source: Kunstner, Balles, Hennig 2019 (arXiv 1905.12558), for what sets the kinds apart.
    """

    @abc.abstractmethod
    def rows(
        self, problem: AbstractProblem, outputs: Float[Array, " k"], target: Array, key: PRNGKeyArray
    ) -> Float[Array, "r k"]:
        """Gradients by the outputs of one example, whose squares are summed."""

    def diagonal(self, problem: AbstractProblem, network: PyTree, batch: Batch, key: PRNGKeyArray) -> PyTree:
        """F of every parameter of `slow_part` by itself, a tree like it.

        Args:
            problem: what is asked.
            network: the network.
            batch: weighted examples.
            key: a random key, for kinds that draw.
        """
        return self._summed(problem, network, batch, key, lambda pulled: jax.tree.map(_sum_of_squares, pulled))

    def full(self, problem: AbstractProblem, network: PyTree, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n n"]:
        """The whole matrix F over the flattened parameters of `slow_part`; for small networks."""

        def outer(pulled: PyTree) -> Float[Array, "n n"]:
            flat = jax.vmap(lambda tree: ravel_pytree(tree)[0])(pulled)
            return flat.T @ flat

        return self._summed(problem, network, batch, key, outer)

    def share(self, problem: AbstractProblem, network: PyTree, batch: Batch, key: PRNGKeyArray) -> Float[Array, ""]:
        """The squared scores of the outputs over those that the model expects: one, unless targets are given."""
        del problem, network, key
        return jnp.ones((), batch.weights.dtype)

    def _summed(
        self, problem: AbstractProblem, network: PyTree, batch: Batch, key: PRNGKeyArray, reduced: Any
    ) -> PyTree:
        """sum_b w_b `reduced`(rows of example b, pulled back to the parameters), one example at a time."""
        slow = slow_part(network)

        def one(total: PyTree, item: tuple[Batch, PRNGKeyArray]) -> tuple[PyTree, None]:
            example, key = item
            # Populations hold the examples of all tasks, most of which have no weight while one task is in force.
            return lax.cond(example.weights > 0, lambda: counted(total, example, key), lambda: total), None

        def counted(total: PyTree, example: Batch, key: PRNGKeyArray) -> PyTree:
            single = jax.tree.map(lambda leaf: leaf[None], example)

            def answer(slow: PyTree) -> Float[Array, " k"]:
                return problem.outputs(with_slow_part(network, slow), single)[0]

            outputs, pull_back = jax.vjp(answer, slow)
            rows = self.rows(problem, outputs, example.targets, key)
            found = reduced(jax.vmap(lambda row: pull_back(row)[0])(rows))
            return jax.tree.map(lambda a, b: a + example.weights * b, total, found)

        keys = jax.random.split(key, batch.weights.size)
        shapes = jax.eval_shape(lambda: reduced(jax.tree.map(lambda leaf: leaf[None], slow)))
        zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return lax.scan(one, zero, (batch, keys))[0]


class ModelFisher(AbstractFisher):
    """The expectation over the distribution that the outputs stand for, exactly."""

    def rows(self, problem: AbstractProblem, outputs: Array, target: Array, key: PRNGKeyArray) -> Float[Array, "r k"]:
        """The roots of the criterion."""
        del target, key
        return lax.stop_gradient(problem.criterion.fisher_roots(outputs))


class SampledFisher(AbstractFisher):
    """Targets drawn from the distribution that the outputs stand for.

    Attributes:
        draws: targets per example. With n examples, F of a weight is off by some sqrt(2 / (n draws)) of itself.

    Raises:
        ValueError: for less than one draw.
    """

    draws: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        if self.draws < 1:
            raise ValueError(f"SampledFisher: got {self.draws} draws per example; take at least one.")

    def rows(self, problem: AbstractProblem, outputs: Array, target: Array, key: PRNGKeyArray) -> Float[Array, "r k"]:
        """The scores of drawn targets, over the square root of their number."""
        del target
        criterion, outputs = problem.criterion, lax.stop_gradient(outputs)
        drawn = jax.vmap(lambda key: criterion.score(outputs, criterion.drawn(key, outputs)))
        return drawn(jax.random.split(key, self.draws)) / self.draws**0.5


class EmpiricalFisher(AbstractFisher):
    """The targets that the examples have: popular, and zero where a network makes no errors.

    `diagonal` and `full` warn outside jit if it vanishes; inside, `ElasticWeightConsolidation.complaints` says so.
    """

    def rows(self, problem: AbstractProblem, outputs: Array, target: Array, key: PRNGKeyArray) -> Float[Array, "1 k"]:
        """The score of the target."""
        del key
        return problem.criterion.score(outputs, target)[None]

    def share(self, problem: AbstractProblem, network: PyTree, batch: Batch, key: PRNGKeyArray) -> Float[Array, ""]:
        """See `AbstractFisher.share`; for squared errors their mean over that of the noise."""
        outputs = problem.outputs(network, batch)

        def squares(fisher: AbstractFisher) -> Float[Array, ""]:
            rows = jax.vmap(lambda output, target: fisher.rows(problem, output, target, key))(outputs, batch.targets)
            return batch.mean(jnp.sum(rows**2, axis=(1, 2)))

        given, expected = squares(self), squares(ModelFisher())
        return jnp.where(expected > 0, given / jnp.where(expected > 0, expected, 1), 0)

    def _summed(
        self, problem: AbstractProblem, network: PyTree, batch: Batch, key: PRNGKeyArray, reduced: Any
    ) -> PyTree:
        share = known_values(self.share(problem, network, batch, key))
        if share is not None and share < VANISHED:
            warnings.warn(VANISHING, stacklevel=3)
        return super()._summed(problem, network, batch, key, reduced)


def _sum_of_squares(rows: Float[Array, "r ..."]) -> Array:
    return jnp.sum(rows**2, axis=0)
