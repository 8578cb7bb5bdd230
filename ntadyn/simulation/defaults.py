"""Steps for those who do not choose them."""

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ntadyn.interface.gated_linear import AbstractGatedLinear
from ntadyn.interface.split_flow import AbstractSplitFlow
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.interface.update import AbstractUpdate
from ntadyn.tasks.curriculum import AbstractCurriculum
from ntadyn.tasks.known import is_traced


def default_step(system: AbstractSystem, state: PyTree = None, tasks: Task = None) -> float:
    """The default step of a system, see its method `default_step`; outside jit, where numbers are known.

    Args:
        system: the system, made of known numbers.
        state: the initial state; may be left out, or traced, for flows that split into parts: there it only matters if
            all teachers are zero.
        tasks: the tasks that may be in force, leading axis = task; if omitted, every teacher alone.

    Returns:
        h in the caller's unit of time.

    Raises:
        ValueError: if numbers are traced (then pass `max_step`), or if the state or the tasks are needed but left out.
    """
    if is_traced(system):
        raise ValueError(
            "the default step needs a system of known numbers; inside jit or vmap pass max_step explicitly."
        )
    if not isinstance(system, AbstractSplitFlow | AbstractUpdate) and (state is None or is_traced(state)):
        raise ValueError(
            f"the default step of a {type(system).__name__}, which does not split into parts, needs a "
            f"known initial state; inside jit or vmap pass max_step explicitly."
        )
    # What is known outside jit is a known number inside, too.
    with jax.ensure_compile_time_eval():
        if tasks is None:
            if not isinstance(system, AbstractGatedLinear):
                raise ValueError(f"the default step of a {type(system).__name__} needs tasks; pass them.")
            tasks = system.teacher_tasks()
        return system.default_step(state, tasks)


def step_of(system: AbstractSystem, state: PyTree, curriculum: AbstractCurriculum) -> float:
    """The default step for a curriculum."""
    if isinstance(system, AbstractGatedLinear):
        return default_step(system, state)
    with jax.ensure_compile_time_eval():
        blocks = jnp.arange(min(curriculum.num_blocks, max(system.num_tasks, 1)))
        middles = 0.5 * (curriculum.edges[:-1] + curriculum.edges[1:])
        return default_step(system, state, jax.vmap(curriculum.task)(blocks, middles[: blocks.size]))
