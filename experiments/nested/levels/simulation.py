"""What is simulated for levels."""

from dataclasses import dataclass
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from experiments.harness.runs import Data, Run
from ntadyn.dynamics import GradientFlow
from ntadyn.nested import GateHierarchy, HierarchyFlow, levels_of, ranked
from ntadyn.networks import GatedLinear
from ntadyn.simulation import FixedSteps, Trajectory, simulate
from ntadyn.simulation.outcome import result_codes
from ntadyn.specs import building
from ntadyn.specs.families import PRESETS
from ntadyn.tasks import TaskSet
from ntadyn.tasks.curricula import sequence
from ntadyn.tasks.teachers import Scale, matched_rows_orthogonal

TASK = jnp.eye(3)[0]
TAU_WEIGHTS = 1.0
NETWORKS = {"gates": (), "contexts and gates": (2,)}


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        slowest: the largest tau_c, in units of the block and of tau_W.
        num_taus: each half the one before.
        num_paths: of the networks; half of them in either context of the hierarchy.
        d_out: outputs.
        d_in: inputs.
        steps: per shortest time constant.
        seed: the seed that all keys are derived from.
    """

    slowest: float = 0.04
    num_taus: int = 5
    num_paths: int = 4
    d_out: int = 10
    d_in: int = 20
    steps: int = 20
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """One."""
    return [Run("levels", simulated, {"parameters": parameters})]


def simulated(parameters: Parameters) -> Data:
    """Levels of all presets, and the way to the slow manifold.

    Args:
        parameters: what to run.

    Returns:
        "levels": name, rank, moves per data point, rate and size of every level, over `row`, with the `preset` it
        belongs to. "manifold": `distance` of the weights after a block from those on the slow manifold, over network
        and tau, and how far these have moved.
    """
    return {"levels": _levels(), "manifold": _manifold(parameters)}


def _levels() -> xr.Dataset:
    found = []
    for preset, make in PRESETS.items():
        system, state = eqx.filter_jit(make().build)(building.first(building.keys_of(0, [(0, 0, 0)])))
        found += [(preset, row) for row in ranked(levels_of(system, state))]
    columns = {
        "preset": [preset for preset, _ in found],
        "level": [row.name for _, row in found],
        "rank": [row.rank for _, row in found],
        "moves": [row.frequency.per_data_point for _, row in found],
        "moves_per_block": [row.frequency.per_block for _, row in found],
        "rate": [row.rate for _, row in found],
        "size": [row.size for _, row in found],
    }
    return xr.Dataset({name: ("row", values) for name, values in columns.items()})


def _manifold(parameters: Parameters) -> xr.Dataset:
    of_teachers, of_weights = jax.random.split(jax.random.key(parameters.seed))
    tasks = matched_rows_orthogonal(of_teachers, 3, parameters.d_out, parameters.d_in, Scale.UNIT)
    shape = (parameters.num_paths, parameters.d_out, parameters.d_in)
    weights = jax.random.normal(of_weights, shape) / parameters.d_in**0.5
    limit = _on_the_manifold(weights, tasks.teachers[0])
    taus = parameters.slowest * 0.5 ** np.arange(parameters.num_taus)
    # A multiple of all time constants, so that one program does.
    method = FixedSteps(max_step=float(taus[-1]) / parameters.steps)
    curriculum = sequence([0], 1.0, 3)
    distances, results = [], []
    for branches in NETWORKS.values():

        def end(tau: Array, branches: tuple[int, ...] = branches) -> Trajectory:
            system, state = _at_best_gates(tasks, weights, tau, branches)
            return simulate(system, curriculum, state, method=method, observables={})

        found = jax.jit(jax.vmap(end))(jnp.asarray(taus))
        last = found.final_state.paths.weights if branches else found.final_state.weights
        distances.append(np.sqrt(np.sum((np.asarray(last) - np.asarray(limit)[None]) ** 2, axis=(1, 2, 3))))
        results.append(np.asarray(result_codes(found.result)))
    return xr.Dataset(
        {
            "distance": (("network", "tau"), np.stack(distances)),
            "result": (("network", "tau"), np.stack(results)),
            "moved": ((), float(jnp.linalg.norm((limit - weights).ravel()))),
        },
        {"network": list(NETWORKS), "tau": taus},
    )


def _best_gates(weights: Float[Array, "p o i"], teacher: Float[Array, "o i"]) -> Float[Array, " p"]:
    """c*(W) = argmin_c |sum_p c_p W^p - W*|^2."""
    gram = jnp.einsum("poi,qoi->pq", weights, weights)
    return jnp.linalg.solve(gram, jnp.einsum("poi,oi->p", weights, teacher))


def _on_the_manifold(weights: Float[Array, "p o i"], teacher: Float[Array, "o i"]) -> Float[Array, "p o i"]:
    """W after a block of tau_W dW/dt = -dL/dW at c*(W)."""

    def field(t: Any, weights: Any, args: Any) -> Array:
        del t, args
        gates = _best_gates(weights, teacher)
        return gates[:, None, None] * (teacher - jnp.einsum("p,poi->oi", gates, weights))[None] / TAU_WEIGHTS

    found = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        diffrax.Tsit5(),
        0.0,
        1.0,
        1e-3,
        weights,
        stepsize_controller=diffrax.PIDController(rtol=1e-11, atol=1e-13),
    )
    assert found.ys is not None
    return found.ys[-1]


def _at_best_gates(
    tasks: TaskSet, weights: Float[Array, "p o i"], tau: Array, branches: tuple[int, ...]
) -> tuple[GradientFlow | HierarchyFlow, GatedLinear | eqx.Module]:
    """A network without penalties whose gates are best at the start, those of contexts one and as fast."""
    flow = GradientFlow(tasks, {"gates": tau, "weights": TAU_WEIGHTS})
    gates = _best_gates(weights, tasks.teachers[0])
    if not branches:
        return flow, GatedLinear(gates, weights)
    system = HierarchyFlow(flow, branches, (tau,))
    return system, system.initial_state(GateHierarchy((jnp.ones(branches),), gates, weights))
