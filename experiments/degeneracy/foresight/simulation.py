"""What is simulated for the question whether a coefficient foretells which networks will specialise."""

from dataclasses import dataclass

import jax
import numpy as np
import xarray as xr

from experiments.degeneracy.foresight.collapsed import Ensembles, Law, coefficient
from experiments.harness.runs import Run
from experiments.harness.variants import seeded
from ntadyn.degeneracy import MALA, Settings, labelled, learning_coefficients
from ntadyn.degeneracy.closed_form import laplace_dimension
from ntadyn.metrics import similarity_matrix
from ntadyn.specs import presets
from ntadyn.specs.degeneracy import Checkpoint, behavioural, simulated
from ntadyn.specs.paths import replaced
from ntadyn.specs.places import Places

# Cells of figure 5 at its borders: two of the map of gate speeds, one of that of penalties.
CELLS: dict[str, dict[str, float]] = {
    "slow gates": {"curriculum.block_duration": 0.6, "time_constants.gates": 0.02},
    "slower gates": {"curriculum.block_duration": 1.0, "time_constants.gates": 0.03},
    "weak penalty": {
        "curriculum.block_duration": 0.9, "time_constants.gates": 0.0025, "penalties.strength": 0.025,
    },
}  # fmt: skip
NUM_BLOCKS = {"slow gates": 12, "slower gates": 7, "weak penalty": 8}
TEMPERATURES, LOCALISATION = (1e2, 1e3, 1e4, 1e5), 100.0
USUAL = 1e4  # the inverse temperature at which is sampled
SPECIALISED = 0.5  # contrast


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        num_seeds: networks per cell, with other initial weights on one set of teachers.
        seed: all keys are derived from it; predictions were made on seed 1.
        cells: names of `CELLS`.
        ensembles: draws of the coefficient with weights integrated out.
        langevin: networks that are also sampled in all directions.
        steps: of warm-up, and draws per chain, there.
    """

    num_seeds: int = 200
    seed: int = 0
    cells: tuple[str, ...] = tuple(CELLS)
    ensembles: Ensembles = Ensembles()
    langevin: int = 6
    steps: tuple[int, int] = (500, 1500)


def runs(parameters: Parameters) -> list[Run]:
    """One for every cell."""
    return [
        Run(f"foresight_{cell.replace(' ', '_')}", in_cell, {"cell": cell, "parameters": parameters}, cell)
        for cell in parameters.cells
    ]


def in_cell(cell: str, parameters: Parameters) -> xr.Dataset:
    """All networks of one cell, at the ends of all blocks.

    Args:
        cell: name of it.
        parameters: how many networks, and draws.

    Returns:
        Over (seed, block): `laplace`, the coefficient in closed form, at every `temperature`; `value` and `error`, the
        same by sampling with weights integrated out, at t = 1e4; `contrast` of the last two ends of blocks, and
        `last_contrast` of the last one; `gate_spread`, the smaller singular value of the gate table. In the first cell,
        over (sampled, ) `langevin_value` and so on: the library's sampler at the end of the third block.
    """
    configuration = seeded(presets.figure_5_published(), parameters.num_seeds, parameters.seed)
    blocks = tuple(range(1, NUM_BLOCKS[cell] + 1))
    _, points = simulated(replaced(configuration, CELLS[cell]), Places(parameters.num_seeds, blocks))
    gates, weights = np.asarray(points.table.gates), np.asarray(points.table.weights)
    weights = weights.reshape(*weights.shape[:3], -1)
    law = Law(USUAL, LOCALISATION, weights.shape[-1])
    grams = weights @ weights.swapaxes(-1, -2)
    flat = (gates.reshape(-1, *gates.shape[2:]), grams.reshape(-1, *grams.shape[2:]))
    sampled = coefficient(*flat, law, parameters.ensembles, parameters.seed)
    over = ("seed", "block")
    found = xr.Dataset(
        {
            "laplace": (("temperature", *over), _closed_form(gates, weights)),
            "value": (over, sampled.value.reshape(gates.shape[:2])),
            "error": (over, sampled.error.reshape(gates.shape[:2])),
            "gate_spread": (over, np.linalg.svd(gates, compute_uv=False)[..., 1]),
            **{name: (over, values) for name, values in _contrasts(points).items()},
        },
        {"temperature": list(TEMPERATURES), "seed": range(parameters.num_seeds), "block": list(blocks)},
        {"size": weights.shape[-1]},
    )
    if cell != next(iter(CELLS)):
        return found
    return found.merge(_by_langevin(points, parameters))


def contrast(similarity: np.ndarray) -> np.ndarray:
    """|s_A1 + s_B2 - s_A2 - s_B1| / 2 of two teachers and two paths, shape (...); matched as is best."""
    return np.abs(similarity[..., 0, 0] + similarity[..., 1, 1] - similarity[..., 0, 1] - similarity[..., 1, 0]) / 2


def _contrasts(points: Checkpoint) -> dict[str, np.ndarray]:
    teachers = points.flow.tasks.teachers[0, 0]
    similarity = np.asarray(jax.vmap(jax.vmap(lambda each: similarity_matrix(teachers, each)))(points.table.weights))
    before = np.concatenate([similarity[:, :1], similarity[:, :-1]], axis=1)
    return {"contrast": contrast((before + similarity) / 2), "last_contrast": contrast(similarity)}


def _closed_form(gates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    places = list(np.ndindex(gates.shape[:2]))
    each = [
        [laplace_dimension(gates[at], weights[at], temperature, LOCALISATION) for at in places]
        for temperature in TEMPERATURES
    ]
    return np.reshape(each, (len(TEMPERATURES), *gates.shape[:2]))


def _by_langevin(points: Checkpoint, parameters: Parameters) -> xr.Dataset:
    """The library's estimates in all directions at the end of the third block, for the first networks."""
    some = jax.tree.map(lambda leaf: leaf[: parameters.langevin, 2] if isinstance(leaf, jax.Array) else leaf, points)
    settings = Settings(USUAL, LOCALISATION, MALA(4, *parameters.steps))
    found = labelled(learning_coefficients(behavioural, some, settings), {"sampled": range(parameters.langevin)})
    return found[["value", "error", "status", "ess", "rhat"]].rename(
        {name: f"langevin_{name}" for name in ("value", "error", "status", "ess", "rhat")}
    )
