"""All repetitions of a spec, and of its variants, as one compiled program: the only way to run batches."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ntadyn.interface import AbstractSystem, Observable
from ntadyn.interface.observables import TWO_LAYER
from ntadyn.simulation.checks import check
from ntadyn.simulation.defaults import step_of
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.outcome import Trajectory
from ntadyn.simulation.trajectory import simulate
from ntadyn.specs import building
from ntadyn.specs.building import Keys
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration, Gating
from ntadyn.specs.paths import replaced
from ntadyn.specs.spec import check_spec, curricula_of, curriculum_of, draws_curricula, method_of
from ntadyn.tasks import AbstractCurriculum


@dataclasses.dataclass(frozen=True)
class _Records:
    """What is recorded, and when; see `simulate`."""

    observables: Mapping[str, Observable] | None = None
    per_block: int = 0
    times: Sequence[float] | np.ndarray = ()
    estimate_error: bool = False


def run_ensemble(
    spec: Any,
    observables: Mapping[str, Observable] | None = None,
    records_per_block: int = 0,
    method: AbstractMethod | None = None,
    estimate_error: bool = False,
    keys: Keys | None = None,
    times: Sequence[float] | np.ndarray = (),
) -> tuple[Trajectory, AbstractCurriculum]:
    """Simulate all repetitions of a spec.

    Args:
        spec: what to simulate: a `Configuration`, or any other spec.
        observables: name -> function (system, state, task) -> array; if omitted, those that suit the system.
        records_per_block: records strictly inside every block.
        method: how to step, in place of what the spec says.
        estimate_error: also estimate the error of every recorded number, see `simulate`.
        keys: those of the repetitions, see `building.keys_of`; if omitted, as many as the spec says, or one.
        times: further record times.

    Returns:
        The trajectory, with a leading axis over repetitions on all arrays but times and blocks, and the curriculum;
        `SideBySide` where repetitions have tasks of their own.

    Raises:
        ValueError: before any compilation, for anything that cannot be built or run.
    """
    if not isinstance(spec, Configuration):
        check_spec(spec)
    elif method is None:
        check_simulation(spec, records_per_block)
    else:
        spec.check()
    keys = keys_for(spec) if keys is None else keys
    records = _Records(observables, records_per_block, times, estimate_error)
    found, curriculum = _run(spec, {}, keys, records, method)
    return found[0], curriculum


def run_variants(
    spec: Any,
    changes: Mapping[str, Sequence[float]],
    keys: Keys,
    observables: Mapping[str, Observable] | None = None,
    records_per_block: int = 0,
    method: AbstractMethod | None = None,
    times: Sequence[float] | np.ndarray = (),
) -> tuple[list[Trajectory], AbstractCurriculum]:
    """Every repetition of every variant of a spec, on one time grid.

    Args:
        spec: what the variants share.
        changes: dotted path of a real parameter -> its value in every variant. All variants take the steps of the first
            one, which must be short enough for all; `ntadyn.sweeps` chooses steps cell by cell.
        keys: those of the repetitions, see `building.keys_of`.
        observables: name -> function (system, state, task) -> array; if omitted, those that suit the system.
        records_per_block: records strictly inside every block.
        method: how to step, in place of what the spec says.
        times: further record times.

    Returns:
        One trajectory per variant, as `run_ensemble` returns it, and the curriculum.

    Raises:
        ValueError: before any compilation, for anything that cannot be built or run, and for a spec whose repetitions
            draw tasks of their own, which would differ from variant to variant.
    """
    if draws_curricula(spec):
        raise ValueError(
            f"{type(spec).__name__} draws the tasks of every repetition, which variants on one curriculum do not; run "
            "them one by one with run_ensemble, or as a sweep (ntadyn.sweeps)."
        )
    return _run(spec, changes, keys, _Records(observables, records_per_block, times), method)


def keys_for(spec: Any, num_seeds: int | None = None) -> Keys:
    """The keys of all repetitions of a spec.

    Args:
        spec: any spec.
        num_seeds: number of repetitions, one if omitted; a `Configuration` has its own number.
    """
    if isinstance(spec, Configuration):
        return building.keys(spec.randomness)
    return building.keys_of(0, [(0, k, k) for k in range(1 if num_seeds is None else num_seeds)])


def observables_for(spec: Any, system: AbstractSystem) -> dict[str, Observable]:
    """What is recorded unless something else is asked for.

    Args:
        spec: any spec.
        system: the system that it builds.
    """
    if isinstance(spec, Configuration) and spec.network.gating is Gating.LAYER:
        return dict(TWO_LAYER)
    return system.observables()


def _run(
    spec: Any,
    changes: Mapping[str, Sequence[float]],
    keys: Keys,
    records: _Records,
    method: AbstractMethod | None,
) -> tuple[list[Trajectory], AbstractCurriculum]:
    first = replaced(spec, {path: values[0] for path, values in changes.items()})
    # As one program, unless a spec of somebody's own may look at its numbers and refuse them.
    build = eqx.filter_jit(first.build) if isinstance(spec, Configuration) else first.build
    system, state = build(building.first(keys))
    curriculum = first.build_curriculum(system)
    method = method_of(first, system, state) if method is None else method
    check(system, curriculum, state, method, records.estimate_error)
    if isinstance(method, FixedSteps) and method.max_step is None:
        # Outside the program, because numbers are traced inside.
        method = dataclasses.replace(method, max_step=step_of(system, state, curriculum))
    recorded = observables_for(spec, system) if records.observables is None else dict(records.observables)

    def one(values: dict[str, Array], key: Keys) -> Trajectory:
        variant = replaced(spec, values)
        system, state = variant.build(key)
        return simulate(
            system,
            curriculum_of(variant, curriculum, key),
            state,
            method=method,
            observables=recorded,
            records_per_block=records.per_block,
            times=records.times,
            estimate_error=records.estimate_error,
        )

    repetitions = eqx.filter_vmap(one, in_axes=(None, 0))
    if not changes:
        on_one_grid = eqx.filter_jit(lambda keys: _on_one_grid(repetitions({}, keys), lambda leaf: leaf[0]))
        return [on_one_grid(keys)], curricula_of(spec, curriculum, keys)
    batch = {path: jnp.asarray(values, curriculum.durations.dtype) for path, values in changes.items()}
    result = eqx.filter_jit(eqx.filter_vmap(repetitions, in_axes=(0, None)))(batch, keys)
    count = len(next(iter(changes.values())))
    each = [jax.tree.map(lambda leaf, k=k: leaf[k], result) for k in range(count)]
    return [_on_one_grid(item, lambda leaf: leaf[0]) for item in each], curriculum


def _on_one_grid(trajectory: Trajectory, first: Any) -> Trajectory:
    """The trajectory with the times and blocks of one repetition, which all share."""
    shared = [jax.tree.map(first, item) for item in (trajectory.times, trajectory.blocks)]
    return eqx.tree_at(lambda tr: (tr.times, tr.blocks), trajectory, shared)
