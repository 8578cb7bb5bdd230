"""Figure A1: the full model of figure 2 beside its reduction to one effective mode, the toy.

Released parameters in the released convention. The published toy rescales tau_c by N s^2 = 1/2 but not the penalty, so
that its regulariser is half as strong as that of the full model; it starts in the teachers' modes, which the full model
does not. "toy_published" is that run in the published scheme, "toy" its flow.

Our addition, third column: a full model that starts in its teachers' modes, and the toy with both rescaled. They are
one and the same.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

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
from experiments.harness.outcomes import on_batches
from experiments.sandbrink_2024 import figure_a1_numbers as numbers
from experiments.sandbrink_2024.toy_runs import ToyRun, follow_flow, follow_published_scheme, published_records
from ntadyn.metrics import last_blocks_mask, singular_values, specialisation
from ntadyn.plotting.style import house_style, shade_blocks
from ntadyn.simulation import Trajectory, observables
from ntadyn.specs import presets
from ntadyn.specs.configuration import Dynamics, TeacherKind
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.paths import replaced, to_json
from ntadyn.verification.check import trusted
from ntadyn.verification.laws import MODE_ENERGY, full_and_toy

NUM_BLOCKS = numbers.TOTAL_TIME
TOY = ToyRun(
    tau_c=0.06,
    tau_w=1.3,
    weights=((0.01, 0.0), (0.0, 0.01)),
    num_blocks=NUM_BLOCKS,
    first_output=0,
    hardness=1000.0,
)
NUM_RECORDS = 1000  # of the published toy

VERDICT = (
    "Reproduced, all but one number of our addition. The published toy, in its scheme and at its records, has every "
    "number of the image within 0.005. Its flow has them too, except the gates at t = 3, 0.796 and 0.375 where 0.79 "
    "and 0.38 are stated: flow and explicit steps of 0.001 differ by as much there, and by less elsewhere. The full "
    "model agrees in the median over 20 seeds with what can be read from the image of one seed. The toy overshoots "
    "more than the full model because only tau_c was rescaled: with the penalty rescaled too its largest gate is 1.113 "
    "in place of 1.188, 1.107 in the full model. A full model that starts in its teachers' modes is then the toy to "
    "1e-14, over twenty blocks. The published label of the loss axis, a factor of sqrt(d_out), is wrong: the factor is "
    "N s^2 = 1/2."
)


@dataclass(frozen=True)
class Parameters:
    """What figure A1 is made of.

    Attributes:
        dynamics: of the full model: population flow in weight space, or batches.
        num_seeds: repetitions of the full model; the first one is drawn.
        seed: the seed that all keys are derived from.
        records_per_block: records strictly inside every block.
        toy_step: largest step of the toy's flow.
        in_modes: whether to run the pair that starts in the teachers' modes.
    """

    dynamics: Dynamics = Dynamics.GRADIENT_FLOW
    num_seeds: int = 20
    seed: int = 0
    records_per_block: int = 39
    toy_step: float = 1e-3
    in_modes: bool = True


PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, records_per_block=9, toy_step=4e-3, in_modes=False)


def online(parameters: Parameters) -> Parameters:
    """The same with the full model on batches of 200, in the published steps of 0.001."""
    return dataclasses.replace(parameters, dynamics=Dynamics.ONLINE)


def run(parameters: Parameters) -> Data:
    """The full model; the published toy, by its scheme and by the flow; the pair that starts in the modes.

    Args:
        parameters: what to run.

    Returns:
        "full" over (seed, record), "toy_published" and "toy" over record, "toy_rescaled" with the penalty rescaled as
        well, and, unless left out, "aligned" over (model, record).
    """
    rescaled = dataclasses.replace(TOY, strengths=tuple(value / MODE_ENERGY for value in TOY.strengths))
    # The flow is held against published numbers too, which were taken at the last records before switches.
    switches = range(1, NUM_BLOCKS + 1)
    times = published_records(TOY.total_time, NUM_RECORDS)[numbers.last_records(NUM_RECORDS, switches)]
    toy, both_rescaled = (
        follow_flow(one, parameters.toy_step, parameters.records_per_block, times) for one in (TOY, rescaled)
    )
    data = {
        "full": _full(parameters),
        "toy_published": follow_published_scheme(TOY, NUM_RECORDS),
        "toy": toy,
        "toy_rescaled": both_rescaled,
    }
    if parameters.in_modes:
        data["aligned"] = _aligned(parameters.records_per_block)
    return data


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A1 must show."""
    return numbers.accept(data)


def plot(data: Data) -> Figure:
    """Loss, gates and magnitudes of the full model, the published toy, and the pair in modes."""
    full, toy = data["full"].isel(seed=0), data["toy"]
    edges, tasks = np.arange(NUM_BLOCKS + 1), np.arange(NUM_BLOCKS) % 2
    titles = ["full model, one seed", "toy, penalty as published"]
    titles += ["full in modes (lines), toy (dashed)"] * ("aligned" in data)
    with house_style():
        shape = (3, len(titles))
        figure, axes = plt.subplots(*shape, figsize=(2.95 * len(titles), 5.6), sharex=True, sharey="row")
        for ax in axes.flat:
            shade_blocks(ax, edges, tasks)
        _draw(axes[:, 0], full.time.values, full.loss.values, full.gates.values, full.magnitude.values)
        magnitude = np.linalg.norm(toy.weights.values, axis=-1)
        _draw(axes[:, 1], toy.time.values, MODE_ENERGY * toy.loss.values, toy.gates.values, magnitude)
        if "aligned" in data:
            _draw_aligned(axes[:, 2], data["aligned"])
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
        for ax, letter in zip(axes.flat, "ABCDEFGHI", strict=False):
            ax.set_title(letter, loc="left", fontweight="bold")
        how = "batches of 200" if on_batches(data["full"]) else "population flow"
        figure.suptitle(f"full model: {how}; toy: flow; background: task in force", fontsize=8)
    return figure


def _draw_aligned(axes: Sequence[Axes], aligned: xr.Dataset) -> None:
    """The full model in colours, the toy dashed on top, and how far their gates are apart."""
    full, toy = aligned.sel(model="full"), aligned.sel(model="toy")
    _draw(axes, full.time.values, full.loss.values, full.gates.values, full.magnitude.values, loss_color="C1")
    _draw(axes, toy.time.values, toy.loss.values, toy.gates.values, toy.magnitude.values, dashed=True)
    apart = float(np.abs(full.gates.values - toy.gates.values).max())
    axes[2].text(0.97, 0.1, f"gates differ by\n{apart:.0e} at most", transform=axes[2].transAxes, ha="right")


def _draw(
    axes: Sequence[Axes],
    times: np.ndarray,
    loss: np.ndarray,
    gates: np.ndarray,
    magnitude: np.ndarray,
    *,
    loss_color: str = "black",
    dashed: bool = False,
) -> None:
    """Loss, gates, magnitudes of one model from top to bottom; in colours, or dashed in black."""
    style = (0, (2, 2)) if dashed else "-"
    axes[0].plot(times, loss, color=loss_color, linestyle=style, linewidth=1.0)
    for path in range(2):
        color = "black" if dashed else f"C{path}"
        for ax, values in ((axes[1], gates), (axes[2], magnitude)):
            ax.plot(times, values[:, path], color=color, linestyle=style, linewidth=1.0)


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
    window = last_blocks_mask(trajectory.blocks, NUM_BLOCKS)
    assignment = jax.vmap(lambda series: specialisation(series, window).assignment)(trajectory.values["similarity"])
    order = np.asarray(assignment)[:, None, :]
    paths = {name: np.take_along_axis(values[name], order, axis=2) for name in ("gates", "largest")}
    size = np.sqrt(configuration.teachers.d_in)  # over that of the teacher
    return xr.Dataset(
        {
            "loss": (("seed", "record"), values["loss"]),
            "gates": (("seed", "record", "path"), paths["gates"]),
            "magnitude": (("seed", "record", "path"), size * paths["largest"]),
        },
        _times(trajectory),
        {"configuration": to_json(configuration)},
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
    return jnp.max(singular_values(observables.network(system, state, task).weights), axis=-1)
