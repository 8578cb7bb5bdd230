"""What E5 predicts of full networks of two layers."""

import numpy as np
import xarray as xr

from experiments.degeneracy.joint.predictions import frozen
from experiments.degeneracy.joint.verdicts import verdict_rows
from experiments.harness.acceptance import Acceptance, mean_of, reported
from experiments.harness.runs import Data

GAP = 0.2


def accept(data: Data) -> list[Acceptance]:
    """Verdicts, and what else to know.

    Args:
        data: by condition, by length, and the rectified network.
    """
    rows = verdict_rows(frozen(), "E5", results(data))
    for name in ("penalty", "no penalty"):
        for block, found in data[name].groupby("block"):
            numbers = {"Interaction Basis": found.by_gap.sel(gap=GAP), "neurons": found.neuron}
            rows += [
                reported(f"{name}, block {block}: modularity of tasks, {kind}", mean_of(values.values))
                for kind, values in numbers.items()
            ]
        rows.append(reported(f"{name}: alignment of units with teachers' rows", mean_of(data[name].alignment[:, -1])))
        last = data["rectified"].sel(condition=name).isel(block=-1)
        rows += [
            reported(f"rectified, {name}, exploratory: {what}", mean_of(last[kind].values))
            for kind, what in (
                ("synchronised", "blocks of units that fire together"),
                ("units", "units in them"),
                ("nearly", "units that fire together on 95 % of examples"),
                ("dead", "dead units"),
                ("loss", "loss"),
            )
        ]
    for found in lengths(data):
        values = found.by_gap.sel(gap=GAP).values
        rows.append(reported(f"blocks of {found.length.item():g}: modularity of tasks", mean_of(values)))
    return rows


def results(data: Data) -> dict[str, np.ndarray]:
    """The numbers of all predictions, by their id."""
    held, free = (data[name].isel(block=-1) for name in ("penalty", "no penalty"))
    # The specification counts blocks from 0: what it calls block 1 is the end of the second, when both tasks are known.
    first = data["penalty"].sel(block=2)
    shortest, *_, longest = lengths(data)
    return {
        "E5.a": _gaps(held.by_gap),
        "E5.b": _gaps(held.by_gap) - _gaps(first.by_gap),
        "E5.c": _gaps(free.by_gap),
        "E5.d": held.neuron.values,
        "E5.e": _gaps(held.by_gap) - held.neuron.values,
        "E5.f": free.overlap.values,
        "E5.g": held.overlap.values,
        "E5.h": (held.best - held.by_chance).values,
        "E5.i": (free.best - free.by_chance).values,
        "E5.j": _gaps(shortest.by_gap) - _gaps(longest.by_gap),
        "E5.k": (held.by_resolution - free.by_resolution).transpose("resolution", "seed").values,
    }


def lengths(data: Data) -> list[xr.Dataset]:
    """The ends of runs with blocks of all lengths, ascending; that of length 1 is the main condition."""
    main = data["penalty"].isel(block=-1, drop=True).assign(length=1.0)
    others = [found for name, found in data.items() if name.startswith("length")]
    return sorted([main, *others], key=lambda found: found.length.item())


def _gaps(values: xr.DataArray) -> np.ndarray:
    return values.transpose("gap", "seed").values
