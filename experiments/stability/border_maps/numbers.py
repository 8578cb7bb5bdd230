"""What a prediction of the maps has to hold."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import OURS

SPECIFICATION = "specification 5"
RIGHT = 0.95
HALF = 0.5
# A cell is near the border if the share of specialised runs is between these.
NEAR = (0.15, 0.85)
# Blocks that are called short, and strengths below which the hinge gives way.
SHORT, LONG = 0.25, 0.6
NAMES = ("gate_speed", "penalty")


def accept(data: Data) -> list[Acceptance]:
    """How many cells are right, and where the others lie.

    Args:
        data: for each map and scale the prediction, and strips of rows.
    """
    rows = []
    for title, dataset in maps(data).items():
        wrong, cells = is_wrong(dataset), dataset.share.size
        right = single(1 - wrong.mean())
        rows.append(at_least(f"{title}: share of cells right", RIGHT, right, SPECIFICATION, note=f"of {cells}"))
        rows.append(
            reported(f"{title}: mean |P - share|", single(float(abs(dataset.share - dataset.predicted_share).mean())))
        )
        if "negative_probability" in dataset:
            rows += _negative_gates(title, dataset)
        contact = (dataset.contact_probability >= HALF) != (dataset.share >= HALF)
        rows.append(reported(f"{title}: share of cells right by contact alone", single(1 - float(contact.mean()))))
        for region, inside in regions(dataset).items():
            if inside.any():
                note = f"{int(wrong[inside].sum())} wrong of {int(inside.sum())} cells"
                rows.append(reported(f"{title}, {region}: share right", single(1 - wrong[inside].mean()), note))
    return rows


def _negative_gates(title: str, dataset: xr.Dataset) -> list[Acceptance]:
    """How many cells are right about negative gates, where the hinge has a strength, at longer and at short blocks."""
    rows, columns = dataset.predicted_share.dims
    found = []
    for region, inside in ((f"above {SHORT:g}", dataset[rows] > SHORT), (f"up to {SHORT:g}", dataset[rows] <= SHORT)):
        inside = inside & (dataset[columns] > 0)
        negative, predicted = (values.where(inside) for values in (dataset.negative, dataset.negative_probability))
        wrong = float(((negative >= HALF) != (predicted >= HALF)).sum() / inside.sum())
        name = f"{title}, negative gates, blocks {region}"
        note = f"{int((negative >= HALF).sum())} of {int(inside.sum())} cells have them"
        found += [
            at_least(f"{name}: share right", RIGHT, single(1 - wrong), OURS, note=note),
            reported(f"{name}: mean |P - share|", single(float(abs(predicted - negative).mean()))),
        ]
    return found


def maps(data: Data) -> dict[str, xr.Dataset]:
    """Whole maps, with what was predicted of them, by their name and factor on the initial scale."""
    found = {}
    for name, predicted in data.items():
        if not name.endswith(" predicted"):
            continue
        key = name.removesuffix(" predicted")
        strips = [each for other, each in data.items() if other.startswith(f"{key} ") and other != name]
        rows = predicted.predicted_share.dims[0]
        whole = xr.concat(sorted(strips, key=lambda each: float(each[rows][0])), rows)
        columns = predicted.predicted_share.dims[1]
        predicted = predicted.reindex({rows: whole[rows], columns: whole[columns]}, method="nearest", tolerance=1e-9)
        named, scale = key.rsplit("_", 1)
        found[f"{named.replace('_', ' ')}, scale {scale}"] = predicted.merge(whole, combine_attrs="override")
    return found


def is_wrong(dataset: xr.Dataset) -> np.ndarray:
    """Whether more than half of all runs specialise, against the prediction of that."""
    return ((dataset.share >= HALF) != (dataset.predicted_share >= HALF)).values


def regions(dataset: xr.Dataset) -> dict[str, np.ndarray]:
    """Parts of a map, by what decides there."""
    rows, columns = dataset.predicted_share.dims
    duration, _ = np.meshgrid(dataset[rows].values, dataset[columns].values, indexing="ij")
    near = ((dataset.share > NEAR[0]) & (dataset.share < NEAR[1])).values
    found = {"near the border": near, "away from it": ~near, f"blocks below {SHORT:g}": duration < SHORT}
    if "hinge_strength" in dataset:
        strength = np.meshgrid(dataset[rows].values, dataset[columns].values, indexing="ij")[1]
        weak = (strength > 0) & (strength < float(dataset.hinge_strength))
        found |= {
            "no penalty": strength == 0,
            f"hinge below its bound, blocks above {LONG:g}": weak & (duration > LONG),
            f"hinge below its bound, blocks up to {LONG:g}": weak & (duration <= LONG),
            "hinge above its bound": ~weak & (strength > 0),
        }
    return found
