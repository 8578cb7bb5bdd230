"""Many two-layer networks at once, whose blocks differ in length: all cells of figure A7 in one program.

All cells train equally long on the same batches, one step at a time, so which task is in force at a step is data like
every other parameter of a cell.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from experiments.sandbrink_2024.runs.two_layers import PUBLISHED_STEP
from ntadyn import metrics
from ntadyn.simulation import Updates, integrate, observables
from ntadyn.simulation.outcome import RESULT_CODES, result_codes
from ntadyn.simulation.time_grid import lay_out_whole_steps
from ntadyn.specs import building
from ntadyn.specs.building import Keys
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.tasks.curriculum import AbstractCurriculum

STEPS_PER_RECORD = 7  # the published records are two steps apart; 7 shares no factor with the lengths of blocks
SCORES = {
    "alignment": "total alignment at the end, published matching",
    "mean_alignment": "total alignment, mean over the run, published matching",
    "optimal_alignment": "total alignment at the end, optimal assignment",
}


class SwitchEvery(AbstractCurriculum):
    """Tasks in turn, one block in the sense of the time grid.

    Attributes:
        durations: of that one block, shape (1,).
        period: how long each task is in force; a leaf that may be batched.
        num_tasks: how many there are.
    """

    durations: Float[Array, " b"]
    period: Float[Array, ""]
    num_tasks: int = eqx.field(static=True)

    def task(self, block, t) -> Float[Array, " m"]:
        """One teacher; the first step of a period begins at its start up to rounding."""
        del block
        count = jnp.floor((t + 0.5 * PUBLISHED_STEP) / self.period).astype(jnp.int32)
        return jax.nn.one_hot(count % self.num_tasks, self.num_tasks, dtype=self.durations.dtype)

    def with_durations(self, durations: Float[Array, " b"]) -> "SwitchEvery":
        """The same tasks for another time."""
        return SwitchEvery(durations=durations, period=self.period, num_tasks=self.num_tasks)


def run_cells(
    configuration: Configuration,
    cells: Mapping[str, np.ndarray],
    steps_per_block: np.ndarray,
    window: float,
    dtype: DTypeLike = jnp.float32,
) -> xr.Dataset:
    """Every repetition of every cell, in single precision unless told otherwise.

    Args:
        configuration: what cells share, an online two-layer network in the published steps.
        cells: dotted path of a real parameter -> its value in every cell, shape (cells,).
        steps_per_block: how many steps a task is in force, shape (cells,).
        window: the optimal assignment is that of the mean over this long a time before the end.
        dtype: of everything after teachers and initial weights, batches included.

    Returns:
        `SCORES` and result codes, dimensions (cell, seed).
    """
    keys = building.keys(configuration.randomness)
    periods = jnp.asarray(np.asarray(steps_per_block) * PUBLISHED_STEP, dtype)
    result = _run(configuration, window, {path: jnp.asarray(item) for path, item in cells.items()}, periods, keys)
    codes = np.asarray(result_codes(result.pop("result")))
    variables = {
        name: (("cell", "seed"), np.asarray(item), {"long_name": SCORES[name]}) for name, item in result.items()
    }
    return xr.Dataset({**variables, "result": (("cell", "seed"), codes, {"long_name": RESULT_CODES})})


def _run(configuration: Configuration, window: float, cells: dict[str, Array], periods: Array, keys: Keys):
    total, dtype = configuration.curriculum.end, periods.dtype
    durations = jnp.full(1, total, dtype)
    num_tasks = configuration.teachers.num_tasks
    inside = np.arange(STEPS_PER_RECORD, round(total / PUBLISHED_STEP), STEPS_PER_RECORD) * PUBLISHED_STEP
    whole = SwitchEvery(durations=durations, period=jnp.ones((), dtype), num_tasks=num_tasks)
    grid = lay_out_whole_steps(whole, PUBLISHED_STEP, times=inside)
    late = grid.end >= total - window
    recorded = {"rows": observables.row_similarity}

    def one(values: dict[str, Array], period: Array, key: Keys) -> dict[str, PyTree]:
        system, state = _as_dtype(building.build(replaced(configuration, values), key), dtype)
        curriculum = SwitchEvery(durations=durations, period=period, num_tasks=num_tasks)
        found = integrate(system, curriculum, state, Updates(), grid, recorded)
        rows = found.values["rows"]
        published = metrics.matched_rows(rows, metrics.published_row_matching(rows)).alignment
        optimal = metrics.matched_rows(rows[-1:], metrics.assign_units(metrics.mean_over(rows, late)))
        return {
            "alignment": published[-1],
            "mean_alignment": jnp.mean(published),
            "optimal_alignment": optimal.alignment[-1],
            "result": found.result,
        }

    repetitions = eqx.filter_vmap(one, in_axes=(None, None, 0))
    # Keys are common to all cells, so that every batch is drawn once for all of them.
    everything = eqx.filter_jit(eqx.filter_vmap(repetitions, in_axes=(0, 0, None)))
    return everything(cells, periods, keys)


def _as_dtype(tree: PyTree, dtype: DTypeLike) -> PyTree:
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, tree)
