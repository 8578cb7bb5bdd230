"""What figure 2 must show, and where it was read: reruns of the published code, its images, algebra, other simulations.

Rows for which batch noise matters have an expectation of their own for the run that has it.
"""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    Measurement,
    at_least,
    at_most,
    between,
    mean_of,
    median_of,
    near,
    reported,
    single,
)
from experiments.harness.blocks import at_end, in_block, loss_after
from experiments.harness.outcomes import no_failures, on_batches
from experiments.harness.sources import ARRAYS, EXACT, OTHER, OURS, PICTURE, RERUN, both

# Mean over ten seeds of a rerun; time to loss 0.1 in units of tau_W, counted as published, blocks 1 to 20.
FORGETFUL_TIMES = (0.758, 0.766, 0.41, 0.51, 0.41, 0.456, 0.43, 0.44, *12 * (0.437,))
# The recorded peak after a switch lies one or two published steps of 0.001 behind it.
PEAK_DELAY = 0.0015
SPECIALISED = 0.99
ENOUGH_SEEDS = 20  # below, a few seeds that specialise early or late move a mean out of its interval
_HOLDS = "the interval holds the rerun, the published curve and another simulation"
LATE = range(10, 20)  # blocks that follow the middle of the run, counted from 0


def accept(flexible: xr.Dataset, forgetful: xr.Dataset) -> list[Acceptance]:
    """All rows.

    Args:
        flexible: the flexible run, as `simulation.simulate` returns it.
        forgetful: the forgetful run.

    Returns:
        The rows in the order of the panels.
    """
    return [
        *_both(flexible, forgetful),
        *_forgetful(forgetful),
        *_flexible_loss(flexible),
        *_gates_and_weights(flexible),
        *_changes(flexible, forgetful),
        *_recovery(flexible, forgetful),
    ]


def against_arrays(regime: str, dataset: xr.Dataset) -> list[Acceptance]:
    """Median below 1e-3 and maximum below 0.03, over seeds, blocks, paths and teachers.

    Args:
        regime: for the names of the rows.
        dataset: what `reference.follow` returned.

    Returns:
        Both numbers, and that of relabelled paths, which shows what a wrong correspondence would give.
    """
    error = np.abs(dataset.flow.values - dataset.published.values)
    swapped = np.abs(dataset.flow.values[:, :, ::-1] - dataset.published.values)
    note = "from the same initial weights; published ones on batches, in single precision"
    return [
        at_most(
            f"{regime}: overlaps against published, median error", 1e-3, single(np.median(error)), ARRAYS, note=note
        ),
        at_most(f"{regime}: overlaps against published, largest error", 0.03, single(np.max(error)), ARRAYS, note=note),
        reported(f"{regime}: the same with exchanged paths, largest error", single(np.max(swapped)), "a control"),
    ]


def _both(flexible: xr.Dataset, forgetful: xr.Dataset) -> list[Acceptance]:
    start = flexible.loss.isel(record=0).values
    rows = [
        no_failures(flexible, forgetful),
        near(
            "loss at t = 0", 0.25, 0.002 if not on_batches(flexible) else 0.01, mean_of(start), EXACT, "d_out s^2 / 2"
        ),
        near("flexible: loss at the end of block 1", 0.099, 0.005, mean_of(at_end(flexible.loss, 0)), RERUN),
        near("forgetful: loss at the end of block 1", 0.104, 0.005, mean_of(at_end(forgetful.loss, 0)), RERUN),
        between(
            "loss after the first switch",
            (0.285, 0.295),
            mean_of(loss_after(flexible, 1, PEAK_DELAY)),
            both(RERUN, PICTURE),
            0.005,
        ),
    ]
    if on_batches(flexible):
        rows.insert(2, near("loss at t = 0, sd of batches", 0.009, 0.005, single(np.std(start, ddof=1)), EXACT))
    return rows


def _forgetful(forgetful: xr.Dataset) -> list[Acceptance]:
    # The last block trains the second task: index 1 is the teacher in force, index 0 the other one.
    similarity = at_end(forgetful.similarity, 19).mean(axis=2)
    peak = 0.221 if on_batches(forgetful) else 0.213
    block = in_block(forgetful, 19)
    return [
        near("forgetful: loss peak of the last block", peak, 0.01, mean_of(block.loss.values.max(axis=1)), RERUN),
        near("forgetful: loss at the end of the last block", 0.060, 0.005, mean_of(at_end(forgetful.loss, 19)), RERUN),
        near("forgetful: gates at the end", 0.645, 0.01, mean_of(at_end(forgetful.gates, 19).mean(axis=1)), RERUN),
        near(
            "forgetful: norm of the weights at the end",
            0.58,
            0.01,
            mean_of(at_end(forgetful.weight_norm, 19)),
            RERUN,
        ),
        near("forgetful: similarity to the task in force", 0.88, 0.02, mean_of(similarity[:, 1]), RERUN),
        near("forgetful: similarity to the other task", 0.47, 0.02, mean_of(similarity[:, 0]), RERUN),
    ]


def _flexible_loss(flexible: xr.Dataset) -> list[Acceptance]:
    # Seeds specialise in different blocks, which moves means over seeds in the middle of the run.
    after = {5: (0.24, 0.03), 10: (0.39, 0.05), 15: (0.46, 0.03), 20: (0.47, 0.02)}
    # Rounded to three digits, and so small that only a factor makes sense.
    small = {10: (0.0085, 0.0095), 15: (0.0005, 0.0015)}
    rounded = "{:g}; what rounds to it, and our tolerance of a factor of two"
    return [
        *(
            near(
                f"flexible: loss after the switch, block {block}",
                value,
                tolerance,
                mean_of(loss_after(flexible, block - 1, PEAK_DELAY)),
                RERUN,
            )
            for block, (value, tolerance) in after.items()
        ),
        near("flexible: loss at the end of block 5", 0.043, 0.02, mean_of(at_end(flexible.loss, 4)), RERUN),
        *(
            _of_enough_seeds(
                flexible,
                between(
                    f"flexible: loss at the end of block {block}",
                    (low / 2, 2 * high),
                    mean_of(at_end(flexible.loss, block - 1)),
                    RERUN,
                    note=rounded.format((low + high) / 2),
                ),
            )
            for block, (low, high) in small.items()
        ),
        at_most("flexible: loss at the end of block 20", 5e-4, mean_of(at_end(flexible.loss, 19)), RERUN),
    ]


def _gates_and_weights(flexible: xr.Dataset) -> list[Acceptance]:
    # Blocks 2, 6 and 20 train the second task. Early on, each seed in ten that has not specialised yet moves the mean
    # of ten seeds by 0.05 to 0.1.
    pairs = {2: (0.17, 0.92, 0.15), 6: (0.01, 1.05, 0.1), 20: (0.001, 1.01, 0.02)}
    rows = []
    for block, (off, on, tolerance) in pairs.items():
        gates = at_end(flexible.gates, block - 1)
        rows.append(near(f"flexible: closed gate, end of block {block}", off, tolerance, mean_of(gates[:, 0]), RERUN))
        rows.append(near(f"flexible: open gate, end of block {block}", on, tolerance, mean_of(gates[:, 1]), RERUN))
    for time, value in {1: 0.333, 2: 0.40, 5: 0.63, 10: 0.83, 15: 0.93}.items():
        norm = mean_of(at_end(flexible.weight_norm, time - 1))
        rows.append(near(f"flexible: norm of the weights, t = {time}", value, 0.03, norm, RERUN))
    norm = mean_of(at_end(flexible.weight_norm, 19))
    row = near("flexible: norm of the weights, t = 20", 0.96, 0.01, norm, RERUN, "which has 0.968")
    rows.append(_of_enough_seeds(flexible, row))
    similarity = at_end(flexible.similarity, 19)
    matched = np.einsum("smm->s", similarity) / 2
    other = (similarity[:, 0, 1] + similarity[:, 1, 0]) / 2
    share = float(np.mean(matched > SPECIALISED))
    return [
        *rows,
        at_least(
            f"flexible: share of seeds with alignment > {SPECIALISED}",
            0.9,
            Measurement(share, None, len(matched)),
            OURS,
        ),
        near("flexible: alignment with the own teacher, median", 0.999, 0.005, median_of(matched), RERUN),
        near("flexible: alignment with the other teacher, median", 0.022, 0.02, median_of(other), RERUN),
    ]


def _changes(flexible: xr.Dataset, forgetful: xr.Dataset) -> list[Acceptance]:
    peaks = {2: (0.014, 0.003, "t = 1"), 11: (0.033, 0.005, "t = 10"), 20: (0.042, 0.003, "t = 19")}
    rows = [
        near(
            f"flexible: gate change per record, {when}",
            value,
            tolerance,
            mean_of(_largest_gate_change(flexible, block - 1)),
            RERUN,
        )
        for block, (value, tolerance, when) in peaks.items()
    ]
    change = [_published_weight_change(dataset) for dataset in (flexible, forgetful)]
    weights = [values.mean("seed").values[values.block.values == 19] for values in change]
    rows += [
        near("flexible: relative weight change, peak of block 20", 0.78, 0.1, single(weights[0].max()), RERUN),
        near("forgetful: relative weight change, peak of block 20", 0.82, 0.1, single(weights[1].max()), RERUN),
        near("forgetful: relative weight change, end of block 20", 0.4, 0.1, single(weights[1][-1]), RERUN),
    ]
    ends = [float(at_end(change[0], block).mean()) for block in LATE]
    note = "of late blocks, rounded to two digits; here of blocks 11 to 20"
    name = "flexible: relative weight change at late block ends"
    both = (("lowest", min(ends)), ("highest", max(ends)))
    late = [between(f"{name}, {which}", (0.01, 0.08), single(end), RERUN, 0.005, note) for which, end in both]
    return [*rows, *(_of_enough_seeds(flexible, row) for row in late)]


def _recovery(flexible: xr.Dataset, forgetful: xr.Dataset) -> list[Acceptance]:
    """Time to loss 0.1 in units of tau_W; where it is not reached, the length of the block, as published."""
    slow, fast = forgetful.time_to_loss_on_batches.values, flexible.published_time_to_loss.values
    deviation = np.abs(slow.mean(axis=0) - np.asarray(FORGETFUL_TIMES))
    worst = int(np.argmax(deviation))
    name = f"forgetful: time to batch loss 0.1, block {worst + 1} (furthest)"
    rows = [
        near(name, FORGETFUL_TIMES[worst], 0.02, mean_of(slow[:, worst]), RERUN, "every block is closer than this one"),
        near(
            "forgetful: time to batch loss 0.1, blocks 9 to 20", 0.437, 0.01, mean_of(slow[:, 8:].mean(axis=1)), RERUN
        ),
        reported(
            "forgetful: time to loss 0.1, blocks 9 to 20",
            mean_of(forgetful.published_time_to_loss.values[:, 8:].mean(axis=1)),
            "of the recorded loss, which is without noise in the population flow",
        ),
    ]
    medians = {1: (0.60, 0.78), 2: (0.60, 0.78), 10: (0.05, 0.15), 20: (0.036, 0.046)}
    for block, interval in medians.items():
        measured = median_of(fast[:, block - 1])
        rows.append(
            between(f"flexible: time to loss 0.1, block {block}, median", interval, measured, OURS, note=_HOLDS)
        )
    falling = np.diff(np.median(fast, axis=0)[3:])
    rows.append(at_most("flexible: largest rise of the median after block 4", 0.0, single(falling.max()), OURS, 0.002))
    # Intervals that hold the mean of ten seeds in 98 of 100 draws of another population flow with 200 seeds.
    for block, interval in {7: (0.15, 0.33), 10: (0.066, 0.19), 14: (0.047, 0.148)}.items():
        name, measured = f"flexible: time to loss 0.1, block {block}, mean", mean_of(fast[:, block - 1])
        if len(fast) < ENOUGH_SEEDS or on_batches(flexible):
            note = f"in {interval} for {ENOUGH_SEEDS} seeds or more of the population flow"
            rows.append(reported(name, measured, note))
        else:
            rows.append(between(name, interval, measured, OTHER, note="200 seeds"))
    never = "share of seeds that never get there; published as the length of the block"
    for regime, dataset in (("flexible", flexible), ("forgetful", forgetful)):
        for block in (1, 2):
            times = dataset.time_to_loss.values[:, block - 1]
            share = Measurement(float(np.mean(np.isinf(times))), None, len(times))
            rows.append(reported(f"{regime}: loss 0.1 not reached in block {block}", share, never))
    return rows


def _of_enough_seeds(dataset: xr.Dataset, row: Acceptance) -> Acceptance:
    """The row, or with fewer seeds only its number."""
    if dataset.sizes["seed"] >= ENOUGH_SEEDS:
        return row
    return reported(row.name, row.measured, f"demanded of {ENOUGH_SEEDS} seeds or more; {row.note}")


def _largest_gate_change(dataset: xr.Dataset, block: int) -> np.ndarray:
    return in_block(dataset, block).gate_change.max("record").values


def _published_weight_change(dataset: xr.Dataset) -> xr.DataArray:
    """Relative weight change, over the maximum that the published records show.

    They are two steps apart but for the one in the middle of the run, three steps after its neighbour. It lies 0.01
    after a switch and opens the half of the run whose maximum counts, which makes that up to a quarter too large.
    """
    middle = np.argmin(np.abs(dataset.time.values - (dataset.attrs["edges"][10] + 0.01)))
    uneven = 1.25 * dataset.weight_change.values[:, middle]
    return dataset.weight_change / xr.DataArray(np.maximum(1.0, uneven), dims="seed")
