"""All repetitions of a spec, and of its variants, as one compiled program: the only way to run batches."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.interface import AbstractSystem, Observable
from ntadyn.interface.observables import TWO_LAYER
from ntadyn.simulation.checks import check
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.outcome import Trajectory
from ntadyn.specs import building
from ntadyn.specs.building import Keys
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration, Gating
from ntadyn.specs.paths import replaced
from ntadyn.specs.programs import forget_programs
from ntadyn.specs.shared_programs import Course, build_one, recipe_of, run_all
from ntadyn.specs.spec import check_spec, curricula_of, draws_curricula, method_of
from ntadyn.tasks import AbstractCurriculum
from ntadyn.tasks.side_by_side import SideBySide


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
    forget_programs()
    at_first = {path: values[0] for path, values in changes.items()}
    first, key = replaced(spec, at_first), building.first(keys)
    recipe, known = recipe_of(first, key, changes)
    numbers = {path: jnp.asarray(value) for path, value in known.items()}
    if isinstance(spec, Configuration):
        values = numbers | {path: jnp.asarray(value) for path, value in at_first.items()}
        system, state = build_one(recipe, values, key)
    else:  # which may look at its numbers and refuse them
        system, state = first.build(key)
    curriculum = first.build_curriculum(system)
    method = method_of(first, system, state) if method is None else method
    check(system, curriculum, state, method, records.estimate_error)
    grid = method.lay_out(system, state, curriculum, records.per_block, records.times)
    method = method.fitted(system, state).laid_out()
    recorded = observables_for(spec, system) if records.observables is None else dict(records.observables)
    course = Course(grid, curriculum, method, recorded, records.estimate_error)
    curricula = curricula_of(spec, curriculum, keys)
    own = curricula.own if isinstance(curricula, SideBySide) else None
    varied = {path: jnp.asarray(values, curriculum.durations.dtype) for path, values in changes.items()}
    found = run_all(recipe, course, numbers, varied, keys, own)
    if not varied:
        return [found], curricula
    count = len(next(iter(changes.values())))
    return [jax.tree.map(lambda leaf, k=k: leaf[k], found) for k in range(count)], curricula
