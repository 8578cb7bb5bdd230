"""What is simulated for figure 2."""

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.recorded import weights as recorded_weights
from experiments.harness.runs import Run
from experiments.sandbrink_2024.figure_2 import reference as published_arrays
from experiments.sandbrink_2024.runs.two_tasks import REGIMES, two_regimes
from ntadyn.metrics import (
    direction_rate,
    gate_rate,
    published_time_to_threshold,
    time_to_threshold,
)
from ntadyn.simulation import observables
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.labelled import simulation_dataset

THRESHOLD = 0.1
PUBLISHED_RECORD = 0.002  # spacing of the published records; panels D and E are per record


@dataclass(frozen=True)
class Parameters:
    """What figure 2 is made of, besides the two presets that it is named after.

    Attributes:
        dynamics: population flow in weight space, or batches.
        num_seeds: repetitions with other initial weights (and batches), on one set of teachers.
        seed: the seed that all keys are derived from.
        records_per_block: records strictly inside every block. Where a change over records straddles the beginning of a
            block it is one-sided, so that a spacing of 0.004 sees the same time as a published central difference.
        reference: folder with arrays of the published code, or None.
    """

    dynamics: Dynamics = Dynamics.GRADIENT_FLOW
    num_seeds: int = 20
    seed: int = 0
    records_per_block: int = 249
    reference: Path | None = None


def runs(parameters: Parameters) -> list[Run]:
    """Both regimes.

    Args:
        parameters: what to run.

    Returns:
        "flexible" and "forgetful", and, where there is a reference, "reference_flexible" and "reference_forgetful".
    """
    found = [
        Run(
            f"figure_2_{name}",
            simulate,
            {"configuration": configuration, "records_per_block": parameters.records_per_block},
            name,
        )
        for name, configuration in two_regimes(parameters.dynamics, parameters.num_seeds, parameters.seed).items()
    ]
    if parameters.reference is not None:
        found += [
            Run(
                f"figure_2_reference_{name}",
                published_arrays.follow,
                {"folder": parameters.reference, "regime": name, "configuration": preset()},
                f"reference_{name}",
                (parameters.reference / published_arrays.file_name(name),),
            )
            for name, preset in REGIMES.items()
        ]
    return found


def simulate(configuration: Configuration, records_per_block: int) -> xr.Dataset:
    """One regime, its paths sorted by the teacher that they end up with, and everything that the panels show.

    Args:
        configuration: what to run.
        records_per_block: records strictly inside every block.

    Returns:
        What `simulation_dataset` returns, and `weight_norm`, `weight_change` (relative, as in panel D), `gate_change`
        (per published record, as in panel E), and by block `time_to_loss` (infinite where it is not reached),
        `published_time_to_loss` and `time_to_loss_on_batches`.
    """
    taus = configuration.time_constants
    batches = configuration.dynamics is Dynamics.ONLINE

    recorded = {
        "loss": observables.batch_loss if batches else observables.loss,
        "gates": observables.gates,
        "similarity": observables.similarity,
        "weights": recorded_weights,
    }
    trajectory, curriculum = run_ensemble(configuration, recorded, records_per_block)
    key = building.first(building.keys(configuration.randomness))
    tasks = building.build_tasks(configuration.teachers, key.teachers)
    dataset = simulation_dataset(configuration, trajectory, curriculum, tasks)
    times, blocks, count = trajectory.times, trajectory.blocks, curriculum.num_blocks
    spacing = 1 / (records_per_block + 1)

    @jax.jit
    @jax.vmap
    def derived(loss, gates, weights):
        turning = direction_rate(times.astype(weights.dtype), weights)
        threshold = time_to_threshold(times, loss, blocks, count, THRESHOLD).time
        as_published = published_time_to_threshold(loss, blocks, count, THRESHOLD, spacing)
        change = gate_rate(times, gates) * PUBLISHED_RECORD
        return turning, jnp.linalg.norm(weights.reshape(len(weights), -1), axis=1), change, threshold, as_published

    values = trajectory.values
    turning, norm, change, threshold, as_published = map(
        np.asarray, derived(values["loss"], values["gates"], values["weights"])
    )
    late = turning[:, turning.shape[1] // 2 :].max(axis=1, keepdims=True)
    seen = as_published if batches else _as_batches_show_it(configuration, np.asarray(values["loss"]), times, blocks)
    tau_w = taus.weights
    series, by_block = ("seed", "record"), ("seed", "block_index")
    return dataset.assign(
        weight_norm=(series, norm, {"long_name": "Frobenius norm of all weights"}),
        weight_change=(series, turning / late, {"long_name": "turning of the weights over its largest late value"}),
        gate_change=(series, change, {"long_name": f"change of the gates per {PUBLISHED_RECORD} units of time"}),
        time_to_loss=(by_block, threshold / tau_w, {"long_name": f"time to loss {THRESHOLD}", "units": "tau_W"}),
        published_time_to_loss=(
            by_block,
            as_published / tau_w,
            {"long_name": f"time to loss {THRESHOLD}, length of the block where it is not reached", "units": "tau_W"},
        ),
        time_to_loss_on_batches=(
            by_block,
            seen / tau_w,
            {"long_name": "the same for the loss as batches show it at the published records", "units": "tau_W"},
        ),
    )


def _as_batches_show_it(
    configuration: Configuration, loss: np.ndarray, times: jax.Array, blocks: jax.Array
) -> np.ndarray:
    """Published times to the threshold, had this loss been seen on batches, whose noise crosses a threshold too early.

    The loss of one fresh batch is the population loss times chi^2_n / n with n = B d_out, if the error has equal
    singular values, which it has in these runs up to the initial weights.
    """
    time, block = np.asarray(times), np.asarray(blocks)
    num_blocks = int(block[-1]) + 1
    per_block = round(configuration.curriculum.block_duration / PUBLISHED_RECORD) + 1
    seen = []
    for index in range(num_blocks):
        inside = np.flatnonzero(block == index)
        at = np.linspace(time[inside[0]], time[inside[-1]], per_block)
        seen.append(np.stack([np.interp(at, time[inside], one[inside]) for one in loss]))
    degrees = configuration.batch_size * configuration.teachers.d_out
    noise = jax.random.chisquare(
        jax.random.key(configuration.randomness.seed), degrees, (len(loss), num_blocks * per_block)
    )
    seen = jnp.asarray(np.concatenate(seen, axis=1)) * noise / degrees
    index = jnp.repeat(jnp.arange(num_blocks), per_block)
    to_threshold = jax.vmap(
        lambda one: published_time_to_threshold(one, index, num_blocks, THRESHOLD, PUBLISHED_RECORD)
    )
    return np.asarray(to_threshold(seen))
