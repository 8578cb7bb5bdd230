"""Students with hidden units and a head per task, and the tasks that such teachers set."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

# The cost of one evaluation of the flow grows with the fourth power of the number of units.
MOST_UNITS = 12


def activation(fields: Array) -> Array:
    """g(x) = erf(x / sqrt 2)."""
    return jax.scipy.special.erf(fields / 2**0.5)


class CommitteeTasks(eqx.Module):
    """y_t(x) = sum_n u_tn g(W*_n x / sqrt N): the teachers of all tasks share one list of units.

    Attributes:
        units: W*, shape (units, N); rows of norm sqrt N make fields of variance one.
        readouts: u, shape (tasks, units); 0 for units that are not of a task.

    Raises:
        ValueError: for shapes that do not fit each other, or more than 12 units.
    """

    units: Float[Array, "n i"]
    readouts: Float[Array, "m _"]

    def __check_init__(self):
        if self.units.ndim != 2 or self.readouts.ndim != 2 or self.readouts.shape[1] != self.units.shape[0]:
            raise ValueError(
                f"teachers have units of shape {self.units.shape} and readouts of shape {self.readouts.shape}; give "
                f"(units, inputs) and (tasks, units)."
            )
        if self.units.shape[0] > MOST_UNITS:
            raise ValueError(
                f"teachers have {self.units.shape[0]} units in all; the flow costs the fourth power of their number, "
                f"and at most {MOST_UNITS} are taken."
            )

    @property
    def num_tasks(self) -> int:
        """Number of tasks."""
        return self.readouts.shape[0]

    def overlaps(self) -> Float[Array, "n n"]:
        """T = W* W*^T / N."""
        return self.units @ self.units.T / self.units.shape[1]


def similar_teachers(similarity: float | Float[Array, ""], num_inputs: int, dtype) -> CommitteeTasks:
    """Two tasks of one unit each, whose weights have the cosine V and fields the variance one.

    Args:
        similarity: V; may be traced.
        num_inputs: N, at least 2.
        dtype: floating dtype.
    """
    cosine = jnp.asarray(similarity, dtype)
    one, zero = jnp.ones_like(cosine), jnp.zeros_like(cosine)
    angle = jnp.stack([jnp.stack([one, zero]), jnp.stack([cosine, jnp.sqrt(1 - cosine**2)])])
    rest = jnp.zeros((2, num_inputs - 2), dtype)
    units = jnp.concatenate([angle, rest], axis=1) * num_inputs**0.5
    return CommitteeTasks(units, jnp.eye(2, dtype=dtype))


class CommitteeNetwork(eqx.Module):
    """y_t(x) = sum_i v_ti g(W_i x / sqrt N).

    Attributes:
        weights: W, shape (units, N).
        heads: v, one row per task, shape (tasks, units).

    Raises:
        ValueError: for shapes that do not fit each other.
    """

    weights: Float[Array, "k i"]
    heads: Float[Array, "m _"]

    def __check_init__(self):
        if self.weights.ndim != 2 or self.heads.ndim != 2 or self.heads.shape[1] != self.weights.shape[0]:
            raise ValueError(
                f"a committee has weights of shape {self.weights.shape} and heads of shape {self.heads.shape}; give "
                f"(units, inputs) and (tasks, units)."
            )

    @classmethod
    def initialise(
        cls, key: PRNGKeyArray, tasks: CommitteeTasks, num_units: int, scale: float | Float[Array, ""]
    ) -> "CommitteeNetwork":
        """Weights and heads ~ N(0, scale^2)."""
        of_weights, of_heads = jax.random.split(key)
        dtype = tasks.units.dtype
        scale = jnp.asarray(scale, dtype)
        weights = scale * jax.random.normal(of_weights, (num_units, tasks.units.shape[1]), dtype)
        return cls(weights, scale * jax.random.normal(of_heads, (tasks.num_tasks, num_units), dtype))


def check_fit(network: CommitteeNetwork, tasks: CommitteeTasks) -> None:
    """Refuse a student of another number of inputs or tasks than its teachers, or with too many units.

    Raises:
        ValueError: if so.
    """
    given = (network.weights.shape[1], network.heads.shape[0])
    if given != (tasks.units.shape[1], tasks.num_tasks):
        raise ValueError(
            f"the student has {given[0]} inputs and heads for {given[1]} tasks, the teachers have "
            f"{tasks.units.shape[1]} inputs and {tasks.num_tasks} tasks; make them equal."
        )
    units = network.weights.shape[0] + tasks.units.shape[0]
    if units > MOST_UNITS:
        raise ValueError(
            f"student and teachers have {units} units in all; the flow costs the fourth power of their number, and at "
            f"most {MOST_UNITS} are taken."
        )
