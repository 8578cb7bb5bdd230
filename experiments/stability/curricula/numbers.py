"""What the curricula must show, and by how much the best of them beat the best constant one."""

import xarray as xr

from experiments.harness.acceptance import Acceptance, Measurement, at_least, at_most, mean_of, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import OURS
from ntadyn.specs.curriculum_design import CONSTANT, SEARCHES, best_of, margin


def accept(data: Data) -> list[Acceptance]:
    """All rows; scores are contrasts after the test phase, on seeds that chose nothing.

    Args:
        data: by number of blocks.
    """
    whole, rows = together(data), []
    for search in (CONSTANT, *SEARCHES):
        best = best_of(whole, search)
        rows.append(reported(f"{search}: best number of blocks", single(int(best.number))))
        rows.append(reported(f"{search}: contrast of its best", mean_of(best.score.values)))
        lengths = best.length.values[best.length.notnull().values]
        rows.append(
            reported(f"{search}: longest over shortest block of its best", single(lengths.max() / lengths.min()))
        )
    for search in SEARCHES:
        mean, error = margin(whole, search)
        count = whole.sizes["seed"]
        rows.append(reported(f"{search}: gain over the best constant", Measurement(mean, error * count**0.5, count)))
        chosen = whole.training_score.sel(search=search) - whole.training_score.sel(search=CONSTANT)
        # Both searches start from equal lengths and keep the best that they meet.
        rows.append(
            at_least(f"{search}: least gain over equal lengths, seeds that chose", 0.0, single(chosen.min()), OURS)
        )
    total = whole.length.sum("block")
    rows.append(
        at_most("total time of training, largest error", 1e-9, single(abs(total - whole.attrs["total"]).max()), OURS)
    )
    rows.append(at_least("shortest block", whole.attrs["least"], single(whole.length.min()), OURS))
    rows.append(at_most("runs that failed", 0, single(int(whole.score.isnull().sum())), OURS))
    for number in whole.number.values:
        rows.append(
            reported(f"constant, {number} blocks", mean_of(whole.score.sel(search=CONSTANT, number=number).values))
        )
    return rows


def together(data: Data) -> xr.Dataset:
    """All numbers of blocks in one dataset."""
    parts = sorted(data.values(), key=lambda part: int(part.number[0]))
    return xr.concat(parts, "number", data_vars="minimal", combine_attrs="override").assign_attrs(parts[0].attrs)
