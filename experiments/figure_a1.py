"""Figure A1: the full model of figure 2 beside its reduction to one effective mode, the toy.

Released parameters in the released convention. The published toy rescales tau_c by N s^2 = 1/2 but not the penalty, so
that its regulariser is half as strong as that of the full model; it starts in the teachers' modes, which the full model
does not. "toy_published" is that run in the published scheme, "toy" its flow.

Our addition, third column: a full model that starts in its teachers' modes, and the toy with both rescaled. They are
one and the same.
"""

import dataclasses
from dataclasses import dataclass

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments import figure_a1_numbers as numbers
from experiments.acceptance import Acceptance
from experiments.figure_run import Data
from experiments.toy_runs import ToyRun, follow_flow, follow_published_scheme
from ntadyn import observables, presets
from ntadyn.configuration import Dynamics, TeacherKind, replaced
from ntadyn.dynamics.online import OnlineState
from ntadyn.ensemble import run_ensemble
from ntadyn.metrics import singular_values
from ntadyn.plotting.style import house_style, shade_blocks
from ntadyn.simulation import Trajectory
from ntadyn.verification.check import trusted
from ntadyn.verification.laws import MODE_ENERGY, full_and_toy

NUM_BLOCKS = 20
TOY = ToyRun(
    tau_c=0.06,
    tau_w=1.3,
    weights=((0.01, 0.0), (0.0, 0.01)),
    num_blocks=NUM_BLOCKS,
    first_output=0,
    hardness=1000.0,
)
NUM_RECORDS = 1000  # of the published toy

VERDICT = ""


@dataclass(frozen=True)
class Parameters:
    """What figure A1 is made of.

    Attributes:
        dynamics: of the full model: population flow in weight space, or batches.
        num_seeds: repetitions of the full model; the first one is drawn.
        seed: the seed that all keys are derived from.
        records_per_block: records strictly inside every block.
        toy_step: largest step of the toy's flow.
    """

    dynamics: Dynamics = Dynamics.GRADIENT_FLOW
    num_seeds: int = 20
    seed: int = 0
    records_per_block: int = 39
    toy_step: float = 1e-3


PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, records_per_block=9, toy_step=4e-3)


def online(parameters: Parameters) -> Parameters:
    """The same with the full model on batches of 200, in the published steps of 0.001."""
    return dataclasses.replace(parameters, dynamics=Dynamics.ONLINE)


def run(parameters: Parameters) -> Data:
    """The full model; the published toy, by its scheme and by the flow; the pair that starts in the modes.

    Args:
        parameters: what to run.

    Returns:
        "full" over (seed, record), "toy_published" and "toy" over record, "toy_rescaled" with the penalty rescaled as
        well, and "aligned" over (model, record).
    """
    rescaled = dataclasses.replace(TOY, strengths=tuple(value / MODE_ENERGY for value in TOY.strengths))
    toy, both_rescaled = (
        follow_flow(one, parameters.toy_step, parameters.records_per_block) for one in (TOY, rescaled)
    )
    return {
        "full": _full(parameters),
        "toy_published": follow_published_scheme(TOY, NUM_RECORDS),
        "toy": toy,
        "toy_rescaled": both_rescaled,
        "aligned": _aligned(parameters.records_per_block),
    }


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A1 must show."""
    return numbers.accept(data)


def plot(data: Data) -> Figure:
    """Loss, gates and magnitudes of the full model, the published toy, and the pair in modes."""
    full, toy, aligned = data["full"].isel(seed=0), data["toy"], data["aligned"]
    edges, tasks = np.arange(NUM_BLOCKS + 1), np.arange(NUM_BLOCKS) % 2
    with house_style():
        figure, axes = plt.subplots(3, 3, figsize=(8.8, 5.6), sharex=True, sharey="row")
        for ax in axes.flat:
            shade_blocks(ax, edges, tasks)
        _draw(axes[:, 0], full.time.values, full.loss.values, full.gates.values, full.magnitude.values, "-")
        magnitude = np.linalg.norm(toy.weights.values, axis=-1)
        _draw(axes[:, 1], toy.time.values, MODE_ENERGY * toy.loss.values, toy.gates.values, magnitude, "-")
        for model, style in (("full", "-"), ("toy", (0, (2, 2)))):
            one = aligned.sel(model=model)
            color = None if model == "full" else "black"
            _draw(axes[:, 2], one.time.values, one.loss.values, one.gates.values, one.magnitude.values, style, color)
        titles = ("full model, one seed", "toy, penalty as published", "full in modes (lines), toy (dashed)")
        for ax, title in zip(axes[0], titles, strict=True):
            ax.set_title(title)
        for ax, label in zip(
            axes[:, 0], ("loss", "gates", "magnitude of student\n(units of the teacher)"), strict=True
        ):
            ax.set_ylabel(label)
        for ax in axes[-1]:
            ax.set(xlabel="time", xticks=range(0, NUM_BLOCKS + 1, 5))
        axes[0, 0].set_ylim(0, 0.58)
        handles = [Line2D([], [], color=f"C{path}", label=f"path {path + 1}") for path in range(2)]
        axes[2, 1].legend(handles=handles, loc="lower right", frameon=True, framealpha=0.8)
        apart = float(np.abs(aligned.gates.sel(model="full") - aligned.gates.sel(model="toy")).max())
        axes[2, 2].text(0.97, 0.1, f"gates differ by\n{apart:.0e} at most", transform=axes[2, 2].transAxes, ha="right")
        for ax, letter in zip(axes.flat, "ABCDEFGHI", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
    return figure


def _draw(axes, times, loss, gates, magnitude, style, color=None) -> None:
    """Loss, gates, magnitudes of one model from top to bottom."""
    thin = {"linestyle": style, "linewidth": 1.0}
    axes[0].plot(times, loss, color="black" if color is None else "C1", **thin)
    for path in range(2):
        axes[1].plot(times, gates[:, path], color=color or f"C{path}", **thin)
        axes[2].plot(times, magnitude[:, path], color=color or f"C{path}", **thin)


def _full(parameters: Parameters) -> xr.Dataset:
    """The flexible network of figure 2 with axis-aligned teachers, paths in the order of their teachers."""
    changes = {
        "teachers.kind": TeacherKind.AXIS_ALIGNED,
        "dynamics": parameters.dynamics,
        "randomness.num_seeds": parameters.num_seeds,
        "randomness.seed": parameters.seed,
    }
    configuration = replaced(presets.figure_2_flexible(), changes)
    recorded = {
        "loss": observables.loss,
        "gates": observables.gates,
        "largest": _largest_singular_values,
        "similarity": observables.similarity,
    }
    trajectory, _ = run_ensemble(configuration, recorded, parameters.records_per_block)
    values = trusted(trajectory)
    last = values["similarity"][:, -1]
    swapped = last[:, 0, 1] + last[:, 1, 0] > last[:, 0, 0] + last[:, 1, 1]
    order = np.where(swapped[:, None], [1, 0], [0, 1])[:, None, :]
    paths = {name: np.take_along_axis(values[name], order, axis=2) for name in ("gates", "largest")}
    size = np.sqrt(configuration.teachers.d_in)  # over that of the teacher
    return xr.Dataset(
        {
            "loss": (("seed", "record"), values["loss"]),
            "gates": (("seed", "record", "path"), paths["gates"]),
            "magnitude": (("seed", "record", "path"), size * paths["largest"]),
        },
        _times(trajectory),
    )


def _aligned(records_per_block: int) -> xr.Dataset:
    pair = full_and_toy(records_per_block)
    parts: list[xr.Dataset] = []
    for trajectory, energy in zip(pair, (MODE_ENERGY, 1.0), strict=True):
        values = trusted(trajectory)
        magnitude = np.sqrt(np.einsum("rpp->rp", values["student_overlaps"]) / energy)
        parts.append(
            xr.Dataset(
                {
                    # In the unit of the full model.
                    "loss": ("record", values["loss"] * MODE_ENERGY / energy),
                    "gates": (("record", "path"), values["gates"]),
                    "magnitude": (("record", "path"), magnitude),
                },
                _times(trajectory),
            )
        )
    return xr.concat(parts, xr.DataArray(["full", "toy"], dims="model", name="model"))


def _times(trajectory: Trajectory) -> dict:
    return {
        "time": ("record", np.asarray(trajectory.times)),
        "block": ("record", np.asarray(trajectory.blocks)),
    }


def _largest_singular_values(system, state, task):
    """Of every path."""
    del system, task
    network = state.network if isinstance(state, OnlineState) else state
    return jnp.max(singular_values(network.weights), axis=-1)
