r"""Figure 2, supplement of ours: what a conservation law says about when paths can specialise.

Without a penalty on the weights, Q = tau_W |W^1 - W^2|^2 - tau_c (c_1 - c_2)^2 changes at the rate
2 (c_1 - c_2)(dR/dc_1 - dR/dc_2). While both gates are positive the penalties of figure 2 pull at both alike, and Q is
constant; it can grow for good only while a gate is held at zero, or below. The runs are those of figure 2, with the
released parameters in the present convention, seen through the exact order parameters; batches with `online`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import jax
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.harness.outcomes import on_batches
from experiments.sandbrink_2024 import figure_2, figure_2_conservation_numbers as numbers
from experiments.sandbrink_2024.variants import run_variants
from ntadyn.metrics import difference_invariant
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, band, house_style, shade_blocks
from ntadyn.plotting.trajectory import draw_gates
from ntadyn.simulation import Trajectory, observables
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.labelled import simulation_dataset
from ntadyn.specs.paths import value_at

DIFFERENT = ("time_constants.gates", "penalties.strength")
SHUT = "C5"
CLOSE_UP = (4, 9)  # blocks shown in panel B

VERDICT: str = (
    "Not a figure of the article; it holds exactly what the conservation law says. In every one of 20 flexible seeds "
    "more than 99.9 % of the growth of Q falls into the stretches in which one gate is held at zero, and while both "
    "gates are open Q stays constant to the accuracy of the time step. So two paths grow apart for good only because "
    "the penalty stops one gate at zero; fast gates and long blocks matter because they let a gate get there. Without "
    "a penalty Q is constant and the distance between the paths ends where it began. The growth, 1.145 in the median, "
    "is that of another simulation (1.14 to 1.17). Shut stretches fill 58 % of the time, against 17 % of the steps "
    "counted there: explicit steps chatter around zero and count only those that end below it, while the flow slides "
    "along zero."
)


@dataclass(frozen=True)
class Parameters:
    """What the supplement is made of, besides the two presets of figure 2.

    Attributes:
        dynamics: exact order parameters, or batches.
        num_seeds: repetitions with other initial weights (and batches), on one set of teachers.
        seed: the seed that all keys are derived from.
        records_per_block: records strictly inside every block; a step between two of them counts as one with a shut
            gate if a gate is at or below zero at either end.
    """

    dynamics: Dynamics = Dynamics.ORDER_PARAMETERS
    num_seeds: int = 20
    seed: int = 0
    records_per_block: int = 249


PARAMETERS = Parameters()
FAST = Parameters(num_seeds=4)


def online(parameters: Parameters) -> Parameters:
    """The same on batches of 200 with the published step 0.001, and a record at every second step."""
    return dataclasses.replace(parameters, dynamics=Dynamics.ONLINE, records_per_block=499)


def run(parameters: Parameters) -> Data:
    """Simulate both regimes.

    Args:
        parameters: what to run.

    Returns:
        "flexible" and "forgetful".
    """
    wanted = figure_2.Parameters(parameters.dynamics, parameters.num_seeds, parameters.seed)
    return simulate(figure_2.configurations(wanted), parameters.records_per_block)


def simulate(regimes: Mapping[str, Configuration], records_per_block: int) -> Data:
    """Both regimes as one program, their paths sorted by the teacher that they end up with.

    Args:
        regimes: "flexible", and "forgetful", which differs from it in the time constant of the gates and in having no
            penalty.
        records_per_block: records strictly inside every block.

    Returns:
        For each `gates`, `similarity`, `invariant` (Q), `apart` (|W^1 - W^2|^2), `shut` (whether a gate is at or below
        zero at either end of the step before a record) and `growth_inside` and `growth_outside`, what Q gained in such
        steps and in the others up to each record.
    """
    flexible = regimes["flexible"]
    keys = building.keys(flexible.randomness)
    recorded = {
        "gates": observables.gates,
        "similarity": observables.similarity,
        "students": observables.student_overlaps,
    }
    changes = {path: [value_at(one, path) for one in regimes.values()] for path in DIFFERENT}
    trajectories, curriculum = run_variants(flexible, changes, keys, recorded, records_per_block)
    tasks = building.build_tasks(flexible.teachers, building.first(keys).teachers)
    data = {}
    for (name, configuration), trajectory in zip(regimes.items(), trajectories, strict=True):
        dataset = simulation_dataset(configuration, trajectory, curriculum, tasks)
        data[name] = _with_invariant(configuration, trajectory, dataset)
    return data


def _with_invariant(configuration: Configuration, trajectory: Trajectory, dataset: xr.Dataset) -> xr.Dataset:
    taus = configuration.time_constants
    gates = np.asarray(trajectory.values["gates"])
    students = np.asarray(trajectory.values["students"])
    apart = students[..., 0, 0] + students[..., 1, 1] - 2 * students[..., 0, 1]
    q = np.asarray(_invariants(trajectory.values["gates"], trajectory.values["students"], taus.gates, taus.weights))
    # Explicit steps make a shut gate chatter around zero, the splitting step holds it there.
    tolerance = numbers.CHATTER if configuration.dynamics is Dynamics.ONLINE else 0.0
    shut = np.any(gates <= tolerance, axis=2)
    shut = np.concatenate([shut[:, :1], shut[:, 1:] | shut[:, :-1]], axis=1)
    steps = np.diff(q, axis=1, prepend=q[:, :1])
    series = ("seed", "record")
    return dataset.assign(
        invariant=(series, q, {"long_name": "Q"}),
        apart=(series, apart, {"long_name": "|W^1 - W^2|^2"}),
        shut=(series, shut),
        growth_inside=(series, np.cumsum(np.where(shut, steps, 0), axis=1)),
        growth_outside=(series, np.cumsum(np.where(shut, 0, steps), axis=1)),
    )


# Over seeds and records.
_invariants = jax.jit(jax.vmap(jax.vmap(difference_invariant, (0, 0, None, None)), (0, 0, None, None)))


def accept(data: Data) -> list[Acceptance]:
    """What the conservation law says of figure 2."""
    return numbers.accept(data["flexible"], data["forgetful"])


def plot(data: Data) -> Figure:
    """Q over time with the stretches of a shut gate; one seed from close by; growth inside and outside; by block."""
    flexible, forgetful = data["flexible"], data["forgetful"]
    seed = numbers.median_seed(flexible)
    with house_style():
        figure, axes = plt.subplots(2, 2, figsize=(7.6, 5.2))
        for ax, letter in zip(axes.flat, "ABCD", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        _draw_invariant(axes[0, 0], flexible, forgetful, seed)
        _draw_close_up(axes[0, 1], flexible.isel(seed=[seed]))
        _draw_growth(axes[1, 0], flexible)
        _draw_blocks(axes[1, 1], flexible)
        how = "batches of 200" if on_batches(flexible) else "population flow"
        figure.suptitle(
            f"{how}, {flexible.sizes['seed']} repetitions; thick in A and B: one seed, orange where a gate of it is at "
            f"or below zero; bands: standard error",
            fontsize=8,
        )
    return figure


def _draw_invariant(ax: Axes, flexible: xr.Dataset, forgetful: xr.Dataset, seed: int) -> None:
    shade_blocks(ax, flexible.attrs["edges"], flexible.attrs["block_tasks"])
    times = flexible.time.values
    for values in flexible.invariant.values:
        ax.plot(times, values, color="0.55", linewidth=0.5)
    ax.plot(times, forgetful.invariant.values.mean(axis=0), color=FORGETFUL, linestyle="--", linewidth=1.8)
    _draw_stretches(ax, times, flexible.invariant.values[seed], flexible.shut.values[seed])
    handles = [
        Line2D([], [], color=FLEXIBLE, linewidth=2, label="flexible, both gates open"),
        Line2D([], [], color=SHUT, linewidth=2, label="flexible, a gate shut"),
        Line2D([], [], color=FORGETFUL, linestyle="--", linewidth=1.8, label="forgetful"),
    ]
    ax.legend(handles=handles, loc="upper left", borderaxespad=0.1)
    ax.set_title(r"$Q=\tau_W\Vert W^1-W^2\Vert^2-\tau_c(c_1-c_2)^2$")
    ax.set(xlabel="time", ylabel="Q", ylim=(-0.05, 1.6), xticks=range(0, len(flexible.attrs["edges"]), 5))


def _draw_stretches(ax: Axes, times: np.ndarray, values: np.ndarray, shut: np.ndarray) -> None:
    """A curve, black where both gates are open and coloured where one is shut; `shut` is about the step to a record."""
    ax.plot(times, values, color=FLEXIBLE, linewidth=2)
    inside = np.where(shut | np.append(shut[1:], False), values, np.nan)
    ax.plot(times, inside, color=SHUT, linewidth=2)


def _draw_close_up(ax: Axes, one: xr.Dataset) -> None:
    """Gates of one seed in some blocks, with the stretches marked, and its Q on an axis of its own."""
    edges = np.asarray(one.attrs["edges"])
    first, last = edges[np.minimum(CLOSE_UP, (len(edges) - 2, len(edges) - 1))]
    times, shut = one.time.values, one.shut.values[0]
    draw_gates(ax, one)
    ax.fill_between(
        times, 0, 1, where=shut, step="pre", transform=ax.get_xaxis_transform(), color=SHUT, alpha=0.2, linewidth=0
    )
    right = ax.twinx()
    _draw_stretches(right, times, one.invariant.values[0], shut)
    right.spines["right"].set_visible(True)
    right.set(ylabel="Q (thick)", ylim=(-0.05, 1.35))
    handles = [*ax.get_legend_handles_labels()[0], Patch(color=SHUT, alpha=0.2, label="a gate is shut")]
    ax.legend(handles=handles, loc="upper center", ncols=3, columnspacing=1.0, borderaxespad=0.1)
    ax.set(xlabel="time", xlim=(first, last), ylim=(-0.08, 1.5))


def _draw_growth(ax: Axes, flexible: xr.Dataset) -> None:
    shade_blocks(ax, flexible.attrs["edges"], flexible.attrs["block_tasks"])
    band(ax, flexible.time.values, flexible.growth_inside.values, SHUT, "while a gate is shut")
    band(ax, flexible.time.values, flexible.growth_outside.values, FLEXIBLE, "while both are open")
    ax.set(xlabel="time", ylabel="growth of Q", ylim=(-0.05, 1.6), xticks=range(0, len(flexible.attrs["edges"]), 5))
    ax.legend(loc="upper left", borderaxespad=0.1)


def _draw_blocks(ax: Axes, flexible: xr.Dataset) -> None:
    """By block: share of the time with a shut gate, and share of the final growth."""
    time_share, growth_share = numbers.by_block(flexible)
    blocks = np.arange(1, time_share.shape[1] + 1)
    band(ax, blocks, time_share, "C0", "share of the block with a gate shut")
    band(ax, blocks, growth_share, SHUT, "share of all growth of Q")
    ax.set(xlabel="block", ylim=(0, 1.1), xticks=range(5, len(blocks) + 1, 5) if len(blocks) > 4 else blocks)
    ax.legend(loc="upper left")
