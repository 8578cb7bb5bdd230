"""What is simulated for figure A12."""

from dataclasses import dataclass

from experiments.harness.runs import Data, Run
from experiments.harness.variants import seeded
from experiments.sandbrink_2024.runs import composition
from experiments.sandbrink_2024.runs.composition import as_published, forgetful, simulate
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced

RECORDS_PER_BLOCK = 24
# Nominal scale of initial weights that brings figure 5 closest to its stored arrays; 0.01 in the released parameters.
FITTED_SCALE = 0.12


@dataclass(frozen=True)
class Parameters:
    """What figure A12 is made of, besides the configurations of `experiments.sandbrink_2024.runs.composition`.

    Attributes:
        task_batches: whether task composition is run on batches as well.
        task_seeds: repetitions of task composition with other initial weights, on one set of teachers.
        subtask_seeds: repetitions of subtask composition.
        seed: the seed that all keys are derived from.
    """

    task_batches: bool = False
    task_seeds: int = 60
    subtask_seeds: int = 10
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """All variants of a kind of composition, in one program.

    Args:
        parameters: what to run.

    Returns:
        Runs of "task" and "subtask", each followed by "_published" or "_released" and "_flexible" or "_forgetful", and
        of "task_fitted_flexible", as published but from larger initial weights.
    """
    task, subtask = composition.task_composition(), composition.subtask_composition()
    if parameters.task_batches:
        task = composition.on_batches(task)
    task = seeded(task, parameters.task_seeds, parameters.seed)
    fitted = as_published(replaced(task, {"network.initial_scale": FITTED_SCALE}))
    kinds = {
        "task": {**_variants(task), "fitted_flexible": fitted},
        "subtask": _variants(seeded(subtask, parameters.subtask_seeds, parameters.seed)),
    }
    return [
        Run(f"figure_a12_{kind}", whole_course, {"kind": kind, "variants": variants})
        for kind, variants in kinds.items()
    ]


def whole_course(kind: str, variants: dict[str, Configuration]) -> Data:
    """All variants, without the similarities to composites and the norms, which no panel shows."""
    return {
        f"{kind}_{name}": dataset.drop_vars("weight_norm", errors="ignore").isel(
            teacher=slice(dataset.attrs["num_base"])
        )
        for name, dataset in simulate(variants, RECORDS_PER_BLOCK).items()
    }


def _variants(released: Configuration) -> dict[str, Configuration]:
    published = as_published(released)
    return {
        "published_flexible": published,
        "published_forgetful": forgetful(published),
        "released_flexible": released,
        "released_forgetful": forgetful(released),
    }
