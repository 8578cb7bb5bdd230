"""Variants of one configuration and all their repetitions as one compiled program."""

import dataclasses
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from ntadyn.interface.observables import Observable
from ntadyn.simulation import AbstractMethod, FixedSteps, Trajectory, check, default_step, simulate
from ntadyn.specs import building
from ntadyn.specs.building import Keys
from ntadyn.specs.configuration import Configuration, Randomness, replaced
from ntadyn.tasks import AbstractCurriculum


def seeded(configuration: Configuration, num_seeds: int, seed: int) -> Configuration:
    """The configuration with so many repetitions of that seed, on one set of teachers."""
    return dataclasses.replace(configuration, randomness=Randomness(seed=seed, num_seeds=num_seeds))


def run_variants(
    configuration: Configuration,
    changes: Mapping[str, Sequence[float]],
    keys: Keys,
    observables: dict[str, Observable],
    records_per_block: int = 0,
    method: AbstractMethod | None = None,
) -> tuple[list[Trajectory], AbstractCurriculum]:
    """Every repetition of every variant.

    Args:
        configuration: what the variants share; its randomness is replaced by `keys`.
        changes: dotted path of a real parameter -> its value in every variant. All take the steps of the first variant,
            which have to be short enough for all.
        keys: of the repetitions, see `building.keys_of`.
        observables: name -> function (system, state, task) -> array.
        records_per_block: records strictly inside every block.
        method: how to step, instead of what the configuration says.

    Returns:
        One trajectory per variant, as `run_ensemble` returns it, and the curriculum.

    Raises:
        ValueError: before any compilation, for anything that cannot be built or run.
    """
    first = replaced(configuration, {path: values[0] for path, values in changes.items()})
    system, state = building.build(first, building.first(keys))
    curriculum = building.build_curriculum(configuration.curriculum, system.tasks)
    method = building.build_method(first, system, state) if method is None else method
    check(system, curriculum, state, method, estimate_error=False)
    if isinstance(method, FixedSteps) and method.max_step is None:
        method = FixedSteps(method.solver, default_step(system, state))

    def one(values: dict[str, Array], key: Keys) -> Trajectory:
        system, state = building.build(replaced(configuration, values), key)
        return simulate(
            system, curriculum, state, method=method, observables=observables, records_per_block=records_per_block
        )

    dtype = system.tasks.teachers.dtype
    batch = {path: jnp.asarray(values, dtype) for path, values in changes.items()}
    repetitions = eqx.filter_vmap(one, in_axes=(None, 0))
    result = eqx.filter_jit(eqx.filter_vmap(repetitions, in_axes=(0, None)))(batch, keys)
    grid = [jax.tree.map(lambda leaf: leaf[0, 0], item) for item in (result.times, result.blocks)]
    count = len(next(iter(changes.values())))
    trajectories = [jax.tree.map(lambda leaf, k=k: leaf[k], result) for k in range(count)]
    return [eqx.tree_at(lambda tr: (tr.times, tr.blocks), one, grid) for one in trajectories], curriculum
