"""What the comparison must show: figures do not depend on the step, and thousands of blocks do."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_most, near, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import OTHER, OURS
from experiments.sandbrink_2024.figure_4.numbers import convergence
from experiments.sandbrink_2024.figure_a2.numbers import accept as accept_a2
from experiments.sandbrink_2024.figure_a10.numbers import accept as accept_a10
from experiments.sandbrink_2024.numbers.block_length import accept as accept_a9
from experiments.stability.long_runs.simulation import ORBIT_GATES, SOLVERS

WITHOUT_BAR = 5e-3  # for numbers that their figure only reports: relative, or absolute below one
# Event-exact steps in extended precision, a program of its own: block -> |W^1 - W^2|.
EVENT_EXACT = {100: 0.946099461, 600: 0.946142845, 1000: 0.946145164, 2000: 0.962809481}


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.
    """
    rows = []
    for name, accepted in READ.items():
        if f"{name} Splitting" in data:
            split, boost = ({row.name: row for row in accepted(data[f"{name} {solver}"])} for solver in SOLVERS)
            rows += [_compared(f"figure {name}: {key}", split[key], boost[key]) for key in split if key in boost
                     # A row of the furthest of many entries may be of another entry.
                     and split[key].expected == boost[key].expected]  # fmt: skip
    if "5 Splitting" in data:
        rows += _of_map(*(data[f"5 {solver}"].alignment for solver in SOLVERS))
    return rows + _of_orbit(*(data[f"orbit {solver}"] for solver in SOLVERS))


def _of_map(split: xr.DataArray, boost: xr.DataArray) -> list[Acceptance]:
    cells, seeds = abs((split - boost).mean("seed")).max(), abs(split - boost)
    return [
        at_most("figure 5: alignment, largest change of a cell's mean over seeds", 0.01, single(cells.item()), OURS),
        reported("figure 5: alignment of one seed, largest change", single(seeds.max().item())),
        reported("figure 5: alignment of one seed, median change", single(seeds.median().item())),
    ]


def _compared(name: str, split: Acceptance, boost: Acceptance) -> Acceptance:
    """The number of the boost, which must be that of the splitting step within the bar that the figure itself sets."""
    value = split.measured.value
    slack = split.tolerance or WITHOUT_BAR * max(1.0, abs(value))
    change = boost.measured.value - value
    note = f"change {change:.1e}; by the figure's own bar {split.verdict.value}, {boost.verdict.value}"
    return near(name, value, slack, single(boost.measured.value), "Splitting, equal steps", note)


def _of_orbit(split: xr.Dataset, boost: xr.Dataset) -> list[Acceptance]:
    rows = []
    for block, distance in EVENT_EXACT.items():
        if block <= boost.sizes["block"]:
            found = [single(run.distance.sel(block=block)) for run in (boost, split)]
            name = f"orbit, tau_c = {ORBIT_GATES}: |W^1 - W^2| after {block} blocks"
            rows.append(near(f"{name}, LorentzBoost", distance, 1e-4, found[0], OTHER, "event-exact"))
            rows.append(reported(f"{name}, Splitting", found[1]))
    drift = [single(abs(np.diff(run.q[:2])[0] / run.q[0])) for run in (boost, split)]
    rows += [
        at_most("orbit: relative gain of Q in a block without contact, LorentzBoost", 1e-9, drift[0], OURS),
        reported("orbit: relative gain of Q in a block without contact, Splitting", drift[1]),
    ]
    return rows


def _a10(flow: xr.Dataset) -> list[Acceptance]:
    return accept_a10({"flow": flow})


def _a2(flow: xr.Dataset) -> list[Acceptance]:
    return accept_a2({"flow": flow})


READ = {"4": convergence, "a9": accept_a9, "a10": _a10, "a2": _a2}
