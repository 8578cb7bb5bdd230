"""What gated read-outs of images must show: how fast a task is found again, how well it is done, and what gates say.

Nobody has published numbers of these figures: their stored pictures are missing. Expected are those of another
simulation of the same read-outs, and sentences about them.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
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
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER
from experiments.sandbrink_2024.runs.images import FLEXIBLE, FLEXIBLE_L1, FORGETFUL, REGIMES, STEP
from ntadyn.metrics import time_to_threshold

LATE = 4  # the first block that every flexible network must be fast in, counted from 0
HIGH, LEARNED, HALFWAY = 0.9, 0.8, 0.85
FAST_ENOUGH, SLOW_ENOUGH = 1.5, 30.0
RECORDS = 100  # over which gates are averaged to tell which is which
DIGITS = "8x8 digits (scikit-learn)"
PUBLISHED = "parity"


@dataclass(frozen=True)
class Said:
    """What another simulation found on digits with the naming by parity, its seeds uncounted.

    Attributes:
        times: block, counted from 0 -> time to 80 %.
        larger, smaller: gates at the end.
    """

    times: dict[int, str] = field(default_factory=dict)
    larger: float | None = None
    smaller: tuple[float, float] | None = None


SAID = {
    FLEXIBLE: Said({1: "92.5", 2: "2", 3: "3.5", 4: "1"}, 2.7, (0.0, 0.4)),
    FLEXIBLE_L1: Said({1: "55", 2: "1", 3: "0.5", 4: "0.5"}, 1.5, (0.0, 0.1)),
    FORGETFUL: Said({1: "never", 2: "55", 3: "89", 4: "62"}, 0.8, (0.8, 0.8)),
}
NOTHING = dict.fromkeys(SAID, Said())


def accuracy_after(dataset: xr.Dataset, regime: str, steps: int) -> np.ndarray:
    """Accuracy on the task in force so many steps after the start of every block, shape (seeds, blocks)."""
    times, accuracy = dataset.time.values, dataset.accuracy.sel(regime=regime).values
    columns = []
    for rows in _blocks(dataset):
        since = times[rows] - times[rows[0]]
        columns.append(accuracy[:, rows[np.argmin(np.abs(since - steps * STEP))]])
    return np.stack(columns, axis=1)


def accuracy_at_end(dataset: xr.Dataset, regime: str) -> np.ndarray:
    """Accuracy on the task in force at the end of every block, shape (seeds, blocks)."""
    accuracy = dataset.accuracy.sel(regime=regime).values
    return np.stack([accuracy[:, rows[-1]] for rows in _blocks(dataset)], axis=1)


def time_to(dataset: xr.Dataset, regime: str, threshold: float) -> np.ndarray:
    """Time since the start of every block until accuracy exceeds a threshold, infinite if it never does.

    Shape (seeds, blocks), in units of ten steps, linear between records.
    """
    error = 1 - jnp.asarray(dataset.accuracy.sel(regime=regime).values)
    times, blocks = jnp.asarray(dataset.time.values), jnp.asarray(dataset.block.values)
    number = int(dataset.block.values[-1]) + 1
    return np.asarray(_times_to(times, error, blocks, number, 1 - threshold))


@functools.partial(jax.jit, static_argnames="number")
def _times_to(times, error, blocks, number: int, threshold: float):
    return jax.vmap(lambda one: time_to_threshold(times, one, blocks, number, threshold).time)(error)


def sorted_gates(dataset: xr.Dataset, regime: str) -> np.ndarray:
    """Gates of every seed in ascending order of their mean over the last hundred records: (seeds, records, paths).

    The last block being the second task's, its path comes last.
    """
    gates = dataset.gates.sel(regime=regime).values
    order = np.argsort(gates[:, -RECORDS:].mean(axis=1), axis=-1)
    return np.take_along_axis(gates, order[:, None, :], axis=-1)


def distance_when_learned(dataset: xr.Dataset, regime: str, threshold: float = HALFWAY) -> np.ndarray:
    """|sort(c) - (0, 1)| at the first record of every block whose accuracy exceeds a threshold, NaN without one.

    The published helper sorts in ascending order and subtracts (1, 0). Shape (seeds, blocks).
    """
    gates, accuracy = dataset.gates.sel(regime=regime).values, dataset.accuracy.sel(regime=regime).values
    distance = np.linalg.norm(np.sort(gates, axis=-1) - np.array([0.0, 1.0]), axis=-1)
    columns = []
    for rows in _blocks(dataset):
        above = accuracy[:, rows] > threshold
        first = np.take_along_axis(distance[:, rows], np.argmax(above, axis=1)[:, None], axis=1)[:, 0]
        columns.append(np.where(above.any(axis=1), first, np.nan))
    return np.stack(columns, axis=1)


def accept(data: Data, namings: Sequence[str]) -> list[Acceptance]:
    """The rows of a figure.

    Args:
        data: of `runs.images.learned`.
        namings: those that the figure shows.

    Returns:
        The rows: the feature network, and of every naming where accuracy falls to, how fast it recovers, how high it
        gets, and the gates. Runs of few blocks are asked for recovery after the third switch alone.
    """
    features = data["features"]
    rows = [no_failures(*(data[name] for name in namings)), *_features(features)]
    for name in namings:
        dataset = data[name]
        fixed = float(features.fixed.sel(naming=name))
        late = int(dataset.block.values[-1]) >= LATE
        if late:
            rows += _floor(name, dataset, fixed) + _late(name, dataset, float(features.accuracy))
        else:
            rows += _short(name, dataset)
        said = SAID if features.attrs["name"] == DIGITS and name == PUBLISHED else NOTHING
        rows += _times(name, dataset, said)
        rows += _gates(name, dataset, said)
    return rows


def _features(features: xr.Dataset) -> list[Acceptance]:
    accuracy, norm = single(float(features.accuracy)), single(float(features.squared_norm))
    on_digits = features.attrs["name"] == DIGITS
    expected = "another simulation: 0.975 to 0.983 on digits, 0.966 after 600 steps on 8000 images of MNIST"
    rows = [
        reported("feature network: accuracy on practised images", single(float(features.accuracy_practised))),
        reported("features: mean squared norm before rescaling", norm, "another simulation: 3209, digits; 1259, MNIST"),
        reported("features: factor of rescaling", single(float(features.factor))),
    ]
    name = "feature network: accuracy on held-out images"
    if not on_digits:
        return [reported(name, accuracy, expected), *rows]
    # Of 359 images; one standard error of a share of 0.98 is 0.007.
    return [between(name, (0.975, 0.983), accuracy, OTHER, 0.01, "another split into 1437 and 360"), *rows]


def _floor(naming: str, dataset: xr.Dataset, fixed: float) -> list[Acceptance]:
    """Right after a switch, a network that did the other task perfectly is right where the namings agree."""
    note = "expected is the share of held-out images whose class is the same in both tasks, for a network without error"
    rows = []
    for regime in (FLEXIBLE, FLEXIBLE_L1):
        values = accuracy_after(dataset, regime, 0)[:, _late_blocks(dataset)].mean(axis=1)
        rows.append(near(f"{naming}, {regime}: accuracy at a switch", fixed, 0.03, mean_of(values), EXACT, note))
    values = accuracy_after(dataset, FORGETFUL, 0)[:, _late_blocks(dataset)].mean(axis=1)
    return [*rows, reported(f"{naming}, {FORGETFUL}: accuracy at a switch", mean_of(values))]


def _late(naming: str, dataset: xr.Dataset, of_features: float) -> list[Acceptance]:
    """From the fifth block on, the worst block of each: medians of times over seeds, means of accuracies."""
    blocks, rows = _late_blocks(dataset), []
    for regime in (FLEXIBLE, FLEXIBLE_L1):
        times = time_to(dataset, regime, HIGH)[:, blocks]
        ends = accuracy_at_end(dataset, regime)[:, blocks]
        rows += [
            at_most(
                f"{naming}, {regime}: time to 90 %, slowest late block", FAST_ENOUGH, _worst(times, np.argmax), OTHER
            ),
            reported(
                f"{naming}, {regime}: share of late blocks of single seeds that take longer",
                single(np.mean(times > FAST_ENOUGH)),
            ),
            near(
                f"{naming}, {regime}: accuracy at the end of late blocks",
                of_features,
                0.01,
                mean_of(ends.mean(axis=1)),
                OTHER,
                "expected is the accuracy of the feature network",
            ),
        ]
    times = time_to(dataset, FORGETFUL, HIGH)[:, blocks]
    row = at_least(
        f"{naming}, {FORGETFUL}: time to 90 %, fastest late block", SLOW_ENOUGH, _worst(times, np.argmin), OTHER
    )
    ends = accuracy_at_end(dataset, FORGETFUL)[:, blocks]
    end = reported(f"{naming}, {FORGETFUL}: accuracy at the end of late blocks", mean_of(ends.mean(axis=1)))
    return [*rows, row, end]


def _short(naming: str, dataset: xr.Dataset) -> list[Acceptance]:
    """Right after switches and a hundred steps after the third, in runs that are too short for more."""
    name, rows = "accuracy 100 steps after the third switch", []
    after = {regime: mean_of(accuracy_after(dataset, regime, 100)[:, 3]) for regime in REGIMES}
    if naming != PUBLISHED:
        return [reported(f"{naming}, {regime}: {name}", each) for regime, each in after.items()]
    for regime in (FLEXIBLE, FLEXIBLE_L1):
        switched = accuracy_after(dataset, regime, 0)[:, 1:]
        for which, value in (("lowest", switched.min()), ("highest", switched.max())):
            rows.append(
                between(f"{naming}, {regime}: {which} accuracy at a switch", (0.15, 0.35), single(value), OTHER)
            )
    # In blocks of 600 steps, with the L1 norm, on digits: 0.924 and 0.26 in another simulation.
    return [
        *rows,
        at_least(f"{naming}, {FLEXIBLE_L1}: {name}", 0.9, after[FLEXIBLE_L1], OTHER),
        reported(f"{naming}, {FLEXIBLE}: {name}", after[FLEXIBLE]),
        at_most(f"{naming}, {FORGETFUL}: {name}", 0.6, after[FORGETFUL], OTHER),
    ]


def _times(naming: str, dataset: xr.Dataset, said: dict[str, Said]) -> list[Acceptance]:
    """Time to 80 % in the blocks after the first and in the last, and what was the case at 85 % there; medians."""
    rows = []
    for regime in REGIMES:
        times, halfway = time_to(dataset, regime, LEARNED), time_to(dataset, regime, HALFWAY)
        number = times.shape[1]
        for block in (*range(1, min(LATE + 1, number - 1)), number - 1):
            note = f"another simulation: {said[regime].times[block]}" if block in said[regime].times else ""
            rows.append(
                reported(f"{naming}, {regime}: time to 80 %, block {block + 1}", median_of(times[:, block]), note)
            )
        distance = distance_when_learned(dataset, regime)[:, -1]
        known = distance[np.isfinite(distance)]
        rows.append(reported(f"{naming}, {regime}: time to 85 %, last block", median_of(halfway[:, -1])))
        if len(known):
            name = f"{naming}, {regime}: distance of gates from (0, 1) then"
            rows.append(reported(name, mean_of(known), "of the seeds that get there"))
    return rows


def _gates(naming: str, dataset: xr.Dataset, said: dict[str, Said]) -> list[Acceptance]:
    """At the end of the run; compared where somebody said what they should be, and the run is as long as theirs."""
    rows = []
    for regime in REGIMES:
        smaller, larger = (mean_of(values) for values in sorted_gates(dataset, regime)[:, -1].T)
        names = [f"{naming}, {regime}: {which} gate at the end" for which in ("larger", "smaller")]
        expected = said[regime]
        if expected.larger is None or expected.smaller is None or len(_blocks(dataset)) <= LATE:
            rows += [reported(names[0], larger), reported(names[1], smaller)]
            continue
        tolerance = 0.1 * expected.larger
        note = "no tolerance was said: a tenth of the larger gate"
        rows += [
            near(names[0], expected.larger, tolerance, larger, OTHER, note),
            between(names[1], expected.smaller, smaller, OTHER, tolerance, note),
        ]
    return rows


def _worst(times: np.ndarray, of) -> Measurement:
    """The median over seeds in the block where `of` finds it."""
    return median_of(times[:, of(np.median(times, axis=0))])


def _late_blocks(dataset: xr.Dataset) -> slice:
    return slice(LATE, int(dataset.block.values[-1]) + 1)


def _blocks(dataset: xr.Dataset) -> list[np.ndarray]:
    """Records of every block."""
    block = dataset.block.values
    return [np.flatnonzero(block == index) for index in np.unique(block)]
