"""Curricula of every number of blocks, each a run of its own, so that what was interrupted goes on."""

from dataclasses import dataclass

import xarray as xr

from experiments.harness.runs import Run
from ntadyn.specs.curriculum_design import design_of, designed_curricula
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        gates: tau_c.
        total: time of training.
        block: length of the blocks of the test phase.
        numbers: of blocks of training.
        least: the shortest block of training.
        test_blocks: number of blocks of the test phase.
        seeds: how many choose, and how many test.
        restarts: starts of every search.
        evaluations: from every start.
        steps: per unit of time.
    """

    gates: float = 0.03
    total: float = 7.0
    block: float = 1.0
    numbers: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    least: float = 0.2
    test_blocks: int = 4
    seeds: tuple[int, int] = (48, 300)
    restarts: int = 2
    evaluations: int = 30
    steps: int = 60


def runs(parameters: Parameters) -> list[Run]:
    """One per number of blocks.

    Args:
        parameters: sizes and numbers.
    """
    return [
        Run(f"curricula-{number}", designed, {"parameters": parameters, "number": number}, dataset=f"{number} blocks")
        for number in parameters.numbers
    ]


def designed(parameters: Parameters, number: int) -> xr.Dataset:
    """Curricula of one number of blocks: constant, by gradient, and without."""
    changes = {
        "time_constants.gates": parameters.gates,
        "curriculum.total_time": parameters.total,
        "curriculum.block_duration": parameters.block,
    }
    configuration = replaced(figure_5_published(), changes)
    most = max(parameters.numbers)
    design = design_of(configuration, most, parameters.least, parameters.steps, parameters.test_blocks)
    return designed_curricula(
        configuration, design, [number], parameters.seeds, parameters.restarts, parameters.evaluations
    )
