"""What E4 predicts of points of equal function."""

import numpy as np
import xarray as xr

from experiments.degeneracy.e4_equal_functions.simulation import START, STRENGTHS
from experiments.degeneracy.joint.measures import trusted
from experiments.degeneracy.joint.predictions import frozen
from experiments.degeneracy.joint.verdicts import measured, verdict_rows
from experiments.harness.acceptance import Acceptance, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data

# Blocks from which the rate of the drift is read: ten after the first two, and the later half.
EARLY, LATE = slice(3, 12), slice(21, None)


def accept(data: Data) -> list[Acceptance]:
    """Verdicts, and what else to know.

    Args:
        data: points and drift.
    """
    points, drift = data["points"], data["drift"]
    rows = [no_failures(drift), *verdict_rows(frozen(), "E4", results(data))]
    refused = ~points.trusted.astype(bool)
    rows.append(reported("estimates that were refused", single(float(refused.sum())), f"of {refused.size}"))
    for share in points.share.values:
        for cutoff in points.cutoff.values:
            at = points.sel(share=share, cutoff=cutoff)
            note = f"closed form {at.closed_form.item():.3f}"
            rows.append(reported(f"a = {share:g}, cutoff {cutoff:g}: coefficient", measured(trusted(at).values), note))
    for case in drift.case.values:
        rows.append(reported(f"{case}: gates apart per block", single(rate(drift.sel(case=case)))))
        rows.append(reported(f"{case}: the same from block 21 on", single(rate(drift.sel(case=case), LATE))))
        rows.append(reported(f"{case}: gates apart at the end", single(float(apart(drift.sel(case=case))[-1]))))
    return rows


def results(data: Data) -> dict[str, np.ndarray]:
    """The numbers of all predictions, by their id."""
    points, drift = data["points"], data["drift"]
    entries, values = points.attrs["entries"], trusted(points)
    off = np.abs(points.exact - entries).max(), np.abs(points.exact_l1 - entries - 1).max()
    falls = (-values.diff("share")).min("share", skipna=False).transpose("cutoff", "seed").values
    l1, l2, both = (drift.sel(case=case) for case in ("L1", "L2", f"L1 + {STRENGTHS[0]:g} L2"))
    rates = [rate(drift.sel(case=f"L1 + {by:g} L2")) for by in STRENGTHS]
    slopes = proportionality(np.array(rates))
    return {
        "E4.a": np.array([float(points.loss.max())]),
        "E4.b": np.array([float(max(off))]),
        "E4.c": (values.mean("seed") / points.closed_form).transpose("cutoff", "share").values,
        "E4.d": falls,
        "E4.e": np.array([float(np.abs(l1.cosine.isel(block=-1) - l1.start_cosine).max())]),
        "E4.f": np.array([float(l1.loss[-1])]),
        "E4.g": np.array([float(l2.gate.isel(block=-1).max())]),
        "E4.h": np.array([float(np.abs(both.gate.isel(block=-1).max() - START))]),
        "E4.i": slopes,
    }


def proportionality(rates: np.ndarray) -> np.ndarray:
    """Log-log slopes from strength to strength; minus infinity where the drift turns round."""
    ratios = rates[1:] / rates[:-1]
    slopes = np.log10(np.where(ratios > 0, ratios, 1)) / np.diff(np.log10(STRENGTHS))
    return np.where(ratios > 0, slopes, -np.inf)


def apart(one: xr.Dataset) -> np.ndarray:
    """By how much the gate of the task's own path exceeds the other, mean of the ends of two blocks, one of each task.

    Both tasks are averaged over: the ends of their blocks differ by more than ten blocks of drift.
    """
    return np.abs(one.gate.isel(path=0) - one.gate.isel(path=1)).values.reshape(-1, 2).mean(axis=1)


def rate(one: xr.Dataset, blocks: slice = EARLY) -> float:
    """By how much gates come apart per block, in the first ten blocks after the first two, or in others."""
    chosen = apart(one.sel(block=blocks))
    return float(np.polyfit(2 * np.arange(len(chosen)), chosen, 1)[0])
