"""How well what was learned serves teachers that were never practised."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ntadyn.continual import readings
from ntadyn.continual.problem import TeacherProblem
from ntadyn.simulation.outcome import Trajectory
from ntadyn.specs import building
from ntadyn.tasks.task_set import TaskSet

NAMES = ("composite", "new")


def held_out(spec: Any, trajectory: Trajectory, keys: building.Keys, budget: float) -> dict[str, np.ndarray]:
    """Adapted and latent losses at the end on the mean of the first two teachers, and on a teacher of its own.

    Args:
        spec: what was run.
        trajectory: what came out, leading axis = repetition.
        keys: of the repetitions.
        budget: how long gates may adapt.

    Returns:
        "held_out_adapted" and "held_out_latent", shape (repetitions, 2); empty where tasks are no teachers.
    """

    @eqx.filter_jit
    def every(states: Any, keys: building.Keys) -> dict[str, Array]:
        def one(state: Any, key: building.Keys) -> dict[str, Array]:
            system, _ = spec.build(key)
            tasks = _others(system.problem.tasks, key)
            return readings.held_out_losses(system, state, tasks, budget)

        return eqx.filter_vmap(one)(states, keys)

    system, _ = eqx.filter_eval_shape(spec.build, building.first(keys))
    if not isinstance(system.problem, TeacherProblem) or system.problem.tasks.num_tasks < 2:
        return {}
    found = every(trajectory.final_state, keys)
    return {f"held_out_{name}": np.asarray(array) for name, array in found.items()}


def _others(tasks: TaskSet, key: building.Keys) -> TaskSet:
    """A composite of the first two teachers, and one of random directions with rows as long as theirs."""
    teachers = tasks.teachers
    random = jax.random.normal(jax.random.fold_in(key.teachers, 1), teachers.shape[1:], teachers.dtype)
    length = jnp.sqrt(jnp.sum(teachers[0] ** 2, axis=-1, keepdims=True))
    new = length * random / jnp.sqrt(jnp.sum(random**2, axis=-1, keepdims=True))
    return TaskSet(jnp.stack([0.5 * (teachers[0] + teachers[1]), new]), NAMES, 1)
