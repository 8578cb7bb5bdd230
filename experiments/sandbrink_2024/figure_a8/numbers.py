"""What figure A8 must show, all of it algebra."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_most, near, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT

ROUNDING = 1e-12
# (corner, centre, origin); the origin has no open gate, and its paths are zero and one in both outputs.
PLACES = {"through_gates": (2.0, 0.0, 0.0), "through_weights": (2.0, 1.0, 0.0), "both": (4.0, 1.0, 0.0)}
INSIDE = 2.92  # both, at (0.1, 0.9): a separation of 0.4


def closed_form(a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """2 (a - b)^2 through gates, 2 (a^2 + b^2) through weights."""
    gates, weights = 2 * (a - b) ** 2, 2 * (a**2 + b**2)
    return {"through_gates": gates, "through_weights": weights, "both": gates + weights}


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        Distances from the closed form, values at the places that the panels mark, and the gain.
    """
    grid, solutions = data["grid"], data["solutions"]
    expected = closed_form(*np.meshgrid(grid.a.values, grid.b.values))
    rows = []
    for name in PLACES:
        apart = np.abs(grid[name].values - expected[name]).max()
        rows.append(at_most(f"{name}: distance of the kernel from the closed form", ROUNDING, single(apart), EXACT))
    separation = solutions.separation.values
    on_line = {"through_gates": 8 * separation**2, "through_weights": 1 + 4 * separation**2}
    on_line["both"] = on_line["through_gates"] + on_line["through_weights"]
    for name, values in on_line.items():
        apart = np.abs(solutions[name].values - values).max()
        rows.append(at_most(f"{name}: distance from its form on the line a + b = 1", ROUNDING, single(apart), EXACT))
    for name, (corner, centre, origin) in PLACES.items():
        rows += [
            near(f"{name}: corner", corner, ROUNDING, single(solutions[name].values[-1]), EXACT),
            near(f"{name}: centre", centre, ROUNDING, single(solutions[name].values[0]), EXACT),
            near(f"{name}: origin", origin, ROUNDING, single(grid[name].values[0, 0]), EXACT),
        ]
    return [*rows, *_gains(solutions)]


def _gains(solutions: xr.Dataset) -> list[Acceptance]:
    inside = np.interp(0.4, solutions.separation.values, solutions.both.values)
    # Linear between points of a parabola with second derivative 24, a spacing h apart: at most 3 h^2 too high.
    spacing = float(np.diff(solutions.separation.values)[0])
    rows = [
        near("both, at (0.1, 0.9)", INSIDE, 3 * spacing**2, single(inside), EXACT, "tolerance: spacing of the grid")
    ]
    for ratio in solutions.ratio.values:
        total = solutions.total.sel(ratio=ratio).values
        name = f"gain in speed from specialisation, tau_W = {ratio:g} tau_c"
        rows.append(near(name, 2 + 2 * float(ratio), ROUNDING, single(total[-1] / total[0]), EXACT))
    return rows
