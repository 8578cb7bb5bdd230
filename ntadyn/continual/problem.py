"""What a stream of tasks asks of a network: examples, and how answers are judged."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ntadyn.continual.criteria import AbstractCriterion, SquaredError
from ntadyn.tasks.examples import Batch, Examples
from ntadyn.tasks.inputs import InputCovariance
from ntadyn.tasks.known import is_traced, known_values
from ntadyn.tasks.task_set import TaskSet

Shares = Float[Array, " m"]
"""What is practised: the share of every task, one-hot while one task is in force."""


class AbstractProblem(eqx.Module):
    """Tasks as sources of examples, and one way of judging answers to them.

    A network is any callable module: one input in, its outputs out.

    Attributes:
        num_tasks: number of tasks.
        criterion: how outputs are judged.
    """

    num_tasks: eqx.AbstractVar[int]
    criterion: eqx.AbstractVar[AbstractCriterion]

    @abc.abstractmethod
    def population(self, shares: Shares) -> Batch:
        """Weighted examples that stand for all that there are in this mixture of tasks."""

    @abc.abstractmethod
    def draw(self, key: PRNGKeyArray, shares: Shares, number: int) -> Batch:
        """`number` random examples of a mixture of tasks."""

    @abc.abstractmethod
    def losses(self, network: PyTree) -> Float[Array, " m"]:
        """The loss on every task, as results report it: on examples that were not practised, where there are some."""

    def judged(self, shares: Shares) -> Batch:
        """The examples by which networks are judged: those of `losses`, all that there are unless some are held out."""
        return self.population(shares)

    def outputs(self, network: PyTree, batch: Batch) -> Float[Array, "b k"]:
        """What the network answers to every example."""
        return jax.vmap(network)(batch.inputs)

    def loss(self, network: PyTree, batch: Batch) -> Float[Array, ""]:
        """The mean loss on a batch."""
        return batch.mean(jax.vmap(self.criterion.loss)(self.outputs(network, batch), batch.targets))

    def divergence(self, network: PyTree, other: PyTree, batch: Batch) -> Float[Array, ""]:
        """The mean divergence of a network from what another one answers to the same inputs."""
        taught = jax.lax.stop_gradient(self.outputs(other, batch))
        return batch.mean(jax.vmap(self.criterion.divergence)(self.outputs(network, batch), taught))


class TeacherProblem(AbstractProblem):
    """y* = sum_m a_m W*^m x for x ~ N(0, Sigma), judged by 1/2 |y - y*|^2; for networks linear in their input.

    Its population is d_in points sqrt(d_in v_j) V_j along the eigenvectors of Sigma, of equal weight. They have the
    second moments of the Gaussian, so that loss, divergence and model Fisher information of linear networks are exact.

    Attributes:
        tasks: the teachers W*.
        input_covariance: Sigma, or None for the identity.
        criterion: the squared error.
    """

    tasks: TaskSet
    input_covariance: InputCovariance | None = None
    criterion: SquaredError = SquaredError()

    @property
    def num_tasks(self) -> int:
        """Number of teachers."""
        return self.tasks.num_tasks

    def population(self, shares: Shares) -> Batch:
        """The points along the eigenvectors of Sigma."""
        d_in, dtype = self.tasks.d_in, self.tasks.teachers.dtype
        points = self._through_root(jnp.sqrt(jnp.asarray(d_in, dtype)) * jnp.eye(d_in, dtype=dtype))
        return self._answered(points, shares)

    def draw(self, key: PRNGKeyArray, shares: Shares, number: int) -> Batch:
        """Inputs from N(0, Sigma), each answered by one teacher, which is m with probability a_m."""
        of_inputs, of_tasks = jax.random.split(key)
        white = jax.random.normal(of_inputs, (number, self.tasks.d_in), self.tasks.teachers.dtype)
        inputs, tasks = self._through_root(white), jax.random.choice(of_tasks, self.num_tasks, (number,), p=shares)
        answers = jnp.einsum("bi,moi->bmo", inputs, self.tasks.teachers)
        targets = jnp.take_along_axis(answers, tasks[:, None, None], axis=1)[:, 0]
        return Batch(inputs, targets, tasks, jnp.full(number, 1 / number, inputs.dtype))

    def losses(self, network: PyTree) -> Float[Array, " m"]:
        """The exact population loss on every teacher."""
        each = jnp.eye(self.num_tasks, dtype=self.tasks.teachers.dtype)
        return jax.vmap(lambda shares: self.loss(network, self.population(shares)))(each)

    def teacher(self, shares: Shares) -> Float[Array, "o i"]:
        """sum_m a_m W*^m: what minimises the mean loss over a mixture of tasks is their mean."""
        return jnp.einsum("m,moi->oi", shares, self.tasks.teachers)

    def _through_root(self, white: Float[Array, "b i"]) -> Float[Array, "b i"]:
        covariance = self.input_covariance
        if covariance is None:
            return white
        return (white * jnp.sqrt(covariance.variances)[None, :]) @ covariance.directions.T

    def _answered(self, inputs: Float[Array, "b i"], shares: Shares) -> Batch:
        number = inputs.shape[0]
        tasks = jnp.full(number, jnp.argmax(shares))
        return Batch(inputs, inputs @ self.teacher(shares).T, tasks, jnp.full(number, 1 / number, inputs.dtype))


class DataProblem(AbstractProblem):
    """Examples that somebody gives, judged by any criterion.

    Attributes:
        practised: the examples to learn from.
        held_out: those on which results are reported.
        criterion: how outputs are judged.
        heads: `(m, k)`, which outputs are in question in every task (a head per task); None if all are.

    Raises:
        ValueError: if the two sets have different numbers of tasks, or `heads` another one, if the criterion judges
            classes and the targets are none, or the other way round, or if the class of an example is not in question.
    """

    practised: Examples
    held_out: Examples
    criterion: AbstractCriterion
    heads: Bool[Array, "m k"] | None = None

    def __check_init__(self):
        counts = {self.practised.num_tasks, self.held_out.num_tasks}
        counts |= set() if self.heads is None else {self.heads.shape[0]}
        if len(counts) > 1:
            raise ValueError(
                f"DataProblem: got sets of {self.practised.num_tasks} and {self.held_out.num_tasks} tasks"
                f"{'' if self.heads is None else f' and heads for {self.heads.shape[0]}'}; make them equal."
            )
        for name, examples in (("practised", self.practised), ("held out", self.held_out)):
            self._check_targets(name, examples)

    def _check_targets(self, name: str, examples: Examples) -> None:
        classes, given = self.criterion.judges_classes, examples.targets.ndim == 2
        if classes != given or (self.heads is not None and not classes):
            raise ValueError(
                f"DataProblem: the {name} targets are {'classes' if given else 'real numbers'}, heads are "
                f"{'given' if self.heads is not None else 'None'}, and the criterion is {type(self.criterion).__name__}"
                "; CrossEntropy() judges classes (whole numbers), with heads or without, SquaredError() real numbers."
            )
        targets = known_values(examples.targets)
        if not classes or targets is None:
            return
        possible = targets >= 0
        if self.heads is not None and not is_traced(self.heads):
            heads = np.asarray(self.heads)
            within = np.clip(targets, 0, heads.shape[1] - 1)
            possible &= (targets < heads.shape[1]) & np.take_along_axis(heads, within, axis=1)
        if not np.all(possible):
            task, at = np.argwhere(~possible)[0]
            raise ValueError(
                f"DataProblem: a {name} example of task {task} has the class {targets[task, at]}, which is not in "
                "question there; classes are numbered from 0, and `heads` must allow all that a task has."
            )

    @property
    def num_tasks(self) -> int:
        """Number of tasks."""
        return self.practised.num_tasks

    def population(self, shares: Shares) -> Batch:
        """All examples to learn from."""
        return self.practised.mixed(shares)

    def judged(self, shares: Shares) -> Batch:
        """All examples that are held out."""
        return self.held_out.mixed(shares)

    def draw(self, key: PRNGKeyArray, shares: Shares, number: int) -> Batch:
        """Examples to learn from, with replacement."""
        return self.practised.draw(key, shares, number)

    def outputs(self, network: PyTree, batch: Batch) -> Float[Array, "b k"]:
        """What the network answers; minus infinity for outputs that are not in question."""
        outputs = jax.vmap(network)(batch.inputs)
        return outputs if self.heads is None else jnp.where(self.heads[batch.tasks], outputs, -jnp.inf)

    def losses(self, network: PyTree) -> Float[Array, " m"]:
        """The mean loss on the examples that are held out, task by task."""
        return jax.lax.map(lambda task: self.loss(network, self.held_out.of_task(task)), jnp.arange(self.num_tasks))

    def accuracies(self, network: PyTree) -> Float[Array, " m"]:
        """The share of held-out examples whose class has the largest output, task by task."""

        def of(task: Array) -> Array:
            batch = self.held_out.of_task(task)
            right = jnp.argmax(self.outputs(network, batch), axis=-1) == batch.targets
            return batch.mean(right.astype(batch.weights.dtype))

        return jax.lax.map(of, jnp.arange(self.num_tasks))
