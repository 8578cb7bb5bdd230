"""What E3 predicts of block lengths."""

import numpy as np
import xarray as xr

from experiments.degeneracy.e3_block_length.simulation import KINDS
from experiments.degeneracy.joint.curves import saturation
from experiments.degeneracy.joint.predictions import frozen
from experiments.degeneracy.joint.verdicts import verdict_rows
from experiments.harness.acceptance import Acceptance, mean_of, reported
from experiments.harness.runs import Data

CUTOFF, GAP = 0.01, 0.2
BISTABLE = (0.25, 0.35)
MIDDLE = 0.5


def accept(data: Data) -> list[Acceptance]:
    """Verdicts, and the numbers at all lengths.

    Args:
        data: one dataset for each kind of teachers and each length.
    """
    rows = verdict_rows(frozen(), "E3", results(data))
    for kind in KINDS:
        for length, found in of_kind(data, kind).groupby("length"):
            numbers = {
                "effective dimension": found.laplace.sel(cutoff=CUTOFF),
                "modularity": found.by_gap.sel(gap=GAP),
                "modularity, neurons": found.neuron,
                "cosine": found.alignment,
            }
            rows += [
                reported(f"{kind}, blocks of {length:g}: {name}", mean_of(values.values))
                for name, values in numbers.items()
            ]
    return rows


def of_kind(data: Data, kind: str) -> xr.Dataset:
    """All lengths of one kind of teachers."""
    found = [each for each in data.values() if each.kind.item() == kind]
    return xr.concat(sorted(found, key=lambda each: each.length.item()), "length")


def results(data: Data) -> dict[str, np.ndarray]:
    """The numbers of all predictions, by their id."""
    found, equal = of_kind(data, "distinct"), of_kind(data, "equal")
    coefficient = octaves(found.laplace, "cutoff")
    at = list(found.cutoff.values).index(CUTOFF)
    gap, middle = octaves(found.by_gap, "gap"), found.sel(length=MIDDLE)
    bistable = equal.laplace.sel(length=[one for one in BISTABLE if one in equal.length.values])
    return {
        "E3.a": gap[list(found.gap.values).index(GAP)] - coefficient,
        "E3.b": gap - coefficient[at],
        "E3.c": octaves(found.by_resolution, "resolution") - coefficient[at],
        "E3.d": middle.laplace.transpose("cutoff", "seed").values,
        "E3.e": middle.by_gap.transpose("gap", "seed").values,
        "E3.f": found.by_gap.isel(length=-1).transpose("gap", "seed").values,
        "E3.g": bistable.std("seed", ddof=1).max("length").values[:, None],
        "E3.h": octaves(equal.by_gap, "gap") - octaves(equal.laplace, "cutoff")[at],
    }


def octaves(curves: xr.DataArray, over: str) -> np.ndarray:
    """Log2 of the block length at which every curve is saturated, shape (sweep, seeds)."""
    table = curves.transpose(over, "seed", "length").values
    lengths = curves.length.values
    return np.log2([[saturation(lengths, curve) for curve in row] for row in table])
