"""What is simulated for figure A1."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Data, Run
from experiments.sandbrink_2024.runs.toy import ToyRun, follow_flow, follow_published_scheme, published_records
from ntadyn.metrics import last_blocks_mask, singular_values, specialisation
from ntadyn.simulation import Trajectory, observables
from ntadyn.specs import presets
from ntadyn.specs.configuration import Dynamics, TeacherKind
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.paths import replaced, to_json
from ntadyn.verification.check import trusted
from ntadyn.verification.laws import MODE_ENERGY, full_and_toy

NUM_BLOCKS = 20  # of 1
TOY = ToyRun(
    tau_c=0.06,
    tau_w=1.3,
    weights=((0.01, 0.0), (0.0, 0.01)),
    num_blocks=NUM_BLOCKS,
    first_output=0,
    hardness=1000.0,
)
NUM_RECORDS = 1000  # of the published toy


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


def runs(parameters: Parameters) -> list[Run]:
    """The full model; the published toy, by its scheme and by the flow; the pair that starts in the modes.

    Args:
        parameters: what to run.

    Returns:
        Runs of "full" over (seed, record), "toy_published" and "toy" over record, "toy_rescaled" with the penalty
        rescaled as well, and, unless left out, "aligned" over (model, record).
    """
    records = parameters.records_per_block
    of_full = {
        "dynamics": parameters.dynamics,
        "num_seeds": parameters.num_seeds,
        "seed": parameters.seed,
        "records_per_block": records,
    }
    found = [
        Run("figure_a1_full", full, of_full, "full"),
        Run("figure_a1_toy", toys, {"max_step": parameters.toy_step, "records_per_block": records}),
    ]
    if parameters.in_modes:
        found.append(Run("figure_a1_aligned", aligned, {"records_per_block": records}, "aligned"))
    return found


def toys(max_step: float, records_per_block: int) -> Data:
    """The published toy, by the flow and in its scheme, and the flow with the penalty rescaled."""
    rescaled = dataclasses.replace(TOY, strengths=tuple(value / MODE_ENERGY for value in TOY.strengths))
    # The flow is held against published numbers too, which were taken at the last records before switches.
    switches = range(1, NUM_BLOCKS + 1)
    times = published_records(TOY.total_time, NUM_RECORDS)[last_records(NUM_RECORDS, switches)]
    toy, both_rescaled = (follow_flow(one, max_step, records_per_block, times) for one in (TOY, rescaled))
    return {
        "toy_published": follow_published_scheme(TOY, NUM_RECORDS),
        "toy": toy,
        "toy_rescaled": both_rescaled,
    }


def last_records(num_records: int, times: Sequence[int]) -> np.ndarray:
    """Indices of the last of equally spaced records of the whole run that are not after these times."""
    return np.asarray(times) * (num_records - 1) // NUM_BLOCKS


def full(dynamics: Dynamics, num_seeds: int, seed: int, records_per_block: int) -> xr.Dataset:
    """The flexible network of figure 2 with axis-aligned teachers, paths in the order of their teachers."""
    changes = {
        "teachers.kind": TeacherKind.AXIS_ALIGNED,
        "dynamics": dynamics,
        "randomness.num_seeds": num_seeds,
        "randomness.seed": seed,
    }
    configuration = replaced(presets.figure_2_flexible(), changes)
    recorded = {
        "loss": observables.loss,
        "gates": observables.gates,
        "largest": _largest_singular_values,
        "similarity": observables.similarity,
    }
    trajectory, _ = run_ensemble(configuration, recorded, records_per_block)
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


def aligned(records_per_block: int) -> xr.Dataset:
    """The full model that starts in its teachers' modes, and the toy with both rescaled."""
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
