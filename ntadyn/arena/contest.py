"""Run a contest on one stream: grids on seeds of their own, then every row on the seeds of the contest."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn.arena import measures
from ntadyn.arena.built import Built
from ntadyn.arena.entry import Entry
from ntadyn.arena.labels import labelled
from ntadyn.arena.rows import Run, row_of
from ntadyn.arena.stopwatch import Stopwatch
from ntadyn.results.provenance import provenance
from ntadyn.simulation.outcome import Trajectory
from ntadyn.simulation.whole_steps import AbstractWholeSteps
from ntadyn.specs import building
from ntadyn.specs.continual_data import ContinualData
from ntadyn.specs.ensemble import run_ensemble, run_variants
from ntadyn.specs.paths import replaced, value_at
from ntadyn.specs.programs import forget_programs
from ntadyn.specs.spec import check_spec, method_of

# Seeds of teachers, networks and batches from which hyper-parameters are chosen, far from those of any contest.
TUNING_SEED = 1_000_000


@dataclasses.dataclass(frozen=True)
class Contest:
    """How entries are compared.

    Attributes:
        entries: who takes part.
        num_seeds: repetitions of every row; they share teachers and order, and differ in start and batches.
        seed: the one recorded seed.
        tuning_seeds: repetitions for the choice from a grid, with other teachers, starts and batches.
        budget: share of a block in which gates may adapt in the adapted reading.
        threshold: share of the largest loss of a network that says nothing, below which a network counts as adapted.
        published: what is known of such a stream, a line under the table.
    """

    entries: tuple[Entry, ...]
    num_seeds: int = 5
    seed: int = 0
    tuning_seeds: int = 2
    budget: float = 0.1
    threshold: float = 0.1
    published: str = ""

    def __post_init__(self):
        names = [entry.name for entry in self.entries]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a contest needs entries of different names; got {names}.")
        for name, value in (("num_seeds", self.num_seeds), ("tuning_seeds", self.tuning_seeds)):
            if value < 1:
                raise ValueError(f"{name} is {value}; at least one repetition is needed.")
        for entry in self.entries:
            if entry.tuning is not None:
                replaced(entry.spec, {entry.tuning.path: entry.tuning.grid[0]})


def run_contest(contest: Contest, tell: Callable[[str], None] = lambda line: None) -> xr.Dataset:
    """All rows of a contest.

    Args:
        contest: who takes part, and how they are compared.
        tell: what to do with a line about what is being done.

    Returns:
        Dataset over (row, seed, block, task, ...): readings of R, forgetting and transfer, adaptation, area, jump, end,
        result codes; what every row needs to be told, its costs, what was tried and chosen.

    Raises:
        ValueError: before anything long runs, for entries whose streams differ.
    """
    for entry in contest.entries:
        check_spec(entry.spec)
    first = building.first(_keys(contest.seed, 1))
    built = [Built.of(entry, first) for entry in contest.entries]
    _check_one_stream(built)
    rows = []
    for number, item in enumerate(built, start=1):
        tell(f"{item.entry.name} ({number} of {len(built)})")
        rows += _rows(item, contest)
        forget_programs()
    dataset = xr.concat(rows, dim="row", join="exact", combine_attrs="drop_conflicts")
    return labelled(dataset.assign_attrs(_attributes(contest, built[0]) | provenance()))


def _keys(seed: int, number: int) -> building.Keys:
    return building.keys_of(seed, [(0, k, k) for k in range(number)])


def _check_one_stream(built: Sequence[Built]) -> None:
    first = built[0]
    for item in built[1:]:
        same = np.array_equal(item.block_tasks, first.block_tasks) and np.array_equal(
            np.asarray(item.curriculum.durations), np.asarray(first.curriculum.durations)
        )
        if not same or item.system.num_tasks != first.system.num_tasks:
            raise ValueError(
                f"{item.entry.name!r} has another stream of tasks than {first.entry.name!r}; entries are compared on "
                f"one stream: give their specs the same curriculum and tasks."
            )


def _rows(item: Built, contest: Contest) -> list[xr.Dataset]:
    """The untuned row of an entry, and the tuned one if there is a grid."""
    entry, tuning = item.entry, item.entry.tuning
    durations, practised = item.curriculum.durations, jnp.asarray(np.unique(item.block_tasks))
    bars = measures.Bars(contest.threshold * item.silent_loss, contest.budget * item.mean_duration())
    times = measures.record_times(np.asarray(item.curriculum.edges), _step_of(item))

    @eqx.filter_jit
    def measure(
        spec: Any, trajectory: Trajectory, keys: building.Keys, value: jax.Array | None
    ) -> dict[str, jax.Array]:
        def one(values: Any, result: Any, key: building.Keys) -> dict[str, jax.Array]:
            system, _ = item.with_value(spec, value).build(key)
            single = Trajectory(trajectory.times, trajectory.blocks, values, None, result)
            return measures.measured(system, single, jnp.asarray(item.block_tasks), durations, bars)

        return eqx.filter_vmap(one)(trajectory.values, trajectory.result, keys)

    def run(spec: Any, values: Sequence[float], keys: building.Keys) -> list[tuple[dict[str, jax.Array], Trajectory]]:
        if tuning is None:
            found = [run_ensemble(spec, measures.OBSERVABLES, keys=keys, times=times)[0]]
            return [(jax.block_until_ready(measure(spec, found[0], keys, None)), found[0])]
        changes = {tuning.path: values}
        found = run_variants(spec, changes, keys, measures.OBSERVABLES, times=times)[0]
        measured = [measure(spec, tr, keys, jnp.asarray(v)) for tr, v in zip(found, values, strict=True)]
        return list(zip(jax.block_until_ready(measured), found, strict=True))

    keys, budget = _keys(contest.seed, contest.num_seeds), float(bars.budget)
    if tuning is None:
        with Stopwatch() as watch:
            [(found, trajectory)] = run(entry.spec, (), keys)
        return [row_of(item, Run(entry.name, None, found, trajectory, keys, budget, watch))]
    default = float(value_at(entry.spec, tuning.path))
    tried = run(_for_choices(entry.spec), tuning.grid, _keys(TUNING_SEED + contest.seed, contest.tuning_seeds))
    failed = [bool(np.any(np.asarray(found["result"]) > 0)) for found, _ in tried]
    scores = np.asarray([float(measures.criterion(found, practised)) for found, _ in tried])
    scores = np.where(np.asarray(failed) | ~np.isfinite(scores), np.inf, scores)
    chosen = tuning.grid[int(np.argmin(scores))] if np.isfinite(scores).any() else default
    with Stopwatch() as watch:
        both = run(entry.spec, (default, chosen), keys)
    named = ((entry.name, default), (f"{entry.name}, tuned", chosen))
    rows = [
        row_of(item, Run(name, value, found, trajectory, keys, budget, watch.half))
        for (name, value), (found, trajectory) in zip(named, both, strict=True)
    ]
    told = ", ".join(f"{value:g}: {score:.4g}" for value, score in zip(tuning.grid, scores, strict=True))
    return [row.assign(tried=("row", [f"{tuning.path} {told}"])) for row in rows]


def _for_choices(spec: Any) -> Any:
    """The spec that a grid is searched with: of one on data, judged by a part of what is practised."""
    return dataclasses.replace(spec, for_choices=True) if isinstance(spec, ContinualData) else spec


def _step_of(item: Built) -> float | None:
    """The steps of a rule that makes steps of its own, which records wait for; None for a flow."""
    method = method_of(item.entry.spec, item.system, item.state)
    return method.max_step if isinstance(method, AbstractWholeSteps) else None


def _attributes(contest: Contest, first: Built) -> dict[str, Any]:
    return {
        "kind": "arena",
        "edges": np.asarray(first.curriculum.edges),
        "block_tasks": first.block_tasks,
        "silent_loss": first.silent_loss,
        "threshold": contest.threshold * first.silent_loss,
        "budget": contest.budget,
        "seed": contest.seed,
        "tuning_seed": TUNING_SEED + contest.seed,
        "tuning_seeds": contest.tuning_seeds,
        "published": contest.published,
        "bound_without_context": _bound_without_context(first),
    }


def _bound_without_context(first: Built) -> float:
    """The smallest mean loss over the practised tasks of any linear map that is not told the task; NaN for data."""
    tasks = getattr(first.system.problem, "tasks", None)
    if tasks is None:
        return float("nan")
    practised = np.unique(first.block_tasks)
    teachers = np.asarray(tasks.teachers)[practised]
    return float(0.5 * np.mean(np.sum((teachers - teachers.mean(axis=0)) ** 2, axis=(1, 2))))
