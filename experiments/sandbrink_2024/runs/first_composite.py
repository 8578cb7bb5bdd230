"""The first composite task after three base tasks, in both kinds of composition: what figure 3 is made of."""

from dataclasses import dataclass

from experiments.harness.runs import Data
from experiments.harness.variants import seeded
from experiments.sandbrink_2024.runs import composition
from ntadyn.specs.configuration import Configuration


@dataclass(frozen=True)
class Parameters:
    """What figure 3 is made of, besides the configurations of `experiments.sandbrink_2024.runs.composition`.

    Attributes:
        task_batches: whether C is run on batches as well, in place of the flow.
        task_seeds: repetitions of C with other initial weights, on one set of teachers.
        subtask_seeds: repetitions of D.
        seed: the seed that all keys are derived from.
    """

    task_batches: bool = False
    task_seeds: int = 60
    subtask_seeds: int = 10
    seed: int = 0


def configurations(parameters: Parameters) -> dict[str, Configuration]:
    """The flexible networks: of C, of D, and of D in small steps without noise."""
    task, subtask = composition.task_composition(), composition.subtask_composition()
    if parameters.task_batches:
        task = composition.on_batches(task)
    of_subtask = {"subtask": subtask, "subtask_flow": composition.as_flow(subtask)}
    return {
        "task": seeded(task, parameters.task_seeds, parameters.seed),
        **{name: seeded(item, parameters.subtask_seeds, parameters.seed) for name, item in of_subtask.items()},
    }


def both(name: str, configuration: Configuration, records_per_block: int) -> Data:
    """The flexible network of a configuration and the forgetful one, in one program.

    Args:
        name: begins the names of both datasets.
        configuration: the flexible network.
        records_per_block: records strictly inside every block.

    Returns:
        "<name>_flexible" and "<name>_forgetful".
    """
    pair = {"flexible": configuration, "forgetful": composition.forgetful(configuration)}
    return {f"{name}_{regime}": item for regime, item in composition.simulate(pair, records_per_block).items()}
