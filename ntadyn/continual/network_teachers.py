"""Tasks that are networks: a fresh stream of inputs, answered by the teacher in force."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.continual.criteria import SquaredError
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.networks import Perceptron
from ntadyn.tasks.examples import Batch


class NetworkTeachers(AbstractProblem):
    """y* = f_m(x) for x ~ N(0, I), judged by 1/2 |y - y*|^2; every step of practice sees new inputs.

    Attributes:
        teachers: one module whose arrays have a leading axis over tasks.
        points: inputs on which networks are judged, shape (points, d_in); they stand for all inputs where a mean over
            all is asked for.
        criterion: the squared error.
    """

    teachers: PyTree
    points: Float[Array, "n i"]
    criterion: SquaredError = SquaredError()

    @property
    def num_tasks(self) -> int:
        """Number of teachers."""
        return next(leaf.shape[0] for leaf in jax.tree.leaves(self.teachers) if hasattr(leaf, "shape"))

    def population(self, shares: Shares) -> Batch:
        """The points, answered by the mixture of the teachers, which minimises the mean loss over them."""
        number = self.points.shape[0]
        answers = jnp.einsum("m,nmo->no", shares, self.answers(self.points))
        weights = jnp.full(number, 1 / number, self.points.dtype)
        return Batch(self.points, answers, jnp.full(number, jnp.argmax(shares)), weights)

    def draw(self, key: PRNGKeyArray, shares: Shares, number: int) -> Batch:
        """Fresh inputs, each answered by one teacher, which is m with probability a_m."""
        of_inputs, of_tasks = jax.random.split(key)
        inputs = jax.random.normal(of_inputs, (number, self.points.shape[1]), self.points.dtype)
        tasks = jax.random.choice(of_tasks, self.num_tasks, (number,), p=shares)
        targets = jnp.take_along_axis(self.answers(inputs), tasks[:, None, None], axis=1)[:, 0]
        return Batch(inputs, targets, tasks, jnp.full(number, 1 / number, inputs.dtype))

    def losses(self, network: PyTree) -> Float[Array, " m"]:
        """The mean loss on the points, task by task."""
        outputs = jax.vmap(network)(self.points)
        wrong = jax.vmap(jax.vmap(self.criterion.loss, (None, 0)))(outputs, self.answers(self.points))
        return jnp.mean(wrong, axis=0)

    def losses_of_silence(self) -> Float[Array, " m"]:
        """The mean loss of a network that answers nothing but zeros, task by task: the power of the targets."""
        return self.losses(lambda x: jnp.zeros(self.answers(self.points).shape[-1], x.dtype))

    def answers(self, inputs: Float[Array, "b i"]) -> Float[Array, "b m o"]:
        """What every teacher says to every input."""
        return jax.vmap(lambda x: eqx.filter_vmap(lambda teacher: teacher(x))(self.teachers))(inputs)


def rectified_teachers(
    key: PRNGKeyArray, num_tasks: int, units: int, d_out: int, points: Float[Array, "n i"]
) -> NetworkTeachers:
    """Perceptrons of a few rectified units: all their rows orthonormal, read-outs from N(0, 1 / units).

    Args:
        key: of the teachers.
        num_tasks: how many.
        units: hidden units of each.
        d_out: outputs.
        points: inputs on which networks are judged, shape (points, d_in).

    Raises:
        ValueError: for no task, unit or output, or more rows than there are inputs.
    """
    d_in = points.shape[1]
    if min(num_tasks, units, d_out) < 1 or num_tasks * units > d_in:
        raise ValueError(
            f"rectified_teachers: got {num_tasks} tasks of {units} units and {d_out} outputs for {d_in} inputs; all "
            f"must be positive, and rows of {num_tasks * units} units can be orthogonal in as many inputs only."
        )
    of_rows, of_readouts = jax.random.split(key)
    rows = jax.random.orthogonal(of_rows, d_in, (), points.dtype)[: num_tasks * units]
    readouts = jax.random.normal(of_readouts, (num_tasks, d_out, units), points.dtype) / units**0.5
    teachers = Perceptron(rows.reshape(num_tasks, units, d_in), readouts)
    return NetworkTeachers(teachers=teachers, points=points)  # pyright: ignore[reportCallIssue]
