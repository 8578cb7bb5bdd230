"""Four networks, that differ in the speed of their gates and in whether these pay a penalty."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.degeneracy.joint.conditions import FAST, SLOW, Sizes, Trained, gated, trained
from experiments.degeneracy.joint.measures import cosines, estimates, laplace, maps
from experiments.degeneracy.joint.predictions import CUTOFFS
from experiments.harness.runs import Run
from ntadyn.degeneracy import MALA, GateTable
from ntadyn.metrics import time_to_threshold

# The finest is there for networks whose gates differ by a few percent between tasks.
CLOSED_FORM_CUTOFFS = (*CUTOFFS, 1e-4)
RECORDS = 99


@dataclass(frozen=True)
class Condition:
    """One of the four.

    Attributes:
        gates: the time constant of gates.
        penalties: whether gates are held to be nonnegative and of norm one.
    """

    gates: float
    penalties: bool


CONDITIONS = {
    "flexible": Condition(FAST, True),
    "fast, no penalty": Condition(FAST, False),
    "slow, penalty": Condition(SLOW, True),
    "forgetful": Condition(SLOW, False),
}


@dataclass(frozen=True)
class Parameters(Sizes):
    """What the experiment is made of.

    Attributes:
        blocks: of length 1.
        fast: whether chains are short.
    """

    blocks: int = 20
    fast: bool = False


def runs(parameters: Parameters) -> list[Run]:
    """One for each condition."""
    return [
        Run(f"e1_{number}", of_condition, {"parameters": parameters, "condition": condition}, name)
        for number, (name, condition) in enumerate(CONDITIONS.items())
    ]


def of_condition(parameters: Parameters, condition: Condition) -> xr.Dataset:
    """All that is recorded of one condition, over (seed, block)."""
    spec = gated(parameters.sizes, parameters.seeds, parameters.blocks, condition.gates, condition.penalties)
    found = trained(spec, RECORDS)
    tables = found.tables
    functions = jax.vmap(jax.vmap(maps))(tables)
    values = jnp.linalg.svd(functions.reshape(*functions.shape[:3], -1), compute_uv=False)
    last = GateTable(tables.gates[:, -1], tables.weights[:, -1])
    seeds = range(parameters.seeds)
    steps = {"num_warm_up": 300, "num_draws": 600} if parameters.fast else {"num_warm_up": 2000, "num_draws": 16_000}
    ends = estimates(last, {"seed": seeds}, MALA(**steps), 0)  # pyright: ignore[reportCallIssue]
    return ends.merge(
        xr.Dataset(
            {
                "gate": (("seed", "block", "task", "path"), np.asarray(tables.gates)),
                "cosine": (("seed", "block", "task", "path"), cosines(tables.weights, found.teachers)),
                "singular_value": (("seed", "block", "mode"), np.asarray(values)),
                "adaptation": (("seed", "block"), adaptation_times(found)),
                "laplace": (("seed", "block", "fine_cutoff"), laplace(tables, CLOSED_FORM_CUTOFFS)),
            },
            {"block": np.arange(1, parameters.blocks + 1), "fine_cutoff": list(CLOSED_FORM_CUTOFFS)},
        )
    ).assign_attrs(entries=parameters.entries, task=int(found.tasks[-1]))


def adaptation_times(found: Trained) -> np.ndarray:
    """Time to half the loss of a zero map in every block, infinite where it is not reached; shape (seeds, blocks)."""
    of_zero = np.sum(np.asarray(found.teachers) ** 2, axis=(1, 2)) / 2
    blocks, records = found.times.shape
    starts = np.arange(blocks)[:, None] * (1 + found.times[0, -1])
    times, block = jnp.asarray((starts + found.times).ravel()), jnp.repeat(jnp.arange(blocks, dtype=jnp.int32), records)
    relative = jnp.asarray(found.losses / of_zero[found.tasks][:, None])
    return np.stack([np.asarray(time_to_threshold(times, each.ravel(), block, blocks, 0.5).time) for each in relative])
