"""Figure A3: four paths for two tasks. A penalty on the weights removes the paths that nobody needs.

Released parameters in the present convention, which is the one the published panels agree with. Population flow in
weight space, because the penalty on columns of the weights does not close on overlaps; batches, as published, with
`online`. One seed is shown as published, the most common case instead of the first one, and all of them are counted.
Paths are put in order by one assignment of paths to tasks, so no path is shown twice or lost.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.sandbrink_2024 import figure_a3_numbers as numbers
from experiments.sandbrink_2024.variants import run_variants
from ntadyn.metrics import optimal_assignment
from ntadyn.plotting.style import house_style, shade_blocks
from ntadyn.simulation import Trajectory, observables
from ntadyn.simulation.outcome import result_codes
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Curriculum, Dynamics, Network, Randomness, RelativePenalties

# Relative weight of the penalty on columns of the weights, beside 1 for nonnegative gates and 10 for their norm.
COLUMN_WEIGHTS = {"without": 0.0, "with": 20.0}
NUM_BLOCKS = 25
RECORDS_PER_BLOCK = 39

VERDICT: str = (
    "Reproduced as a statement about many seeds. Without a penalty on the weights a task is often answered by two "
    "paths at once, more often the first task than the second, and a path that nobody needs keeps its weights. With "
    "the penalty five seeds in six end with exactly one path per task and most of the other weights shrink to "
    "nothing. All counts agree with another simulation of thirty seeds within what two draws of thirty may differ by. "
    "The published panels show one seed each: the one with the penalty, where two paths share the second task, shows "
    "what happens in one of our seeds in ten, so it is not the typical effect of the penalty. One number is outside: "
    "the statement that weights of unused paths end below 0.03 holds for the median and for about two thirds of them. "
    "A path that answered a task for some blocks before it lost it had grown to 0.2 to 0.6, and the penalty takes "
    "away less than 0.01 per block, so that it would need up to fifty blocks more. The penalty on weights also "
    "dilutes the penalties on the gates, because relative weights are divided by their sum: both change between the "
    "two panels."
)


@dataclass(frozen=True)
class Parameters:
    """What figure A3 is made of.

    Attributes:
        dynamics: population flow in weight space, or batches.
        num_seeds: repetitions with other initial weights (and batches), on one set of teachers.
        seed: the seed that all keys are derived from.
    """

    dynamics: Dynamics = Dynamics.GRADIENT_FLOW
    num_seeds: int = 30
    seed: int = 0


PARAMETERS = Parameters()
FAST = Parameters(num_seeds=3)


def online(parameters: Parameters) -> Parameters:
    """The same on batches of 200 with the published step 0.001."""
    return dataclasses.replace(parameters, dynamics=Dynamics.ONLINE)


def configuration(parameters: Parameters) -> Configuration:
    """The network without the penalty on weights."""
    return Configuration(
        network=Network(num_paths=4),
        curriculum=Curriculum(total_time=float(NUM_BLOCKS)),
        penalties=RelativePenalties(strength=0.6, nonnegative=1.0, unit_l1=10.0, column_l2=COLUMN_WEIGHTS["without"]),
        dynamics=parameters.dynamics,
        randomness=Randomness(seed=parameters.seed, num_seeds=parameters.num_seeds),
    )


def run(parameters: Parameters) -> Data:
    """Simulate with and without the penalty on the weights, from the same initial weights.

    Args:
        parameters: what to run.

    Returns:
        "without" and "with": `loss`, `gates`, `norms` of the paths' weights and `column_norm`, over (seed, record,
        ...), the paths in the order of the tasks they answer, then those that answer none.
    """
    return simulate(configuration(parameters), RECORDS_PER_BLOCK)


def simulate(configuration: Configuration, records_per_block: int) -> Data:
    """Both variants of a configuration.

    Args:
        configuration: what both share.
        records_per_block: records strictly inside every block.

    Returns:
        As `run`.
    """
    keys = building.keys(configuration.randomness)
    recorded = {
        "loss": observables.loss,
        "gates": observables.gates,
        "norms": _norms,
        "column_norm": _column_norm,
    }
    changes = {"penalties.column_l2": list(COLUMN_WEIGHTS.values())}
    trajectories, curriculum = run_variants(configuration, changes, keys, recorded, records_per_block)
    edges, tasks = np.asarray(curriculum.edges), np.arange(curriculum.num_blocks) % configuration.teachers.num_tasks
    attributes = {"edges": edges, "block_tasks": tasks, "online": int(configuration.dynamics is Dynamics.ONLINE)}
    return {
        name: _dataset(trajectory, tasks).assign_attrs(attributes)
        for name, trajectory in zip(COLUMN_WEIGHTS, trajectories, strict=True)
    }


def _dataset(trajectory: Trajectory, block_tasks: np.ndarray) -> xr.Dataset:
    values = {name: np.asarray(value) for name, value in trajectory.values.items()}
    block = np.asarray(trajectory.blocks)
    order = _order(values["gates"], block, block_tasks)
    series = ("seed", "record")
    variables: dict[str, Any] = {name: (series, values[name]) for name in ("loss", "column_norm")}
    for name in ("gates", "norms"):
        variables[name] = ((*series, "path"), np.take_along_axis(values[name], order[:, None], axis=2))
    variables["result"] = ("seed", np.asarray(result_codes(trajectory.result)))
    coordinates = {
        "time": ("record", np.asarray(trajectory.times), {"units": "unit of the time constants"}),
        "block": ("record", block),
        "task": ("record", block_tasks[block]),
    }
    return xr.Dataset(variables, coordinates)


def _order(gates: np.ndarray, block: np.ndarray, block_tasks: np.ndarray) -> np.ndarray:
    """Paths by the task in which they are most open, as one assignment over the last block of each, then the rest."""
    num_tasks = int(block_tasks.max()) + 1
    last = [np.flatnonzero(block_tasks == task)[-1] for task in range(num_tasks)]
    opening = np.stack([gates[:, block == index].mean(axis=1) for index in last], axis=1)
    assigned = np.asarray(jax.jit(jax.vmap(optimal_assignment))(jnp.asarray(opening)))
    rest = [np.setdiff1d(np.arange(gates.shape[2]), row) for row in assigned]
    return np.concatenate([assigned, np.stack(rest)], axis=1)


def _norms(system, state, task):
    """|W^p|_F of every path."""
    return jnp.linalg.norm(observables.network(system, state, task).weights, axis=(1, 2))


def _column_norm(system, state, task):
    """|W^p_j|_2, averaged over paths and inputs: what the penalty on the weights counts."""
    return jnp.mean(jnp.linalg.norm(observables.network(system, state, task).weights, axis=1))


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A3 must show."""
    return numbers.accept(data["without"], data["with"])


def plot(data: Data) -> Figure:
    """Above one seed of each kind, as published; below what all seeds do."""
    titles = {"without": "no penalty on weights", "with": "penalty on columns of weights"}
    with house_style():
        figure, axes = plt.subplots(2, 2, figsize=(7.4, 4.8))
        for ax, (name, title) in zip(axes[0], titles.items(), strict=True):
            _draw_gates(ax, data[name])
            ax.set_title(title)
        axes[0, 1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        _draw_counts(axes[1, 0], data)
        _draw_norms(axes[1, 1], data)
        for ax, letter in zip(axes.flat, "ABCD", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        how = "batches of 200" if data["with"].attrs["online"] else "population flow"
        count = data["with"].sizes["seed"]
        figure.suptitle(f"{how}; A, B: one seed of the most common kind; C, D: all {count} seeds", fontsize=8)
    return figure


def _draw_gates(ax: Axes, dataset: xr.Dataset) -> None:
    shade_blocks(ax, dataset.attrs["edges"], dataset.attrs["block_tasks"])
    one = dataset.isel(seed=numbers.typical_seed(dataset))
    labels = ["path of task 1", "path of task 2", "third path", "fourth path"]
    for path, label in enumerate(labels):
        ax.plot(one.time.values, one.gates.isel(path=path).values, color=f"C{path}", label=label)
    ax.set(xlabel="time", ylabel="gate", ylim=(-0.08, 1.15))


def _draw_counts(ax: Axes, data: Data) -> None:
    """Share of seeds by the number of open gates at the end of the last block of each task."""
    counts = np.arange(1, 4)
    place = 0
    for name, color in (("without", "0.6"), ("with", "C0")):
        for task, hatch in ((0, ""), (1, "////")):
            open_gates = numbers.num_active(data[name])[:, task]
            share = [(open_gates == count).mean() for count in counts]
            label = f"{name} penalty, task {task + 1}"
            ax.bar(counts + 0.2 * (place - 1.5), share, 0.18, color=color, hatch=hatch, edgecolor="white", label=label)
            place += 1
    ax.set(xlabel=f"gates above {numbers.ACTIVE} at the end of a block", ylabel="share of seeds", xticks=counts)
    ax.set(ylim=(0, 1.3), yticks=np.linspace(0, 1, 6))
    ax.legend(loc="upper right", borderaxespad=0.1)


def _draw_norms(ax: Axes, data: Data) -> None:
    """Norm of the paths' weights: those in use, and the others; median and middle half of the seeds."""
    handles = []
    for name, color in (("without", "0.5"), ("with", "C0")):
        dataset = data[name]
        used = numbers.in_use(dataset)
        styles: tuple[tuple[Literal["-", "--"], str], ...] = (("-", "in use"), ("--", "not in use"))
        for chosen, (style, kind) in zip((used, ~used), styles, strict=True):
            norms = np.moveaxis(dataset.norms.values, 1, 2)[chosen]
            if not norms.size:
                continue
            low, middle, high = np.quantile(norms, (0.25, 0.5, 0.75), axis=0)
            ax.plot(dataset.time.values, middle, color=color, linestyle=style)
            ax.fill_between(dataset.time.values, low, high, color=color, alpha=0.2, linewidth=0)
            handles.append(Line2D([], [], color=color, linestyle=style, label=f"{name} penalty,\n{kind}"))
    ax.set(xlabel="time", ylabel=r"$\Vert W^p\Vert_F$", ylim=(0, 0.8), xlim=(0, data["with"].attrs["edges"][-1]))
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
