"""Meta-learning: parameters that are good to adapt from, rather than good as they are."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.continual.adaptation import AbstractAdaptation
from ntadyn.continual.groups import dtype_of
from ntadyn.continual.inner_loop import InnerLoop
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.continual.strategy import AbstractStrategy
from ntadyn.tasks.examples import Batch


class AbstractEpisodes(eqx.Module):
    """What a network adapts to in every task (support), and what it is judged on afterwards (query)."""

    @abc.abstractmethod
    def of_task(self, problem: AbstractProblem, key: PRNGKeyArray, task: Shares) -> tuple[Batch, Batch]:
        """Support and query of one task."""


class PopulationEpisodes(AbstractEpisodes):
    """All that there is to learn from, as support and as query."""

    def of_task(self, problem: AbstractProblem, key: PRNGKeyArray, task: Shares) -> tuple[Batch, Batch]:
        """The population, twice."""
        del key
        whole = problem.population(task)
        return whole, whole


class DrawnEpisodes(AbstractEpisodes):
    """Random examples, others for the query than for the support.

    Attributes:
        support: how many examples a task is adapted to.
        query: how many it is judged on.

    Raises:
        ValueError: for numbers that are not positive.
    """

    support: int = eqx.field(static=True, default=10)
    query: int = eqx.field(static=True, default=10)

    def __check_init__(self):
        if min(self.support, self.query) < 1:
            raise ValueError(
                f"DrawnEpisodes: got {self.support} examples of support and {self.query} of query; both must be 1 or "
                f"more."
            )

    def of_task(self, problem: AbstractProblem, key: PRNGKeyArray, task: Shares) -> tuple[Batch, Batch]:
        """Two batches, drawn independently."""
        of_support, of_query = jax.random.split(key)
        return problem.draw(of_support, task, self.support), problem.draw(of_query, task, self.query)


class MetaMemory(eqx.Module):
    """What is remembered between blocks.

    Attributes:
        met: `(tasks,)`, 1 for tasks whose blocks have been gone through.
        key: the key of the episodes that are drawn next.
    """

    met: Float[Array, " m"]
    key: PRNGKeyArray


class AbstractMetaLearning(AbstractStrategy):
    """The mean over some tasks of the loss on their query after adaptation to their support.

    The learner descends this by all parameters that have a finite time constant, whether they adapt inside or not. The
    batch of the learner only says which task is in force: episodes are drawn by the strategy, anew at every step of
    `ContinualDescent`; a flow takes populations. All tasks of the problem are computed at every step.

    Attributes:
        inner: how a network adapts.
        episodes: what it adapts to, and what it is judged on.
        seed: of the episodes.

    Source: Finn, Abbeel, Levine 2017 (arXiv 1703.03400), equation 1.
    """

    inner: eqx.AbstractVar[AbstractAdaptation]
    episodes: eqx.AbstractVar[AbstractEpisodes]
    seed: eqx.AbstractVar[int]
    needs_task_ids: ClassVar[bool] = True

    @abc.abstractmethod
    def meta_batch(self, memory: MetaMemory, batch: Batch) -> Float[Array, " m"]:
        """The weight of every task in the mean, which sum to one.

        Args:
            memory: of the strategy.
            batch: examples of the task in force.
        """

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[PyTree, MetaMemory]:
        """No task has been met."""
        return network, MetaMemory(jnp.zeros(problem.num_tasks, dtype_of(network)), jax.random.key(self.seed))

    def objective(
        self, problem: AbstractProblem, network: PyTree, memory: MetaMemory, batch: Batch
    ) -> Float[Array, ""]:
        """The mean over the meta-batch of the loss after adaptation."""

        def after_adaptation(task: Shares, key: PRNGKeyArray) -> Float[Array, ""]:
            support, query = self.episodes.of_task(problem, key, task)
            return problem.loss(self.inner.adapted(problem, network, support), query)

        each = jnp.eye(problem.num_tasks, dtype=memory.met.dtype)
        losses = jax.vmap(after_adaptation)(each, jax.random.split(memory.key, problem.num_tasks))
        return jnp.sum(self.meta_batch(memory, batch) * losses)

    def readapted(self, problem: AbstractProblem, network: PyTree, memory: MetaMemory, batch: Batch) -> PyTree:
        """The network after its inner loop."""
        del memory
        return self.inner.adapted(problem, network, batch)

    def gradients_per_sample(self, problem: AbstractProblem) -> float:
        """The steps of the inner loop and the one outside it, on every task, whichever is in force."""
        steps = self.inner.steps if isinstance(self.inner, InnerLoop) else 0
        return float(problem.num_tasks * (steps + 1))

    def acts_on_batches(self) -> bool:
        """Whether episodes are drawn, anew after every step."""
        return not isinstance(self.episodes, PopulationEpisodes)

    def after_step(
        self, problem: AbstractProblem, network: PyTree, memory: MetaMemory, batch: Batch, key: PRNGKeyArray
    ) -> tuple[PyTree, MetaMemory]:
        """Other episodes for the next step."""
        del problem, batch
        return network, MetaMemory(memory.met, key)


class ModelAgnosticMetaLearning(AbstractMetaLearning):
    """MAML: the mean over all tasks, as if there were no stream. See `AbstractMetaLearning`.

    If everything adapts and inputs are white, one step of a linear network only shrinks every error by 1 - a, and this
    is multi-task learning: W goes to the mean of the teachers. If gates adapt, one step solves every task where a G = 1
    with G the Gram matrix of the paths, and the teachers lie in the span of the paths. Nothing turns the paths towards
    single teachers: what is learned is the subspace, in an arbitrary rotation.

    Source: Finn, Abbeel, Levine 2017 (arXiv 1703.03400).
    """

    inner: AbstractAdaptation = InnerLoop()
    episodes: AbstractEpisodes = PopulationEpisodes()
    seed: int = eqx.field(static=True, default=0)
    sees_all_tasks: ClassVar[bool] = True

    def meta_batch(self, memory: MetaMemory, batch: Batch) -> Float[Array, " m"]:
        """All tasks alike."""
        del batch
        return jnp.full_like(memory.met, 1 / memory.met.size)


class FollowTheMetaLeader(AbstractMetaLearning):
    """MAML on a stream: the mean over the tasks met so far, the one in force among them. See `AbstractMetaLearning`.

    It keeps the examples of all of them, without a bound on memory.

    Source: Finn, Rajeswaran, Kakade, Levine 2019 (arXiv 1902.08438), section 4.
    """

    inner: AbstractAdaptation = InnerLoop()
    episodes: AbstractEpisodes = PopulationEpisodes()
    seed: int = eqx.field(static=True, default=0)
    needs_boundaries: ClassVar[bool] = True

    def meta_batch(self, memory: MetaMemory, batch: Batch) -> Float[Array, " m"]:
        """All tasks that were met, and those of the batch, alike."""
        met = jnp.maximum(memory.met, _occurring(batch, memory.met))
        return met / jnp.sum(met)

    def at_end(
        self, problem: AbstractProblem, network: PyTree, memory: MetaMemory, batch: Batch
    ) -> tuple[PyTree, MetaMemory]:
        """The task of the block has been met."""
        del problem
        return network, MetaMemory(jnp.maximum(memory.met, _occurring(batch, memory.met)), memory.key)


def _occurring(batch: Batch, like: Array) -> Float[Array, " m"]:
    """1 for every task of which there are examples."""
    return (batch.task_shares(like.size) > 0).astype(like.dtype)
