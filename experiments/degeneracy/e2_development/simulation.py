"""Two networks, and estimates at the ends of their blocks."""

from dataclasses import dataclass

import jax
import numpy as np
import xarray as xr

from experiments.degeneracy.joint.conditions import FAST, SLOW, Sizes, gated, trained
from experiments.degeneracy.joint.measures import alignment, cosines, estimates
from experiments.harness.runs import Run
from ntadyn.degeneracy import MALA, NUTS

# Where both samplers are compared: the specification counts blocks from 0, and means by block 1 the end of the second.
CHECKED, CHECKED_BLOCK = 0.01, 2
CONDITIONS = {"flexible": (FAST, True), "forgetful": (SLOW, False)}


@dataclass(frozen=True)
class Parameters(Sizes):
    """What the experiment is made of.

    Attributes:
        blocks: at whose ends is measured, counted from 1; the last one is that of the run.
        fast: whether chains are short.
    """

    d_in: int = 6
    d_out: int = 3
    blocks: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 8, 20)
    fast: bool = False


def runs(parameters: Parameters) -> list[Run]:
    """One for each condition."""
    return [
        Run(f"e2_{name}", of_condition, {"parameters": parameters, "gates": gates, "penalties": penalties}, name)
        for name, (gates, penalties) in CONDITIONS.items()
    ]


def of_condition(parameters: Parameters, gates: float, penalties: bool) -> xr.Dataset:
    """Estimates, cosines and the second singular value of gates, over (seed, block)."""
    sizes = parameters.sizes
    found = trained(gated(sizes, parameters.seeds, parameters.blocks[-1], gates, penalties))
    chosen = np.asarray(parameters.blocks) - 1
    tables = jax.tree.map(lambda leaf: leaf[:, chosen], found.tables)
    seeds = range(parameters.seeds)
    steps = {"num_warm_up": 300, "num_draws": 600} if parameters.fast else {"num_warm_up": 2000, "num_draws": 8000}
    sampler = MALA(**steps)  # pyright: ignore[reportCallIssue]
    measured = estimates(tables, {"seed": seeds, "block": parameters.blocks}, sampler, 10)
    early = jax.tree.map(lambda leaf: leaf[:, list(parameters.blocks).index(CHECKED_BLOCK)], tables)
    lengths = {"num_warm_up": 100, "num_draws": 100} if parameters.fast else {}
    checked = estimates(early, {"seed": seeds}, NUTS(**lengths), 20, (CHECKED,)).isel(cutoff=0, drop=True)  # pyright: ignore[reportCallIssue]
    second = np.linalg.svd(np.asarray(tables.gates), compute_uv=False)[..., 1]
    return measured.assign(
        alignment=(("seed", "block"), alignment(cosines(tables.weights, found.teachers))),
        second_gate=(("seed", "block"), second),
        nuts=("seed", checked.value.values),
        nuts_error=("seed", checked.error.values),
        nuts_status=("seed", checked.status.values),
    ).assign_attrs(entries=parameters.entries)
