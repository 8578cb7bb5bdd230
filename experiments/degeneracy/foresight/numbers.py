"""What was foretold of foresight, and what came out."""

import enum
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from scipy.stats import spearmanr

from experiments.degeneracy.foresight.predictions import PREDICTIONS, Claim
from experiments.degeneracy.foresight.simulation import SPECIALISED, USUAL
from experiments.harness.acceptance import Acceptance, at_least, at_most, between, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OURS
from ntadyn.metrics import areas_under_roc

WIDE = 1.96
_areas = jax.jit(areas_under_roc)
FOR_A_VERDICT = 3  # of four temperatures
PREDICTORS = ("sampled", "closed form", "contrast", "gate spread")


class Verdict(enum.Enum):
    """What became of a claim: its interval lies on the claimed side, on the other one, or on both."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNRESOLVED = "unresolved"


class Area(NamedTuple):
    """An area, or a difference of two, with its standard error."""

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """Of 95 %."""
        return self.value - WIDE * self.error, self.value + WIDE * self.error

    def __str__(self) -> str:
        """Interval included."""
        return "{:.3f} ({:.3f} to {:.3f})".format(self.value, *self.interval)


def specialised(dataset: xr.Dataset) -> np.ndarray:
    """Which networks are, at the end: shape (seed,)."""
    return dataset.contrast.values[:, -1] >= SPECIALISED


def not_yet(dataset: xr.Dataset) -> np.ndarray:
    """Which have not been at the end of this block or of one before, shape (seed, block)."""
    return np.cumsum(dataset.contrast.values >= SPECIALISED, axis=1) == 0


def scores(dataset: xr.Dataset, predictor: str, block: int) -> np.ndarray:
    """What a predictor says of every network, one row per inverse temperature where it has one.

    Args:
        dataset: of a cell.
        predictor: one of `PREDICTORS`.
        block: counted from 1.
    """
    at = dataset.sel(block=block)
    if predictor == "closed form":
        return at.laplace.values
    names = {"sampled": "value", "contrast": "contrast", "gate spread": "gate_spread"}
    return at[names[predictor]].values[None]


def areas(dataset: xr.Dataset, block: int, *rows: np.ndarray) -> list[Area]:
    """Areas of some scores for networks that have not yet specialised; of a second row less the first, and so on.

    Args:
        dataset: of a cell.
        block: at whose end scores are taken.
        rows: scores, shape (seed,); the areas of all, then the first less each of the others.
    """
    who = not_yet(dataset)[:, dataset.block.values.tolist().index(block)]
    will = specialised(dataset)
    found = _areas(*map(jnp.asarray, (np.stack(rows), will & who, ~will & who)))
    area, covariance = np.asarray(found.area), np.asarray(found.covariance)
    each = [Area(float(a), math.sqrt(max(v, 0.0))) for a, v in zip(area, np.diagonal(covariance), strict=True)]
    for other in range(1, len(rows)):
        variance = covariance[0, 0] + covariance[other, other] - 2 * covariance[0, other]
        each.append(Area(float(area[0] - area[other]), math.sqrt(max(variance, 0.0))))
    return each


def judged(claim: Claim, dataset: xr.Dataset) -> tuple[Verdict, list[Area]]:
    """The verdict on a claim, of at least three of four temperatures where there are four.

    Args:
        claim: what was foretold.
        dataset: of its cell.
    """
    rows = scores(dataset, claim.predictor, claim.block)
    if claim.beside:
        other = scores(dataset, claim.beside, claim.block)[0]
        found = [areas(dataset, claim.block, row, other)[-1] for row in rows]
    else:
        found = [areas(dataset, claim.block, row)[0] for row in rows]
    sides = []
    for each in found:
        low, high = each.interval
        inside = claim.low <= low and high <= claim.high
        outside = high < claim.low or low > claim.high
        sides.append(Verdict.CONFIRMED if inside else Verdict.REFUTED if outside else Verdict.UNRESOLVED)
    needed = min(FOR_A_VERDICT, len(sides))
    for verdict in (Verdict.CONFIRMED, Verdict.REFUTED):
        if sides.count(verdict) >= needed:
            return verdict, found
    return Verdict.UNRESOLVED, found


def accept(data: Data) -> list[Acceptance]:
    """All rows: cells are as they were chosen, every claim with its verdict, and what else there is to know.

    Args:
        data: by the names of cells.
    """
    rows = [row for cell, dataset in data.items() for row in _of_cell(cell, dataset)]
    rows += [_of_claim(claim, data[claim.cell]) for claim in PREDICTIONS if claim.cell in data]
    return rows


def _of_claim(claim: Claim, dataset: xr.Dataset) -> Acceptance:
    verdict, found = judged(claim, dataset)
    # One of four: the one at the temperature at which is sampled.
    at = dataset.temperature.values.tolist().index(USUAL) if len(found) > 1 else 0
    ends = (max(claim.low, -1.0), min(claim.high, 1.0))
    note = f"{verdict.value}: {'; '.join(map(str, found))}. {claim.why}"
    return between(claim.name, ends, single(found[at].value), f"{OURS}, frozen", note=note)


def _of_cell(cell: str, dataset: xr.Dataset) -> list[Acceptance]:
    closed = dataset.laplace.sel(temperature=USUAL)
    ranks, spread = (
        [_rank_correlation(each, closed, block) for block in (1, 2, 3)] for each in (dataset.value, dataset.gate_spread)
    )
    # By how much networks differ, over the error of each.
    clear = float((dataset.value.std("seed") / np.sqrt((dataset.error**2).mean("seed"))).sel(block=2))
    before = not_yet(dataset).mean(axis=0)
    rows = [
        between(f"{cell}: share that specialises", (0.3, 0.7), single(float(specialised(dataset).mean())), OURS),
        at_least(f"{cell}: spread of sampled values over their error, block 2", 1.5, single(clear), OURS),
        reported(f"{cell}: rank correlation, sampled with closed form, least of blocks 1 to 3", single(min(ranks))),
        at_least(f"{cell}: rank correlation, closed form with gate spread, blocks 1 to 3", 0.95,
                 single(min(spread)), f"{OURS}, frozen"),
        reported(f"{cell}: blocks after which nobody has specialised", single(float((before == 1).sum()))),
    ]  # fmt: skip
    if "langevin_value" in dataset:
        refused = float((dataset.langevin_status != "TRUSTED").mean())
        rows.append(reported(f"{cell}: share of estimates in all directions that are refused", single(refused)))
    below = float((dataset.value - closed).max())
    limit = float(dataset.attrs["size"])
    rows.append(
        at_most(
            f"{cell}: largest sampled value, over its limit D", 1.0, single(float(dataset.value.max()) / limit), EXACT
        )
    )
    rows.append(reported(f"{cell}: largest excess of sampled over closed form", single(below)))
    return rows


def _rank_correlation(one: xr.DataArray, other: xr.DataArray, block: int) -> float:
    found: Any = spearmanr(one.sel(block=block).values, other.sel(block=block).values)
    return float(found.statistic)
