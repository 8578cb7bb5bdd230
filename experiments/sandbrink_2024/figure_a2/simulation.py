"""What is simulated for figure A2."""

from dataclasses import dataclass

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from experiments.harness.runs import Run
from ntadyn.dynamics import GradientFlow, OnlineSGD, OrderParameters
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, Updates, observables, simulate
from ntadyn.specs import building
from ntadyn.specs.building import Keys
from ntadyn.specs.configuration import Randomness
from ntadyn.tasks import Scale, TaskSet
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import svd
from ntadyn.verification.check import trusted

RANKS = (2, 5, 8, 11, 14, 15)
SIZE = 30  # inputs and outputs
TAU_C, TAU_W = 0.1, 0.5
HINGE, STIFFNESS = 1 / 11, 10 / 11
INITIAL_SCALE = 0.01
BATCH_SIZE, STEP = 200, 1e-3
# How penalty and tau_c grow with the mode energy d s^2; they are what they are in figure 2 and here at d s^2 = 1/2.
VARIANTS = {"published": (False, False), "scaled penalty": (True, False), "scaled penalty and tau_c": (True, True)}


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


def runs(parameters: Parameters) -> list[Run]:
    """The flow in all variants, and the published scheme on batches.

    Args:
        parameters: what to run.

    Returns:
        Runs of "flow" over (variant, rank, seed), and of "batches" over (rank, seed) unless there are none.
    """
    found = [Run("figure_a2_flow", flow, {"parameters": parameters}, "flow")]
    if parameters.num_batch_seeds:
        found.append(Run("figure_a2_batches", batches, {"parameters": parameters}, "batches"))
    return found


def _keys(parameters: Parameters) -> Keys:
    """Of all repetitions."""
    seeds = max(parameters.num_seeds, parameters.num_batch_seeds)
    return building.keys(Randomness(seed=parameters.seed, num_seeds=seeds))


def _tasks(keys: Keys, dtype: type = np.float64) -> TaskSet:
    """Two teachers per rank, stacked; both sides from one key, as published, which makes them projectors."""
    key = building.first(keys).teachers
    sets = [svd(key, key, 2, SIZE, SIZE, num_modes=rank, scale=Scale.UNIT, dtype=dtype) for rank in RANKS]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sets)


def flow(parameters: Parameters, solver: diffrax.AbstractSolver | None = None) -> xr.Dataset:
    """All variants of the flow, by the splitting solver or another one."""
    keys = _keys(parameters)
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
        method = FixedSteps(solver, parameters.max_step)
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


def batches(parameters: Parameters) -> xr.Dataset:
    """Every update of every gate, for all ranks on the same batches, in single precision as published."""
    keys = _keys(parameters)
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
