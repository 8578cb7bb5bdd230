"""What is simulated for the comparison of steps over many blocks."""

import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from experiments.sandbrink_2024 import figure_a2
from experiments.sandbrink_2024.figure_4.simulation import towards_the_cycle
from experiments.sandbrink_2024.figure_a2.simulation import flow
from experiments.sandbrink_2024.runs import block_length
from experiments.sandbrink_2024.runs.specialisation import dataset_of, with_published_times
from experiments.sandbrink_2024.runs.toy import follow_flow
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import from_coefficients
from ntadyn.simulation import FixedSteps, observables, simulate
from ntadyn.solvers import LorentzBoost, Splitting
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import alternating

SOLVERS = {"Splitting": Splitting(), "LorentzBoost": LorentzBoost()}
MAP_GATES = (0.01, 0.02, 0.03)
MAP_TIME, MAP_STEP = 7.0, 0.01
# Figure 5 at blocks of one, in the plane of its teachers, from weights of the size of figure 5.
ORBIT_GATES = 0.05
ORBIT_START = ((-0.0046489263193896496, 0.00209560386200658), (0.0013919233038896517, 0.001689755956316383))


@dataclass(frozen=True)
class Parameters:
    """What is compared.

    Attributes:
        figures: names in `FIGURES`.
        cycle_blocks: of the run of figure 4.
        max_step: of figures 4, A9 and A10.
        a2_seeds: repetitions of figure A2.
        map_blocks: lengths of blocks in figure 5, of which seven units of time have 70 at 0.1.
        map_seeds: repetitions of each cell.
        orbit_blocks: of the orbit.
        orbit_steps: of the orbit, per block.
    """

    figures: tuple[str, ...] = ("4", "a9", "a10", "a2", "5", "orbit")
    cycle_blocks: int = 100
    max_step: float = 2e-3
    a2_seeds: int = 2
    map_blocks: tuple[float, ...] = (0.1,)
    map_seeds: int = 20
    orbit_blocks: int = 3000
    orbit_steps: int = 400


def runs(parameters: Parameters) -> list[Run]:
    """Everything by both steps; of each the data is named by the figure and the step."""
    return [
        Run(
            f"long_runs_{name}_{solver}",
            FIGURES[name],
            {"parameters": parameters, "solver": solver},
            dataset=f"{name} {solver}",
        )
        for name in parameters.figures
        for solver in SOLVERS
    ]


def cycle(parameters: Parameters, solver: str) -> xr.Dataset:
    """Panels F and G of figure 4."""
    run, per_block = towards_the_cycle(parameters.cycle_blocks), block_length.RECORDS_PER_BLOCK
    return follow_flow(run, parameters.max_step, per_block, solver=SOLVERS[solver])


def block_lengths(parameters: Parameters, solver: str) -> xr.Dataset:
    """The left of figure A9, panel E of figure 4."""
    return block_length.students(parameters.max_step, SOLVERS[solver])


def one_block(parameters: Parameters, solver: str) -> xr.Dataset:
    """Figure A10, in equal steps."""
    return dataset_of(with_published_times(FixedSteps(SOLVERS[solver], parameters.max_step)))


def ranks(parameters: Parameters, solver: str) -> xr.Dataset:
    """Figure A2."""
    return flow(figure_a2.simulation.Parameters(num_seeds=parameters.a2_seeds, num_batch_seeds=0), SOLVERS[solver])


def short_blocks(parameters: Parameters, solver: str) -> xr.Dataset:
    """Gates and overlaps of figure 5 at the end, over (block_duration, gates, seed)."""
    spec = replaced(
        figure_5_published(), {"curriculum.total_time": MAP_TIME, "randomness.num_seeds": parameters.map_seeds}
    )
    rows = []
    for duration in parameters.map_blocks:
        for gates in MAP_GATES:
            changes = {"curriculum.block_duration": duration, "time_constants.gates": gates}
            step = duration / math.ceil(duration / MAP_STEP)
            found, _ = run_ensemble(replaced(spec, changes), method=FixedSteps(SOLVERS[solver], step))
            rows.append(np.asarray(found.values["alignment"])[:, -1])
    values = np.asarray(rows).reshape(len(parameters.map_blocks), len(MAP_GATES), -1)
    return xr.Dataset(
        {"alignment": (("block_duration", "gates", "seed"), values)},
        {"block_duration": list(parameters.map_blocks), "gates": list(MAP_GATES)},
    )


def orbit(parameters: Parameters, solver: str) -> xr.Dataset:
    """|W^1 - W^2| at the ends of blocks of figure 5, from small weights."""
    size = 0.5**0.5
    tasks = from_matrices(size * jnp.eye(2)[:, None, :])
    penalties = from_coefficients({"nonnegative": 0.25, "unit_l1": 1.25})
    system = GradientFlow(tasks, {"gates": ORBIT_GATES, "weights": 1.0}, penalties)
    network = GatedLinear(jnp.array([0.5, 0.5]), jnp.asarray(ORBIT_START)[:, None, :])
    method = FixedSteps(SOLVERS[solver], 1 / parameters.orbit_steps)
    found = simulate(
        system,
        alternating(2, parameters.orbit_blocks, 1.0),
        network,
        method=method,
        observables={"students": observables.student_overlaps, "gates": observables.gates},
    ).values
    students, gates = np.asarray(found["students"])[1::2].reshape(-1, 2, 2), np.asarray(found["gates"])[1::2]
    squared = students[:, 0, 0] + students[:, 1, 1] - 2 * students[:, 0, 1]
    return xr.Dataset(
        {
            "distance": ("block", np.sqrt(squared)),
            "q": ("block", squared / ORBIT_GATES - (gates[:, 0] - gates[:, 1]) ** 2),
        },
        {"block": np.arange(1, parameters.orbit_blocks + 1)},
    )


FIGURES = {"4": cycle, "a9": block_lengths, "a10": one_block, "a2": ranks, "5": short_blocks, "orbit": orbit}
