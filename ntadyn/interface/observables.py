"""What can be recorded along a trajectory: functions (system, state, task) -> array.

Any function of these three arguments will do. Everything here works under jit and vmap, and costs nothing unless it is
recorded.
"""

import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.system import AbstractSystem, Observable
from ntadyn.metrics.alignment import overlap_similarity
from ntadyn.metrics.rows import row_similarity as similarity_of_rows
from ntadyn.networks import AbstractGatedNetwork


class Labelled(eqx.Module):
    """An observable that says what its dimensions are.

    Attributes:
        function: (system, state, task) -> array.
        dims: names of the dimensions of what it returns, for example ("path", "output").
        description: one line; the first line of the function's docstring if empty.
        units: units of its values.
    """

    function: Callable[..., Array] = eqx.field(static=True)
    dims: tuple[str, ...] = eqx.field(static=True, default=())
    description: str = eqx.field(static=True, default="")
    units: str = eqx.field(static=True, default="1")

    def __call__(self, system: Any, state: PyTree, task: Any) -> Array:
        """What the function returns."""
        return self.function(system, state, task)


def description_of(name: str, observable: Any) -> str:
    """One line about an observable: what it says of itself, or the first line of its docstring, or its name.

    Args:
        name: under which it is recorded.
        observable: any; None if only its name is known.
    """
    told = observable.function if isinstance(observable, Labelled) else observable
    text = getattr(observable, "description", "") or (told is not None and inspect.getdoc(told)) or name
    return text.splitlines()[0].rstrip(".")


def loss(system: AbstractSystem, state: PyTree, task: Array) -> Float[Array, ""]:
    """Task loss of the population, without penalties, on the task in force."""
    return system.loss(state, task)


def energy(system: Any, state: PyTree, task: Array) -> Float[Array, ""]:
    """Task loss plus penalties."""
    return system.energy(state, task)


def batch_loss(system: Any, state: PyTree, task: Array) -> Float[Array, ""]:
    """Task loss on the next batch, before its update: what the published code logs. Online systems only."""
    return system.batch_loss(state, task)


def gates(system: Any, state: PyTree, task: Array) -> Array:
    """Gates, shape (paths,) or (paths, d_out)."""
    del task
    return system.gates(state)


def student_overlaps(system: Any, state: PyTree, task: Array) -> Float[Array, "p p"]:
    """K_pq = <W^p, W^q>_F."""
    del task
    return jnp.sum(system.overlaps(state).students, axis=0)


def teacher_overlaps(system: Any, state: PyTree, task: Array) -> Float[Array, "p m"]:
    """S_pm = <W^p, W*^m>_F."""
    del task
    return jnp.sum(system.overlaps(state).cross, axis=0)


def similarity(system: Any, state: PyTree, task: Array) -> Float[Array, "m p"]:
    """Cosine of every teacher with every student: mean over output rows, or of whole matrices where rows are summed."""
    del task
    overlaps = system.overlaps(state)
    return overlap_similarity(overlaps.students, overlaps.cross, overlaps.teachers)


def seen_similarity(system: Any, state: PyTree, task: Array) -> Float[Array, "m p"]:
    """Cosine of every teacher with every student through the inputs, whose directions count by their variance.

    That of whole matrices times Sigma^(1/2), for inputs of covariance Sigma: what the loss can see.
    """
    del task
    seen = system.seen_overlaps(state)
    students, cross, teachers = (jnp.sum(x, axis=0) for x in (seen.students, seen.cross, seen.teachers))
    return overlap_similarity(students, cross, teachers)


def row_similarity(system: Any, state: PyTree, task: Array) -> Float[Array, "m o p"]:
    """Cosine of every output row of every teacher with what each path feeds into that output."""
    del task
    overlaps = system.overlaps(state)
    return similarity_of_rows(overlaps.students, overlaps.cross, overlaps.teachers)


def full_state(system: AbstractSystem, state: PyTree, task: Array) -> PyTree:
    """The state itself; large in weight space."""
    del system, task
    return state


def network(system: Any, state: PyTree, task: Array) -> AbstractGatedNetwork:
    """Gates and weights themselves, without what an online rule carries beside them; large.

    Raises:
        ValueError: for a reduced system, whose state is not a network.
    """
    del task
    return system.network(state)


STANDARD: dict[str, Observable] = {
    "loss": loss,
    "gates": gates,
    "student_overlaps": student_overlaps,
    "teacher_overlaps": teacher_overlaps,
    "similarity": similarity,
}

# A hidden unit is too small to resemble a whole teacher; what it can resemble is one row of one.
TWO_LAYER: dict[str, Observable] = {"loss": loss, "gates": gates, "row_similarity": row_similarity}
