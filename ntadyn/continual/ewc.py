"""Elastic weight consolidation: weights are held where earlier tasks need them, as tightly as they need them."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.continual.fisher import VANISHED, VANISHING, AbstractFisher, ModelFisher
from ntadyn.continual.groups import dtype_of, slow_part
from ntadyn.continual.problem import AbstractProblem, TeacherProblem
from ntadyn.continual.strategy import AbstractStrategy, WeightAnchor
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.regularizers.coefficients import check_nonnegative, known_reals
from ntadyn.tasks.examples import Batch


class EWCMemory(eqx.Module):
    """What is remembered of earlier tasks: the quadratic form 1/2 <W, Lambda W> - <b, W>, lowest at Lambda^-1 b.

    Attributes:
        precision: Lambda: a tree like the weights, or a matrix over all of them.
        drive: b, a tree like the weights.
        share: of the Fisher information that the model expects, what the least informed anchor got, see
            `AbstractFisher.share`; one before the first.
        key: the key of what the next Fisher information draws.
    """

    precision: PyTree
    drive: PyTree
    share: Float[Array, ""]
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

    Raises:
        ValueError: for a negative strength, or a retention outside 0 to 1.

    Source: Kirkpatrick et al. 2017 (arXiv 1612.00796); the sum over tasks: Huszar 2018 (arXiv 1712.03847); online:
    Schwarz et al. 2018 (arXiv 1805.06370), section 4.
    """

    strength: eqx.AbstractVar[float | Float[Array, ""]]
    retention: eqx.AbstractVar[float | Float[Array, ""] | None]
    fisher: eqx.AbstractVar[AbstractFisher]
    seed: eqx.AbstractVar[int]
    needs_boundaries: ClassVar[bool] = True

    def __check_init__(self):
        check_nonnegative(f"{type(self).__name__}: strength", self.strength)
        retained = known_reals("retention", self.retention)
        if retained is not None and not np.all((retained >= 0) & (retained <= 1)):
            raise ValueError(
                f"{type(self).__name__}: retention is {self.retention}; it must lie between 0 and 1, or be None "
                f"to keep every anchor."
            )

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
        dtype, key = dtype_of(network), jax.random.key(self.seed)

        def first() -> PyTree:
            return self.measured(problem, network, problem.population(jnp.zeros(problem.num_tasks, dtype)), key)

        precision = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(first))
        drive = jax.tree.map(jnp.zeros_like, slow_part(network))
        return network, EWCMemory(precision, drive, jnp.ones((), dtype), key)

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
        total: Array = sum(jax.tree.leaves(half), start=jnp.zeros((), memory.share.dtype))
        return jnp.asarray(self.strength, total.dtype) * total

    def at_end(
        self, problem: AbstractProblem, network: PyTree, memory: EWCMemory, batch: Batch
    ) -> tuple[PyTree, EWCMemory]:
        """One more anchor."""
        key, of_fisher = jax.random.split(memory.key)
        found, weights = self.measured(problem, network, batch, of_fisher), slow_part(network)
        share = jnp.minimum(memory.share, self.fisher.share(problem, network, batch, of_fisher))
        if self.retention is None:
            precision = jax.tree.map(jnp.add, memory.precision, found)
            drive = jax.tree.map(jnp.add, memory.drive, self.pulled(found, weights))
        else:
            kept = jnp.asarray(self.retention, share.dtype)
            precision = jax.tree.map(lambda old, new: kept * old + new, memory.precision, found)
            drive = self.pulled(precision, weights)
        return network, EWCMemory(precision, drive, share, key)

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
        """Says so if an empirical Fisher information vanished."""
        return (VANISHING,) if bool(jnp.any(memory.share < VANISHED)) else ()


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
