"""A phase map: block length on one axis, any other parameter on the other, repetitions behind every cell."""

import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int

from ntadyn import building, simulation
from ntadyn.building import Keys
from ntadyn.configuration import Configuration, is_real, replaced, to_json
from ntadyn.dynamics.system import AbstractSystem
from ntadyn.observables import STANDARD
from ntadyn.phase_maps import BLOCK_DURATION, PhaseMap
from ntadyn.results import RESULT_CODES
from ntadyn.simulation import FixedSteps
from ntadyn.sweeps.scores import RECORDED, score
from ntadyn.tasks import Blocked
from ntadyn.time_grid import TimeGrid, lay_out, stack

# A map shows alignments, which move less than the gates that the default step of a single run is made for. On the
# published maps they are off by less than 1e-3 away from the border, and by 2e-3 at zero strength and short blocks.
COARSENING = 2.5


@dataclass(frozen=True)
class _Row:
    index: int
    grid: TimeGrid
    tasks: Int[Array, " b"]
    num_records: Int[Array, ""]


def run_phase_map(phase_map: PhaseMap, num_workers: int = 2, report: Callable[[int], Any] | None = None) -> xr.Dataset:
    """Run every cell of a map, all rows in one compiled program.

    Rows differ in their time grids, which are data; the columns and repetitions of a row are one batch. Rows are spread
    over threads, because one such batch keeps one core busy.

    Args:
        phase_map: what to run.
        num_workers: rows that run at the same time.
        report: called with the number of trajectories that each finished row adds.

    Returns:
        Dataset with dimensions (rows.name, columns.name, "seed"), one variable per score, and attributes with the
        configuration, the step, and compile and run times in seconds.

    Raises:
        ValueError: before any compilation, for axes that are empty or not finite, or anything that cannot be built.
    """
    plans, method = _prepare(phase_map, num_workers)
    columns, randomness = phase_map.columns, phase_map.configuration.randomness
    keys = building.keys(randomness)
    values = jnp.asarray(columns.values, jnp.zeros(()).dtype)
    run_row = _row_program(phase_map, method)
    began = time.perf_counter()
    compiled = run_row.lower(values, keys, plans[0].grid, plans[0].tasks, plans[0].num_records).compile()
    compile_seconds = time.perf_counter() - began

    def work(row: _Row) -> tuple[int, dict[str, np.ndarray]]:
        scores, errors = compiled(values, keys, row.grid, row.tasks, row.num_records)
        fields = {item.name: np.asarray(getattr(scores, item.name)) for item in dataclasses.fields(scores)}
        return row.index, fields | {name: np.asarray(value) for name, value in errors.items()}

    results: list[dict[str, np.ndarray]] = [{} for _ in plans]
    began = time.perf_counter()
    # Rows with many short blocks take longest; starting with them keeps all workers busy to the end.
    order = sorted(plans, key=lambda row: -int(jnp.sum(row.grid.num_steps)))
    with ThreadPoolExecutor(num_workers) as pool:
        for future in as_completed([pool.submit(work, row) for row in order]):
            index, fields = future.result()
            results[index] = fields
            if report is not None:
                report(len(columns.values) * randomness.num_seeds)
    run_seconds = time.perf_counter() - began
    assert method.max_step is not None
    return _dataset(phase_map, results, method.max_step, {"compile": compile_seconds, "run": run_seconds})


def check_phase_map(phase_map: PhaseMap, num_workers: int = 2) -> None:
    """Refuse what `run_phase_map` would refuse, without running anything: for several maps, before the first one runs.

    Args:
        phase_map: what is going to be run.
        num_workers: rows that are going to run at the same time.

    Raises:
        ValueError: for axes that are empty or not finite, or anything that cannot be built.
    """
    _prepare(phase_map, num_workers)


def _prepare(phase_map: PhaseMap, num_workers: int) -> tuple[list[_Row], FixedSteps]:
    """The rows laid out in time and the method, once everything has been checked."""
    rows, columns, configuration = phase_map.rows, phase_map.columns, phase_map.configuration
    _check_axes(phase_map)
    if num_workers < 1:
        raise ValueError(f"num_workers is {num_workers}; at least one row must run at a time.")
    keys = building.keys(configuration.randomness)
    first_key = building.first(keys)
    ends = [
        building.build(replaced(configuration, {columns.path: value}), first_key)
        for value in (columns.values[0], columns.values[-1])
    ]
    system, state = ends[0]
    num_paths = configuration.network.num_paths
    if num_paths < system.tasks.num_tasks:
        raise ValueError(
            f"a phase map matches every task to a path of its own; got {system.tasks.num_tasks} tasks, composites "
            f"included, and {num_paths} paths. Use more paths."
        )
    method = _method(configuration, [system for system, _ in ends])
    curricula = [
        building.build_curriculum(
            dataclasses.replace(configuration.curriculum, block_duration=float(duration)), system.tasks
        )
        for duration in rows.values
    ]
    simulation.check(system, curricula[0], state, method, phase_map.estimate_error)
    assert method.max_step is not None
    grids = [lay_out(curriculum, method.max_step) for curriculum in curricula]
    batch, most_blocks = stack(grids), max(curriculum.num_blocks for curriculum in curricula)
    plans = []
    for index, curriculum in enumerate(curricula):
        assert isinstance(curriculum, Blocked)  # named curricula are
        grid = jax.tree.map(lambda leaf, index=index: leaf[index], batch)
        tasks = jnp.asarray(np.pad(curriculum.tasks, (0, most_blocks - curriculum.num_blocks)))
        plans.append(_Row(index, grid, tasks, jnp.asarray(grids[index].start.shape[0])))
    return plans, method


def _method(configuration: Configuration, systems: list[AbstractSystem]) -> FixedSteps:
    """Steps for the fastest of some systems, coarser than for a single run, unless the configuration says how long."""
    if configuration.max_step is not None:
        return building.build_method(configuration, systems[0])
    steps = [building.build_method(configuration, system).max_step for system in systems]
    step = COARSENING * min(step for step in steps if step is not None)
    return building.build_method(replaced(configuration, {"max_step": step}), systems[0])


def _row_program(phase_map: PhaseMap, method: FixedSteps):
    """One row as a jitted function of column values, keys, time grid, task order and number of records."""
    observables = {name: STANDARD[name] for name in RECORDED}

    def one(value: Float[Array, ""], key: Keys, grid: TimeGrid, tasks: Array, num_records: Array):
        system, state = building.build(replaced(phase_map.configuration, {phase_map.columns.path: value}), key)
        durations = jnp.ones(tasks.shape, system.tasks.teachers.dtype)
        curriculum = Blocked(tasks=tasks, durations=durations, num_tasks=system.tasks.num_tasks)
        real = jnp.arange(grid.start.shape[0]) < num_records
        trajectory = simulation.run(system, curriculum, state, method, grid, observables)
        scores = score(trajectory, real)
        if not phase_map.estimate_error:
            return scores, {}
        finer = simulation.run(system, curriculum, state, method, grid.refined(2), observables)
        moved = jnp.max(jnp.abs(trajectory.values["gates"] - finer.values["gates"]))
        change = jnp.abs(scores.alignment - score(finer, real).alignment)
        return scores, {"gate_error": moved, "alignment_error": change}

    over_seeds = jax.vmap(one, in_axes=(None, 0, None, None, None))
    return jax.jit(jax.vmap(over_seeds, in_axes=(0, None, None, None, None)))


# What a compiled row takes as data: everything that `building.build` makes, of which only real numbers are traced.
_MAPPED = ("teachers", "network", "time_constants", "penalties")


def _check_axes(phase_map: PhaseMap) -> None:
    if phase_map.rows.path != BLOCK_DURATION or phase_map.columns.path == BLOCK_DURATION:
        raise ValueError(
            f"the rows of a phase map are block durations ({BLOCK_DURATION!r}) and its columns something else; got "
            f"{phase_map.rows.path!r} and {phase_map.columns.path!r}."
        )
    replaced(phase_map.configuration, {phase_map.columns.path: None})  # refuses what is not a parameter
    group = phase_map.columns.path.split(".")[0]
    if group not in _MAPPED or not is_real(phase_map.configuration, phase_map.columns.path):
        raise ValueError(
            f"the columns of a phase map cannot be {phase_map.columns.path!r}; choose a real number "
            f"among the parameters of {', '.join(_MAPPED)}."
        )
    names = [phase_map.rows.name, phase_map.columns.name, "seed", "path", "output"]
    if len(set(names)) < len(names):
        raise ValueError(f"the dimensions {names} of a phase map need different names; rename its axes.")
    for axis in (phase_map.rows, phase_map.columns):
        values = np.asarray(axis.values, np.float64)
        if values.size == 0 or not np.all(np.isfinite(values)) or np.any(np.diff(values) <= 0):
            raise ValueError(
                f"axis {axis.name!r} has the values {axis.values}; give at least one, finite and ascending."
            )


LONG_NAMES = {
    "alignment": "total alignment, optimal assignment",
    "published_alignment": "total alignment, published sorting rule",
    "contrast": "matched minus mismatched similarity over the last two blocks",
    "loss": "task loss at the end",
    "gates": "gates at the end",
    "result": RESULT_CODES,
    "gate_error": "largest change of any recorded gate when all steps are halved",
    "alignment_error": "change of the alignment when all steps are halved",
}


def _dataset(
    phase_map: PhaseMap, results: list[dict[str, np.ndarray]], max_step: float, seconds: dict[str, float]
) -> xr.Dataset:
    dims = (phase_map.rows.name, phase_map.columns.name, "seed")
    variables = {}
    for name in results[0]:
        values = np.stack([row[name] for row in results])
        extra = ("path", "output")[: values.ndim - 3]
        variables[name] = (dims + extra, values, {"long_name": LONG_NAMES[name], "units": "1"})
    coordinates = {
        axis.name: (axis.name, np.asarray(axis.values), {"long_name": axis.label, "parameter": axis.path})
        for axis in (phase_map.rows, phase_map.columns)
    }
    seeds = {"seed": np.arange(phase_map.configuration.randomness.num_seeds)}
    return xr.Dataset(
        variables,
        coordinates | seeds,
        attrs={
            "name": phase_map.name,
            "configuration": to_json(phase_map.configuration),
            "max_step": max_step,
            "compile_seconds": seconds["compile"],
            "run_seconds": seconds["run"],
        },
    )
