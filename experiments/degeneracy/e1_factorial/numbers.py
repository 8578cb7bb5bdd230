"""What E1 predicts of four networks."""

import numpy as np
import xarray as xr

from experiments.degeneracy.joint.measures import alignment, trusted
from experiments.degeneracy.joint.predictions import frozen
from experiments.degeneracy.joint.verdicts import verdict_rows
from experiments.harness.acceptance import Acceptance, mean_of, reported, single
from experiments.harness.runs import Data


def accept(data: Data) -> list[Acceptance]:
    """Verdicts, and what else to know.

    Args:
        data: by condition.
    """
    rows = verdict_rows(frozen(), "E1", results(data))
    for name, found in data.items():
        last = found.isel(block=-1)
        rows += [
            reported(f"{name}: estimates that were refused", single(float((~found.trusted.astype(bool)).sum()))),
            reported(f"{name}: cosine with paths at the end", mean_of(alignment(last.cosine.values))),
            reported(f"{name}: second singular value of gates at the end", mean_of(second_of_gates(last.gate.values))),
            *(
                reported(f"{name}: effective dimension at the end, cutoff {cutoff:g}", mean_of(values.values))
                for cutoff, values in last.laplace.groupby("fine_cutoff")
            ),
        ]
    return rows


def results(data: Data) -> dict[str, np.ndarray]:
    """The numbers of all predictions, by their id."""
    flexible, forgetful, loose = data["flexible"], data["forgetful"], data["fast, no penalty"]
    adaptation, of_forgetful = flexible.adaptation.values, forgetful.isel(block=-1).cosine.values
    fine = loose.laplace.isel(block=-1)
    return {
        "E1.a": at_ends(flexible),
        "E1.b": at_ends(forgetful),
        "E1.c": alignment(flexible.cosine.isel(block=-1).values),
        "E1.d": adaptation[:, -1] / adaptation[:, 0],
        "E1.e": forgetful.adaptation.isel(block=-1).values,
        "E1.f": np.max(np.abs(of_forgetful[..., 0] - of_forgetful[..., 1]), axis=1),
        "E1.g": of_forgetful[:, forgetful.attrs["task"]].mean(axis=1),
        "E1.h": at_ends(data["slow, penalty"]),
        "E1.i": loose.gate.max(("block", "task", "path")).values,
        "E1.j": loose.singular_value.isel(block=-1, mode=1).values,
        "E1.k": (fine.sel(fine_cutoff=1e-4) - fine.sel(fine_cutoff=0.01)).values,
    }


def at_ends(found: xr.Dataset) -> np.ndarray:
    """Trusted estimates at the last block, shape (cutoffs, seeds)."""
    return trusted(found).transpose("cutoff", "seed").values


def second_of_gates(gates: np.ndarray) -> np.ndarray:
    """Sigma_2(C), shape (...)."""
    return np.linalg.svd(gates, compute_uv=False)[..., 1]
