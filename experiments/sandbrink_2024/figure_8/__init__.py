"""Figure 8: after more practice a flexible network recovers faster from a task switch, a forgetful one more slowly.

Released parameters in the present convention, which is the one the published panels were made in. The horizontal axis
counts single updates, so the figure lives on the published step of 0.01, as long as the time constant of the gates, and
on batches of 200; population updates of the same length and the exact flow run beside them for comparison. Blocks last
99 steps, as published. The loss is that of the whole population, whose mean over seeds is that of batches.

Panel A of the article shows people. The article's code has no data of theirs, and neither has this package: the panel
is drawn from a file of trials, `python -m experiments run figure_8 --trials trials.csv`, and left out without one; see
`experiments.sandbrink_2024.figure_8.people` for its columns.
"""

import dataclasses
from pathlib import Path

from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_8 import numbers, people
from experiments.sandbrink_2024.figure_8.picture import draw as plot
from experiments.sandbrink_2024.figure_8.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs", "with_trials"]

PARAMETERS = Parameters()
FAST = Parameters(("batches",), num_seeds=8)


def with_trials(parameters: Parameters, path: Path) -> Parameters:
    """The same, and the panel of people from a file of trials.

    Raises:
        ValueError: if the file is not as `people` describes it.
    """
    people.read_trials(path)
    return dataclasses.replace(parameters, human=path)


def online(parameters: Parameters) -> Parameters:
    """Batches only; they are what the panels show in any case."""
    return dataclasses.replace(parameters, dynamics=("batches",))


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure 8 must show."""
    return numbers.accept(data["model"], data.get("human"))
