"""What is simulated for the supplement on doubt to figure 5."""

import dataclasses
from dataclasses import dataclass

from experiments.harness.runs import Run
from experiments.harness.variants import seeded
from experiments.sandbrink_2024.runs.figure_5_cells import BLOCK_DURATIONS, on_published_grid
from ntadyn.sweeps import Sweep, phase_maps, run_sweep
from ntadyn.sweeps.plan import BLOCK_DURATION, Axis, spaced


@dataclass(frozen=True)
class Parameters:
    """What the supplement is made of, besides the published parameters of figure 5.

    Attributes:
        size: columns and rows of either map; those that are four (columns) or nine (rows) times a whole number and one
            hold the cells of the article.
        num_seeds: repetitions with other initial weights, on one set of teachers.
        seed: the seed that all keys are derived from.
    """

    size: tuple[int, int] = (33, 37)
    num_seeds: int = 20
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """Both maps, every trajectory checked; and both at the cells of the article, on its time grid.

    Args:
        parameters: what to run.

    Returns:
        Runs of "gate_speed" and "penalty", and of the same with "_stored" for the cells of the article.
    """
    ranges = dataclasses.replace(phase_maps.published(), size=parameters.size)
    ranges = dataclasses.replace(ranges, base=seeded(ranges.base, parameters.num_seeds, parameters.seed))
    maps = {}
    for plan in phase_maps.figure_5_maps(ranges, check=1.0):
        maps[plan.name] = plan
        maps[f"{plan.name}_stored"] = _at_stored_cells(plan)
    return [Run(f"figure_5_doubt_{name}", run_sweep, {"plan": plan}, name) for name, plan in maps.items()]


def _at_stored_cells(plan: Sweep) -> Sweep:
    """The same map at the cells of the article alone, with the block lengths of its time grid, without a check."""
    _, columns = plan.axes
    assert isinstance(columns, Axis)
    low, high = columns.values[0], columns.values[-1]
    durations = Axis(BLOCK_DURATION, on_published_grid(BLOCK_DURATIONS))
    values = Axis(columns.path, spaced(low, high, 5))
    return dataclasses.replace(plan, axes=(durations, values), check=0.0)
