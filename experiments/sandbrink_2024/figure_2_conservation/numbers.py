"""What the conservation law demands of figure 2, and what another simulation of it found."""

import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    Measurement,
    at_least,
    at_most,
    mean_of,
    median_of,
    near,
    reported,
    single,
)
from experiments.harness.outcomes import no_failures, on_batches
from experiments.harness.sources import EXACT, OTHER, OURS, RERUN
from experiments.sandbrink_2024.figure_2_conservation.simulation import CHATTER
from ntadyn.metrics import SlidingGrowth, growth_while_sliding

GROWN = 0.1  # seeds that grow less never specialise, and have no growth to share out


def accept(flexible: xr.Dataset, forgetful: xr.Dataset) -> list[Acceptance]:
    """All rows.

    Args:
        flexible: the flexible run, as `simulation.simulate` returns it.
        forgetful: the forgetful run.

    Returns:
        The rows: where Q grows, that it does not elsewhere, and that it does not without penalties.
    """
    return [no_failures(flexible, forgetful), *_flexible(flexible), *_forgetful(forgetful)]


def median_seed(flexible: xr.Dataset) -> int:
    """The seed whose Q grows fastest to half of its end in the median."""
    q = flexible.invariant.values
    half = (q > 0.5 * q[:, -1:]).argmax(axis=1)
    return int(np.argsort(half)[len(half) // 2])


def by_block(flexible: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Share of each block with a shut gate, and share of all growth of Q that falls into it, shape (seeds, blocks)."""
    q, shut, times, block = (flexible[name].values for name in ("invariant", "shut", "time", "block"))
    durations, steps = np.diff(times, prepend=0.0), np.diff(q, axis=1, prepend=q[:, :1])
    inside = [np.flatnonzero(block == index) for index in range(int(block[-1]) + 1)]
    time_share = [(shut[:, at] * durations[at]).sum(axis=1) / durations[at].sum() for at in inside]
    growth = [steps[:, at].sum(axis=1) for at in inside]
    return np.stack(time_share, axis=1), np.stack(growth, axis=1) / (q[:, -1] - q[:, 0])[:, None]


def _flexible(flexible: xr.Dataset) -> list[Acceptance]:
    growth = [_growth(flexible, seed) for seed in range(flexible.sizes["seed"])]
    total = flexible.invariant.values[:, -1] - flexible.invariant.values[:, 0]
    shares = [float(item.growth_share) for item, grown in zip(growth, total, strict=True) if grown > GROWN]
    lowest = Measurement(min(shares, default=float("nan")), None, len(shares))
    specialised = Measurement(float((total > GROWN).mean()), None, len(total))
    apart = flexible.apart.isel(record=-1).values
    rows = [
        at_least("flexible: share of the growth of Q with a shut gate", 0.95, lowest, OURS, note="lowest over seeds"),
        near("flexible: growth of Q, median", 1.155, 0.05, median_of(total), OTHER, "1.14 to 1.17 there"),
        reported("flexible: share of seeds in which Q grows", specialised),
        reported("flexible: share of the time with a shut gate", mean_of([float(item.time_share) for item in growth])),
        reported("flexible: |W^1 - W^2|^2 at the end, median", median_of(apart), "1 for two perfect specialists"),
    ]
    if on_batches(flexible):
        return rows
    outside = np.abs(flexible.growth_outside.values).max(axis=1)
    note = "exact for the flow; what is left is the error of the time step; largest over seeds"
    return [
        *rows,
        at_most("flexible: largest change of Q with both gates open", 0.01, single(outside.max()), EXACT, note=note),
    ]


def _forgetful(forgetful: xr.Dataset) -> list[Acceptance]:
    apart = forgetful.apart.values
    rows = [
        near("forgetful: |W^1 - W^2|^2 at the start", 0.002, 0.0005, mean_of(apart[:, 0]), EXACT, "2 d_out sigma_0^2"),
        near("forgetful: |W^1 - W^2|^2, end over start", 1.005, 0.05, median_of(apart[:, -1] / apart[:, 0]), RERUN),
    ]
    if on_batches(forgetful):
        return rows
    drift = np.abs(forgetful.invariant.values - forgetful.invariant.values[:, :1]).max(axis=1)
    note = "exact for the flow; largest over seeds"
    return [*rows, at_most("forgetful: drift of Q", 1e-5, single(drift.max()), EXACT, note=note)]


def _growth(flexible: xr.Dataset, seed: int) -> SlidingGrowth:
    one = flexible.isel(seed=seed)
    shut = CHATTER if on_batches(flexible) else 0.0
    return growth_while_sliding(
        jnp.asarray(one.time.values), jnp.asarray(one.invariant.values), jnp.asarray(one.gates.values), shut
    )
