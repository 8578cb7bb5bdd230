"""What figure A16 must show: numbers that follow from algebra, and those known of the reduced model from figure A1.

The article's panels give no numbers to read, so what is left open is reported with its spread: how many samples a
network needs after a switch, and how far the reduced model is from the full one.
"""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    Measurement,
    at_least,
    at_most,
    mean_of,
    median_of,
    near,
    reported,
    single,
)
from experiments.harness.blocks import at_end, at_start, in_block
from experiments.harness.outcomes import no_failures
from experiments.harness.sources import EXACT, OTHER, OURS, PICTURE, RERUN, both
from experiments.sandbrink_2024.numbers.reduced_model import GATES

START = 0.25  # d_out s^2 / 2
# The same network on batches of 200 after the switch to block 20, in figure 2; a perfect solution would have 0.5.
SWITCHED = 0.47
THRESHOLD = 0.1
LAST = 19  # index of the last block
LOSS, GATE = 0.03, 0.08  # tolerances of this figure
# Gates of figure A1's reduced model, which is this one from the initial weights that were meant. There paths are named
# by what they begin with, here by what they end with, which is the other way round.
REDUCED_GATES = {time: pair[::-1] for time, pair in GATES.items()}
READING, DIGITS = 0.005, (2, 3, 2, 3, 3, 2)  # tolerance of such numbers, and how many decimals they were printed with


def accept(one_start: xr.Dataset, varied: xr.Dataset, reduced: xr.Dataset) -> list[Acceptance]:
    """All rows.

    Args:
        one_start: the full model, all seeds from one initial state.
        varied: the same with varied initial states.
        reduced: the reduced model from both starts.

    Returns:
        The rows: full model, few samples, reduced model, distance of the two.
    """
    return [
        no_failures(one_start, varied),
        *_full("one start", one_start),
        *_full("varied starts", varied),
        *_early(one_start, varied),
        *_reduced(reduced),
        *_distance(one_start, reduced),
    ]


def samples_to(dataset: xr.Dataset, block: int, threshold: float = THRESHOLD) -> np.ndarray:
    """Updates after the switch until the population loss is below the threshold, infinite where it is not; per seed."""
    below = in_block(dataset, block).population_loss.values < threshold
    return np.where(below.any(axis=1), below.argmax(axis=1).astype(float), np.inf)


def _full(name: str, dataset: xr.Dataset) -> list[Acceptance]:
    last = dataset.sizes["record"] - 1
    peaks = np.concatenate([at_start(dataset.loss, block) for block in (LAST - 2, LAST - 1, LAST)])
    own = int(dataset.attrs["block_tasks"][-1])
    gates = dataset.gates.isel(record=last).values
    specialised = Measurement(float((dataset.alignment > 0.9).mean()), None, dataset.sizes["seed"])
    early, late = samples_to(dataset, 2), samples_to(dataset, LAST)
    rows = [
        near(f"{name}: loss of the first sample", START, LOSS, mean_of(dataset.loss.isel(record=0)), EXACT),
        near(
            f"{name}: loss of the sample after a switch, blocks 18 to 20",
            SWITCHED,
            LOSS,
            mean_of(peaks),
            RERUN,
            "of figure 2",
        ),
        near(f"{name}: gate of the task in force at the end", 1.0, GATE, mean_of(gates[:, own]), EXACT),
        near(f"{name}: gate of the other task at the end", 0.0, GATE, mean_of(gates[:, 1 - own]), EXACT),
        near(f"{name}: loss at the end of block 20", 0.0, LOSS, mean_of(at_end(dataset.loss, LAST)), EXACT),
        at_least(f"{name}: share of seeds with alignment > 0.9", 0.9, specialised, OURS, note="as in figure 2"),
        reported(f"{name}: alignment at the end, median", median_of(dataset.alignment)),
        reported(f"{name}: samples until the loss is below {THRESHOLD}, block 3, median", median_of(early)),
        reported(
            f"{name}: samples until the loss is below {THRESHOLD}, block 10, median", median_of(samples_to(dataset, 9))
        ),
        reported(f"{name}: samples until the loss is below {THRESHOLD}, block 20, median", median_of(late)),
        at_most(
            f"{name}: samples in block 20 over samples in block 3",
            0.5,
            single(np.median(late) / np.median(early)),
            OURS,
            note="that adaptation takes few samples",
        ),
    ]
    # Noise of single samples inflates the largest singular value above that of the teacher.
    size = dataset.size.isel(record=last).values.mean(axis=1)
    return [*rows, reported(f"{name}: largest singular value at the end", mean_of(size), "1 without noise")]


def _early(one_start: xr.Dataset, varied: xr.Dataset) -> list[Acceptance]:
    """What the common initial state decides: the gates of the first blocks."""
    rows = []
    for block in (1, 2, 4):
        for name, dataset in (("one start", one_start), ("varied starts", varied)):
            gap = np.diff(at_end(dataset.gates, block - 1), axis=1)[:, 0]
            rows.append(reported(f"{name}: gate 2 - gate 1 at the end of block {block}", mean_of(gap)))
    return rows


def _reduced(reduced: xr.Dataset) -> list[Acceptance]:
    meant = reduced.sel(start="intended")
    distance = [np.abs(at_end(meant.gates, time - 1) - pair).max() for time, pair in REDUCED_GATES.items()]
    rows = [
        at_most(
            f"reduced, start as meant: gates at t = {time}, distance from figure A1",
            0.0,
            single(value),
            both(PICTURE, OTHER),
            READING + (0.5 * 10**-digits if digits == 2 else 0.0),
            "half a unit of the last printed digit included where that is 0.01",
        )
        for time, (value, digits) in enumerate(zip(distance, DIGITS, strict=True), start=1)
    ]
    published = reduced.sel(start="published")
    own = int(reduced.attrs["block_tasks"][-1])
    gates = at_end(published.gates, LAST)
    return [
        *rows,
        near("reduced: loss at t = 0", START, LOSS, single(published.loss.isel(record=0)), EXACT),
        near("reduced: gate of the task in force at the end", 1.0, GATE, single(gates[own]), EXACT),
        near("reduced: gate of the other task at the end", 0.0, GATE, single(gates[1 - own]), EXACT),
        near("reduced: loss at the end of block 20", 0.0, LOSS, single(_settled(published.loss, LAST)), EXACT),
        *(
            reported(f"reduced: size of path {path + 1} at the end", single(published["size"].values[-1, path]))
            for path in (0, 1)
        ),
    ]


def _distance(one_start: xr.Dataset, reduced: xr.Dataset) -> list[Acceptance]:
    published = reduced.sel(start="published")
    rows = []
    for block in (1, 3, 5, 10, 15, 20):
        distance = at_end(one_start.population_loss, block - 1) - _settled(published.loss, block - 1)
        rows.append(reported(f"loss at the end of block {block}, full minus reduced", mean_of(distance)))
    return rows


def _settled(series: xr.DataArray, block: int) -> float:
    """The last value of a block before its smooth target starts to switch, which it does within 1e-3 of the end."""
    inside = np.flatnonzero((series.block.values == block) & (series.time.values < block + 1 - 1e-3))
    return float(series.isel(record=inside[-1]))
