"""One row of a contest as a dataset."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn.arena import measures
from ntadyn.arena.built import Built
from ntadyn.arena.held_out import NAMES, held_out
from ntadyn.arena.stopwatch import Stopwatch
from ntadyn.simulation.outcome import Trajectory
from ntadyn.specs import building
from ntadyn.specs.paths import to_json


@dataclasses.dataclass(frozen=True)
class Run:
    """All repetitions of an entry with one value of what it tunes.

    Attributes:
        name: of the row.
        value: of what is tuned; None if nothing is.
        found: what was measured, leading axis = repetition.
        trajectory: what came out.
        keys: of the repetitions.
        budget: how long gates may adapt.
        watch: how long it took.
    """

    name: str
    value: float | None
    found: dict[str, jax.Array]
    trajectory: Trajectory
    keys: building.Keys
    budget: float
    watch: Stopwatch


def row_of(item: Built, run: Run) -> xr.Dataset:
    """What was measured of a run, and what a reader has to know of it.

    Args:
        item: what was run.
        run: what came out.

    Returns:
        Dataset over (row, seed, block, task, ...) with a single row.
    """
    system, strategy, entry, trajectory = item.system, item.system.strategy, item.entry, run.trajectory
    variables: dict[str, Any] = {
        key: (("row", "seed", *_DIMS.get(key, ("task",))), np.asarray(array)[None]) for key, array in run.found.items()
    }
    spec = item.with_value(entry.spec, run.value)
    others = held_out(spec, trajectory, run.keys, run.budget)
    variables |= {key: (("row", "seed", "held_out"), array[None]) for key, array in others.items()}
    facts = {
        "needs_boundaries": strategy.needs_boundaries,
        "needs_task_ids": strategy.needs_task_ids or _is_told_heads(system),
        "adapts_in_its_own_way": strategy.adapts_in_its_own_way(),
        "sees_all_tasks": strategy.sees_all_tasks,
        "gradients_per_sample": float(strategy.gradients_per_sample(system.problem)),
        **measures.costs(item.state),
        "seconds": run.watch.total,
        "compile_seconds": run.watch.compiling,
        "value": np.nan if run.value is None else run.value,
        "parameter": "" if entry.tuning is None else entry.tuning.path,
        "note": entry.note,
        "tried": "",
        "complaints": " ".join(strategy.complaints(trajectory.final_state.memory)),
        "spec": to_json(spec),
    }
    variables |= {key: ("row", [fact]) for key, fact in facts.items()}
    coordinates = {
        "row": [run.name],
        "seed": np.arange(len(run.found["result"])),
        "task": np.arange(system.num_tasks),
        **({"held_out": list(NAMES)} if "held_out_latent" in variables else {}),
        "block_task": ("block", item.block_tasks),
        "time": ("record", np.asarray(trajectory.times)),
        "block_of_record": ("record", np.asarray(trajectory.blocks)),
    }
    return xr.Dataset(variables, coordinates)


def _is_told_heads(system: Any) -> bool:
    """Whether the outputs in question say which task an example belongs to."""
    heads = getattr(system.problem, "heads", None)
    return heads is not None and not bool(jnp.all(heads == heads[:1]))


_DIMS: dict[str, tuple[str, ...]] = {
    "loss": ("record",),
    "result": (),
    "plasticity": (),
    "stability": (),
    **{name: ("block",) for name in ("jump", "end", "area", "adaptation", "censored")},
    **{name: ("block", "task") for name in (*measures.READINGS, "accuracy")},
}
