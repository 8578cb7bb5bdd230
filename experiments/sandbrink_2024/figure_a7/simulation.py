"""What is simulated for figure A7."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.harness.runs import Data, Run
from experiments.sandbrink_2024.figure_a7.cells import run_cells
from experiments.sandbrink_2024.runs.two_layers import PUBLISHED_STEP
from ntadyn.specs import presets
from ntadyn.specs.configuration import Randomness
from ntadyn.specs.paths import to_json

# Nominal parameters, as printed in the published configurations; long blocks first, as drawn.
BLOCK_DURATIONS = (0.8, 0.6, 0.4, 0.2, 0.1)
LAYER_TIME_CONSTANTS = (0.02, 0.015, 0.0125, 0.01, 0.0075)
STRENGTHS = (0.0, 0.2, 0.25, 0.3, 0.35)
NOMINAL_TAU_1, NOMINAL_TAU_2, NOMINAL_STRENGTH = 0.04, 0.01, 0.25
CONVENTIONS = {"published": presets.figure_a7_published, "released": presets.figure_a7_released}
MAPS = ("layer_speed", "penalty")


@dataclass(frozen=True)
class Parameters:
    """What figure A7 is made of, besides the presets.

    Attributes:
        num_seeds: repetitions with other initial weights and data, on one set of teachers.
        seed: the seed that all keys are derived from.
        corners: only the first, third and last row and the first, third and last column of either map.
        conventions: which of `CONVENTIONS` to run.
    """

    num_seeds: int = 10
    seed: int = 0
    corners: bool = False
    conventions: tuple[str, ...] = tuple(CONVENTIONS)


def runs(parameters: Parameters) -> list[Run]:
    """Both maps in every convention.

    Args:
        parameters: what to run.

    Returns:
        Runs of "layer_speed_<convention>" and "penalty_<convention>", dimensions (row, column, seed), in the order of
        `BLOCK_DURATIONS`, `LAYER_TIME_CONSTANTS` and `STRENGTHS`.
    """
    return [
        Run(f"figure_a7_{name}", both_maps, {"name": name, "parameters": parameters}) for name in parameters.conventions
    ]


def steps_per_block(duration: float) -> int:
    """How many steps a published block has; one of 0.6 loses its last to rounding."""
    return int(duration // PUBLISHED_STEP)


def both_maps(name: str, parameters: Parameters) -> Data:
    """The cells of both maps in one convention, those that they share once, in one program."""
    configuration = dataclasses.replace(
        CONVENTIONS[name](), randomness=Randomness(seed=parameters.seed, num_seeds=parameters.num_seeds)
    )
    chosen = slice(None, None, 2) if parameters.corners else slice(None)
    nominal = {
        "layer_speed": [(tau, NOMINAL_STRENGTH) for tau in LAYER_TIME_CONSTANTS[chosen]],
        "penalty": [(NOMINAL_TAU_2, strength) for strength in STRENGTHS[chosen]],
    }
    durations = BLOCK_DURATIONS[chosen]
    pairs = sorted({pair for columns in nominal.values() for pair in columns})
    cells = [(duration, *pair) for duration in durations for pair in pairs]
    block, tau, strength = (np.array(column) for column in zip(*cells, strict=True))
    # What the translation did to time constants and strengths of the second layer: a half, or nothing.
    tau_scale = configuration.time_constants.gates / NOMINAL_TAU_2
    strength_scale = configuration.penalties.strength / NOMINAL_STRENGTH
    values = {"time_constants.gates": tau * tau_scale, "penalties.strength": strength * strength_scale}
    steps = np.array([steps_per_block(duration) for duration in block])
    found = run_cells(configuration, values, steps, window=2 * max(BLOCK_DURATIONS))
    maps = {}
    for kind, columns in nominal.items():
        index = np.array([[cells.index((duration, *pair)) for pair in columns] for duration in durations])
        rows = found.isel(cell=xr.DataArray(index, dims=("row", "column")))
        second = [pair[MAPS.index(kind)] for pair in columns]
        axis = ("layer_time_constant", "strength")[MAPS.index(kind)]
        coordinates = {"block_duration": ("row", list(durations)), axis: ("column", second)}
        maps[f"{kind}_{name}"] = rows.assign_coords(coordinates).assign_attrs(configuration=to_json(configuration))
    return maps
