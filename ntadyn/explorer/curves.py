"""What a cell shows, as arrays: panels over time, a line per repetition, and the phase plane with its exact curve."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ntadyn.explorer.layers import explained
from ntadyn.results.quantities import label_of
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.teacher_plane import cell_of, check_in_plane
from ntadyn.stability import nullcline
from ntadyn.sweeps.cell_runs import CellRun

# Lines of one panel, beside repetitions, and panels of systems that record other things.
MOST_LINES, MOST_PANELS = 8, 4
_SHOWN = ("loss", "gates", "similarity")
_NOT_SHOWN = ("student_overlaps", "teacher_overlaps", "result", "seen_similarity", "row_similarity")


@dataclass(frozen=True)
class Line:
    """One quantity over time.

    Attributes:
        label: in the legend.
        values: shape (repetitions, records).
        dashed: whether it is drawn with gaps, because it belongs to no matched pair.
    """

    label: str
    values: np.ndarray
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """Lines over one time axis.

    Attributes:
        name: of the quantity.
        label: of its axis.
        text: one sentence that explains it.
        lines: what is drawn.
    """

    name: str
    label: str
    text: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class PhasePlane:
    """The plane (c_1 - c_2, D_e), of the last blocks of a run; see `ntadyn.stability.phase_plane`.

    Attributes:
        lead: c_1 - c_2, shape (repetitions, records).
        along: the component of W^1 - W^2 along A - B, same shape.
        nullclines: task -> (lead, along) where its error is gone at the end of its last block, where both rest.
        exact: (lead, along) of constant Q = D_e^2 - (tau_c/tau_W) (c_1 - c_2)^2 through the last record.
    """

    lead: np.ndarray
    along: np.ndarray
    nullclines: dict[str, tuple[np.ndarray, np.ndarray]]
    exact: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Curves:
    """All that a cell shows.

    Attributes:
        time: of every record, shape (records,).
        edges: of the blocks.
        tasks: of the blocks; empty where repetitions have tasks of their own.
        panels: over time.
        plane: the phase plane, where the theory of two teachers holds; else None.
        failed: repetitions that failed, and are left out.
    """

    time: np.ndarray
    edges: np.ndarray
    tasks: np.ndarray
    panels: tuple[Panel, ...]
    plane: PhasePlane | None
    failed: int


def curves_of(run: CellRun) -> Curves:
    """What a run of a cell shows.

    Args:
        run: from `ntadyn.sweeps.cell_runs`.
    """
    dataset = run.trajectories
    well = dataset.isel(seed=np.flatnonzero(dataset.result.values == 0))
    names = [name for name in _SHOWN if name in dataset and {"seed", "record"} <= set(dataset[name].dims)]
    others = (str(name) for name, item in dataset.data_vars.items() if {"seed", "record"} <= set(item.dims))
    rest = [name for name in others if name not in (*_SHOWN, *_NOT_SHOWN) and not name.endswith("_error")]
    panels = [_panel(well, name) for name in [*names, *rest][:MOST_PANELS]]
    return Curves(
        np.asarray(dataset.time.values, float),
        np.atleast_1d(dataset.attrs["edges"]),
        np.atleast_1d(dataset.attrs.get("block_tasks", np.zeros(0, int))),
        tuple(panels),
        phase_plane(run.spec, well),
        int((dataset.result.values != 0).sum()),
    )


def phase_plane(spec: Any, dataset: xr.Dataset) -> PhasePlane | None:
    """The plane of two paths and two teachers; None where that says nothing.

    Args:
        spec: all parameters of the cell.
        dataset: its trajectories.
    """
    needed = {"gates", "teacher_overlaps"}
    if type(spec) is not Configuration or not needed <= set(dataset.data_vars) or dataset.sizes["seed"] == 0:
        return None
    try:
        check_in_plane(spec)
        plane = cell_of(spec)
    except ValueError:
        return None
    gates = dataset.gates.transpose("seed", "record", "path").values
    cross = dataset.teacher_overlaps.transpose("seed", "record", "path", "teacher").values
    lead, total = gates[..., 0] - gates[..., 1], gates.sum(-1)
    components = (cross[..., 0] - cross[..., 1]) / (2 * float(plane.half_distance))
    along, shared = components[..., 0] - components[..., 1], components.sum(-1)
    blocks, tasks = dataset.block.values, np.atleast_1d(dataset.attrs["block_tasks"])
    reach = max(1.0, float(np.max(np.abs(lead)))) * 1.05
    fine = np.linspace(-reach, reach, 201)
    lines = {}
    for task, name in enumerate("AB"):
        own = np.flatnonzero(tasks == task)
        if own.size:
            last = np.flatnonzero(blocks == own[-1])[-1]
            lines[name] = (fine, nullcline(plane, task, float(shared[0, last]), fine, float(total[0, last])))
    kappa2 = float(plane.kappa) ** 2
    conserved = along[0, -1] ** 2 - kappa2 * lead[0, -1] ** 2
    squared = conserved + kappa2 * fine**2
    curve = np.sign(along[0, -1] or 1.0) * np.sqrt(np.where(squared >= 0, squared, np.nan))
    return PhasePlane(lead, along, lines, (fine, curve))


def _panel(dataset: xr.Dataset, name: str) -> Panel:
    label = label_of(name, dataset[name].attrs)
    item = dataset[name].transpose("seed", "record", ...)
    text = explained(name, dataset)
    if name == "gates":
        if "output" in item.dims:
            item = item.mean("output")
        lines = [Line(f"path {path + 1}", item.values[:, :, path]) for path in range(min(item.shape[2], MOST_LINES))]
    elif name == "similarity" and item.ndim == 4:
        values = item.transpose("seed", "record", "teacher", "path").values
        names = [str(teacher) for teacher in dataset.teacher.values]
        base = min(int(dataset.attrs["num_base"]), *values.shape[2:])
        lines = [Line(f"{names[m]}, path {m + 1}", values[:, :, m, m]) for m in range(base)]
        others = [(m, p) for m in range(values.shape[2]) for p in range(values.shape[3]) if not (m == p < base)]
        lines += [Line(f"{names[m]}, path {p + 1}", values[:, :, m, p], True) for m, p in others]
        lines = lines[:MOST_LINES]
    else:
        flat = item.values.reshape(*item.shape[:2], -1)
        number = flat.shape[2]
        lines = [
            Line(label if number == 1 else f"{label} {k + 1}", flat[:, :, k].astype(float))
            for k in range(min(number, MOST_LINES))
        ]
    return Panel(name, label, text, tuple(lines))
