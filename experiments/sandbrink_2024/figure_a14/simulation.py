"""What is simulated for figure A14."""

from dataclasses import dataclass

from experiments.harness.runs import Run
from experiments.sandbrink_2024.runs.composition import (
    as_published,
    composites_only,
    on_batches,
    seeded,
    simulate,
)

RECORDS_PER_BLOCK = 24


@dataclass(frozen=True)
class Parameters:
    """What figure A14 is made of, besides `composition.composites_only`.

    Attributes:
        batches: batches of 200 in steps of 0.001 in place of the flow.
        num_seeds: repetitions with other initial weights, on one set of teachers.
        seed: the seed that all keys are derived from.
    """

    batches: bool = False
    num_seeds: int = 20
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """Both readings of the parameters, from initial weights of the same shape, in one program.

    Args:
        parameters: what to run.

    Returns:
        One run of "published" and "released"; similarities are to base teachers and, after them, to composites.
    """
    released = seeded(composites_only(), parameters.num_seeds, parameters.seed)
    if parameters.batches:
        released = on_batches(released)
    variants = {"published": as_published(released), "released": released}
    return [Run("figure_a14", simulate, {"variants": variants, "records_per_block": RECORDS_PER_BLOCK})]
