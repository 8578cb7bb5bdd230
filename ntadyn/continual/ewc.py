"""Elastic weight consolidation: weights are held where earlier tasks need them, as tightly as they need them."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.continual.fisher import VANISHED, VANISHING, AbstractFisher, EmpiricalFisher, ModelFisher, largest_entry
from ntadyn.continual.groups import dtype_of, slow_part
from ntadyn.continual.problem import AbstractProblem, TeacherProblem
from ntadyn.continual.strategy import AbstractStrategy, WeightAnchor
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.tasks.examples import Batch
from ntadyn.tasks.known import known_values


class EWCMemory(eqx.Module):
    """What is remembered of earlier tasks: the quadratic form 1/2 <W, Lambda W> - <b, W>, lowest at Lambda^-1 b.

    Attributes:
        precision: Lambda: a tree like the weights, or a matrix over all of them.
        drive: b, a tree like the weights.
        largest: the largest entry of any Fisher information so far; minus one before the first.
        key: the key of what the next Fisher information draws.
    """

    precision: PyTree
    drive: PyTree
    largest: Float[Array, ""]
    key: PRNGKeyArray


class AbstractElastic(AbstractStrategy):
    """mu/2 sum_k <W - W_k, F_k (W - W_k)> up to a constant, with F_k and W_k from the ends of earlier blocks.

    All anchors together are two numbers per weight, Lambda = sum_k F_k and b = sum_k F_k W_k, however many there are.
    With a `retention` gamma (online), Lambda <- gamma Lambda + F_k, and all of it holds the latest weights.

    W is the weights of a gated network, and all parameters of any other. New paths have F = 0.

    Attributes:
        strength: mu: with losses that are means, the data of the old tasks over those of the new one.
        retention: gamma, or None to keep every anchor as it was (separate).
        fisher: how Fisher information is measured.
        seed: of the random numbers that a `fisher` may draw.

    Source: Kirkpatrick et al. 2017 (arXiv 1612.00796); online: Schwarz et al. 2018 (arXiv 1805.06370), section 4.
    """

    strength: eqx.AbstractVar[float | Float[Array, ""]]
    retention: eqx.AbstractVar[float | Float[Array, ""] | None]
    fisher: eqx.AbstractVar[AbstractFisher]
    seed: eqx.AbstractVar[int]
    needs_boundaries: ClassVar[bool] = True

    def __check_init__(self):
        for name, value, most in (("strength", self.strength, np.inf), ("retention", self.retention, 1.0)):
            number = None if value is None else known_values(jnp.asarray(value))
            if number is not None and not np.all((number >= 0) & (number <= most)):
                raise ValueError(f"{type(self).__name__}: {name} is {value}; it must lie between 0 and {most:g}.")

    @abc.abstractmethod
    def measured(self, problem: AbstractProblem, network: PyTree, batch: Batch, key: PRNGKeyArray) -> PyTree:
        """F of a network on a batch."""

    @abc.abstractmethod
    def pulled(self, precision: PyTree, weights: PyTree) -> PyTree:
        """Lambda W, a tree like W."""

    @abc.abstractmethod
    def between_paths(self, precision: PyTree, network: AbstractGatedNetwork) -> Float[Array, "r p p"]:
        """Lambda of a gated network with white inputs, between the paths of every output row."""

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[PyTree, EWCMemory]:
        """No anchor."""
        slow, dtype = slow_part(network), dtype_of(network)
        batch = problem.population(jnp.zeros(problem.num_tasks, dtype))
        key = jax.random.key(self.seed)
        shapes = jax.eval_shape(lambda: self.measured(problem, network, batch, key))
        precision = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        drive = jax.tree.map(jnp.zeros_like, slow)
        return network, EWCMemory(precision, drive, jnp.full((), -1, dtype), key)

    def added(self, problem: AbstractProblem, network: PyTree, memory: EWCMemory, batch: Batch) -> Float[Array, ""]:
        """Mu (1/2 <W, Lambda W> - <b, W>)."""
        del problem, batch
        weights = slow_part(network)
        half = jax.tree.map(
            lambda pulled, drive, own: jnp.sum((0.5 * pulled - drive) * own),
            self.pulled(memory.precision, weights),
            memory.drive,
            weights,
        )
        total: Array = sum(jax.tree.leaves(half), start=jnp.zeros((), memory.largest.dtype))
        return jnp.asarray(self.strength, total.dtype) * total

    def at_end(
        self, problem: AbstractProblem, network: PyTree, memory: EWCMemory, batch: Batch
    ) -> tuple[PyTree, EWCMemory]:
        """One more anchor."""
        key, of_fisher = jax.random.split(memory.key)
        found, weights = self.measured(problem, network, batch, of_fisher), slow_part(network)
        largest = jnp.maximum(memory.largest, largest_entry(found))
        if self.retention is None:
            precision = jax.tree.map(jnp.add, memory.precision, found)
            drive = jax.tree.map(jnp.add, memory.drive, self.pulled(found, weights))
        else:
            precision = jax.tree.map(lambda old, new: self.retention * old + new, memory.precision, found)
            drive = self.pulled(precision, weights)
        return network, EWCMemory(precision, drive, largest, key)

    def check_closed_form(self, problem: TeacherProblem) -> None:
        """See `AbstractStrategy.check_closed_form`; it takes white inputs, where all weights of a path are held alike.

        Raises:
            ValueError: for correlated inputs, or another Fisher information.
        """
        if problem.input_covariance is not None or not isinstance(self.fisher, ModelFisher):
            raise ValueError(
                f"{type(self).__name__} has a closed form for white inputs and ModelFisher() only, where all weights "
                f"of a path are held alike; use ContinualFlow, which any Diffrax solver integrates."
            )

    def weight_anchor(self, network: AbstractGatedNetwork, memory: EWCMemory) -> WeightAnchor:
        """Mu Lambda and mu b."""
        precision = self.between_paths(memory.precision, network)
        strength = jnp.asarray(self.strength, precision.dtype)
        return WeightAnchor(strength * precision, strength * memory.drive.weights)

    def complaints(self, memory: EWCMemory) -> tuple[str, ...]:
        """Says so if the Fisher information was empirical and vanished."""
        largest = float(jnp.max(memory.largest))
        vanished = isinstance(self.fisher, EmpiricalFisher) and 0 <= largest < VANISHED
        return (f"{VANISHING}.",) if vanished else ()


class ElasticWeightConsolidation(AbstractElastic):
    """EWC with the diagonal of the Fisher information: every weight is held by itself. See `AbstractElastic`.

    For white inputs and noise sigma of the outputs, F of W^p is c_p^2 / sigma^2: gates weight the protection. On a
    single path this leaves a line: sqrt(L_A) + sqrt(L_B) = |W*_A - W*_B| / sqrt 2 at the end of task B, whatever mu is.
    No mu solves two tasks that ask for different answers to the same input.
    """

    strength: float | Float[Array, ""] = 1.0
    retention: float | Float[Array, ""] | None = None
    fisher: AbstractFisher = ModelFisher()
    seed: int = eqx.field(static=True, default=0)

    def measured(self, problem: AbstractProblem, network: PyTree, batch: Batch, key: PRNGKeyArray) -> PyTree:
        """The diagonal of F."""
        return self.fisher.diagonal(problem, network, batch, key)

    def pulled(self, precision: PyTree, weights: PyTree) -> PyTree:
        """Entry by entry."""
        return jax.tree.map(jnp.multiply, precision, weights)

    def between_paths(self, precision: PyTree, network: AbstractGatedNetwork) -> Float[Array, "r p p"]:
        """Diagonal matrices."""
        rows = precision.weights[:, :, 0].T
        rows = rows if network.gates.ndim > 1 else rows[:1]
        return rows[:, :, None] * jnp.eye(rows.shape[-1], dtype=rows.dtype)[None]


class FullElasticWeightConsolidation(AbstractElastic):
    """EWC with the whole Fisher information, a matrix over all weights; for small networks. See `AbstractElastic`.

    On linear regression it is exact: the minimum is that of all data together.
    """

    strength: float | Float[Array, ""] = 1.0
    retention: float | Float[Array, ""] | None = None
    fisher: AbstractFisher = ModelFisher()
    seed: int = eqx.field(static=True, default=0)

    def measured(
        self, problem: AbstractProblem, network: PyTree, batch: Batch, key: PRNGKeyArray
    ) -> Float[Array, "n n"]:
        """F itself."""
        return self.fisher.full(problem, network, batch, key)

    def pulled(self, precision: Float[Array, "n n"], weights: PyTree) -> PyTree:
        """The product of matrix and vector."""
        flat, unravel = ravel_pytree(weights)
        return unravel(precision @ flat)

    def between_paths(self, precision: Float[Array, "n n"], network: AbstractGatedNetwork) -> Float[Array, "r p p"]:
        """The blocks of the first input."""
        shape = network.row_weights().shape
        blocks = precision.reshape(*shape, *shape)[:, :, 0, :, :, 0]
        rows = jnp.einsum("poqo->opq", blocks)
        return rows if network.gates.ndim > 1 else rows[:1]
