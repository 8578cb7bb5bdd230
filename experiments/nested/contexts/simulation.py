"""What is simulated for hierarchies of gates."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.harness.runs import Data, Run
from ntadyn.simulation.outcome import Trajectory, result_codes
from ntadyn.specs import building
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.hierarchy import ContextHierarchy, Contexts, TreeOfGates
from ntadyn.specs.hierarchy_presets import contexts
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import Axis, Sweep, Threads, run_sweep
from ntadyn.tasks import AbstractCurriculum

OF_CONTEXTS, OF_GATES = "clocks.contexts_to_gates", "clocks.gates_to_weights"
# Blocks end where the network has long come to rest; a step of this length follows them to a few 1e-3, see `numbers`.
STEP = 0.003
ORDERS = {"next": False, "resumes": True}


@dataclass(frozen=True)
class Clocks:
    """Two ratios of time constants.

    Attributes:
        contexts_to_gates: tau_g / tau_c.
        gates_to_weights: tau_c / tau_W.
    """

    contexts_to_gates: float
    gates_to_weights: float


# The names of the points of the map at which blocks are looked into.
POINTS = {
    "contexts slower": Clocks(4.0, 0.03),
    "contexts a little faster": Clocks(0.6, 0.07),
    "contexts much faster": Clocks(0.2, 0.03),
}
NETWORKS = {"hierarchy": (2, 2), "flat": (4,)}


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        size: cells of the map along each ratio, 0.1 to 30 for contexts and 0.003 to 0.3 for gates.
        size_of_three: the same for three contexts of three tasks; none if zero.
        num_seeds: repetitions with other initial weights, on one set of teachers.
        num_seeds_of_three: the same for three contexts.
        num_blocks: of the stream; visits to a context are of four.
        records: inside every block, where blocks are looked into; dense after its start, where the loss falls at once.
    """

    size: int = 32
    size_of_three: int = 8
    num_seeds: int = 10
    num_seeds_of_three: int = 3
    num_blocks: int = 64
    records: int = 79


def runs(parameters: Parameters) -> list[Run]:
    """The map, that of three contexts if there is one, and the points of it."""
    spec = dataclasses.replace(
        contexts(), max_step=STEP, stream=dataclasses.replace(contexts().stream, num_blocks=parameters.num_blocks)
    )
    plans = {"map": _plan(spec, parameters.size, parameters.num_seeds)}
    if parameters.size_of_three:
        plans["map_of_three"] = _plan(_of_three(spec), parameters.size_of_three, parameters.num_seeds_of_three)
    maps = [Run(f"contexts_{name}", one_map, {"plan": plan}, name) for name, plan in plans.items()]
    arguments = {"spec": spec, "num_seeds": parameters.num_seeds, "records": parameters.records}
    return [*maps, Run("contexts_points", at_points, arguments, "points")]


def one_map(plan: Sweep) -> xr.Dataset:
    """A map, on one core."""
    return run_sweep(plan, compute=Threads(1))


def at_points(spec: ContextHierarchy, num_seeds: int, records: int) -> Data:
    """Blocks from inside, in both orders of tasks, for hierarchies and for flat networks with as many paths.

    Args:
        spec: the hierarchy.
        num_seeds: repetitions.
        records: inside every block.

    Returns:
        "points": `area` under the loss of every block, `end` of it, and result codes, over point, network, order, seed
        and block. "traces": losses and gates of the first repetition of hierarchies, over point and record.
    """
    keys = building.keys_of(0, [(0, seed, seed) for seed in range(num_seeds)])
    found, traces = [], []
    for point in POINTS:
        of_point = []
        for network, branches in NETWORKS.items():
            trajectories = {order: _run(_at(spec, point, branches, order), keys, records) for order in ORDERS}
            of_point.append([_of_blocks(*found) for found in trajectories.values()])
            if network == "hierarchy":
                traces.append(_trace(*trajectories["next"]))
        found.append(of_point)
    points = xr.combine_nested(found, ["point", "network", "order"])
    names = {"point": list(POINTS), "network": list(NETWORKS), "order": list(ORDERS)}
    return {
        "points": points.assign_coords(names),
        "traces": xr.concat(traces, dim="point", data_vars="all").assign_coords(point=list(POINTS)),
    }


def _plan(spec: ContextHierarchy, size: int, num_seeds: int) -> Sweep:
    axes = (
        Axis(OF_CONTEXTS, tuple(np.geomspace(0.1, 30, size).tolist())),
        Axis(OF_GATES, tuple(np.geomspace(0.003, 0.3, size).tolist())),
    )
    return Sweep(spec, axes, num_seeds=num_seeds)


def _of_three(spec: ContextHierarchy) -> ContextHierarchy:
    """Three contexts of three tasks, as many visits to each, and every task twice in a visit."""
    return dataclasses.replace(
        spec,
        teachers=dataclasses.replace(spec.teachers, num_tasks=9),
        network=TreeOfGates(branches=(3, 3)),
        stream=Contexts(branches=(3, 3), visits=(6,), num_blocks=spec.stream.num_blocks * 9 // 4),
    )


def _at(spec: ContextHierarchy, point: str, branches: tuple[int, ...], order: str) -> ContextHierarchy:
    clocks = POINTS[point]
    changes = {
        OF_CONTEXTS: clocks.contexts_to_gates,
        OF_GATES: clocks.gates_to_weights,
        "network.branches": branches,
        "stream.resumes": ORDERS[order],
    }
    return replaced(spec, changes)


def _run(spec: ContextHierarchy, keys: building.Keys, records: int) -> tuple[Trajectory, AbstractCurriculum]:
    observables = {
        "loss": lambda system, state, task: system.loss(state, task),
        "levels": lambda system, state, task: system.levels(state),
    }
    return run_ensemble(spec, observables, keys=keys, times=record_times(spec, records))


def record_times(spec: ContextHierarchy, records: int) -> np.ndarray:
    """Times inside all blocks, from a ten-thousandth of a block after its start on, in equal ratios."""
    inside = np.geomspace(1e-4, 1.0, records + 1)[:-1]
    return (spec.stream.block_duration * (np.arange(spec.stream.num_blocks)[:, None] + inside[None])).ravel()


def _of_blocks(trajectory: Trajectory, curriculum: AbstractCurriculum) -> xr.Dataset:
    """What every block costs: the area under its loss, and what is left at its end."""
    loss = np.asarray(trajectory.values["loss"])
    by_block = loss.reshape(loss.shape[0], curriculum.num_blocks, -1)
    times = np.asarray(trajectory.times).reshape(curriculum.num_blocks, -1)
    return xr.Dataset(
        {
            "area": (("seed", "block"), np.trapezoid(by_block, times[None], axis=2)),
            "end": (("seed", "block"), by_block[:, :, -1]),
            "result": ("seed", np.asarray(result_codes(trajectory.result))),
        }
    )


def _trace(trajectory: Trajectory, curriculum: AbstractCurriculum) -> xr.Dataset:
    """The first repetition of a hierarchy of two levels of gates."""
    contexts, paths = (np.asarray(level)[0] for level in trajectory.values["levels"])
    edges = np.append(0.0, np.cumsum(np.asarray(curriculum.durations)))
    tasks = [int(np.argmax(curriculum.task(block, edges[block]))) for block in range(curriculum.num_blocks)]
    return xr.Dataset(
        {
            "loss": ("record", np.asarray(trajectory.values["loss"])[0]),
            "contexts": (("record", "context"), contexts),
            "paths": (("record", "path"), paths),
        },
        {"time": ("record", np.asarray(trajectory.times)), "edge": ("edge", edges), "task": ("block", tasks)},
    )
