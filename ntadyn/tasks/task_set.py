"""Teacher matrices `y* = W*^m x` and their names.

Axes: `m` task (teacher), `o` output row, `i` input.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

__all__ = ["TaskSet", "from_matrices"]

# Everything later is measured against the teachers, so their products are not left
# to the reduced float32 precision that accelerators use by default.
_PRECISION = jax.lax.Precision.HIGHEST


class TaskSet(eqx.Module):
    """Teachers `W*^m`, base tasks first and composites after them.

    Attributes:
        teachers: `(m, o, i)`, one matrix per task.
        names: one distinct name per task: "A", "B", ... for base tasks, "AB", "BC", ... for composites.
        num_base: how many of the tasks, counted from the front, are base tasks.

    Raises:
        ValueError: if the teachers are not a stack of floating-point matrices, if names are missing, surplus or
            repeated, or if `num_base` is not between 1 and the number of tasks.
    """

    teachers: Float[Array, "m o i"] = eqx.field(converter=jnp.asarray)
    names: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    num_base: int = eqx.field(static=True)

    def __check_init__(self):
        if self.teachers.ndim != 3 or not jnp.issubdtype(self.teachers.dtype, jnp.floating):
            raise ValueError(
                f"TaskSet: got teachers of shape {self.teachers.shape} and dtype {self.teachers.dtype}; they must be "
                "floating-point with axes (task, output, input). Stack the matrices along a new first axis."
            )
        if len(self.names) != self.teachers.shape[0] or len(set(self.names)) != len(self.names):
            raise ValueError(
                f"TaskSet: got names {self.names} for {self.teachers.shape[0]} teachers; there must be one per teacher "
                "and no two alike. Rename the tasks, or leave out composites that are there already."
            )
        if not 1 <= self.num_base <= len(self.names):
            raise ValueError(
                f"TaskSet: got num_base = {self.num_base} for {len(self.names)} teachers; allowed are 1 to "
                f"{len(self.names)}. Count only the base tasks, which come first."
            )

    @property
    def num_tasks(self) -> int:
        """Number of tasks, composites included."""
        return len(self.names)

    @property
    def num_composites(self) -> int:
        """Number of tasks after the base tasks."""
        return self.num_tasks - self.num_base

    @property
    def d_out(self) -> int:
        """Number of outputs."""
        return self.teachers.shape[-2]

    @property
    def d_in(self) -> int:
        """Number of inputs."""
        return self.teachers.shape[-1]

    @property
    def gram(self) -> Float[Array, "m m"]:
        """`T_mn = <W*^m, W*^n>_F`, the teacher block of the order parameters; unchanged by rotating the inputs."""
        return jnp.einsum("moi,noi->mn", self.teachers, self.teachers, precision=_PRECISION)


def from_matrices(teachers: Float[ArrayLike, "m o i"]) -> TaskSet:
    """`W*^m` as given, for example arrays read from a file; all of them base tasks named "A", "B", ....

    Args:
        teachers: `(m, o, i)`.

    Raises:
        ValueError: if the teachers are not a stack of floating-point matrices.
    """
    array = jnp.asarray(teachers)
    num_tasks = array.shape[0] if array.ndim else 0
    return TaskSet(array, tuple(_letter(index) for index in range(num_tasks)), num_tasks)


def _letter(index: int) -> str:
    """A to Z, then A1 to Z1, and so on."""
    rounds, position = divmod(index, 26)
    return chr(ord("A") + position) + (str(rounds) if rounds else "")
