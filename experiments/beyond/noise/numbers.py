"""What the noise of batches must show: what it costs, and what it decides."""

import math

import numpy as np
import xarray as xr

from experiments.beyond.noise.simulation import flips
from experiments.harness.acceptance import Acceptance, Measurement, at_most, mean_of, near, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import OTHER, OURS

ALIGNED = 0.9
# Another simulation: cell -> alignment and its spread over seeds, share above ALIGNED (NaN: not said), share of flips,
# for batches of 1, of 10, and without noise, and the numbers of seeds.
TABLE = {
    "figure 2": ((0.995, 0.992, 0.987), (0.007, 0.017, 0.046), (1.0, 1.0, 0.96), (0.24, 0.06), (96, 32, 96)),
    "border": ((0.865, 0.871, 0.874), (0.095, 0.096, 0.096), (0.48, 0.55, 0.55), (0.19, 0.11), (64, 64, 64)),
    "late border": ((0.802, 0.860, 0.870), (0.115, 0.104, 0.098), (0.35, 0.51, 0.55), (0.26, 0.15), (96, 96, 96)),
    "short blocks": ((0.711, 0.745, 0.753), (0.027, 0.046, 0.049), (math.nan,) * 3, (0.29, 0.16), (96, 96, 96)),
}


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.
    """
    rows = [no_failures(*(data[name] for name in ("map", "limit")))]
    for cell, told in TABLE.items():
        if cell in data:
            rows += _of_cell(cell, data[cell], told)
    return [*rows, *_of_maps(data["map"], data["limit"])]


def failed(sweep: xr.Dataset) -> xr.DataArray:
    """The share of repetitions that diverged, or ended otherwise."""
    return (sweep.result > 0).mean("seed")


def _of_cell(cell: str, sweep: xr.Dataset, told: tuple[tuple[float, ...], ...]) -> list[Acceptance]:
    alignments, spreads, shares, flipped, numbers = told
    rows, turned = [], flips(sweep)
    for place, size in enumerate(sweep.batch_size.values):
        known = {1: 0, 10: 1}.get(int(size), 2)
        at, seeds = sweep.isel(batch=place), sweep.sizes["seed"]
        joint = (1 / numbers[known] + 1 / seeds) ** 0.5
        what = f"{cell}, {'no noise' if known == 2 else f'batches of {size}'} (kappa {float(at.kappa):.2g})"
        rows.append(
            near(
                f"{what}: alignment",
                alignments[known],
                3 * spreads[known] * joint + 0.002,
                mean_of(at.alignment.values),
                OTHER,
                "three standard errors of the difference",
            )
        )
        aligned = mean_of((at.alignment > ALIGNED).values.astype(float))
        if math.isnan(shares[known]):
            rows.append(reported(f"{what}: share specialised", aligned))
        else:
            slack = 3 * _of_share(shares[known], numbers[known]) * joint
            rows.append(near(f"{what}: share specialised", shares[known], slack, aligned, OTHER))
        if known < 2:
            slack = 3 * _of_share(flipped[known], numbers[known]) * joint
            found = mean_of(turned.isel(batch=place).values)
            rows.append(near(f"{what}: paths take other tasks", flipped[known], slack, found, OTHER))
    return rows


def _of_share(share: float, number: float) -> float:
    """The standard deviation of one outcome; of a share of nothing or all, that of one that misses one."""
    kept = min(max(share, 1 / number), 1 - 1 / number)
    return (kept * (1 - kept)) ** 0.5


def _number(value: xr.DataArray) -> Measurement:
    return single(float(value))


def _of_maps(sweep: xr.Dataset, limit: xr.Dataset) -> list[Acceptance]:
    """What noise costs at most where it is below .02, and what it costs where it is largest."""
    silent = sweep.alignment.isel(batch=-1)
    lost = (silent - sweep.alignment).mean(("seed", "block_duration"))
    errors = (silent - sweep.alignment).std("seed") / sweep.sizes["seed"] ** 0.5
    error = np.sqrt((errors**2).mean("block_duration") / sweep.sizes["block_duration"])
    weak = sweep.kappa.values < 0.02
    weak[-1] = False
    rows = [reported("map: repetitions that fail, largest share of a cell", _number(failed(sweep).max()))]
    if weak.any():
        worst = np.flatnonzero(weak)[np.argmax(np.abs(lost.values[weak]))]
        rows.append(
            at_most(
                "map: alignment lost below kappa .02, mean over block lengths, at most",
                0.02,
                single(abs(lost.values[worst])),
                OURS,
                note=f"standard error {float(error.values[worst]):.2g}",
            )
        )
    rows += [
        reported(
            f"map: alignment lost at kappa {float(sweep.kappa[0]):.2g}", _number(lost[0]), f"+- {float(error[0]):.2g}"
        ),
        reported("map: share of flips there", _number(flips(sweep).isel(batch=0).mean())),
    ]
    gained = limit.alignment.mean("seed")
    return [
        *rows,
        reported("limit: alignment without noise, mean over block lengths", _number(gained.isel(batch_noise=0).mean())),
        reported(
            f"limit: alignment at kappa {float(limit.batch_noise[-1]):g}", _number(gained.isel(batch_noise=-1).mean())
        ),
    ]
