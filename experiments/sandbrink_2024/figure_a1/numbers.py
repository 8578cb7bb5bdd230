"""What figure A1 must show. Toy numbers come from an independent integration that agrees with the published image.

Numbers of the full model are read from the image of one seed, which this module cannot have: medians over seeds are
held against them, and the tolerances were set before the runs were made.
"""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    at_most,
    between,
    furthest,
    mean_of,
    median_of,
    near,
    reported,
    single,
)
from experiments.harness.sources import EXACT, OTHER, PICTURE, both
from experiments.sandbrink_2024.figure_a1.simulation import last_records
from experiments.sandbrink_2024.numbers.reduced_model import GATES
from experiments.sandbrink_2024.runs.toy import at_times
from ntadyn.verification.check import ROUNDING
from ntadyn.verification.laws import MODE_ENERGY

TOY = 0.005  # for toy numbers
EITHER = both(PICTURE, OTHER)  # an independent integration that agrees with the image
MAGNITUDES = {
    1: (0.38, 0.30),
    2: (0.51, 0.29),
    4: (0.69, 0.38),
    6: (0.78, 0.59),
    10: (0.89, 0.81),
    20: (0.979, 0.947),
}
PEAKS = (0.245, 0.292, 0.226, 0.229, 0.248, 0.368, 0.310, 0.373)
LATE_PEAK = 0.265  # the lowest of the late peaks
MINIMA = (0.082, 0.062, 0.056, 0.041, 0.016, 0.016, 0.005)


def accept(data: dict[str, xr.Dataset]) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        Rows of the published toy, of its flow, of the full model, and of the pair that starts in the modes.
    """
    published, flow = data["toy_published"], data["toy"]
    times = published.time.values
    difference = np.abs(flow.gates.values - data["toy_rescaled"].gates.values).max()
    return [
        *_toy(published, times, "toy, published scheme"),
        *_peaks(published),
        *_toy(flow, times, "toy, flow"),
        reported(
            "toy: largest change of a gate when the penalty is rescaled too",
            single(difference),
            "0.094 in another integration, from a start that is not known",
        ),
        *_full(data["full"]),
        *(_aligned(data["aligned"]) if "aligned" in data else []),
    ]


def _toy(toy: xr.Dataset, times: np.ndarray, name: str) -> list[Acceptance]:
    """Gates and magnitudes at the last published records before switches, and the extremes of the gates."""
    gates, magnitudes = (
        at_times(toy, times[last_records(len(times), list(expected))]) for expected in (GATES, MAGNITUDES)
    )
    sizes = np.linalg.norm(magnitudes.weights.values, axis=-1)
    return [
        furthest(f"{name}: gates at t = 1 to 6", list(GATES.values()), TOY, gates.gates.values, EITHER),
        furthest(f"{name}: |w| at t = 1 to 20", list(MAGNITUDES.values()), TOY, sizes, EITHER),
        near(f"{name}: largest gate", 1.187, TOY, single(toy.gates.values.max()), EITHER),
        near(f"{name}: smallest gate", -0.038, TOY, single(toy.gates.values.min()), EITHER),
    ]


def _peaks(toy: xr.Dataset) -> list[Acceptance]:
    """Peaks and minima of the loss in every block, as the published records see them."""
    # The last record is the first of a target that has begun to switch once more.
    times, loss = toy.time.values[:-1], MODE_ENERGY * toy.loss.values[:-1]
    blocks = np.split(loss, np.searchsorted(times, np.arange(1, round(times[-1])) - 1e-9))
    peaks, minima = (np.array([pick(block) for block in blocks]) for pick in (np.max, np.min))
    note = "times N s^2; depends on how the records fall into the smooth switch"
    return [
        furthest("toy, published scheme: loss peaks of blocks 1 to 8", PEAKS, TOY, peaks[: len(PEAKS)], EITHER, note),
        furthest("toy, published scheme: loss minima of blocks 1 to 7", MINIMA, TOY, minima[: len(MINIMA)], EITHER),
        near(
            "toy, published scheme: lowest late peak", LATE_PEAK, TOY, single(peaks[len(PEAKS) :].min()), EITHER, note
        ),
    ]


def _full(full: xr.Dataset) -> list[Acceptance]:
    loss, gates, magnitude = full.loss.values, full.gates.values, full.magnitude.values
    block = full.block.values
    peaks = np.stack([loss[:, block == index].max(axis=1) for index in range(int(block[-1]) + 1)], axis=1)
    note = "of one seed there; median over seeds"
    return [
        near("full: loss at t = 0", 0.25, 0.01, mean_of(loss[:, 0]), EXACT, "up to the initial weights"),
        near("full: loss after the first switch", 0.29, 0.03, median_of(peaks[:, 1]), PICTURE, note),
        near("full: loss after the second switch", 0.22, 0.03, median_of(peaks[:, 2]), PICTURE, note),
        near("full: loss after the last switch", 0.49, 0.03, median_of(peaks[:, -1]), PICTURE, note),
        near(
            "full: largest singular value at t = 0",
            0.07,
            0.005,
            mean_of(magnitude[:, 0].mean(axis=1)),
            EXACT,
            "of random matrices: .0701",
        ),
        between(
            "full: largest singular value at the end",
            (0.96, 0.99),
            median_of(magnitude[:, -1].mean(axis=1)),
            PICTURE,
            0.01,
            note,
        ),
        near("full: largest gate", 1.11, 0.05, median_of(gates.max(axis=(1, 2))), PICTURE, note),
        reported("full: smallest gate", median_of(gates.min(axis=(1, 2)))),
    ]


def _aligned(aligned: xr.Dataset) -> list[Acceptance]:
    full, toy = aligned.sel(model="full"), aligned.sel(model="toy")
    gates = np.abs(full.gates.values - toy.gates.values).max()
    note = "tau_c and penalty both over N s^2"
    return [
        at_most("in modes: gates of full model and toy differ by", ROUNDING, single(gates), EXACT, note=note),
        at_most(
            "in modes: losses of full model and toy differ by",
            ROUNDING,
            single(np.abs(full.loss.values - toy.loss.values).max()),
            EXACT,
            note=note,
        ),
        at_most(
            "in modes: magnitudes of full model and toy differ by",
            ROUNDING,
            single(np.abs(full.magnitude.values - toy.magnitude.values).max()),
            EXACT,
            note=note,
        ),
        reported(
            "in modes: largest gate", single(full.gates.values.max()), "overshoot of the toy with its penalty rescaled"
        ),
    ]
