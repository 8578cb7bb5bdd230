"""Two solutions, and their coefficients at the temperatures of many sample sizes."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.degeneracy.joint.conditions import Sizes
from experiments.degeneracy.joint.measures import maps
from experiments.degeneracy.joint.predictions import LOCALISATIONS
from experiments.harness.runs import Run
from ntadyn.degeneracy import MALA, BehaviouralAt, GateTable, Settings, labelled, learning_coefficients
from ntadyn.degeneracy.closed_form import free_energy_crossing, gated_linear
from ntadyn.tasks import teachers

SAMPLES = (50, 150, 300, 500, 1500, 5000)
SOLUTIONS = ("flexible", "forgetful")
# Inputs and outputs of the second case of exact arithmetic.
SMALLER = (6, 3)


@dataclass(frozen=True)
class Parameters(Sizes):
    """What the experiment is made of.

    Attributes:
        fast: whether chains are short.
    """

    fast: bool = False


def runs(parameters: Parameters) -> list[Run]:
    """One."""
    return [Run("e6_free_energy", free_energies, {"parameters": parameters}, "free energies")]


def free_energies(parameters: Parameters) -> xr.Dataset:
    """Estimates over (localisation, solution, samples, seed), losses and exact coefficients of both solutions."""
    tasks, tables = solutions(*parameters.sizes)
    seeds, number = range(parameters.seeds), len(SAMPLES) * parameters.seeds
    points = jax.tree.map(lambda *leaves: jnp.repeat(jnp.stack(leaves), number, axis=0), *tables)
    temperatures = [samples / math.log(samples) for _ in SOLUTIONS for samples in SAMPLES for _ in seeds]
    axes = {"solution": SOLUTIONS, "samples": SAMPLES, "seed": seeds}
    sampler = MALA(num_warm_up=300, num_draws=600) if parameters.fast else MALA()  # pyright: ignore[reportCallIssue]
    behaviour, found = BehaviouralAt(maps), []
    for localisation in LOCALISATIONS:
        settings = Settings(localisation=localisation, sampler=sampler)
        measured = learning_coefficients(behaviour, points, settings, 4, inverse_temperatures=temperatures)
        found.append(labelled(measured, axes)[["value", "error", "effective_dimension", "trusted", "status"]])
    crossings = [exact_crossing(d_in, d_out) for d_in, d_out in (parameters.sizes, SMALLER)]
    return (
        xr.concat(found, "localisation")
        .assign_coords(localisation=list(LOCALISATIONS))
        .assign(
            loss=("solution", [_loss(table, tasks) for table in tables]),
            exact=("solution", [_exact(table) for table in tables]),
            crossing=("case", crossings),
        )
    )


def solutions(d_in: int, d_out: int) -> tuple[jax.Array, list[GateTable]]:
    """Two orthogonal teachers of norm one, and the tables of gates that do both tasks, or the mean of both.

    Args:
        d_in: inputs.
        d_out: outputs.

    Returns:
        Teachers, shape (2, d_out, d_in), and the tables of `SOLUTIONS`.
    """
    drawn = teachers.orthogonal(jax.random.key(0), 2, d_out, d_in).teachers
    tasks = drawn / jnp.linalg.norm(drawn, axis=(1, 2), keepdims=True)
    mean = jnp.broadcast_to(jnp.mean(tasks, axis=0), tasks.shape)
    return tasks, [GateTable(jnp.eye(2), tasks), GateTable(jnp.full((2, 2), 0.5), mean)]


def exact_crossing(d_in: int, d_out: int) -> float:
    """The crossing of exact coefficients."""
    tasks, (flexible, forgetful) = solutions(d_in, d_out)
    return free_energy_crossing(_loss(forgetful, tasks) - _loss(flexible, tasks), _exact(flexible) - _exact(forgetful))


def _loss(table: GateTable, tasks: jax.Array) -> float:
    return float(jnp.sum((maps(table) - tasks) ** 2) / (2 * len(tasks)))


def _exact(table: GateTable) -> float:
    return float(gated_linear(np.asarray(table.gates), np.asarray(table.weights)).exact.coefficient)
