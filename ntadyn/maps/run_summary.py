"""How a run went, in a few lines: trajectories, failures, error, step, and the time that it took."""

import numpy as np
import xarray as xr

from ntadyn.maps.summary import JITTER, PERTURBATION, SENSITIVE, error_names
from ntadyn.results.quantities import label_of


def run_summary(dataset: xr.Dataset) -> str:
    """How a run went: trajectories, failures, error, step, compile and run time, rate.

    Args:
        dataset: a sweep as `run_sweep` or `refine_sweep` returns it.
    """
    codes = dataset["result"].values
    run = codes >= 0
    number, failed = int(run.sum()), int((codes > 0).sum())
    seconds, computed = float(dataset.attrs["run_seconds"]), int(dataset.attrs.get("computed", number))
    found = f"{number - computed:,} of them were found finished; " if computed < number else ""
    lines = [
        f"{dataset.attrs['name']}: {number:,} trajectories in {run.any(-1).sum():,} of {codes[..., 0].size:,} cells, "
        f"{failed:,} failed; step at most {dataset.attrs['max_step']:.2g}, {dataset.attrs['precision']}"
        + (f", stepped by {dataset.attrs['stepped_by']}" if "stepped_by" in dataset.attrs else ""),
        f"  {found}compiled in {float(dataset.attrs['compile_seconds']):.1f} s, ran in {seconds:.1f} s"
        + (f": {computed / seconds:,.0f} trajectories per second" if seconds > 0 and computed > 0 else ""),
    ]
    names = error_names(dataset)
    if "gate_bar" in names:
        bars = dataset["gate_bar"].values[run & (codes == 0)]
        if np.isfinite(bars).any():
            median, most = np.quantile(bars[np.isfinite(bars)], (0.5, 0.99))
            lines.append(f"  error bars of gates: {median:.1e} (median), {most:.1e} (99 % below), one per trajectory")
    names = tuple(name for name in names if name != "gate_bar")
    for name in ("gate_error",) if "gate_error" in names else names:
        errors, jumps = (dataset[item].values for item in (name, PERTURBATION))
        steady = np.isfinite(errors) & (jumps < SENSITIVE * JITTER)
        what = "gates" if name == "gate_error" else label_of(name.removesuffix("_error"))
        if steady.any():
            median, most = np.quantile(errors[steady], (0.5, 0.99))
            lines.append(
                f"  halving all steps moves {what} by {median:.1e} (median), {most:.1e} (99 % below) in "
                f"{int(steady.sum()):,} checked trajectories; {int((np.isfinite(errors) & ~steady).sum()):,} more "
                f"amplify a jitter of their start more than {SENSITIVE:g} times"
            )
        unresolved = int(np.isinf(errors).sum())
        if unresolved:
            lines.append(f"  {unresolved:,} more are unresolved: with halved steps they did not end well")
    return "\n".join(lines)
