"""Cells of figure 5 followed by SciPy from event to event, in the few dimensions that their weights ever leave.

Weights only move along the error, which lies in the span of teachers and initial weights. In orthonormal coordinates of
that span a path is a vector of as many numbers as there are paths and teachers, and for white inputs nothing else
changes: the reference is as independent of ntadyn as `tests.battery.filippov` is, at a fiftieth of its cost.
"""

import itertools
from typing import Any, NamedTuple

import numpy as np

from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.paths import replaced
from tests.battery.filippov import Accuracy, solve
from tests.battery.problems import HINGE, PATHS, UNIT_L1, Problem

# Ten times looser moves no gate by more than 1e-8 on these cells.
ACCURACY = Accuracy(rtol=1e-10, atol=1e-12)


class Reference(NamedTuple):
    """What lanes are compared with: gates at the end of every block, shape (blocks, paths), and the total alignment."""

    gates: np.ndarray
    alignment: float


def reference(configuration: Configuration, key: building.Keys, jitter: float = 0.0) -> Reference:
    """One repetition of a configuration.

    Args:
        configuration: two whole-path gates and the two kinked penalties of figure 5.
        key: the keys of one repetition.
        jitter: by how much of themselves the gates are moved apart at the start.
    """
    problem = problem_of(configuration, key, jitter)
    path = solve(problem, ACCURACY)
    return Reference(path.gates[:, -1], _alignment(path.weights[:, 0], problem.teachers[:, 0]))


def problem_of(configuration: Configuration, key: building.Keys, jitter: float = 0.0) -> Problem:
    """The same learning problem as plain numbers, in coordinates of the span of teachers and initial weights."""
    system, network = building.build(replaced(configuration, {"dynamics": Dynamics.GRADIENT_FLOW}), key)
    terms: Any = system.gate_penalty()
    (hinge,) = (float(term.k) for term in terms.terms if isinstance(term, Nonnegativity))
    (unit_l1,) = (float(term.k) for term in terms.terms if isinstance(term, UnitL1Norm))
    assert len(terms.terms) == 2
    teachers, weights = (np.asarray(item) for item in (system.tasks.teachers, network.weights))
    vectors = np.concatenate([teachers, weights]).reshape(len(teachers) + len(weights), -1)
    coordinates = (np.linalg.qr(vectors.T)[1].T)[:, None]
    curriculum = building.build_curriculum(configuration.curriculum, system.tasks)
    middles = np.asarray(0.5 * (curriculum.edges[1:] + curriculum.edges[:-1]))
    mixtures = np.stack([np.asarray(curriculum.task(block, t)) for block, t in enumerate(middles)])
    assert np.all(np.sort(mixtures, axis=1) == [0, 1])
    gates = np.asarray(network.gates)
    return Problem(
        kind=PATHS,
        teachers=coordinates[: len(teachers)],
        covariance=None,
        tau_gates=float(system.time_constants["gates"]),
        tau_weights=float(system.time_constants["weights"]),
        penalties={HINGE: hinge, UNIT_L1: unit_l1},
        gates=gates * (1 + jitter * np.where(np.arange(gates.size) % 2 == 0, 1, -1)),
        weights=coordinates[len(teachers) :],
        tasks=np.argmax(mixtures, axis=1),
        durations=np.asarray(curriculum.durations),
    )


def _alignment(paths: np.ndarray, teachers: np.ndarray) -> float:
    """The mean cosine of teachers and the paths that they are matched to, by the best matching at the end."""
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (teachers, paths)]
    similarity = unit[0] @ unit[1].T
    rows = np.arange(len(teachers))
    return float(max(np.mean(similarity[rows, list(order)]) for order in itertools.permutations(range(len(paths)))))
