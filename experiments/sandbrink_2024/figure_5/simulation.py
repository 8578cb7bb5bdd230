"""What is simulated for figure 5."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from experiments.harness.variants import seeded
from experiments.sandbrink_2024.runs.figure_5_cells import (
    BLOCK_DURATIONS,
    GATE_TIME_CONSTANTS,
    STRENGTHS,
    on_published_grid,
)
from ntadyn.metrics import optimal_assignment, total_alignment
from ntadyn.simulation import integrate, observables
from ntadyn.simulation.time_grid import lay_out, stack
from ntadyn.specs import building, presets
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import Axis, Sweep, Threads, run_sweep
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH
from ntadyn.tasks import Blocked

FAST_GATES = 0.005
EULER_STEP = 1e-3


@dataclass(frozen=True)
class Parameters:
    """What figure 5 is made of, besides the presets.

    Attributes:
        num_seeds: repetitions with other initial weights, on one set of teachers.
        seed: the seed that all keys are derived from.
        initial_scale: nominal scale of initial weights, in the convention of the figure.
        fitted_scale: another one, which was found to bring the maps closest to the stored arrays.
        variants: which pairs of maps to run; "published" is what the others are compared with.
    """

    num_seeds: int = 10
    seed: int = 0
    initial_scale: float = 0.01
    fitted_scale: float = 0.12
    variants: tuple[str, ...] = ("published", "released", "fitted_scale")


def runs(parameters: Parameters) -> list[Run]:
    """Both maps of every variant, and the column without penalty in the published scheme.

    Args:
        parameters: what to run.

    Returns:
        Runs of the maps "gate_speed_<variant>" and "penalty_<variant>" ("published" on true block lengths and, beside
        them, on those of the published grid), and of "no_penalty".
    """
    maps = {f"{plan.name}_{variant}": plan for variant, pair in variants(parameters).items() for plan in pair}
    found = [Run(f"figure_5_{name}", one_map, {"plan": plan}, name) for name, plan in maps.items()]
    configuration = _published(parameters, parameters.initial_scale)
    return [*found, Run("figure_5_no_penalty", without_penalty, {"configuration": configuration}, "no_penalty")]


def one_map(plan: Sweep) -> xr.Dataset:
    """A map, on one core."""
    return run_sweep(plan, compute=Threads(1))


def variants(parameters: Parameters) -> dict[str, tuple[Sweep, Sweep]]:
    """The gate-speed map and the penalty map of every variant."""
    on_grid = on_published_grid(BLOCK_DURATIONS)
    both = tuple(sorted({*BLOCK_DURATIONS, *on_grid}))
    maps = {
        "published": (_published(parameters, parameters.initial_scale), both),
        "released": (seeded(presets.figure_5_released(), parameters.num_seeds, parameters.seed), BLOCK_DURATIONS),
        "fitted_scale": (_published(parameters, parameters.fitted_scale), on_grid),
    }
    return {name: _maps(*maps[name]) for name in parameters.variants}


def without_penalty(configuration: Configuration) -> xr.Dataset:
    """Alignments in the column without penalty by the published scheme: Euler steps of 0.001 on the published grid.

    Args:
        configuration: the published one; gates are made fast and the penalty is switched off.

    Returns:
        Dataset with `alignment`, dimensions (block_duration, seed).
    """
    changes = {
        "time_constants.gates": FAST_GATES * gate_scale(configuration),
        "penalties.strength": 0.0,
        "dynamics": Dynamics.GRADIENT_FLOW,
    }
    configuration = replaced(configuration, changes)
    keys, method = building.keys(configuration.randomness), building.explicit_euler(EULER_STEP)
    tasks = building.build_tasks(configuration.teachers, building.first(keys).teachers)
    curricula = [
        building.build_curriculum(dataclasses.replace(configuration.curriculum, block_duration=duration), tasks)
        for duration in on_published_grid(BLOCK_DURATIONS)
    ]
    most = max(curriculum.num_blocks for curriculum in curricula)
    order = jnp.stack(
        [
            jnp.pad(curriculum.tasks, (0, most - curriculum.num_blocks))
            for curriculum in curricula
            if isinstance(curriculum, Blocked)  # named curricula are
        ]
    )
    grids = stack([lay_out(curriculum, EULER_STEP) for curriculum in curricula])

    def final_alignment(key, grid, order):
        system, state = building.build(configuration, key)
        # The grid knows how long blocks are.
        curriculum = Blocked(tasks=order, durations=jnp.ones(order.shape), num_tasks=tasks.num_tasks)
        recorded = {"similarity": observables.similarity}
        last = integrate(system, curriculum, state, method, grid, recorded).values["similarity"][-1]
        return total_alignment(last, optimal_assignment(last))

    def row(item):
        return jax.vmap(lambda key: final_alignment(key, *item))(keys)

    alignment = np.asarray(jax.jit(lambda items: jax.lax.map(row, items))((grids, order)))
    return xr.Dataset({"alignment": (("block_duration", "seed"), alignment)}, {"block_duration": list(BLOCK_DURATIONS)})


def _maps(configuration: Configuration, durations: Sequence[float]) -> tuple[Sweep, Sweep]:
    scale = gate_scale(configuration)
    rows = Axis(BLOCK_DURATION, tuple(durations))
    fast = replaced(configuration, {GATE_TIME_CONSTANT: FAST_GATES * scale})
    gates = Axis(GATE_TIME_CONSTANT, tuple(value * scale for value in GATE_TIME_CONSTANTS))
    strengths = Axis(STRENGTH, tuple(value * scale for value in STRENGTHS))
    return Sweep(configuration, (rows, gates), "gate_speed"), Sweep(fast, (rows, strengths), "penalty")


def _published(parameters: Parameters, initial_scale: float) -> Configuration:
    nominal = replaced(presets.figure_5_released(), {"network.initial_scale": initial_scale})
    return seeded(presets.translated_from_legacy(nominal), parameters.num_seeds, parameters.seed)


def gate_scale(configuration: Configuration) -> float:
    """What was done to the nominal tau_c and lambda: 1/2 by the translation, nothing in the released parameters."""
    return configuration.time_constants.gates / presets.figure_5_released().time_constants.gates
