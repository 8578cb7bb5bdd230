"""Grazing orbits in the plane, orbits of the whole system, and runs that start on the orbit of the fold."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from ntadyn.dynamics import OrderParameters
from ntadyn.regularizers import from_coefficients
from ntadyn.simulation import FixedSteps, simulate
from ntadyn.solvers import LorentzBoost
from ntadyn.specs.branches import (
    grazing_over_gates,
    neutral_overlaps,
    specialised_over_gates,
    unspecialised_over_gates,
)
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.stability import TeacherPlane, band_fold
from ntadyn.tasks import TaskSet, curricula

SHARES = (0.05, 2.0)  # of the fold, between which orbits are followed
# Of the norm on gates in runs around the fold: as in the specification, ten times that of figure 5.
STIFF, HINGE = 12.5, 0.25


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        durations: of blocks, for which the fold is sought; the first is that of all else.
        whole: whether orbits of the whole system are followed.
        factors: gate time constants of runs around the fold, in units of that of the fold.
        blocks: of these runs.
        steps: per block.
    """

    durations: tuple[float, ...] = (1.0, 200.0, 4.0, 2.0, 0.6, 0.4, 0.2, 0.1)
    whole: bool = True
    factors: tuple[float, ...] = (0.9, 0.96, 0.98, 1.02, 1.04, 1.1)
    blocks: int = 600
    steps: int = 200


def runs(parameters: Parameters) -> list[Run]:
    """Curves, and runs.

    Args:
        parameters: sizes and numbers.
    """
    curves = [
        Run(f"grazing-{each:g}", grazing, {"duration": each}, dataset=f"grazing {each:g}")
        for each in parameters.durations
    ]
    first = parameters.durations[0]
    around = {"duration": first, "factors": parameters.factors, "blocks": parameters.blocks, "steps": parameters.steps}
    found = [*curves, Run("around-fold", around_fold, around, dataset="around")]
    if parameters.whole:
        arguments = {"duration": first}
        found.append(Run("unspecialised", unspecialised, arguments, dataset="unspecialised"))
        found.append(Run("specialised", specialised, arguments, dataset="specialised"))
    return found


def grazing(duration: float) -> xr.Dataset:
    """Grazing orbits, through the fold."""
    return grazing_over_gates(_cell(duration), _range(duration))


def unspecialised(duration: float) -> xr.Dataset:
    """The unspecialised orbit."""
    return unspecialised_over_gates(_cell(duration), _range(duration))


def specialised(duration: float) -> xr.Dataset:
    """The specialised orbit, until its events change."""
    return specialised_over_gates(_cell(duration), _range(duration), LorentzBoost())


def around_fold(duration: float, factors: tuple[float, ...], blocks: int, steps: int) -> xr.Dataset:
    """Q and contact of runs that start on the symmetric orbit with the q of the fold, with other gates."""
    fold = band_fold(TeacherPlane(duration, 1.0))
    plane = TeacherPlane(duration, 1.0)
    tasks = TaskSet(float(plane.teacher_norm) * jnp.eye(2)[:, None, :], names=("A", "B"), num_base=2)
    penalties = from_coefficients({"unit_l1": STIFF, "nonnegative": HINGE})
    curriculum = curricula.alternating(2, blocks, jnp.asarray(duration))
    conserved, least = [], []
    for factor in factors:
        gates = factor * fold.gates
        state = neutral_overlaps(TeacherPlane(duration, gates), fold.q, tasks.teachers.dtype)
        system = OrderParameters(tasks, {"gates": gates, "weights": 1.0}, penalties)
        found = simulate(system, curriculum, state, method=FixedSteps(LorentzBoost(), duration / steps))
        # Of the very start, and the end of every block.
        c, k = (
            np.concatenate([np.asarray(values[:1]), np.asarray(found.at_block_ends(values))])
            for values in (found.values["gates"], found.values["student_overlaps"])
        )
        conserved.append(k[:, 0, 0] + k[:, 1, 1] - 2 * k[:, 0, 1] - gates * (c[:, 0] - c[:, 1]) ** 2)
        least.append(c.min(axis=1))
    return xr.Dataset(
        {"q": (("factor", "block"), np.array(conserved)), "least_gate": (("factor", "block"), np.array(least))},
        {"factor": list(factors), "block": np.arange(blocks + 1)},
        {"fold": fold.gates, "q": fold.q, "duration": duration},
    )


def _cell(duration: float) -> Configuration:
    """Figure 5 at gates of a third of the fold's."""
    third = band_fold(TeacherPlane(duration, 1.0)).gates / 3
    changes = {"time_constants.gates": third, "curriculum.block_duration": duration}
    return replaced(figure_5_published(), {**changes, "curriculum.total_time": max(7.0, 2 * duration)})


def _range(duration: float) -> tuple[float, float]:
    fold = band_fold(TeacherPlane(duration, 1.0)).gates
    return SHARES[0] * fold, SHARES[1] * fold
