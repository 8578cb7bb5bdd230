"""What momentum and its kin must show."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, at_most, mean_of, near, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import OTHER, OURS

# Where the claim about robustness is tested: streams whose blocks are a few memories long, and long memories.
LONG_BLOCKS, LONG_MEMORIES = 60, 0.95


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The valley, the quadratics, what switches, and where forgetting along the gradient helps.
    """
    return [
        *_of_valley(data["valley"]),
        *_of_quadratics(data["quadratics"]),
        *_of_subspaces(data["subspaces"]),
        *_of_switching(data["switching"]),
    ]


def best(dataset: xr.Dataset, name: str, rule: str) -> xr.DataArray:
    """The least over learning rates and retentions."""
    return dataset[name].sel(rule=rule).min(("rate", "retention"))


def robustness(switching: xr.Dataset, rule: str) -> np.ndarray:
    """Loss over that of plain momentum, with the best learning rates, where blocks and memories are long; per seed."""
    tuned = switching.loss.min("rate")
    part = tuned.isel(
        length=switching.length.values >= LONG_BLOCKS, retention=switching.retention.values >= LONG_MEMORIES
    )
    means = part.mean(("length", "retention"))
    return (means.sel(rule=rule) / means.sel(rule="momentum")).values


def cost_of_tuning(switching: xr.Dataset, rule: str) -> np.ndarray:
    """Loss at the worst retention over that at the best, long blocks, with the best learning rates; one per seed."""
    tuned = switching.loss.sel(rule=rule).min("rate").isel(length=switching.length.values >= LONG_BLOCKS)
    over = tuned.mean("length")
    return (over.max("retention") / over.min("retention")).values


def _of_valley(valley: xr.Dataset) -> list[Acceptance]:
    fixed = dict(zip(valley.rule.values.tolist(), valley.fixed.values.tolist(), strict=True))
    rows = [
        near("valley, one setting: steps, momentum", 341, 1, single(fixed["momentum"]), OTHER),
        at_least(
            "valley, one setting: steps of the printed form (2000: never)",
            2000,
            single(fixed["delta, as printed"]),
            OTHER,
        ),
        reported("valley, one setting: steps, delta momentum", single(fixed["delta momentum"]), "elsewhere 311"),
    ]
    names = ("momentum", "delta momentum", "delta, as printed")
    return rows + [
        reported(f"valley, tuned: steps, {rule}", single(float(best(valley, "steps", rule)))) for rule in names
    ]


def _of_quadratics(quadratics: xr.Dataset) -> list[Acceptance]:
    hard = quadratics.sel(condition=1000.0)
    ratio = float(best(hard, "loss", "momentum") / best(hard, "loss", "descent"))
    rows = [at_most("condition 1000, tuned: momentum over descent", 1e-2, single(ratio), OURS)]
    return rows + [
        reported(f"condition 1000, tuned: loss, {rule}", single(float(best(hard, "loss", rule))))
        for rule in quadratics.rule.values.tolist()
    ]


def _of_subspaces(subspaces: xr.Dataset) -> list[Acceptance]:
    def over_descent(rule: str) -> np.ndarray:
        return (best(subspaces, "loss", rule) / best(subspaces, "loss", "descent")).values

    rows = [
        at_least(
            f"subspaces in turn, tuned: {rule} over descent", 0.99, mean_of(over_descent(rule)), OURS, note="no win"
        )
        for rule in ("momentum", "delta momentum", "Muon", "Adam")
    ]
    at = subspaces.loss.sel(retention=0.95).min("rate")
    ratio = (at.sel(rule="delta momentum") / at.sel(rule="momentum")).values
    return [
        *rows,
        at_most("subspaces in turn, retention 0.95: delta momentum over momentum", 0.6, mean_of(ratio), OURS),
    ]


def _of_switching(switching: xr.Dataset) -> list[Acceptance]:
    rows = [
        at_most(
            "tasks in turn, long blocks and memories: delta momentum over momentum",
            0.7,
            mean_of(robustness(switching, "delta momentum")),
            OURS,
        )
    ]
    rows += [
        reported(f"tasks in turn, long blocks and memories: {rule} over momentum", mean_of(robustness(switching, rule)))
        for rule in switching.rule.values.tolist()
        if rule not in ("momentum", "delta momentum")
    ]
    return rows + [
        reported(
            f"tasks in turn, long blocks: worst retention over best, {rule}", mean_of(cost_of_tuning(switching, rule))
        )
        for rule in switching.rule.values.tolist()
    ]
