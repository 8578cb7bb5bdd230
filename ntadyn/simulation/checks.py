"""Whether a system can be simulated, checked before anything is compiled."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.gated_linear import AbstractGatedLinear
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.simulation.invariants import float_leaves
from ntadyn.simulation.method import AbstractMethod
from ntadyn.tasks.curriculum import AbstractCurriculum
from ntadyn.tasks.known import is_traced


def check(
    system: AbstractSystem,
    curriculum: AbstractCurriculum,
    state: PyTree,
    method: AbstractMethod,
    estimate_error: bool,
) -> None:
    """Refuse what `simulate` cannot run, before anything is compiled; the arguments are those of `simulate`.

    Raises:
        ValueError: see `simulate`.
    """
    if curriculum.num_tasks != system.num_tasks:
        what = (
            "teachers; build both from the same task set"
            if isinstance(system, AbstractGatedLinear)
            else "tasks; make them equal"
        )
        raise ValueError(f"the curriculum has {curriculum.num_tasks} tasks, the system {system.num_tasks} {what}.")
    if estimate_error:
        method.refined(curriculum.durations.dtype)
    system.check_state(state)
    leaves = float_leaves(state)
    for leaf in leaves:
        if not is_traced(leaf) and not np.all(np.isfinite(np.asarray(leaf))):
            raise ValueError("the initial state holds NaN or infinity; pass finite values.")
    dtypes = {leaf.dtype for leaf in leaves} | {curriculum.durations.dtype}
    if isinstance(system, AbstractGatedLinear):
        dtypes |= {system.tasks.teachers.dtype}
    if len(dtypes) > 1:
        raise ValueError(
            f"state, teachers and curriculum mix the dtypes {sorted(map(str, dtypes))}; build all with one dtype."
        )
    method.check(system, state)
    if isinstance(system, AbstractFlow):
        _check_field(system, state, jax.eval_shape(curriculum.task, 0, curriculum.durations[0]))


def _check_field(system: AbstractFlow, state: PyTree, task: Task) -> None:
    """Refuse a vector field that is not like the part of the state that flows."""
    name = type(system).__name__

    def parts(system: AbstractFlow, state: PyTree, task: Task) -> tuple[PyTree, PyTree]:
        flowing = system.flowing(state)
        return eqx.filter(state, flowing), eqx.filter(system.vector_field(0.0, state, task), flowing)

    try:
        given, found = eqx.filter_eval_shape(parts, system, state, task)
    except Exception as error:
        error.add_note(
            f"This came from {name}.vector_field, called for the shapes that it returns at the initial state."
        )
        raise
    if jax.tree.structure(given) != jax.tree.structure(found) or any(
        one.shape != other.shape or one.dtype != other.dtype
        for one, other in zip(jax.tree.leaves(given), jax.tree.leaves(found), strict=True)
    ):
        raise ValueError(
            f"{name}.vector_field returns {found}, which is not like the part of the state that flows, {given}. Return "
            f"a tree of the same structure, shapes and dtypes, or say in {name}.flowing what does not flow."
        )
