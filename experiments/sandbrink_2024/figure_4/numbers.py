"""What figure 4 must show. The toy is deterministic: the published scheme gives its numbers to 1e-3, the flow to 5e-3.

Expected numbers come from an independent integration in the published scheme that agrees with the published image.
"""

import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, at_most, furthest, near, reported, single
from experiments.harness.sources import EXACT, OTHER, OURS, PICTURE, both
from experiments.sandbrink_2024.numbers.block_length import accept as block_length
from experiments.sandbrink_2024.numbers.specialisation import drawn_values
from experiments.sandbrink_2024.runs.specialisation import curves_of
from experiments.sandbrink_2024.runs.toy import at_times, published_records
from ntadyn.metrics import block_distance

OF_FLOW, OF_SCHEME = 5e-3, 1e-3  # for toy numbers: another integrator, and the same one
TOY = both(PICTURE, OTHER)  # an independent integration that agrees with the image
DROPPED = 2  # blocks at either end that panel G leaves out
ACCURACY = 1e-3  # what the default step promises for gates

LOSS_TIMES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.9)
LOSS = {"forgetful": (0.922, 0.510, 0.370, 0.211, 0.042, 0.002), "flexible": (0.922, 0.035, 0.0015, 0.0001, 0.0)}
OUTPUTS = {
    "forgetful": {0.1: (0.549, 0.146), 0.2: (0.567, 0.351)},
    "flexible": {0.05: (0.438, 0.615), 0.1: (0.213, 0.832)},
}
# Weights of path 1 and path 2, and gates, before the target starts to switch at t = 1.
END = {
    "forgetful": (((0.033, 0.935), (0.033, 0.935)), (0.514, 0.514)),
    "flexible": (((0.720, 0.265), (-0.183, 1.183)), (0.210, 0.788)),
}
THRESHOLD = 0.1
TIME_TO_THRESHOLD = {"forgetful": 0.399, "flexible": 0.068}
DISPLACEMENT = {"forgetful": 0.97, "flexible": 0.28}  # two digits
# Panel G, by the index of the pair of blocks.
CONSECUTIVE = {0: 1.712, 1: 1.699, 2: 1.679, 3: 1.646, 4: 1.618, 5: 1.586, 10: 1.499, 20: 1.436, 50: 1.414, -1: 1.414}
TWO_APART = {0: 0.99, 10: 0.112, 20: 0.051, 50: 0.009, 94: 0.005}


def accept(data: dict[str, xr.Dataset]) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        Rows in the order of the panels.
    """
    rows = one_block(data["one_block"], "flow", OF_FLOW)
    if "one_block_published" in data:
        rows += one_block(data["one_block_published"], "published scheme", OF_SCHEME)
    rows += block_length(data["block_length"])
    if "cycle_published" in data:
        rows += published_convergence(data["cycle_published"])
    return rows + convergence(data["cycle"]) + specialisation(data["specialisation"])


def one_block(runs: xr.Dataset, scheme: str, tolerance: float) -> list[Acceptance]:
    """Panels A to C.

    Args:
        runs: over (network, record), recorded at the published times.
        scheme: for the names of the rows.
        tolerance: for numbers of three digits.

    Returns:
        Loss, outputs, final state, time to a threshold, displacement of both networks.
    """
    rows = []
    for network, losses in LOSS.items():
        run = runs.sel(network=network)
        names = f"{network}, {scheme}"
        at = _published(run, LOSS_TIMES[: len(losses)])
        rows.append(furthest(f"B, C: loss at published times, {names}", losses, tolerance, at.loss.values, TOY, _LATE))
        outputs = OUTPUTS[network]
        found = _published(run, list(outputs)).y.values
        rows.append(furthest(f"A: outputs, {names}", list(outputs.values()), tolerance, found, TOY, _LATE))
        # The very last record belongs to a target that has begun to switch.
        whole = run.isel(record=run.time.values < 1 - 1e-4)
        weights, gates = END[network]
        last = whole.isel(record=-1)
        rows += [
            furthest(f"B, C: weights at the end, {names}", weights, tolerance, last.weights.values, TOY),
            furthest(f"B, C: gates at the end, {names}", gates, tolerance, last.gates.values, TOY),
        ]
        reached = float(whole.time.values[np.argmax(whole.loss.values < THRESHOLD)])
        moved = float(np.abs(whole.weights - whole.weights.isel(record=0)).max())
        rows += [
            # Such a time is known to one step.
            near(
                f"time to loss {THRESHOLD}, {names}",
                TIME_TO_THRESHOLD[network],
                max(tolerance, 2e-3),
                single(reached),
                OTHER,
            ),
            near(f"largest displacement of a weight, {names}", DISPLACEMENT[network], 5e-3, single(moved), OTHER),
        ]
    forgetful = runs.sel(network="forgetful")
    dip = float(forgetful.gates.min())
    rows.append(near(f"B: smallest gate, forgetful, {scheme}", 0.295, tolerance, single(dip), OTHER, "at t = 0.05"))
    return rows


_LATE = "furthest entry; a published record holds the state one step after its time"


def published_convergence(run: xr.Dataset) -> list[Acceptance]:
    """Panel G in the published scheme: one window per block, compared record by record.

    Args:
        run: over records, at the published times.

    Returns:
        Distances of neighbouring blocks and of blocks two apart.
    """
    states = published_blocks(run)
    rows = []
    for lag, expected in ((1, CONSECUTIVE), (2, TWO_APART)):
        found = np.asarray(block_distance(jnp.asarray(states), lag))
        which = "neighbouring blocks" if lag == 1 else "blocks two apart"
        for index, value in expected.items():
            if -len(found) <= index < len(found):
                name = f"G: distance of {which}, {'last' if index < 0 else index}, published scheme"
                rows.append(near(name, value, OF_SCHEME, single(found[index]), TOY if lag == 1 else OTHER))
    return rows


def published_blocks(run: xr.Dataset) -> np.ndarray:
    """Parameters at the published records in windows of equal length, shape (windows, records, parameters).

    As published, a window begins at the last record before a switch: that is where the difference between neighbouring
    records sees the task change. The last window is a remnant of two records, one of those that are dropped.
    """
    times = run.time.values
    switches = np.arange(1, round(times[-1]) + 1)
    windows = np.split(_parameters(run), np.searchsorted(times, switches - 1e-9) - 1)[DROPPED:-DROPPED]
    shortest = min(len(window) for window in windows)
    return np.stack([window[:shortest] for window in windows])


def equal_phases(run: xr.Dataset) -> np.ndarray:
    """Parameters of a run that has its records at equal phases of every block, shape (blocks, records, parameters)."""
    num_blocks = int(run.block.values[-1]) + 1
    return _parameters(run).reshape(num_blocks, -1, 6)[DROPPED:-DROPPED]


def convergence(cycle: xr.Dataset) -> list[Acceptance]:
    """Panels F and G for the flow, at exactly equal phases."""
    states = jnp.asarray(equal_phases(cycle))
    neighbours, apart = (np.asarray(block_distance(states, lag)) for lag in (1, 2))
    rows = [reported(f"G: distance of neighbouring blocks, {place}, flow", single(neighbours[i])) for place, i in _ENDS]
    rows += [
        reported(f"G: distance of blocks two apart, {place}, flow", single(apart[i]), _DRIFT) for place, i in _ENDS
    ]
    last = cycle.isel(record=cycle.block.values >= int(cycle.block.values[-1]) - 1)
    rows += [
        reported("F: |wbar| at the end", single(abs(last.wbar.values[-1]))),
        reported("F: range of cbar over the last two blocks", single(np.ptp(last.cbar.values))),
    ]
    if len(apart) >= 90:
        rows += [
            near("G: neighbouring blocks, last, flow", 2**0.5, OF_FLOW, single(neighbours[-1]), EXACT, "gates swap"),
            at_most("G: blocks two apart, last, flow", ACCURACY, single(apart[-1]), OURS, note="a periodic orbit"),
        ]
    return rows


_ENDS = (("first", 0), ("last", -1))
_DRIFT = "published records drift through the blocks, by 0.002 in two blocks, which alone makes 0.001 to 0.005"


def specialisation(curves: xr.Dataset) -> list[Acceptance]:
    """Panel H: cbar and wbar at t = 1, and the distance from the exact curve up to then."""
    distance = np.abs(curves.wbar.values - curves.exact.values).max()
    return [
        *drawn_values(curves_of(curves)),
        # Half a unit of the last published digit.
        at_most("H: |wbar - exact curve| up to t = 1", 4.3e-4, single(distance), TOY, 5e-6, "largest, five ratios"),
        at_least(
            "H: smallest gate up to t = 1",
            -ACCURACY,
            single(curves.gates.min()),
            OURS,
            note="the law needs them positive",
        ),
    ]


def _parameters(run: xr.Dataset) -> np.ndarray:
    return np.concatenate([run.gates.values, run.weights.values.reshape(run.sizes["record"], 4)], axis=1)


def _published(run: xr.Dataset, times: tuple[float, ...] | list[float]) -> xr.Dataset:
    """What the published records of these times hold."""
    records = published_records(1.0, 1000)
    index = np.round(np.asarray(times) * (len(records) - 1)).astype(int)
    return at_times(run, records[index])
