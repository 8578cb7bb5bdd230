"""One call that checks whether a system of your own keeps what the interface promises, and says what to mend."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ntadyn.interface import AbstractFlow, AbstractGatedFlow, AbstractGatedLinear, AbstractSplitFlow, AbstractSystem
from ntadyn.interface.loops import EventSearch
from ntadyn.interface.system import BlockInfo, Task
from ntadyn.interface.update import AbstractUpdate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.trajectory import simulate
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.curriculum import AbstractCurriculum

# How far two ways of computing one number may differ, in units of the square root of the machine epsilon.
_AGREEMENT = 10.0
# The time over which the flows of the parts are compared with the vector field.
_SHORT = 1e-4


class BrokenPromiseError(AssertionError):
    """A system does not do what the interface promises."""


def check_system(
    system: AbstractSystem, network: PyTree, curriculum: AbstractCurriculum | None = None
) -> tuple[str, ...]:
    """Check a system against the interface: shapes, dtypes, jit, vmap, descent, parts, hooks, and a short simulation.

    Args:
        system: any system, made of known numbers.
        network: what its `initial_state` takes; preferably not at a special place such as all zeros.
        curriculum: a short one of two blocks or more; if omitted, the teachers of the system in turn, one block each.

    Returns:
        The promises that were kept, one line each.

    Raises:
        BrokenPromiseError: at the first promise that is broken; the message says which, and what to do.
        ValueError: if the curriculum is left out and the system has no teachers.
    """
    kept: list[str] = []
    name = type(system).__name__

    def promise(holds: bool, told: str, mend: str) -> None:
        if not holds:
            raise BrokenPromiseError(f"{name} breaks the promise that {told}. {mend}")
        kept.append(told)

    promise(
        isinstance(system, AbstractFlow | AbstractUpdate),
        "the system says how it moves",
        "Derive it from AbstractFlow (and write vector_field) or from AbstractUpdate (and write update).",
    )
    state = system.initial_state(network)
    leaves = jax.tree.leaves(state)
    promise(
        bool(leaves) and all(eqx.is_array(leaf) for leaf in leaves),
        "the state is a tree of arrays",
        f"It holds {[type(leaf).__name__ for leaf in leaves if not eqx.is_array(leaf)]}; put what is not an array into "
        f"the system.",
    )
    floats = [leaf for leaf in leaves if eqx.is_inexact_array(leaf)]
    dtypes = {str(leaf.dtype) for leaf in floats}
    promise(
        len(dtypes) == 1,
        "its floating-point arrays have one dtype",
        f"They have {sorted(dtypes)}; convert them to one.",
    )
    dtype = floats[0].dtype
    if curriculum is None:
        if not isinstance(system, AbstractGatedLinear):
            raise ValueError(f"a {name} has no teachers; pass a curriculum whose tasks it knows.")
        curriculum = alternating(system.num_tasks, max(2, system.num_tasks), jnp.asarray(0.1, dtype))
    promise(
        curriculum.num_tasks == system.num_tasks,
        "the system and the curriculum have equally many tasks",
        f"They have {system.num_tasks} and {curriculum.num_tasks}; make them equal.",
    )
    task = curriculum.task(0, 0.0)
    loss = _agreeing(promise, system.loss, (state, task), "the loss")
    promise(
        loss.shape == () and loss.dtype == dtype,
        "the loss is one number of the state's dtype",
        f"It has shape {loss.shape} and dtype {loss.dtype}.",
    )
    promise(bool(jnp.isfinite(loss)), "the loss is finite at the start", f"It is {loss}.")
    if isinstance(system, AbstractFlow):
        _check_flow(promise, system, state, task)
    if isinstance(system, AbstractUpdate):
        step = jnp.asarray(1e-3, dtype)
        _check_like(
            promise,
            jax.eval_shape(lambda *given: system.update(*given), state, task, step),
            state,
            "an updated state",
        )
        _agreeing(promise, system.update, (state, task, step), "an update")
    if isinstance(system, AbstractGatedLinear):
        _check_gated(promise, system, state)
    _check_hooks(promise, system, state, curriculum)
    found = simulate(system, curriculum, state)
    promise(
        bool(found.result == RESULTS.successful),
        "a short run ends well",
        f"It ended with: {RESULTS[found.result] or found.result}",
    )
    return tuple(kept)


Promise = Callable[[bool, str, str], None]


def _agreeing(promise: Promise, function: Callable, arguments: tuple, what: str) -> Any:
    """The result of a function, once it agrees with the results under jit and in a batch of two."""
    plain = function(*arguments)
    told = f"{what} is the same under jit"
    promise(
        _close(plain, jax.jit(lambda *given: function(*given))(*arguments)),
        told,
        "Use jax.numpy only, and no value that changes elsewhere.",
    )
    moving, rest = eqx.partition(arguments, eqx.is_array)
    twice = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), moving)
    batch = jax.jit(jax.vmap(lambda item: function(*eqx.combine(item, rest))))(twice)
    first = jax.tree.map(lambda leaf: leaf[1], batch)
    promise(_close(plain, first), f"{what} is the same under vmap", "Do not depend on the shape of the whole batch.")
    return plain


def _check_like(promise: Promise, found: PyTree, state: PyTree, what: str) -> None:
    def shapes(tree: PyTree) -> Any:
        return jax.tree.structure(tree), [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree)]

    same = shapes(found) == shapes(state)
    promise(
        same,
        f"{what} has the structure, shapes and dtypes of the state",
        f"It has {shapes(found)}, not {shapes(state)}.",
    )


def _check_flow(promise: Promise, system: AbstractFlow, state: PyTree, task: Task) -> None:
    flowing = system.flowing(state)
    zero = jnp.zeros(())

    def field(state: PyTree, task: Task) -> PyTree:
        return eqx.filter(system.vector_field(zero, state, task), flowing)

    moving, carried = eqx.partition(state, flowing)
    _check_like(promise, jax.eval_shape(field, state, task), moving, "the vector field")
    rate = _agreeing(promise, field, (state, task), "the vector field")
    fastest = jax.jit(lambda *given: system.fastest_rate(*given))(state, task)
    promise(
        bool(jnp.isfinite(fastest)) and bool(fastest >= 0),
        "the fastest rate is a finite number, zero or more",
        f"It is {fastest}.",
    )
    if isinstance(system, AbstractGatedFlow):
        energy = lambda moving: system.energy(eqx.combine(moving, carried), task)  # noqa: E731
        rising = jax.jit(lambda *given: jax.jvp(energy, given[:1], given[1:])[1])(moving, rate)
        promise(bool(rising <= 0), "the energy falls along the field", f"It rises at the rate {rising}.")
    if isinstance(system, AbstractSplitFlow):
        short = jnp.asarray(_SHORT, jnp.result_type(*jax.tree.leaves(moving)))
        duration, search = short / (1 + fastest), EventSearch()
        parts = jax.jit(lambda x, a: [part(x, a, duration, search) for part in system.sub_flows()])(state, task)
        changes = [jax.tree.map(jnp.subtract, eqx.filter(part, flowing), moving) for part in parts]
        total = jax.tree.map(lambda *each: sum(each) * (1 + fastest) / short, *changes)
        size = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(rate))
        off = max(float(jnp.max(jnp.abs(a - b))) for a, b in _pairs(total, rate))
        promise(
            off <= 1e-2 * size + float(jnp.finfo(short.dtype).eps) / _SHORT,
            "the flows of the parts add up to the vector field",
            f"Over a short time they differ from it by {off:.2g}; its largest entry is {size:.2g}.",
        )


def _check_gated(promise: Promise, system: AbstractGatedLinear, state: PyTree) -> None:
    gates, overlaps = jax.eval_shape(lambda state: (system.gates(state), system.overlaps(state)), state)
    rows, paths, tasks = overlaps.cross.shape
    promise(
        gates.shape[0] == paths and gates.ndim in (1, 2),
        "there is a gate for every path",
        f"The gates have the shape {gates.shape}, but the overlaps have {paths} paths.",
    )
    promise(
        overlaps.students.shape == (rows, paths, paths)
        and overlaps.teachers.shape == (rows, tasks, tasks)
        and tasks == system.num_tasks,
        "overlaps have the shapes (rows, paths, paths), (rows, paths, tasks), (rows, tasks, tasks)",
        f"They have {overlaps.students.shape}, {overlaps.cross.shape}, {overlaps.teachers.shape}.",
    )


def _check_hooks(promise: Promise, system: AbstractSystem, state: PyTree, curriculum: AbstractCurriculum) -> None:
    edges, task = curriculum.edges, curriculum.task(0, 0.0)
    yes, no = jnp.asarray(True), jnp.asarray(False)
    block = BlockInfo(jnp.asarray(0), edges[0], edges[1], task, task, task, yes, no)
    for hook in (system.at_block_start, system.at_block_end):
        _check_like(
            promise,
            jax.eval_shape(lambda *given, hook=hook: hook(*given), state, block),
            state,
            f"the state that {hook.__name__} returns",
        )


def _close(one: PyTree, other: PyTree) -> bool:
    for a, b in _pairs(one, other):
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        tolerance = _AGREEMENT * np.finfo(a.dtype).eps ** 0.5 if jnp.issubdtype(a.dtype, jnp.inexact) else 0.0
        if not np.allclose(np.asarray(a), np.asarray(b), rtol=tolerance, atol=tolerance, equal_nan=True):
            return False
    return True


def _pairs(one: PyTree, other: PyTree) -> list[tuple[Array, Array]]:
    return list(zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))
