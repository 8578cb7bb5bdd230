"""What basins must show: the table of the specification, at its times and at others."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, Measurement, between, reported, single
from experiments.harness.runs import Data
from ntadyn.stability import FATES, Fate, Journey, Landmarks, classify, share

SPECIFICATION, DERIVED = "specification 5", "theory in the plane"
# Gate time constant -> blocks of the specification's table, and shares of S over spreads .01, .1, .3, 1.
EXPECTED = {0.05: (1500, (1.00, 0.68, 0.30, 0.00)), 0.01: (500, (1.00, 0.97, 0.42, 0.00))}
GROUPS = {
    "specialised": (Fate.SPECIALISED, Fate.SPECIALISED_SWAPPED),
    "runaway": (Fate.RUNAWAY, Fate.RUNAWAY_SWAPPED),
    "neutral": (Fate.NEUTRAL,),
    "undecided": (Fate.UNDECIDED, Fate.UNSPECIALISED),
}
FOLD = 0.110299


def accept(data: Data) -> list[Acceptance]:
    """Shares at all times, those of the specification with the interval of the test; and labels along the parameter.

    Args:
        data: the cells, "by gates" and "plane".
    """
    rows = []
    for name in (name for name in data if name.startswith("cell")):
        found, gates = data[name], float(name.split()[1])
        blocks, expected = EXPECTED[gates]
        for quarters in (2, 3, 4):
            fates, after = fates_after(found, quarters), found.attrs["num_blocks"] * quarters // 4
            for k, spread in enumerate(found.spread.values):
                shares = {group: group_share(fates[k], group) for group in GROUPS}
                for group, each in shares.items():
                    title = f"tau_c {gates:g}, spread {spread:g}, {after} blocks: {group}"
                    rows.append(_row(title, each, fates.shape[1], expected[k], abs(after - blocks) < 20, group))
    along = data["by gates"]
    inside = along.gate_time_constant.values < FOLD
    special = along["count"].sel(fate=[fate.value for fate in GROUPS["specialised"]]).sum("fate").values
    rows.append(between("runs in S beyond the fold of the band", (0, 0), single(special[~inside].sum()), DERIVED))
    labels = along.label.values[inside][:, :2]
    kept = [len({int(each) for each in column if each >= 0}) for column in labels.T]
    rows.append(between("labels that the copies of S take along tau_c", (1, 1), single(max(kept)), DERIVED))
    apart = np.abs(np.abs(along.along.values[inside][:, :2]) / along.specialised_distance.values[inside][:, None] - 1)
    rows.append(between("D_e of S over that of the theory, less one", (0, 0.01), single(np.nanmax(apart)), DERIVED))
    return rows


def fates_after(found: xr.Dataset, quarters: int) -> np.ndarray:
    """The fates that runs had after so many quarters, shape (spreads, runs)."""
    shape = found.code.shape
    names = ("distance", "lead", "along")
    distance, lead, along = (found[name].values[: quarters + 1].reshape(quarters + 1, -1) for name in names)
    mark = found.attrs["specialised_distance"]
    journey = Journey(distance, lead, along, found.result.values.ravel())
    return classify(journey, Landmarks(mark, mark)).reshape(shape)


def group_share(fates: np.ndarray, group: str, confidence: float = 0.95) -> tuple[float, float, float]:
    """The share of runs with any fate of a group, and its interval."""
    count = sum(int(np.sum(fates == FATES.index(fate))) for fate in GROUPS[group])
    return share(count, len(fates), confidence)


def _row(title: str, found: tuple, number: int, expected: float, compared: bool, group: str) -> Acceptance:
    value, low, high = found
    measured, note = Measurement(value, seeds=number), f"Wilson 95 %: {low:.3f} to {high:.3f}"
    if not (compared and group == "specialised"):
        return reported(title, measured, note)
    # The specification's share of 60 or 40 runs within the interval of ours, at 99 %.
    _, low, high = share(round(value * number), number, 0.99)
    slack = 2.6 * np.sqrt(max(expected * (1 - expected), 0.02) / 50)
    return between(title, (max(0, expected - slack), min(1, expected + slack)), measured, SPECIFICATION, note=note)
