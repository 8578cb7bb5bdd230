"""Figure A2: the more dimensions a task has, the faster gates move at a switch.

Teachers are projectors on d of 30 dimensions with unit singular values. The released code scales them by 1/sqrt(30)
today; only unit values give the published numbers, so that this figure uses them, in the released convention otherwise.
There is room for two teachers of at most 15 dimensions each: the published ranks above are all the same run.

"batches" is the published measurement: steps of 0.001 on batches of 200, the fastest move of any gate at any time, and
the size of one student at the end. A maximum over noise is larger than that of the flow, which "published" has beside
it. The other variants of the flow are the improved measurement, just after the last two switches and for the path that
was open until then: with the penalty scaled like the drive, and with the gates slowed down like it as well.
"""

import dataclasses
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.sandbrink_2024 import figure_a2_numbers as numbers
from experiments.sandbrink_2024.figure_a2_numbers import RANKS
from ntadyn.dynamics import GradientFlow, OnlineSGD, OrderParameters
from ntadyn.networks import GatedLinear
from ntadyn.plotting.style import house_style
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, Updates, observables, simulate
from ntadyn.specs import building
from ntadyn.specs.building import Keys
from ntadyn.specs.configuration import Randomness
from ntadyn.tasks import Scale, TaskSet
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import svd
from ntadyn.verification.check import trusted

SIZE = 30  # inputs and outputs
TAU_C, TAU_W = 0.1, 0.5
HINGE, STIFFNESS = 1 / 11, 10 / 11
INITIAL_SCALE = 0.01
BATCH_SIZE, STEP = 200, 1e-3
# How penalty and tau_c grow with the mode energy d s^2; they are what they are in figure 2 and here at d s^2 = 1/2.
VARIANTS = {"published": (False, False), "scaled penalty": (True, False), "scaled penalty and tau_c": (True, True)}

VERDICT = (
    "Reproduced with unit singular values, not with the scale of the present released code, under which all drives "
    "are 30 times smaller. On batches one seed has all twelve stored or drawn numbers within their tolerances, which "
    "are wide for ranks 5 to 14, where seed and path matter by more than half. How the stored speeds were differenced"
    " is not known: central differences, as in the other published figures, give 2.22 at rank 2 and are within 5 % of"
    " 2.28; single updates, 2.44, are not. The maximum over a hundred noisy switches is part of the result: the flow "
    "has exactly 2.00 at rank 2. At higher ranks the median of the flow lies above the one seed on batches by about "
    "two standard deviations over seeds; how much of that is noise, one seed cannot tell. The claim, speed equal to "
    "size, is true of students only that are pure, that is, like one teacher. Measured just after the last switches "
    "it holds to 1 % or better for them; and the gate of any student, pure or not, moves at <W, W*_new - W*_old> once"
    " its network has learnt its task. Scaling the penalty with the drive is not enough to make students pure (70 % "
    "are): gates that are too fast for their weights leave the path that was first with a large share of the other "
    "teacher, and no gate ever opens to unlearn it. With tau_c scaled as well, 99 % are pure at every rank."
)


@dataclass(frozen=True)
class Parameters:
    """What figure A2 is made of.

    Attributes:
        num_seeds: repetitions of the flow with other initial weights, on one set of teachers per rank.
        num_batch_seeds: repetitions on batches, which take the time.
        num_blocks: blocks of one unit of time.
        max_step: of the flow's solver.
        seed: the seed that all keys are derived from.
    """

    num_seeds: int = 20
    num_batch_seeds: int = 1
    num_blocks: int = 100
    max_step: float = 2e-3
    seed: int = 0


PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, num_batch_seeds=0, num_blocks=20, max_step=4e-3)


def online(parameters: Parameters) -> Parameters:
    """More repetitions on batches."""
    return dataclasses.replace(parameters, num_batch_seeds=10)


def run(parameters: Parameters) -> Data:
    """The flow in all variants, and the published scheme on batches.

    Args:
        parameters: what to run.

    Returns:
        "flow" over (variant, rank, seed), and "batches" over (rank, seed) unless there are none.
    """
    seeds = max(parameters.num_seeds, parameters.num_batch_seeds)
    keys = building.keys(Randomness(seed=parameters.seed, num_seeds=seeds))
    data = {"flow": _flow(parameters, keys)}
    if parameters.num_batch_seeds:
        data["batches"] = _batches(parameters, keys)
    return data


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A2 must show."""
    return numbers.accept(data)


def plot(data: Data) -> Figure:
    """Speed over size: as published, and just after late switches."""
    flow = data["flow"]
    with house_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 4.3))
        _draw_published(left, flow.sel(variant="published"), data.get("batches"))
        _draw_late(right, flow)
        for ax, letter in ((left, "A"), (right, "B")):
            ax.set_title(letter, loc="left", fontweight="bold")
        left.set_title("fastest move of any gate, as published")
        right.set_title("just after the last switches")
        how = "population flow and batches of 200" if "batches" in data else "population flow"
        figure.suptitle(
            f"A: {how}, one mark per repetition; B: population flow, one per repetition and switch", fontsize=8
        )
    return figure


def _draw_published(ax: Axes, flow: xr.Dataset, batches: xr.Dataset | None) -> None:
    colors = _rank_colors()
    for index, color in enumerate(colors):
        at = flow.isel(rank=index)
        ax.plot(at.size.values[:, 0], at.peak.values, ".", color=color, alpha=0.45, markersize=5)
        if batches is not None:
            one = batches.isel(rank=index)
            ax.plot(one.size.values[:, 0], one.peak.values, "o", color=color, markeredgecolor="black", markersize=6)
        ax.plot(numbers.STORED_SIZE[index], numbers.STORED_SPEED[index], "x", color="C5", markersize=7, mew=1.6)
    _identity(ax, 1.05 * max(float(flow.size.max()), *numbers.STORED_SIZE))
    ax.set(xlabel=r"size of student 1, $\Sigma_a\,s_a^2$", ylabel=r"$\tau_c\,\max|\mathrm{d}c/\mathrm{d}t|$")
    marks = [Line2D([], [], linestyle="", marker=".", color="0.4", label=f"flow, {flow.sizes['seed']} seeds")]
    if batches is not None:
        marks.append(Line2D([], [], linestyle="", marker="o", color="0.6", markeredgecolor="black", label="batches"))
    marks.append(Line2D([], [], linestyle="", marker="x", color="C5", mew=1.6, label="stored"))
    first = ax.legend(handles=marks, loc="upper left")
    ax.add_artist(first)
    ranks = [
        Line2D([], [], linestyle="", marker="s", color=c, label=f"{r}") for r, c in zip(RANKS, colors, strict=True)
    ]
    ax.legend(handles=ranks, title="rank", loc="lower right", ncols=2, columnspacing=0.8, handletextpad=0.2)


def _draw_late(ax: Axes, flow: xr.Dataset) -> None:
    for variant, filled in (("scaled penalty", False), ("scaled penalty and tau_c", True)):
        for index, color in enumerate(_rank_colors()):
            late = flow.sel(variant=variant).isel(rank=index)
            face = color if filled else "none"
            size, speed = late.late_size.values.ravel(), late.late_speed.values.ravel()
            ax.plot(size, speed, "o", color=color, markerfacecolor=face, markersize=4)
    _identity(ax, 1.05 * float(flow.late_size.isel(variant=slice(1, None)).max()))
    ax.set(xlabel=r"size of the student, $\Sigma_a\,s_a^2$", ylabel=r"$\tau_c\,|\mathrm{d}c/\mathrm{d}t|$ of its gate")
    handles = [
        Line2D([], [], color="0.4", linestyle="", marker="o", markerfacecolor=face, label=label)
        for label, face in ((r"penalty $\propto d\,s^2$", "none"), (r"penalty and $\tau_c \propto d\,s^2$", "0.4"))
    ]
    ax.legend(handles=handles, loc="upper left")


def _identity(ax: Axes, top: float) -> None:
    ax.plot([0, top], [0, top], color="0.6", linewidth=0.9, linestyle=(0, (4, 3)), zorder=-1)
    ax.set(xlim=(0, top), ylim=(0, top), aspect="equal")


def _rank_colors() -> np.ndarray:
    return matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(RANKS)))


def _tasks(keys: Keys, dtype: type = np.float64) -> TaskSet:
    """Two teachers per rank, stacked; both sides from one key, as published, which makes them projectors."""
    key = building.first(keys).teachers
    sets = [svd(key, key, 2, SIZE, SIZE, num_modes=rank, scale=Scale.UNIT, dtype=dtype) for rank in RANKS]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sets)


def _flow(parameters: Parameters, keys: Keys) -> xr.Dataset:
    curriculum = alternating(2, parameters.num_blocks, 1.0)
    energies = np.asarray(RANKS, float)  # s = 1
    factors = np.stack([energies / 0.5 if penalty else np.ones_like(energies) for penalty, _ in VARIANTS.values()])
    slowed = np.stack([energies / 2 if slow else np.ones_like(energies) for _, slow in VARIANTS.values()])
    recorded = {
        "loss": observables.loss,
        "rate": _gate_rate,
        "gates": observables.gates,
        "students": observables.student_overlaps,
        "teachers": observables.teacher_overlaps,
    }

    def one(tasks: TaskSet, factor: Array, slower: Array, key: Array):
        penalties = {"gates": Nonnegativity(factor * HINGE) + UnitL1Norm(factor * STIFFNESS)}
        system = OrderParameters(tasks, {"gates": TAU_C * slower, "weights": TAU_W}, penalties)
        network = GatedLinear.initialise(key, (2, SIZE, SIZE), INITIAL_SCALE)
        method = FixedSteps(max_step=parameters.max_step)
        state = system.initial_state(network)
        return simulate(system, curriculum, state, method=method, observables=recorded, records_per_block=9)

    over_seeds = eqx.filter_vmap(one, in_axes=(None, None, None, 0))
    over_ranks = eqx.filter_vmap(over_seeds, in_axes=(0, 0, 0, None))
    over_variants = eqx.filter_jit(eqx.filter_vmap(over_ranks, in_axes=(None, 0, 0, None)))
    seeds = keys.initial[: parameters.num_seeds]
    trajectory = over_variants(_tasks(keys), jnp.asarray(factors), jnp.asarray(slowed), seeds)
    values = trusted(trajectory)
    blocks = np.asarray(trajectory.blocks)[0, 0, 0]
    starts = np.flatnonzero(np.diff(blocks, prepend=-1))[-2:]
    late = [_at_switch(values, record, int(blocks[record]) % 2, energies) for record in starts]
    dims = ("variant", "rank", "seed")
    names = ("late_size", "late_speed", "late_cosine", "late_drive", "late_loss")
    found = [np.stack(parts, axis=-1) for parts in zip(*late, strict=True)]
    stacked = {name: ((*dims, "switch"), values) for name, values in zip(names, found, strict=True)}
    return xr.Dataset(
        {
            "peak": (dims, np.abs(values["rate"]).max(axis=(-2, -1))),
            "size": ((*dims, "path"), np.einsum("vrspp->vrsp", values["students"][..., -1, :, :])),
            "gates": ((*dims, "path"), values["gates"][..., -1, :]),
            **stacked,
        },
        {"variant": list(VARIANTS), "rank": list(RANKS)},
    )


def _at_switch(values: dict[str, np.ndarray], record: int, task: int, energies: np.ndarray) -> tuple[np.ndarray, ...]:
    """Size, speed of the gate, and cosine with its teacher of the path that was open until a switch to `task`.

    And |<W^p, W*^new - W*^old>|, the drive of its gate if the network was right before the switch, and the loss then,
    over that of a network that does nothing.
    """
    at = {name: array[:, :, :, record] for name, array in values.items() if name != "loss"}
    path = at["gates"].argmax(axis=-1)[..., None]

    def chosen(array: np.ndarray) -> np.ndarray:
        return np.take_along_axis(array, path, axis=-1)[..., 0]

    size = chosen(np.einsum("vrspp->vrsp", at["students"]))
    own = chosen(at["teachers"][..., 1 - task])
    drive = np.abs(chosen(at["teachers"][..., task]) - own)
    loss = values["loss"][:, :, :, record - 1] / (0.5 * energies[:, None])
    return size, np.abs(chosen(at["rate"])), own / np.sqrt(size * energies[:, None]), drive, loss


def _batches(parameters: Parameters, keys: Keys) -> xr.Dataset:
    """Every update of every gate, for all ranks on the same batches, in single precision as published."""
    curriculum = alternating(2, parameters.num_blocks, np.float32(1.0))

    def one(tasks: TaskSet, initial: Array, data: Array):
        penalties = {"gates": Nonnegativity(HINGE) + UnitL1Norm(STIFFNESS)}
        flow = GradientFlow(tasks, {"gates": TAU_C, "weights": TAU_W}, penalties)
        system = OnlineSGD(flow, data, BATCH_SIZE)  # pyright: ignore[reportCallIssue]
        network = GatedLinear.initialise(initial, (2, SIZE, SIZE), INITIAL_SCALE, dtype=jnp.float32)
        method, recorded = Updates(STEP), {"gates": observables.gates}
        state = system.initial_state(network)
        every = round(1 / STEP) - 1
        return simulate(system, curriculum, state, method=method, observables=recorded, records_per_block=every)

    # The key of the data is not mapped over, so that batches are drawn once for all ranks.
    over_ranks = eqx.filter_jit(eqx.filter_vmap(one, in_axes=(0, None, None)))
    tasks, peaks, single_peaks, sizes, ends = _tasks(keys, np.float32), [], [], [], []
    for seed in range(parameters.num_batch_seeds):
        trajectory = over_ranks(tasks, keys.initial[seed], keys.data[seed])
        gates, times = trusted(trajectory)["gates"], np.asarray(trajectory.times)[0]
        moved = np.flatnonzero(np.diff(times, prepend=-1) > 0)
        steps, gates = np.diff(times[moved])[None, :, None], gates[:, moved]
        rates = TAU_C * np.abs(np.diff(gates, axis=1) / steps)
        single_peaks.append(rates.max(axis=(1, 2)))
        central = TAU_C * np.abs(gates[:, 2:] - gates[:, :-2]) / (steps[:, 1:] + steps[:, :-1])
        peaks.append(central.max(axis=(1, 2)))
        sizes.append(np.sum(np.asarray(trajectory.final_state.network.weights) ** 2, axis=(2, 3)))
        ends.append(gates[:, -1])
    return xr.Dataset(
        {
            "peak": (("rank", "seed"), np.stack(peaks, axis=1), {"long_name": "by central differences, as published"}),
            "peak_update": (("rank", "seed"), np.stack(single_peaks, axis=1), {"long_name": "of a single update"}),
            "size": (("rank", "seed", "path"), np.stack(sizes, axis=1)),
            "gates": (("rank", "seed", "path"), np.stack(ends, axis=1)),
        },
        {"rank": list(RANKS)},
    )


def _gate_rate(system, state, task):
    """tau_c dc/dt."""
    return system.time_constants["gates"] * system.vector_field(0.0, state, task).gates
