"""What is simulated for figure 3."""

from experiments.harness.runs import Data, Run
from experiments.sandbrink_2024.runs.composition import FIRST_COMPOSITE
from experiments.sandbrink_2024.runs.first_composite import Parameters, both, configurations
from ntadyn.specs.configuration import Configuration

# What is kept of a run: the last block of base tasks and what follows.
KEPT = ("loss", "alignment", "gates", "result")


def runs(parameters: Parameters) -> list[Run]:
    """Flexible and forgetful networks from the same weights.

    Args:
        parameters: what to run.

    Returns:
        Runs of "task", "subtask" and "subtask_flow", each followed by "_flexible" and "_forgetful".
    """
    return [
        Run(
            f"figure_3_{name}",
            around_the_first_composite,
            {"name": name, "configuration": item, "records_per_block": 99 if name == "subtask" else 199},
        )
        for name, item in configurations(parameters).items()
    ]


def around_the_first_composite(name: str, configuration: Configuration, records_per_block: int) -> Data:
    """Both networks from the last block of base tasks on."""
    whole = both(name, configuration, records_per_block)
    return {
        key: dataset[list(KEPT)].isel(record=dataset.block.values >= FIRST_COMPOSITE - 1)
        for key, dataset in whole.items()
    }
