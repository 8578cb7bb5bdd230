"""What is simulated for figure 4."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from experiments.sandbrink_2024.runs import block_length
from experiments.sandbrink_2024.runs.block_length import RECORDS_PER_BLOCK
from experiments.sandbrink_2024.runs.specialisation import FIGURE_4H, dataset_of, with_published_times
from experiments.sandbrink_2024.runs.toy import ToyRun, follow_flow, follow_published_scheme, published_records
from ntadyn.verification.check import TIGHT

NUM_RECORDS = 1000  # of every published run here
# Panels A to C: both start on the old task, (1, 0), and see the new one.
ONE_BLOCK = {
    "forgetful": ToyRun(0.2 / 3, 0.4 / 3, weights=((1.0, 0.0), (1.0, 0.0))),
    "flexible": ToyRun(0.2 / 3, 0.4 / 3, weights=((1.0, 0.0), (0.0, 1.0)), gates=(1.0, 0.0)),
}
_NEARLY_EQUAL = ((0.0255, 0.0245), (0.0245, 0.0255))


@dataclass(frozen=True)
class Parameters:
    """What figure 4 is made of; there is no randomness in it.

    Attributes:
        max_step: of the other panels.
        num_blocks: of the run that panels F and G are made of.
        block_length_step: largest step of panel E.
        published_scheme: whether to repeat the published steps and records.
    """

    max_step: float = 1e-3
    num_blocks: int = 100
    block_length_step: float = 5e-3
    published_scheme: bool = True


def runs(parameters: Parameters) -> list[Run]:
    """All panels.

    Args:
        parameters: what to run.

    Returns:
        Runs of "one_block" (A to C), "block_length" (E), "cycle" (F, G), "specialisation" (H), and, unless left out,
        "one_block_published" and "cycle_published".
    """
    found = [
        Run("figure_4_one_block", one_block, {"max_step": parameters.max_step}, "one_block"),
        block_length.run(parameters.block_length_step),
        Run("figure_4_cycle", cycle, {"num_blocks": parameters.num_blocks, "max_step": parameters.max_step}, "cycle"),
        Run("figure_4_specialisation", specialisation, dataset="specialisation"),
    ]
    if parameters.published_scheme:
        found += [
            Run("figure_4_one_block_published", one_block_published, dataset="one_block_published"),
            Run("figure_4_cycle_published", cycle_published, {"num_blocks": parameters.num_blocks}, "cycle_published"),
        ]
    return found


def one_block(max_step: float) -> xr.Dataset:
    """Both networks of panels A to C, recorded at the published times."""
    times = published_records(1.0, NUM_RECORDS)
    return _by_network([follow_flow(one, max_step, times=times) for one in ONE_BLOCK.values()])


def one_block_published() -> xr.Dataset:
    """The same in the published scheme."""
    return _by_network([follow_published_scheme(one, NUM_RECORDS) for one in ONE_BLOCK.values()])


def cycle(num_blocks: int, max_step: float) -> xr.Dataset:
    """The run that panels F and G are made of."""
    return follow_flow(towards_the_cycle(num_blocks), max_step, RECORDS_PER_BLOCK)


def cycle_published(num_blocks: int) -> xr.Dataset:
    """The same in the published scheme."""
    return follow_published_scheme(towards_the_cycle(num_blocks), NUM_RECORDS)


def specialisation() -> xr.Dataset:
    """Panel H, up to t = 1."""
    curves = dataset_of(with_published_times(TIGHT, FIGURE_4H))
    return curves.isel(record=np.flatnonzero(curves.time.values <= 1.0))


def towards_the_cycle(num_blocks: int) -> ToyRun:
    """What panels F and G follow until blocks repeat themselves."""
    return ToyRun(0.02, 2.0, _NEARLY_EQUAL, num_blocks=num_blocks)


def _by_network(runs: list[xr.Dataset]) -> xr.Dataset:
    return xr.concat(runs, xr.DataArray(list(ONE_BLOCK), dims="network", name="network"))
