"""What work and precision must show."""

import numpy as np
import xarray as xr

from experiments.degeneracy.work_precision.simulation import serves
from experiments.harness.acceptance import Acceptance, at_least, at_most, mean_of, near, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OURS, both

ERRORS = 3.0  # how many of them numbers may be apart


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of problems.

    Returns:
        Problem by problem.
    """
    return [row for name, dataset in data.items() for row in _of_problem(name, dataset)]


def true_error(dataset: xr.Dataset) -> xr.DataArray:
    """Root of the mean square, over seeds, of what is answered less what is right."""
    return np.sqrt(((dataset.value - dataset.attrs["value"]) ** 2).mean("seed", skipna=False))


def claimed_error(dataset: xr.Dataset) -> xr.DataArray:
    """Root of the mean square, over seeds, of the errors that answers claim."""
    return np.sqrt((dataset.claimed**2).mean("seed", skipna=False))


def is_regular(dataset: xr.Dataset) -> bool:
    """Whether the curvature at the point is all there is."""
    return dataset.attrs["laplace"] > 0


def _of_problem(name: str, dataset: xr.Dataset) -> list[Acceptance]:
    last = dataset.isel(budget=-1)
    true, claimed = true_error(last), claimed_error(last)
    reference, error = dataset.attrs["value"], dataset.attrs["error"]
    mala = last.value.sel(way="MALA").values
    spread = ERRORS * float(np.hypot(mala.std(ddof=1) / len(mala) ** 0.5, error))
    rows = []
    if is_regular(dataset):
        ratio = float((true / claimed).sel(way="MALA"))
        stochastic = float(true.sel(way=[way for way in last.way.values if "SGLD" in way]).min())
        rows += [
            near(f"{name}: MALA, mean over seeds", reference, spread, mean_of(mala), EXACT),
            at_most(f"{name}: MALA, true error over claimed", 2.0, single(ratio), OURS),
            at_least(
                f"{name}: best of the SGLD kinds, error over that of MALA",
                2.0,
                single(stochastic / float(true.sel(way="MALA"))),
                OURS,
            ),
        ]
    if error:
        share = error / float(true.sel(way="MALA"))
        laplace = single(dataset.attrs["laplace"])
        rows += [
            at_most(f"{name}: error of the reference over that of MALA", 0.5, single(share), OURS),
            near(f"{name}: effective dimension", reference, 0.01 * reference, laplace, both(OURS, EXACT)),
        ]
    for way in dataset.way.values:
        if not serves(way, dataset.attrs["dimension"], dataset.attrs["laplace"]):
            continue
        rows += [
            reported(f"{name}: {way}, true error", single(float(true.sel(way=way)))),
            reported(f"{name}: {way}, true error over claimed", single(float((true / claimed).sel(way=way)))),
        ]
    return rows
