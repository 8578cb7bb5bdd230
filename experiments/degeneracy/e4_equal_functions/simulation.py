"""Points of equal function, and where the flow takes them."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from experiments.degeneracy.joint.conditions import FAST, SLOW, Sizes
from experiments.degeneracy.joint.measures import LOCALISATION, cosines, estimates, mala, maps
from experiments.harness.runs import Run
from ntadyn.degeneracy import GateTable
from ntadyn.degeneracy.closed_form import gated_linear, gated_with_l1, laplace_dimension
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import from_coefficients
from ntadyn.simulation.outcome import result_codes
from ntadyn.simulation.trajectory import simulate
from ntadyn.tasks import curricula, teachers

SHARES = (1.0, 0.9, 0.7, 0.6, 0.55)
START = 0.6
# Of a network with both terms: those of the default penalties, and for L2 the same relative weight.
NONNEGATIVE, L1, L2 = 1 / 11, 10 / 11, 1 / 11
STRENGTHS = (1.0, 10.0, 100.0)
CASES = {
    "L1": {"nonnegative": NONNEGATIVE, "unit_l1": L1},
    "L2": {"nonnegative": NONNEGATIVE, "unit_l2": L2},
    **{f"L1 + {by:g} L2": {"nonnegative": NONNEGATIVE, "unit_l1": L1, "unit_l2": by * L2} for by in STRENGTHS},
}
RECORDED = {
    "gates": lambda system, state, task: system.gates(state),
    "weights": lambda system, state, task: system.network(state).weights,
    "loss": lambda system, state, task: system.loss(state, task),
}


@dataclass(frozen=True)
class Parameters(Sizes):
    """What the experiment is made of.

    Attributes:
        blocks: of length 1.
        fast: whether chains are short.
    """

    d_in: int = 6
    d_out: int = 3
    blocks: int = 40
    fast: bool = False


def runs(parameters: Parameters) -> list[Run]:
    """Estimates, and trajectories."""
    arguments = {"parameters": parameters}
    return [Run("e4_points", points, arguments, "points"), Run("e4_drift", drift, arguments, "drift")]


def mixed(share: float, of_tasks: Float[Array, "m o i"]) -> GateTable:
    """C = [[a, 1-a], [1-a, a]], W = C^-1 T."""
    gates = np.array([[share, 1 - share], [1 - share, share]])
    return GateTable(jnp.asarray(gates), jnp.einsum("pm,moi->poi", jnp.asarray(np.linalg.inv(gates)), of_tasks))


def points(parameters: Parameters) -> xr.Dataset:
    """Estimates over (a, seed, cutoff), with exact coefficients, losses and the closed form at finite temperature."""
    tasks = teachers.orthogonal(jax.random.key(0), 2, parameters.d_out, parameters.d_in).teachers
    tables = [mixed(share, tasks) for share in SHARES]

    def repeated(leaves: list[Array]) -> Array:
        return jnp.repeat(jnp.stack(leaves)[:, None], parameters.seeds, axis=1)

    stacked = GateTable(repeated([each.gates for each in tables]), repeated([each.weights for each in tables]))
    axes = {"share": SHARES, "seed": range(parameters.seeds)}
    found = estimates(stacked, axes, mala(parameters.fast), 30)
    fine = np.linspace(0.52, 1.0, 97)
    curve = [[_laplace(mixed(share, tasks), cutoff) for cutoff in found.cutoff.values] for share in fine.tolist()]
    losses = [[float(jnp.sum((maps(each) - tasks)[task] ** 2)) / 2 for task in range(2)] for each in tables]
    return found.assign(
        loss=(("share", "task"), losses),
        exact=("share", [float(gated_linear(each.gates, each.weights).exact.coefficient) for each in tables]),
        exact_l1=("share", [float(gated_with_l1(each.gates, each.weights).exact.coefficient) for each in tables]),
        closed_form=(
            ("share", "cutoff"),
            [[_laplace(each, cutoff) for cutoff in found.cutoff.values] for each in tables],
        ),
        curve=(("fine_share", "cutoff"), curve),
        fine_share=fine,
    ).assign_attrs(entries=parameters.entries)


def drift(parameters: Parameters) -> xr.Dataset:
    """Gates, cosines and losses at the ends of blocks, from a = 0.6, under all penalties."""
    tasks = teachers.orthogonal(jax.random.key(0), 2, parameters.d_out, parameters.d_in)
    start = mixed(START, tasks.teachers)
    network = GatedLinear(gates=start.gates[0], weights=start.weights)
    found = []
    for coefficients in CASES.values():
        flow = GradientFlow(tasks, {"gates": FAST, "weights": SLOW}, from_coefficients(coefficients))
        curriculum = curricula.alternating(2, num_blocks=parameters.blocks, duration=1.0)
        run = eqx.filter_jit(lambda state, flow=flow, to=curriculum: simulate(flow, to, state, observables=RECORDED))
        trajectory = run(flow.initial_state(network))
        ends = {name: np.asarray(trajectory.at_block_ends(values)) for name, values in trajectory.values.items()}
        found.append(
            xr.Dataset(
                {
                    "gate": (("block", "path"), ends["gates"]),
                    "cosine": (("block", "task", "path"), cosines(jnp.asarray(ends["weights"]), tasks.teachers)),
                    "loss": ("block", ends["loss"]),
                    "result": ((), int(result_codes(trajectory.result))),
                }
            )
        )
    begun = cosines(start.weights, tasks.teachers)
    return (
        xr.concat(found, "case")
        .assign_coords(case=list(CASES), block=np.arange(1, parameters.blocks + 1))
        .assign(start_cosine=(("task", "path"), begun))
    )


def _laplace(table: GateTable, cutoff: float) -> float:
    return laplace_dimension(table.gates, table.weights, LOCALISATION / cutoff, LOCALISATION)
