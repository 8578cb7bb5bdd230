"""What figure A17 must show: where the penalties vanish, and that the gates may rest anywhere there."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, Measurement, at_least, at_most, near, single
from experiments.harness.sources import EXACT, OURS

ONE_GATE = 0.02  # of the gates, the other being one
FORM = 1e-12
# In units of the norm's coefficient. The relative weights are 1 and 10; slope and L1 norm carry a factor of ten, the L2
# norm does not.
SLOPE = {"L1": 0.1, "L2": 1.0}


def is_specialised(gates: np.ndarray) -> np.ndarray:
    """Whether one of two gates is one and the other zero, for gates of shape (..., 2)."""
    return np.all(np.abs(np.sort(gates, axis=-1) - np.array([0.0, 1.0])) < ONE_GATE, axis=-1)


def accept(penalties: xr.Dataset) -> list[Acceptance]:
    """All rows.

    Args:
        penalties: of `simulation.runs`.

    Returns:
        The rows: closed forms, and where flows end.
    """
    rows = []
    for name, order in (("L1", 1), ("L2", 2)):
        at = penalties.sel(penalty=name)
        c1, c2 = np.meshgrid(at.c1.values, at.c2.values)
        norm = np.linalg.norm(np.stack([c1, c2]), ord=order, axis=0)
        beyond = at.energy.values - 0.5 * (norm - 1) ** 2
        distance = np.abs(beyond[(c1 >= 0) & (c2 >= 0)]).max()
        rows.append(at_most(f"{name}: distance from the closed form, gates >= 0", FORM, single(distance), EXACT))
        one_negative = (c1 < 0) & (c2 >= 0)
        slope = (beyond / -c1)[one_negative]
        worst = float(slope[np.argmax(np.abs(slope - SLOPE[name]))])
        rows.append(near(f"{name}: slope beyond the norm on a negative gate", SLOPE[name], 1e-9, single(worst), EXACT))
        rows += _ends(name, at, order)
    together = penalties.sel(penalty="both").end.values
    share = Measurement(float(is_specialised(together).mean()), None, len(together))
    rows.append(
        at_least("both norms: share of flows that end with one gate", 0.9, share, OURS, note="so is the penalty")
    )
    return rows


def _ends(name: str, at: xr.Dataset, order: int) -> list[Acceptance]:
    """From gates that are both open the flow ends in the valley, and with both of them open."""
    ends = at.end.values
    norm = np.linalg.norm(ends, ord=order, axis=1)
    share = Measurement(float(is_specialised(ends).mean()), None, len(ends))
    spread = single(np.ptp(ends[:, 0]))
    return [
        at_most(f"{name}: distance of ends from norm one", 1e-6, single(np.abs(norm - 1).max()), EXACT),
        at_most(f"{name}: share of flows that end with one gate", 0.5, share, OURS, note="neither penalty forces it"),
        at_least(f"{name}: range of the first gate over ends", 0.5, spread, OURS, note="a valley, not a point"),
    ]
