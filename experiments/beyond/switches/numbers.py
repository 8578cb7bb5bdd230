"""Where networks switch, where that is an advantage, and what cures softmax gates."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, at_most, furthest, mean_of, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OURS

# Of all switches among the last blocks of all repetitions: from here on a cell counts as switching.
SWITCHES = 0.75
# How many times longer the partner must take for flexibility to count as an advantage.
ADVANTAGE = 1.5
TITLES = {"small": "small weights", "usual": "usual weights"}


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The shares of the maps that switch, and that do so to advantage; what softmax gates do.
    """
    rows = [no_failures(*data.values())]
    for name, title in TITLES.items():
        rows += _of_map(title, data[name])
    return rows + _of_softmax(data["softmax"])


def switches(cells: xr.Dataset) -> xr.DataArray:
    """Whether the open path changes from block to block, over (length, weight_rate, ratio); not where none was run."""
    return cells.switching.mean("seed") >= SWITCHES


def advantage(cells: xr.Dataset) -> xr.DataArray:
    """How many times longer the partner takes, by geometric means over seeds; a block where a task is not found again.

    Not a number where no network was run, or where neither finds half of its tasks again. Times count as one test at
    least.
    """
    spacing = np.maximum(1, cells.length // 40)
    own, partner = (
        xr.ufuncs.log(xr.ufuncs.maximum(cells[name], spacing)).mean("seed") for name in ("steps", "partner_steps")
    )
    lost = (cells.missed.mean("seed") > 0.5) & (cells.partner_missed.mean("seed") > 0.5)
    return xr.ufuncs.exp(partner - own).where(~lost)


def is_run(cells: xr.Dataset) -> xr.DataArray:
    """Whether the penalty allowed the rate of gates."""
    return cells.switching.notnull().all("seed")


def _of_map(title: str, cells: xr.Dataset) -> list[Acceptance]:
    run, gain = is_run(cells), advantage(cells)
    known = run & gain.notnull()
    rows = [
        reported(f"{title}: share of cells that switch", _share(switches(cells), run)),
        reported(f"{title}: share of cells with an advantage", _share(gain >= ADVANTAGE, known)),
        reported(f"{title}: share of cells that switch without an advantage",
                 _share(switches(cells) & (gain < ADVANTAGE), known)),
        reported(f"{title}: largest advantage", single(float(gain.max()))),
    ]  # fmt: skip
    fast = cells.weight_rate * cells.ratio >= 0.1
    long = cells.length >= 200
    rows.append(
        at_least(f"{title}: share of cells that switch, eta_c >= 0.1, blocks of 200 or more", 0.95,
                 _share(switches(cells), run & fast & long), OURS)
    )  # fmt: skip
    if 1.0 in cells.ratio.values:
        at_par = gain.sel(ratio=1.0)
        rows.append(reported(f"{title}: median advantage at eta_c = eta_W", single(float(at_par.median()))))
    return rows


def _of_softmax(found: xr.Dataset) -> list[Acceptance]:
    rows = []
    for name in found.cure.values:
        one = found.sel(cure=name)
        rows.append(reported(f"softmax, {name}: steps", mean_of(one.steps.values)))
        rows.append(reported(f"softmax, {name}: switching", mean_of(one.switching.values)))
    rows += [
        reported("softmax: steps of the forgetful network", mean_of(found.partner_steps.values)),
        reported("softmax: steps of the flexible network", mean_of(found.flexible_steps.values)),
        at_most("softmax alone: switching", 0.1, mean_of(found.switching.sel(cure="none").values), OURS),
        at_most("softmax, T = 2: switching", 0.5, mean_of(found.switching.sel(cure="T = 2").values), OURS),
        furthest(
            "softmax: T = 2 is a rate of 1/4, largest gate",
            found.largest_gate.sel(cure="rate 1/4").values,
            1e-6,
            found.largest_gate.sel(cure="T = 2").values,
            EXACT,
        ),
    ]
    floored = "floor 0.4, k 1"
    rows += [
        at_least(f"softmax, {floored}: switching", 0.9, mean_of(found.switching.sel(cure=floored).values), OURS),
        at_most(f"softmax, {floored}: steps", 20, mean_of(found.steps.sel(cure=floored).values), OURS),
    ]
    for name in ("none", floored):
        rows.append(reported(f"softmax, {name}: loss at ends of blocks", mean_of(found.loss.sel(cure=name).values)))
    return rows


def _share(what: xr.DataArray, among: xr.DataArray):
    number = int(among.sum())
    return single(float((what & among).sum()) / number if number else np.nan)
