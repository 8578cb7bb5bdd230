"""What is swept for the noise of batches: a table of cells, a map over kappa, and the limit of many inputs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Array, Int

from experiments.harness.runs import Run
from ntadyn.specs.configuration import Configuration, Dynamics, Sampler
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_2_flexible, figure_5_published
from ntadyn.sweeps import Axis, Sweep, Threads, Zipped, run_sweep
from ntadyn.sweeps.scores import OUTCOME, Recorded

# Batches of so many are the population, in the same steps.
NOISELESS = 100_000
TABLE_BATCHES = (1, 10, NOISELESS)
# Name -> preset and parameters of the cells of the table.
CELLS: dict[str, tuple[Any, dict[str, float]]] = {
    "figure 2": (figure_2_flexible, {"max_step": 1e-3}),
    "border": (
        figure_5_published,
        {"curriculum.block_duration": 1.0, "time_constants.gates": 0.03, "max_step": 1e-3},
    ),
    "late border": (
        figure_5_published,
        {"curriculum.block_duration": 1.0, "time_constants.gates": 0.03, "max_step": 5e-3},
    ),
    "short blocks": (
        figure_5_published,
        {"curriculum.block_duration": 0.4, "time_constants.gates": 0.02, "max_step": 5e-3},
    ),
}
MAP_STEP, MAP_GATES = 5e-3, 0.03


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        cells: those of the table, by name.
        batches: sizes of batches, columns of the map.
        durations: lengths of blocks, in the unit of tau_W, rows of both maps.
        noises: kappa, columns of the map of the limit.
        table_seeds: repetitions of a cell of the table.
        map_seeds: repetitions of a cell of a map.
    """

    cells: tuple[str, ...] = tuple(CELLS)
    batches: tuple[int, ...] = (1, 2, 5, 10, 20, 50, NOISELESS)
    durations: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    noises: tuple[float, ...] = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.2)
    table_seeds: int = 96
    map_seeds: int = 32


def runs(parameters: Parameters) -> list[Run]:
    """One run per cell of the table, and the maps."""
    seeds = parameters.table_seeds
    cells = [Run(f"noise_{_word(cell)}", table, {"cell": cell, "seeds": seeds}, cell) for cell in parameters.cells]
    of_all = {"parameters": parameters}
    return [*cells, Run("noise_map", noises_and_blocks, of_all, "map"), Run("noise_limit", limit, of_all, "limit")]


def table(cell: str, seeds: int) -> xr.Dataset:
    """One cell on batches of three sizes; repetitions of the same number share their start."""
    preset, changes = CELLS[cell]
    return _on_batches(replaced(preset(), changes | {"randomness.num_seeds": seeds}), TABLE_BATCHES, ())


def noises_and_blocks(parameters: Parameters) -> xr.Dataset:
    """Size of batches against block length, at one step."""
    changes = {"max_step": MAP_STEP, "time_constants.gates": MAP_GATES, "randomness.num_seeds": parameters.map_seeds}
    durations = Axis("curriculum.block_duration", parameters.durations)
    return _on_batches(replaced(figure_5_published(), changes), parameters.batches, (durations,))


def limit(parameters: Parameters) -> xr.Dataset:
    """kappa against block length in the limit of many inputs, where all that noise leaves is its square in weights."""
    changes = {"time_constants.gates": MAP_GATES, "randomness.num_seeds": parameters.map_seeds}
    axes = Axis("batch_noise", parameters.noises), Axis("curriculum.block_duration", parameters.durations)
    return run_sweep(Sweep(replaced(figure_5_published(), changes), axes), compute=Threads(1))


def first_path(record: Recorded) -> Int[Array, ""]:
    """The path that ends up with the first task."""
    return record.last_blocks.assignment[0]


def flips(sweep: xr.Dataset) -> xr.DataArray:
    """Whether a repetition ended with other paths for its tasks than without noise, as 0 or 1."""
    return (sweep.first_path != sweep.first_path.isel(batch=-1)).astype(float)


def _on_batches(spec: Configuration, batches: tuple[int, ...], further: tuple[Axis, ...]) -> xr.Dataset:
    inputs = spec.teachers.d_in
    samplers = tuple(Sampler.ROWS if size < inputs else Sampler.WISHART for size in batches)
    axis = Zipped("batch", (Axis("batch_size", batches), Axis("sampler", samplers)))
    plan = Sweep(replaced(spec, {"dynamics": Dynamics.ONLINE}), (axis, *further))
    found = run_sweep(plan, OUTCOME.and_also(scores={"first_path": first_path}), compute=Threads(1))
    # Names of samplers are text, which one coordinate would be enough to say.
    return found.drop_vars("sampler").assign_coords(kappa=("batch", np.asarray(found.kappa)))


def _word(name: str) -> str:
    return name.replace(" ", "_")
