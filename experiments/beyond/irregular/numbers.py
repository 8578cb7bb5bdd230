"""What irregular curricula must show: the finding, what its explanation predicts, and what a switch costs.

The explanation: a few long blocks suffice to specialise a network, and short ones do not undo it. Bounds of rows whose
name begins with "predicted" were written down before these runs were looked at. As it turned out, irregular blocks do
so where none is long. Hence a second explanation: what regular blocks lack is imbalance, one task having more than the
other for a while. Its bounds ("predicted next") were written down before the runs of balanced pairs were made.
"""

import math

import numpy as np
import xarray as xr

from experiments.beyond.irregular.sequences import ORDERS
from experiments.beyond.irregular.simulation import BINS, FOLLOWED, NOT_FOLLOWED, SHARES
from experiments.harness.acceptance import Acceptance, at_least, at_most, mean_of, near, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER, OURS
from ntadyn.specs.irregular_presets import TRIAL

ALIGNED = 0.9
# Another simulation of the same network, 24 repetitions: mean block length -> shares above ALIGNED, regular, CV 0.5,
# 1 and 1.5, hazard. Its gamma lengths have no least trial.
TABLE = {1.0: (1.0, 1.0, 1.0, 1.0, 1.0), 0.4: (0.71, 1.0, 1.0, 1.0, 1.0), 0.2: (0.0, 0.75, 1.0, 1.0, 1.0)}
TABLE_CVS = (0.0, 0.5, 1.0, 1.5)
# The same for unequal shares, 32 repetitions.
UNEQUAL = {0.6: 1.0, 0.75: 0.97, 0.9: 0.25}


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.
    """
    return [
        no_failures(*data.values()),
        *_of_table(data["map"], data["hazard"]),
        *_of_shares(data["shares"]),
        *_of_adaptation(data["hazard"]),
        *_of_gains(data["map"]),
        *_of_orders(data["orders"]),
        *_of_caps(data["caps"]),
        *_of_pairs(data["pairs"]),
        *_of_long_blocks(data["long_blocks"]),
    ]


def specialised(sweep: xr.Dataset) -> xr.DataArray:
    """Whether a trajectory ended with an alignment above `ALIGNED`, as 0 or 1."""
    return (sweep.last_alignment > ALIGNED).astype(float)


def rate_of(mean: float) -> float:
    """The hazard per trial of blocks of this mean length."""
    return TRIAL / mean


def trials_needed(hazard: xr.Dataset) -> xr.DataArray:
    """Whole trials of the mean adaptation time of specialised networks, median over repetitions."""
    times = hazard.adaptation_time.where(hazard.last_alignment > ALIGNED)
    return np.ceil(times.median("seed") / TRIAL)


def censored(rate: float, trials: float) -> float:
    """1 - (1 - H)^(k - 1): the share of stretches of fewer than k trials."""
    return 1 - (1 - rate) ** (trials - 1)


def _tolerance(share: float, one: int, other: int) -> float:
    """Three standard errors of the difference of two shares; of a share of nothing or all, of one that misses one."""
    kept = min(max(share, 1 / one), 1 - 1 / one)
    return 3 * math.sqrt(kept * (1 - kept) * (1 / one + 1 / other))


def _of_table(sweep: xr.Dataset, hazard: xr.Dataset) -> list[Acceptance]:
    rows = []
    for mean in (1.0, 0.4, 0.2, 0.1):
        by_cv = [
            (f"CV {cv:g}" if cv else "regular", _at(sweep, sequence_mean=mean, sequence_cv=cv)) for cv in TABLE_CVS
        ]
        if np.any(np.isclose(hazard.sequence_rate, rate_of(mean))):
            by_cv.append(("hazard", _at(hazard, sequence_rate=rate_of(mean))))
        for column, (what, cell) in enumerate(by_cv):
            name, share = f"blocks of {mean:g}, {what}: share specialised", mean_of(specialised(cell).values)
            alignment = f"mean alignment {float(cell.last_alignment.mean()):.3f}"
            if mean in TABLE:
                expected = TABLE[mean][column]
                slack = _tolerance(expected, 24, cell.sizes["seed"])
                rows.append(near(name, expected, slack, share, OTHER, note=alignment))
            else:
                rows.append(reported(name, share, note=alignment))
    regular = specialised(_at(sweep, sequence_mean=0.2, sequence_cv=0.0)).values
    drawn = specialised(_at(sweep, sequence_mean=0.2, sequence_cv=1.0)).values
    return [
        *rows,
        at_most("finding: blocks of 0.2, regular: share specialised", 0.1, mean_of(regular), OURS),
        at_least("finding: blocks of 0.2, CV 1: share specialised", 0.9, mean_of(drawn), OURS),
    ]


def _of_shares(sweep: xr.Dataset) -> list[Acceptance]:
    rows = []
    for place, share in enumerate(SHARES):
        cell = sweep.isel({sweep.last_alignment.dims[0]: place})
        name, found = f"first task in {share:g} of all trials: share specialised", mean_of(specialised(cell).values)
        if share in UNEQUAL:
            slack = _tolerance(UNEQUAL[share], 32, cell.sizes["seed"])
            rows.append(near(name, UNEQUAL[share], slack, found, OTHER))
        else:
            rows.append(reported(name, found))
    last = sweep.isel({sweep.last_alignment.dims[0]: -1})
    return [
        *rows,
        reported("first task in 0.9: loss while it is in force", mean_of(last.loss_of_frequent.values)),
        reported("first task in 0.9: loss while the rare one is in force", mean_of(last.loss_of_rare.values)),
    ]


def _of_adaptation(hazard: xr.Dataset) -> list[Acceptance]:
    rows = []
    needed = trials_needed(hazard)
    for rate in hazard.sequence_rate.values.tolist():
        cell = hazard.sel(sequence_rate=rate)
        where = cell.last_alignment.values > ALIGNED
        trials = float(needed.sel(sequence_rate=rate))
        share = mean_of(cell.censored_share.values[where])
        error = 3 * (share.spread or 0.0) / math.sqrt(max(share.seeds or 1, 1))
        name = f"hazard {rate:g}: share of switches not followed in time"
        note = f"{trials:g} trials are needed; 3 standard errors"
        if rate <= 0.1:
            rows.append(near(name, censored(rate, trials), max(error, 0.02), share, EXACT, note))
        else:
            rows.append(reported(name, share, f"closed form {censored(rate, trials):.3f}"))
    smallest, largest = (float(needed.min()), float(needed.sel(sequence_rate=slice(None, 0.1)).max()))
    return [
        *rows,
        near("hazards up to 0.1: trials that adaptation takes, fewest", 3, 0, single(smallest), OTHER),
        near("hazards up to 0.1: trials that adaptation takes, most", 3, 0, single(largest), OTHER),
    ]


def gains(sweep: xr.Dataset, name: str) -> np.ndarray:
    """Mean over irregular cells (means from 0.1 to 0.4, CV of 0.5 and more), by length of block and repetition."""
    part = sweep[name].sel(sequence_mean=slice(0.1, 0.4), sequence_cv=slice(0.5, None))
    return part.mean(("sequence_mean", "sequence_cv")).transpose(..., "seed").values


def _of_gains(sweep: xr.Dataset) -> list[Acceptance]:
    mixed, done = gains(sweep, "gain_when_mixed"), gains(sweep, "gain_when_specialised")
    rows = [
        at_least("predicted: a block longer than 0.8 gains, mixed networks: contrast", 0.1, mean_of(mixed[-1]), OURS),
        at_least("predicted: a block of 0.1 at most loses little, mixed: contrast", -0.01, mean_of(mixed[0]), OURS),
        at_least(
            "predicted: a block of 0.1 at most loses little, specialised: contrast", -0.01, mean_of(done[0]), OURS
        ),
    ]
    for low, high, one, other in zip(BINS[:-1], BINS[1:], mixed, done, strict=True):
        rows.append(reported(f"blocks of {low:g} to {high:g}, mixed networks: change of contrast", mean_of(one)))
        rows.append(reported(f"blocks of {low:g} to {high:g}, specialised: change of contrast", mean_of(other)))
    return rows


def _of_orders(sweep: xr.Dataset) -> list[Acceptance]:
    along = sweep.last_alignment.dims[0]
    found = {order: mean_of(specialised(sweep.isel({along: place})).values) for place, order in enumerate(ORDERS)}
    names = {
        "shuffled": "predicted: the same blocks, shuffled: share specialised",
        "long first": "predicted: the same blocks, long ones first, then only short: share specialised",
        "short first": "predicted: the same blocks, short ones first: share specialised",
    }
    return [
        reported("irregular blocks as drawn (mean 0.2, CV 1.5): share specialised", found["as drawn"]),
        *(at_least(name, 0.9, found[order], OURS) for order, name in names.items()),
    ]


def _of_caps(sweep: xr.Dataset) -> list[Acceptance]:
    rows = [
        at_most(
            "predicted: irregular blocks cut to 0.2: share specialised",
            0.1,
            mean_of(specialised(_at(sweep, sequence_cap=0.2)).values),
            OURS,
        )
    ]
    if np.any(np.isclose(sweep.sequence_cap, 1.6)):
        kept = mean_of(specialised(_at(sweep, sequence_cap=1.6)).values)
        rows.append(at_least("predicted: irregular blocks cut to 1.6: share specialised", 0.9, kept, OURS))
    return rows + [
        reported(
            f"irregular blocks cut to {cap:g}: share specialised",
            mean_of(specialised(sweep.sel(sequence_cap=cap)).values),
        )
        for cap in sweep.sequence_cap.values.tolist()
    ]


def _of_pairs(sweep: xr.Dataset) -> list[Acceptance]:
    def share(cap: float):
        return mean_of(specialised(_at(sweep, sequence_cap=cap)).values)

    rows = [at_most("predicted next: balanced pairs cut to 0.2: share specialised", 0.2, share(0.2), OURS)]
    largest = float(sweep.sequence_cap.max())
    rows.append(
        at_least("predicted next: balanced pairs, long ones kept: share specialised", 0.9, share(largest), OURS)
    )
    return rows + [
        reported(f"balanced pairs cut to {cap:g}: share specialised", share(cap))
        for cap in sweep.sequence_cap.values.tolist()
    ]


def _of_long_blocks(sweep: xr.Dataset) -> list[Acceptance]:
    def share(regular: float, start: float, number: int):
        cell = _at(sweep, sequence_regular=regular, sequence_start=start, sequence_number=float(number))
        return mean_of(specialised(cell).values)

    first, later = sweep.sequence_start.values.tolist()
    rows = [
        at_most(
            "predicted: regular blocks of 0.1, no long one: share specialised", 0.1, share(FOLLOWED, first, 0), OURS
        ),
        at_least(
            "predicted: 4 blocks of 1 first, then regular 0.1: share specialised", 0.9, share(FOLLOWED, first, 4), OURS
        ),
        at_least("predicted: 4 blocks of 1 amid regular 0.1: share specialised", 0.9, share(FOLLOWED, later, 4), OURS),
        at_most(
            "predicted: 4 blocks of 1 first, then regular 0.04, which gates cannot follow: share specialised",
            0.5,
            share(NOT_FOLLOWED, first, 4),
            OURS,
        ),
    ]
    numbers = [int(number) for number in sweep.sequence_number.values]
    return rows + [
        reported(
            f"{number} blocks of 1 at {start:g}, all others {regular:g}: share specialised",
            share(regular, start, number),
        )
        for regular in (FOLLOWED, NOT_FOLLOWED)
        for start in (first, later)
        for number in numbers
        if number not in (0, 4)
    ]


def _at(sweep: xr.Dataset, **place: float) -> xr.Dataset:
    return sweep.sel(place, method="nearest", tolerance=1e-9)
