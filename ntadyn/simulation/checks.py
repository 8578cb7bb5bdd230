"""What cannot be simulated is refused here, before anything is compiled."""

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PyTree

from ntadyn.dynamics.system import AbstractGatedSystem, AbstractSystem
from ntadyn.simulation.methods import AbstractMethod, FixedSteps
from ntadyn.solvers import Descent
from ntadyn.tasks.curricula import AbstractCurriculum


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
    if curriculum.num_tasks != system.tasks.num_tasks:
        raise ValueError(
            f"the curriculum has {curriculum.num_tasks} tasks, the system {system.tasks.num_tasks} teachers; "
            f"build both from the same task set."
        )
    if estimate_error and _makes_updates(method):
        raise ValueError(
            "estimate_error halves the steps, which here are learning rates, and an online system then draws other "
            "batches: what it would show is no error. Compare with the population flow instead."
        )
    for leaf in _float_leaves(state):
        if not isinstance(leaf, Tracer) and not np.all(np.isfinite(np.asarray(leaf))):
            raise ValueError("the initial state holds NaN or infinity; pass finite values.")
    dtypes = {leaf.dtype for leaf in _float_leaves(state)} | {system.tasks.teachers.dtype, curriculum.durations.dtype}
    if len(dtypes) > 1:
        raise ValueError(
            f"state, teachers and curriculum mix the dtypes {sorted(map(str, dtypes))}; build all with one dtype."
        )
    task = jax.ShapeDtypeStruct((curriculum.num_tasks,), system.tasks.teachers.dtype)
    try:
        field = eqx.filter_eval_shape(lambda system, s, a: system.vector_field(0.0, s, a), system, state, task)
    except Exception as error:
        raise ValueError(
            f"the initial state does not fit the system: {error}. Make it with system.initial_state(network)."
        ) from error
    if isinstance(system, AbstractGatedSystem):
        gates = eqx.filter_eval_shape(lambda system, s: system.gates(s), system, state)
        needed = eqx.filter_eval_shape(lambda system, s, a: system.gate_quadratic(s, a), system, state, task)[0]
        if gates.size != needed.size:
            raise ValueError(
                f"the initial state has {gates.size} gates where its weights need {needed.size}; make it with "
                f"system.initial_state(network)."
            )
    if jax.tree.structure(field) != jax.tree.structure(state) and not _makes_updates(method):
        raise ValueError(
            f"the state of {type(system).__name__} holds more than what flows, which {type(method).__name__} "
            f"cannot step. Leave `method` out, or pass FixedSteps(Descent(), max_step=...)."
        )


def _makes_updates(method: AbstractMethod) -> bool:
    return isinstance(method, FixedSteps) and isinstance(method.solver, Descent)


def _float_leaves(tree: PyTree) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(tree) if eqx.is_inexact_array(leaf)]
