"""What figure A14 must show: numbers read off the published image, and another simulation in the older convention."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    at_least,
    at_most,
    between,
    mean_of,
    median_of,
    near,
    reported,
    single,
)
from experiments.harness.blocks import at_end, at_start, fall_time
from experiments.harness.outcomes import no_failures
from experiments.harness.sources import EXACT, OTHER, OURS, PICTURE, both
from experiments.sandbrink_2024.runs.composition import composites_only, loss_scale

LAST = 49
# Block -> time to a tenth of the loss just after the switch.
FALL_TIMES = {1: 0.54, 8: 0.16, 20: 0.06, 49: 0.04}
TIME_TOLERANCE = 0.3  # as for the times of figure 3
CONTROL_FALL_TIMES, CONTROL_TIME_TOLERANCE = (0.17, 0.18), 0.01  # in every block with a switch before it
SIMILARITY_TOLERANCE = 0.05
LARGEST_OTHER = 0.12
GATE_TOLERANCE = 0.1  # as for the gates of figure A12
ENDED_BLOCK_0 = 0.02
SPECIALISED = 0.9


def accept(published: xr.Dataset, released: xr.Dataset) -> list[Acceptance]:
    """All rows.

    Args:
        published: parameters as the older state of the code read them.
        released: the control.

    Returns:
        The rows; losses are in the units of the older state.
    """
    return [
        no_failures(published, released),
        *_loss(published),
        *_gates(published),
        *_similarity(published),
        *_control(released),
    ]


def _loss(published: xr.Dataset) -> list[Acceptance]:
    scaled = published.assign(loss=published.loss * loss_scale(composites_only()))
    peaks = [float(at_start(scaled.loss, block).mean()) for block in range(1, LAST + 1)]
    rows = [
        near("loss at t = 0", 0.25, 0.0125, mean_of(at_start(scaled.loss, 0)), EXACT),
        between("loss after switches, lowest of all blocks", (0.2, 0.25), single(min(peaks)), PICTURE, 0.0125),
        between("loss after switches, highest of all blocks", (0.2, 0.25), single(max(peaks)), PICTURE, 0.0125),
        at_most("loss at the end of block 1", ENDED_BLOCK_0, mean_of(at_end(scaled.loss, 0)), PICTURE),
    ]
    for block, expected in FALL_TIMES.items():
        time = median_of(fall_time(scaled, block))
        name = f"time to a tenth of the peak, block {block + 1}, median"
        rows.append(near(name, expected, TIME_TOLERANCE * expected, time, OTHER))
    return rows


def _gates(published: xr.Dataset) -> list[Acceptance]:
    """Gates of the two paths that a composite is made of, and of the third, at the end of the last three blocks."""
    ends = np.stack([np.sort(at_end(published.gates, block), axis=1) for block in range(LAST - 2, LAST + 1)])
    third, smaller, larger = np.moveaxis(ends.mean(axis=0), 1, 0)
    early = np.sort(at_end(published.gates, 9), axis=1)
    rows = []
    for name, values, expected, image in (
        ("larger gate of the two in use", larger, 0.58, (0.45, 0.50)),
        ("smaller gate of the two in use", smaller, 0.42, (0.45, 0.50)),
        ("third gate", third, 0.0, (0.03, 0.08)),
    ):
        rows.append(near(f"{name}, end of the run", expected, GATE_TOLERANCE, mean_of(values), OTHER))
        rows.append(between(f"{name}, end of the run (image)", image, mean_of(values), PICTURE, GATE_TOLERANCE))
    rows.append(near("larger gate at t = 10", 0.7, GATE_TOLERANCE, mean_of(early[:, 2]), PICTURE))
    rows.append(near("smaller gate at t = 10", 0.3, GATE_TOLERANCE, mean_of(early[:, 1]), PICTURE))
    return rows


def _similarity(published: xr.Dataset) -> list[Acceptance]:
    """Of base teachers, none of which was ever shown, and the paths assigned to them."""
    end = at_end(_of_base(published), LAST)
    others = end[:, ~np.eye(end.shape[1], dtype=bool)]
    own = mean_of(at_end(published.alignment, LAST))
    done = at_end(published.alignment, LAST) > SPECIALISED
    return [
        near("similarity to the own base teacher, t = 50", 0.976, SIMILARITY_TOLERANCE, own, OTHER),
        near("the same (image)", 0.93, SIMILARITY_TOLERANCE, own, PICTURE),
        between(
            "similarity to the own base teacher, t = 20",
            (0.87, 0.92),
            mean_of(at_end(published.alignment, 19)),
            both(PICTURE, OTHER),
            SIMILARITY_TOLERANCE,
        ),
        near(
            "similarity to the other base teachers, t = 50",
            0.04,
            SIMILARITY_TOLERANCE,
            mean_of(others.mean(axis=1)),
            OTHER,
        ),
        at_most(
            "largest entry off the diagonal of the mean similarity, t = 50",
            LARGEST_OTHER,
            single(others.mean(axis=0).max()),
            PICTURE,
        ),
        reported(
            "the same without repetitions that are not specialised",
            single(others[done].mean(axis=0).max() if done.any() else np.nan),
            f"alignment above {SPECIALISED}",
        ),
        at_least("demanded: similarity to the own base teacher", 0.88, own, OURS),
        at_most("demanded: similarity to the other base teachers", 0.15, mean_of(others.mean(axis=1)), OURS),
        reported("largest single similarity to another base teacher", single(others.max()), "0.20 in ten seeds"),
        reported("lowest alignment of a repetition", single(at_end(published.alignment, LAST).min())),
    ]


def _control(released: xr.Dataset) -> list[Acceptance]:
    """The forgetful network: all paths are copies of the composite in force."""
    gates = at_end(released.gates, LAST)
    end = at_end(_of_base(released), LAST)
    in_force = int(np.atleast_1d(released.attrs["block_tasks"])[LAST])
    fall_times = [np.median(fall_time(released, block)) for block in range(1, LAST + 1)]
    # The two teachers of the composite in force, and the third.
    task = in_force - end.shape[1]
    pair = [task, (task + 1) % end.shape[1]]
    other = np.setdiff1d(np.arange(end.shape[1]), pair)
    control = "negative control"
    return [
        at_most(
            "released: similarity to the own base teacher",
            0.6,
            mean_of(at_end(released.alignment, LAST)),
            OURS,
            0,
            control,
        ),
        near("released: gates", 0.33, 0.05, mean_of(gates.mean(axis=1)), OTHER),
        *(
            near(f"released: similarity to {name}", expected, SIMILARITY_TOLERANCE, mean_of(found), OTHER)
            for name, expected, found in (
                ("the composite in force", 0.999, at_end(released.similarity, LAST)[:, in_force].mean(axis=1)),
                ("both teachers in force", 0.71, end[:, pair].mean(axis=(1, 2))),
                ("the third teacher", 0.0, end[:, other].mean(axis=(1, 2))),
            )
        ),
        *(
            between(
                f"released: time to a tenth of the peak, median, {which} of blocks 2 to {LAST + 1}",
                CONTROL_FALL_TIMES,
                single(found),
                OTHER,
                CONTROL_TIME_TOLERANCE,
            )
            for which, found in (("lowest", min(fall_times)), ("highest", max(fall_times)))
        ),
    ]


def _of_base(dataset: xr.Dataset) -> xr.DataArray:
    """Similarity to the teachers that composites are made of."""
    return dataset.similarity.isel(teacher=slice(int(dataset.attrs["num_base"])))
