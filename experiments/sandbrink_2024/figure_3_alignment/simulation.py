"""What is simulated for the supplement on alignment to figure 3."""

from experiments.harness.runs import Data, Run
from experiments.sandbrink_2024.runs.first_composite import Parameters, both, configurations
from ntadyn.specs.configuration import Configuration

RECORDS_PER_BLOCK = 32
NAMES = ("task", "subtask")


def runs(parameters: Parameters) -> list[Run]:
    """The whole course of what figure 3 shows a part of.

    Args:
        parameters: those of figure 3.

    Returns:
        Runs of "task" and "subtask", each followed by "_flexible" and "_forgetful".
    """
    chosen = configurations(parameters)
    return [
        Run(f"figure_3_alignment_{name}", whole_course, {"name": name, "configuration": chosen[name]}) for name in NAMES
    ]


def whole_course(name: str, configuration: Configuration) -> Data:
    """Both networks, without the similarities to composites and the gates under the published sorting rule."""
    return {
        key: dataset.drop_vars("published_gates", errors="ignore").isel(teacher=slice(dataset.attrs["num_base"]))
        for key, dataset in both(name, configuration, RECORDS_PER_BLOCK).items()
    }
