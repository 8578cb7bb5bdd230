"""What is measured of tables of gates: coefficients at all cutoffs, and cosines of paths with teachers."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float
from numpy.typing import NDArray

from experiments.degeneracy.joint.predictions import CUTOFFS
from ntadyn.degeneracy import MALA, BehaviouralAt, GateTable, Settings, labelled, learning_coefficients
from ntadyn.degeneracy.closed_form import laplace_dimension
from ntadyn.degeneracy.samplers import AbstractSampler
from ntadyn.metrics import optimal_assignment, similarity_matrix, total_alignment

LOCALISATION = 100.0


def maps(table: GateTable) -> Float[Array, "m o i"]:
    """F_m = sum_p C_mp W^p."""
    return jnp.einsum("mp,poi->moi", table.gates, table.weights)


def estimates(
    tables: GateTable,
    axes: dict[str, Sequence],
    sampler: AbstractSampler,
    seed: int,
    cutoffs: Sequence[float] = CUTOFFS,
) -> xr.Dataset:
    """Coefficients of behaviour around tables, at all cutoffs; with the effective dimension of each.

    Args:
        tables: arrays over the axes.
        axes: their names and values.
        sampler: of all estimates.
        seed: of random numbers, and the numbers after it for further cutoffs.
        cutoffs: gamma / t, with gamma = 100.

    Returns:
        Numbers of estimates over the axes and cutoffs.
    """
    shape = tuple(len(values) for values in axes.values())
    points = GateTable(*(leaf.reshape(-1, *leaf.shape[len(shape) :]) for leaf in (tables.gates, tables.weights)))
    settings = Settings(localisation=LOCALISATION, sampler=sampler)
    found = []
    for number, cutoff in enumerate(cutoffs):  # in turns, for memory; one program for all
        temperatures = [LOCALISATION / cutoff] * len(points.gates)
        measured = learning_coefficients(_BEHAVIOUR, points, settings, seed + number, None, temperatures)
        found.append(labelled(measured, axes).drop_vars("cutoff"))
    kept = ["value", "error", "effective_dimension", "trusted", "status", "ess", "rhat", "distance", "gradients"]
    return xr.concat(found, "cutoff").assign_coords(cutoff=list(cutoffs))[kept]


def trusted(found: xr.Dataset, number: str = "value") -> xr.DataArray:
    """The numbers of trusted estimates; not a number where one was refused."""
    return found[number].where(found.trusted.astype(bool))


def mala(fast: bool = False) -> MALA:
    """The sampler of all estimates, of full or of quick runs.

    Six times the usual number of draws: with 4000 of each chain all estimates at the finest cutoff were refused.
    """
    lengths = {"num_warm_up": 300, "num_draws": 600} if fast else {"num_warm_up": 2000, "num_draws": 24_000}
    return MALA(**lengths)  # pyright: ignore[reportCallIssue]


def laplace(tables: GateTable, cutoffs: Sequence[float] = CUTOFFS) -> NDArray[np.float64]:
    """The effective dimension of all tables at all cutoffs, shape (..., cutoffs); gates of paths or of full layers."""
    gates, weights = np.asarray(tables.gates), np.asarray(tables.weights)
    axes = gates.shape[:2]
    found = [
        [laplace_dimension(table, rows, LOCALISATION / cutoff, LOCALISATION) for cutoff in cutoffs]
        for table, rows in zip(
            gates.reshape(-1, *gates.shape[2:]), weights.reshape(-1, *weights.shape[2:]), strict=True
        )
    ]
    return np.reshape(found, (*axes, len(cutoffs)))


def cosines(weights: Array, teachers: Array) -> NDArray[np.float64]:
    """Cosine of every teacher with every path, shape (..., tasks, paths)."""
    flat = weights.reshape(-1, *weights.shape[-3:])
    found = np.stack([np.asarray(similarity_matrix(teachers, each)) for each in flat])
    return found.reshape(*weights.shape[:-3], *found.shape[1:])


def alignment(of_pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean cosine of teachers with the paths matched to them, shape (...)."""
    flat = jnp.asarray(of_pairs.reshape(-1, *of_pairs.shape[-2:]))
    found = [float(total_alignment(each, optimal_assignment(each))) for each in flat]
    return np.reshape(found, of_pairs.shape[:-2])


_BEHAVIOUR = BehaviouralAt(maps)
