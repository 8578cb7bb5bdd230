"""Two tasks whose teachers overlap: the runs of figure A13 and what is measured on them.

An overlap of zero is the orthogonal set throughout; the published generator is discontinuous there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.harness.runs import Run
from experiments.sandbrink_2024.figure_a13 import measures
from experiments.sandbrink_2024.runs.composition import NUMBERS, as_published, loss_scale
from ntadyn.interface.observables import Observable
from ntadyn.simulation import Trajectory, observables, simulate
from ntadyn.simulation.outcome import result_codes
from ntadyn.specs import building, presets
from ntadyn.specs.building import Keys
from ntadyn.specs.configuration import (
    Configuration,
    Curriculum,
    Dynamics,
    RelativePenalties,
    TeacherKind,
    TimeConstants,
    replaced,
    value_at,
)

OVERLAPS = (0.0, 0.25, 0.5, 0.75, 1.0)
PUBLISHED_STEP = 0.01
RECORDS_PER_BLOCK = 199  # of the improved run

Repetitions = Sequence[tuple[int, int, int]]


@dataclass(frozen=True)
class Parameters:
    """What figure A13 is made of.

    Attributes:
        num_draws: repetitions of the published runs, each with teachers, initial weights and batches of its own (one in
            the article).
        num_teachers: draws of teachers of the improved run.
        num_initial: initial weights for each of them.
        seed: the seed that all keys are derived from.
    """

    num_draws: int = 10
    num_teachers: int = 4
    num_initial: int = 5
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """Two batches of runs, see `published` and `improved`.

    Args:
        parameters: what to run.
    """
    repetitions = [(draw, draw, draw) for draw in range(parameters.num_draws)]
    crossed = [(t, i, 0) for t in range(parameters.num_teachers) for i in range(parameters.num_initial)]
    return [
        Run("figure_a13_published", published, {"seed": parameters.seed, "repetitions": repetitions}, "published"),
        Run("figure_a13_improved", improved, {"seed": parameters.seed, "repetitions": crossed}, "improved"),
    ]


def released() -> Configuration:
    """The literal parameters of figure A13, on the published time grid whose blocks have 99 steps.

    Source: arXiv 2411.03840, figure A13 and its published configuration.
    """
    configuration = Configuration(
        curriculum=Curriculum(total_time=10.0),
        time_constants=TimeConstants(gates=1 / 60, weights=1 / 60),
        penalties=RelativePenalties(strength=0.1, nonnegative=None, unit_l1=None, unit_l2=10.0),
        dynamics=Dynamics.ONLINE,
        max_step=PUBLISHED_STEP,
    )
    return presets.as_published_grid(configuration, PUBLISHED_STEP)


def published(seed: int, repetitions: Repetitions) -> xr.Dataset:
    """Both readings of the literal parameters, measured as published and by what is there at the end.

    Args:
        seed: the one recorded seed.
        repetitions: (teachers, initial weights, data) of every repetition.

    Returns:
        Over (variant, overlap, repetition), variants "published" and "released": `published_speed`,
        `speed_with_peak`, `published_specialisation`, `specialisation` (what lasts), `overlap_mean` and `overlap_sd` of
        all pairs of rows, `result`. Losses of "published" are in the units of the older state of the code.
    """
    literal = released()
    variants = {"published": as_published(literal), "released": literal}
    keys = building.keys_of(seed, repetitions)
    teachers = _teachers(TeacherKind.OVERLAPPING, keys.teachers)
    recorded = {"loss": observables.batch_loss, "similarity": observables.similarity}
    trajectory = _simulate(list(variants.values()), teachers, keys, recorded, records_per_block=98)
    times, block = (np.asarray(leaf[0, 0, 0]) for leaf in (trajectory.times, trajectory.blocks))
    # The published code logs before every update: it never sees what a block ends with.
    logged = np.append(block[1:] == block[:-1], False)
    scores = []
    for index, (name, configuration) in enumerate(variants.items()):
        loss, similarity = (np.asarray(trajectory.values[key][index]) for key in ("loss", "similarity"))
        loss = loss[..., logged] * (loss_scale(configuration) if name == "published" else 1.0)
        found = {
            "published_speed": measures.published_speed(times[logged], loss, block[logged]),
            "speed_with_peak": measures.published_speed(times[logged], loss, block[logged], dropped=0),
            "published_specialisation": measures.published_specialisation(similarity[:, :, logged]),
            "specialisation": measures.lasting_similarity(similarity, block).contrast,
            "result": result_codes(trajectory.result)[index],
        }
        scores.append({key: np.asarray(value) for key, value in found.items()})
    return _dataset(tuple(variants), scores, [teachers] * len(variants))


def improved(seed: int, repetitions: Repetitions) -> xr.Dataset:
    """The flexible network of figure 2 on teachers of exact overlap, and on those of the published kind.

    Args:
        seed: the one recorded seed.
        repetitions: (teachers, initial weights, data) of every repetition.

    Returns:
        Over (variant, overlap, repetition), variants "exact" and "published_kind": `own` and `other` similarity,
        `specialisation`, `fall_time` (infinite where it is not reached), `peak` and `slope`, all of the last two
        blocks, `overlap_mean` and `overlap_sd` of all pairs of rows, `result`.
    """
    configuration = replaced(presets.figure_2_flexible(), {"dynamics": Dynamics.GRADIENT_FLOW})
    keys = building.keys_of(seed, repetitions)
    kinds = {"exact": TeacherKind.ROW_OVERLAPPING, "published_kind": TeacherKind.OVERLAPPING}
    teachers = {name: _teachers(kind, keys.teachers) for name, kind in kinds.items()}
    recorded = {"loss": observables.loss, "similarity": observables.similarity}
    together = jnp.concatenate(list(teachers.values()))
    trajectory = _simulate([configuration], together, keys, recorded, RECORDS_PER_BLOCK)
    loss, similarity = (np.asarray(trajectory.values[key][0]) for key in ("loss", "similarity"))
    times, block = (np.asarray(leaf[0, 0, 0]) for leaf in (trajectory.times, trajectory.blocks))
    lasting = measures.lasting_similarity(similarity, block)
    late = measures.late_recovery(times, loss, block)
    found = {
        "own": lasting.matched,
        "other": lasting.mismatched,
        "specialisation": lasting.contrast,
        "fall_time": late.fall_time,
        "peak": late.peak,
        "slope": late.slope,
        "result": result_codes(trajectory.result)[0],
    }
    halves = {key: np.split(np.asarray(values), len(kinds)) for key, values in found.items()}
    scores = [{key: parts[index] for key, parts in halves.items()} for index in range(len(kinds))]
    return _dataset(tuple(kinds), scores, list(teachers.values()))


def _teachers(kind: TeacherKind, keys: Array) -> Array:
    """Teachers of every overlap and repetition, shape (overlaps, repetitions, teachers, d_out, d_in)."""

    def drawn(kind: TeacherKind, overlap: Array, key: Array) -> Array:
        configuration = replaced(Configuration(), {"teachers.kind": kind, "teachers.overlap": overlap})
        return building.build_tasks(configuration.teachers, key).teachers

    @jax.jit
    def all_drawn(overlaps: Array, keys: Array) -> Array:
        apart = jax.vmap(lambda key: drawn(TeacherKind.ORTHOGONAL, overlaps[0], key))(keys)
        over_keys = jax.vmap(lambda overlap, key: drawn(kind, overlap, key), in_axes=(None, 0))
        return jnp.concatenate([apart[None], jax.vmap(over_keys, in_axes=(0, None))(overlaps[1:], keys)])

    return all_drawn(jnp.asarray(OVERLAPS), keys)


def _simulate(
    variants: Sequence[Configuration],
    teachers: Array,
    keys: Keys,
    recorded: dict[str, Observable],
    records_per_block: int,
) -> Trajectory:
    """All runs in one program, leading axes (variants, teachers, repetitions); variants differ in `NUMBERS` only."""
    first = variants[0]
    system, state = building.build(first, building.first(keys))
    curriculum = building.build_curriculum(first.curriculum, system.tasks)
    method = building.build_method(first, system, state)
    online = first.dynamics is Dynamics.ONLINE

    def one(numbers: list[Array], matrices: Array, key: Keys) -> Trajectory:
        configuration = replaced(first, dict(zip(NUMBERS, numbers, strict=True)))
        system, state = building.build(configuration, key)
        # Weights start without regard to the teachers, which may therefore be put in afterwards.
        system = eqx.tree_at(lambda item: (item.flow if online else item).tasks.teachers, system, matrices)
        return simulate(
            system, curriculum, state, method=method, observables=recorded, records_per_block=records_per_block
        )

    # Every repetition has teachers of its own at every overlap.
    over_repetitions = jax.vmap(one, in_axes=(None, 0, 0))
    over_overlaps = jax.vmap(over_repetitions, in_axes=(None, 0, None))
    numbers = [jnp.asarray([value_at(item, path) for item in variants]) for path in NUMBERS]
    return eqx.filter_jit(jax.vmap(over_overlaps, in_axes=(0, None, None)))(numbers, teachers, keys)


def _dataset(names: Sequence[str], scores: list[dict[str, np.ndarray]], teachers: list[Array]) -> xr.Dataset:
    """Scores of every variant, and how much its teachers really overlap."""
    realised = [measures.row_overlaps(np.asarray(item)) for item in teachers]
    for found, (mean, sd) in zip(scores, realised, strict=True):
        found |= {"overlap_mean": mean, "overlap_sd": sd}
    dims = ("variant", "overlap", "repetition")
    variables = {key: (dims, np.stack([found[key] for found in scores])) for key in scores[0]}
    return xr.Dataset(variables, {"variant": list(names), "overlap": list(OVERLAPS)})
