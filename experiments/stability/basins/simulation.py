"""Many initial states of cells of figure 5, followed for thousands of blocks."""

from dataclasses import dataclass

import xarray as xr

from experiments.harness.runs import Run
from ntadyn.specs import presets
from ntadyn.specs.basins import basins_in_plane, shares_by_gates, shares_by_spread
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT

SPREADS = (0.01, 0.1, 0.3, 1.0)


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        cells: gate time constants and numbers of blocks of the table; it is read after two, three and four quarters.
        num_runs: initial states per spread.
        gates: time constants along which shares are followed.
        spread_by_gates: of initial weights there.
        runs_by_gates: initial states there.
        blocks_by_gates: for how long.
        size: of the plane of initial states, along each axis.
        blocks_in_plane: for how long.
    """

    cells: tuple[tuple[float, int], ...] = ((0.05, 3008), (0.01, 1008))
    num_runs: int = 100
    gates: tuple[float, ...] = (0.02, 0.03, 0.04, 0.06, 0.08, 0.095, 0.105, 0.115, 0.13, 0.16)
    spread_by_gates: float = 0.1
    runs_by_gates: int = 60
    blocks_by_gates: int = 752
    size: int = 64
    blocks_in_plane: int = 400


def runs(parameters: Parameters) -> list[Run]:
    """The table, the shares along gate time constants, and the plane."""
    along = {
        "configuration": cell(0.05),
        "gates": parameters.gates,
        "spread": parameters.spread_by_gates,
        "num_runs": parameters.runs_by_gates,
        "num_blocks": parameters.blocks_by_gates,
    }
    plane = {"configuration": cell(0.05), "size": parameters.size, "num_blocks": parameters.blocks_in_plane}
    return [
        *(
            Run(f"basins_{gates:g}", table, {"gates": gates, "num_blocks": blocks, "num_runs": parameters.num_runs},
                f"cell {gates:g}")
            for gates, blocks in parameters.cells
        ),
        Run("basins_by_gates", shares_by_gates, along, "by gates"),
        Run("basins_in_plane", basins_in_plane, plane, "plane"),
    ]  # fmt: skip


def table(gates: float, num_blocks: int, num_runs: int) -> xr.Dataset:
    """All spreads of one cell."""
    return shares_by_spread(cell(gates), SPREADS, num_runs, num_blocks, seed=6)


def cell(gates: float) -> Configuration:
    """Blocks of 1, with the norm and the hinge of figure 5."""
    return replaced(presets.figure_5_published(), {BLOCK_DURATION: 1.0, GATE_TIME_CONSTANT: gates})
