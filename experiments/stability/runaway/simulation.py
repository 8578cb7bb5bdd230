"""Runs from perfect specialisation, from the specialised orbit and from small weights, and measures of their tables."""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.degeneracy.joint.graphs import GAP, graphs, over_tables
from experiments.degeneracy.joint.measures import estimates, laplace
from experiments.degeneracy.joint.predictions import GAPS
from experiments.harness.runs import Run
from ntadyn.degeneracy import MALA, GateTable
from ntadyn.degeneracy.closed_form import gated_linear, jacobian_spectrum
from ntadyn.degeneracy.interaction import (
    gini,
    interaction_basis,
    interaction_graph,
    neuron_basis,
    resolved,
    unrolled_table,
)
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, observables, simulate
from ntadyn.simulation.outcome import result_codes
from ntadyn.solvers import LorentzBoost
from ntadyn.stability import SWAPPED_TASKS_AND_PATHS, StroboscopicMap, find_periodic
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import alternating

GATES, K_1, K_NN = 0.05, 1.25, 0.25
TEACHERS = 0.5**0.5 * np.eye(2)  # A and B, each a row
MOVED = 0.001 * np.array([[0.3, 0.7], [0.0, 0.0]])
CASES = ("runaway", "at S", "small weights")
# Near S, at the start of a block of A.
NEAR = GatedLinear(jnp.array([1.0, 0.0]), jnp.array([[[0.0, 0.7071]], [[0.69, 0.017]]]))


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        steps_per_block: of the step that keeps Q.
        blocks: after how many of them is measured, even numbers; the last one is that of the runs.
        num_draws: of every chain of an estimate.
    """

    steps_per_block: int = 100
    blocks: tuple[int, ...] = (0, 4, 104, 504, 1004, 1504, 2004, 2504)
    num_draws: int = 8000


def runs(parameters: Parameters) -> list[Run]:
    """One run."""
    return [Run("runaway", along, {"parameters": parameters}, "runaway")]


def along(parameters: Parameters) -> xr.Dataset:
    """All measures over (case, block), and for coefficients over cutoffs."""
    gates, weights, result = followed(parameters)
    tables = GateTable(jnp.asarray(gates), jnp.asarray(weights))
    axes = {"case": CASES, "block": parameters.blocks}
    warm_up = parameters.num_draws // 4
    sampler = MALA(num_warm_up=warm_up, num_draws=parameters.num_draws)  # pyright: ignore[reportCallIssue]
    found = estimates(tables, axes, sampler, 50)
    over = ("case", "block")
    apart = np.linalg.norm(weights[:, :, 0] - weights[:, :, 1], axis=(-2, -1))
    swing = gates[:, :, 1, 0] - gates[:, :, 1, 1]
    known = {name: (over, values) for name, values in over_tables(tables, of_table).items()}
    return found.assign(known).assign(
        apart=(over, apart),
        q=(over, apart**2 / GATES - swing**2),
        gates=((*over, "task", "path"), gates),
        weights=((*over, "path", "coordinate"), weights[..., 0, :]),
        laplace=((*over, "cutoff"), laplace(tables)),
        result=("case", result),
    )


def followed(parameters: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gates before and at the ends of blocks, shape (case, block, 2, path); weights at the latter, and result codes.

    Before the first block, the gates of the task that was not met are those of the other one, with paths renamed; at S
    that is so, and perfectly specialised weights have the same symmetry.
    """
    system = GradientFlow(
        from_matrices(jnp.asarray(TEACHERS)[:, None, :]),
        {"gates": GATES, "weights": 1.0},
        {"gates": Nonnegativity(jnp.asarray(K_NN)) + UnitL1Norm(jnp.asarray(K_1))},
    )
    method = FixedSteps(LorentzBoost(), 1 / parameters.steps_per_block)
    map = StroboscopicMap.of(system, alternating(2, 1, jnp.asarray(1.0)), NEAR, SWAPPED_TASKS_AND_PATHS, method)
    orbit = find_periodic(map, NEAR).state
    small = 0.01 * np.random.default_rng(0).normal(size=(2, 1, 2))
    first_gates = jnp.stack([jnp.array([0.02, 0.98]), orbit.gates, jnp.array([0.5, 0.5])])
    first_weights = jnp.stack([jnp.asarray(TEACHERS + MOVED)[:, None], orbit.weights, jnp.asarray(small)])
    last = parameters.blocks[-1]
    curriculum, seen = alternating(2, last, jnp.asarray(1.0)), {"gates": observables.gates, "weights": _weights}

    @eqx.filter_jit
    @jax.vmap
    def run(gates, weights):
        start = GatedLinear(gates, weights)
        trajectory = simulate(system, curriculum, start, method=method, observables=seen)
        return trajectory.values, result_codes(trajectory.result)

    values, result = run(first_gates, first_weights)
    ends = {name: np.asarray(value)[:, 1::2] for name, value in values.items()}
    first = np.asarray(first_gates)
    gates = np.concatenate([first[:, None, ::-1], first[:, None], ends["gates"]], axis=1)
    weights = np.concatenate([np.asarray(first_weights)[:, None], ends["weights"]], axis=1)
    at = np.asarray(parameters.blocks)
    return np.stack([gates[:, at], gates[:, at + 1]], axis=2), weights[:, at], np.asarray(result)


class Measures(NamedTuple):
    """What is known of one table without sampling.

    Attributes:
        loss: mean over tasks of half the squared distance of its map from the task's teacher.
        exact: the coefficient of behaviour in the limit of small cutoffs.
        second_gate: the smaller singular value of C.
        softest: the smallest of the four curvatures of behaviour, the others of eight being zero.
        stiffest: the largest of them.
        modularity: of tasks, in the Interaction Basis.
        neuron_modularity: the same in the basis of paths.
        inequality: Gini coefficient of the four edges from two hidden directions to two outputs, 1/2 if one of each.
        neuron_inequality: the same in the basis of paths.
    """

    loss: float
    exact: float
    second_gate: float
    softest: float
    stiffest: float
    modularity: float
    neuron_modularity: float
    inequality: float
    neuron_inequality: float


def of_table(table: GateTable) -> Measures:
    """The measures of a table; inputs are white."""
    network = GatedLinear(table.gates[0], table.weights)
    gates, paths = np.asarray(table.gates), np.asarray(table.weights)[:, 0]
    told, unrolled, inputs = graphs(network, table), unrolled_table(network, table), 2**0.5 * np.eye(2)
    own = resolved(interaction_basis(unrolled.sections, inputs), inputs, unrolled.contexts, GAP)
    bases = own, neuron_basis(unrolled.sections, inputs)
    edges = [interaction_graph(basis, inputs, unrolled.contexts).edges[-1] for basis in bases]
    curvatures = jacobian_spectrum(gates, paths) / 2
    return Measures(
        loss=float(np.sum((gates @ paths - TEACHERS) ** 2) / 4),
        exact=float(gated_linear(gates, paths).exact.coefficient),
        second_gate=float(np.linalg.svd(gates, compute_uv=False)[1]),
        softest=float(curvatures.min()),
        stiffest=float(curvatures.max()),
        modularity=float(told.gap[GAPS.index(GAP)]),
        neuron_modularity=told.neuron,
        inequality=gini(edges[0]),
        neuron_inequality=gini(edges[1]),
    )


def _weights(system, state, task):
    del task
    return system.network(state).weights
