"""What is simulated around the specialised orbit, and in other networks for hundreds of blocks."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Data, Run
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import from_relative_weights
from ntadyn.simulation import FixedSteps, Updates, observables
from ntadyn.simulation.outcome import result_codes
from ntadyn.solvers import LorentzBoost
from ntadyn.specs.configuration import Dynamics, RelativePenalties
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_2_flexible
from ntadyn.stability import SWAPPED_TASKS_AND_PATHS, Orbit, StroboscopicMap, find_periodic
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import alternating

SIZES = (1e-6, 1e-3, 1e-2, 3e-2)  # standard deviation of every component of the weights, once
NOISES = (1e-3, 1e-2)  # and after every block
# Near S, at the start of a block of A: coordinates along A/|A| and B/|B|.
NEAR = GatedLinear(jnp.array([1.0, 0.0]), jnp.array([[[0.0, 0.7071]], [[0.6903, 0.0168]]]))
TIME_CONSTANTS = {"gates": 0.03, "weights": 1.3}
# Figure 2 from small weights. The cost of a run decides how many blocks there are.
SYSTEMS: dict[str, tuple[dict[str, Any], int]] = {
    "order parameters": ({"dynamics": Dynamics.ORDER_PARAMETERS}, 4),
    "weight space": ({"dynamics": Dynamics.GRADIENT_FLOW}, 1),
    "batches": ({"dynamics": Dynamics.ONLINE}, 3),
    "L2 norm": (
        {
            "dynamics": Dynamics.ORDER_PARAMETERS,
            "penalties": RelativePenalties(strength=0.1, nonnegative=1.0, unit_l1=None, unit_l2=10.0),
        },
        4,
    ),
    "three tasks": (
        {"dynamics": Dynamics.ORDER_PARAMETERS, "teachers.num_tasks": 3, "teachers.d_in": 30, "network.num_paths": 3},
        4,
    ),
}


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        steps_per_block: of all flows.
        num_blocks: that a disturbed run has to return.
        num_runs: for every size of a disturbance.
        noisy_runs: for every size of a disturbance after every block.
        systems: names in `SYSTEMS`.
        system_blocks: of order parameters; whole matrices get a quarter of them.
        batch_step: of the published updates on batches.
        seed: of all disturbances.
    """

    steps_per_block: int = 100
    num_blocks: int = 3000
    num_runs: int = 40
    noisy_runs: int = 16
    systems: tuple[str, ...] = tuple(SYSTEMS)
    system_blocks: int = 2000
    batch_step: float = 5e-3
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """Disturbed runs around S, once and after every block; and other networks."""
    of_all = {"parameters": parameters}
    return [
        Run("half_stable_disturbed", disturbed, of_all),
        *(
            Run(f"half_stable_{name.replace(' ', '_')}", elsewhere, of_all | {"name": name}, name)
            for name in parameters.systems
        ),
    ]


def half_period(steps_per_block: int) -> StroboscopicMap:
    """One block of figure 2 in the plane of its teachers, and then tasks and paths renamed."""
    tasks = from_matrices(0.5**0.5 * jnp.eye(2)[:, None, :])
    system = GradientFlow(tasks, TIME_CONSTANTS, from_relative_weights(0.1, nonnegative=1, unit_l1=10))
    block = alternating(2, 1, jnp.asarray(1.0))
    return StroboscopicMap.of(
        system, block, NEAR, SWAPPED_TASKS_AND_PATHS, FixedSteps(LorentzBoost(), 1 / steps_per_block)
    )


def specialised_orbit(map: StroboscopicMap) -> Orbit:
    """S, at which the gate of the path that is not used is exactly zero."""
    return find_periodic(map, NEAR)


def disturbed(parameters: Parameters) -> Data:
    """|W^1 - W^2| and the smallest gate after every block: "once" over (size, run, block), "always" over noise."""
    map = half_period(parameters.steps_per_block)
    orbit = specialised_orbit(map)
    shapes = (len(SIZES), parameters.num_runs), (len(NOISES), parameters.noisy_runs)
    noise = np.random.default_rng(parameters.seed).normal(size=(*shapes[0], *NEAR.weights.shape))
    moved = np.asarray(SIZES)[:, None, None, None, None] * noise
    number = shapes[1][0] * shapes[1][1]
    starts = np.concatenate([moved.reshape(-1, *NEAR.weights.shape), np.zeros((number, *NEAR.weights.shape))])
    sizes = np.concatenate([np.zeros(shapes[0][0] * shapes[0][1]), np.repeat(NOISES, shapes[1][1])])
    found = _followed(map, orbit, starts, sizes, parameters)
    cut = len(sizes) - number
    once = _over("size", SIZES, [values[:cut] for values in found])
    return {
        "once": once.assign(of_orbit(orbit)),
        "always": _over("noise", NOISES, [values[cut:] for values in found]),
    }


def of_orbit(orbit: Orbit) -> dict[str, Any]:
    """What is known of S itself."""
    distance = float(jnp.linalg.norm(orbit.state.weights[0] - orbit.state.weights[1]))
    return {
        "orbit_distance": distance,
        "orbit_residual": orbit.residual,
        "multiplier": ("direction", np.sort_complex(np.linalg.eigvals(orbit.jacobian)).real),
    }


def _followed(map: StroboscopicMap, orbit: Orbit, moved: Any, sizes: Any, parameters: Parameters) -> Any:
    """Distances of paths and smallest gates after every block, each of shape (runs, blocks)."""
    weights = orbit.state.weights[None] + jnp.asarray(moved)
    keys = jax.random.split(jax.random.key(parameters.seed), len(weights))

    @eqx.filter_jit
    def all_of(weights, sizes, keys):
        def one(weights, size, key):
            def block(network, key):
                network = map(network)
                row = jnp.linalg.norm(network.weights[0] - network.weights[1]), jnp.min(network.gates)
                moved = network.weights + size * jax.random.normal(key, network.weights.shape)
                return GatedLinear(network.gates, moved), row

            start = GatedLinear(orbit.state.gates, weights)
            return jax.lax.scan(block, start, jax.random.split(key, parameters.num_blocks))[1]

        return jax.vmap(one)(weights, sizes, keys)

    return jax.tree.map(np.asarray, all_of(weights, jnp.asarray(sizes), keys))


def _over(name: str, sizes: tuple[float, ...], found: list[np.ndarray]) -> xr.Dataset:
    distance, gate = (values.reshape(len(sizes), -1, values.shape[-1]) for values in found)
    dims = (name, "run", "block")
    return xr.Dataset({"distance": (dims, distance), "smallest_gate": (dims, gate)}, {name: list(sizes)})


def elsewhere(parameters: Parameters, name: str) -> xr.Dataset:
    """The mean distance of two paths at the ends of blocks, and the contrast of cosines, over (seed, block)."""
    changes, seeds = SYSTEMS[name]
    blocks = parameters.system_blocks // (1 if seeds > 1 else 4)
    spec = replaced(
        figure_2_flexible(),
        {**changes, "curriculum.num_blocks": blocks, "curriculum.total_time": None, "randomness.num_seeds": seeds},
    )
    online = spec.dynamics is Dynamics.ONLINE
    method = Updates(parameters.batch_step) if online else FixedSteps(LorentzBoost(), 1 / parameters.steps_per_block)
    found, _ = run_ensemble(spec, OBSERVED, method=method)
    students, gates = (np.asarray(found.values[key])[:, 1::2] for key in ("students", "gates"))
    squares = np.diagonal(students, axis1=-2, axis2=-1)
    pairs = np.triu_indices(students.shape[-1], 1)
    distances = np.sqrt(squares[..., pairs[0]] + squares[..., pairs[1]] - 2 * students[..., pairs[0], pairs[1]])
    dims = ("seed", "block")
    return xr.Dataset(
        {"distance": (dims, distances.mean(-1)), "smallest_gate": (dims, gates.min(-1))},
        attrs={"ended_well": int(np.sum(np.asarray(result_codes(found.result)) == 0))},
    )


def _summed(system: Any, state: Any, task: Any) -> Any:
    return jnp.sum(system.overlaps(state).students, axis=0)


OBSERVED = {"students": _summed, "gates": observables.gates}
