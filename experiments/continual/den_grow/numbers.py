"""What the growth of paths must show, and what is predicted of it."""

import numpy as np
import xarray as xr

from experiments.continual.den_grow.simulation import TABLED
from experiments.harness.acceptance import Acceptance, Measurement, at_least, at_most, furthest, near, single
from experiments.harness.outcomes import no_failures
from experiments.harness.sources import EXACT
from ntadyn.continual import DynamicallyExpandable

LOSS_THRESHOLD, SPLIT_THRESHOLD = 0.05, 0.1
COUNTS = (1, 2, 3, 3, 3, 3, 3, 3, 3)
# With noise: paths that nine blocks need where it does nothing, where the two means of tasks seem new, and where every
# block does.
LEVELS = (3, 5, 9)
# How far noise has to be from a border for its count to be demanded, as a share of the border: batches are finite.
CLEAR = 0.1


def accept(sequence: xr.Dataset, angles: xr.Dataset, noise: xr.Dataset) -> list[Acceptance]:
    """All rows.

    Args:
        sequence: of `simulation.nine_blocks`.
        angles: of `simulation.all_angles`.
        noise: of `simulation.noisy_blocks`.

    Returns:
        The rows: counts in the sequence, the two borders over angles, and counts with noise.
    """
    return [no_failures(sequence, angles), *_sequence(sequence), *_angles(angles), *_noise(noise)]


def drift(cosine: np.ndarray) -> np.ndarray:
    """tan(theta): how far, relative to its norm, a path goes that learns a task at the angle theta to its own."""
    return np.sqrt(1 - cosine**2) / np.maximum(cosine, 1e-12)


def predicted(cosine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paths during the block of a task at an angle, and after it."""
    expands = 1 - cosine**2 > LOSS_THRESHOLD
    return 1 + expands, 1 + (expands | (drift(cosine) > SPLIT_THRESHOLD))


def borders() -> tuple[float, float]:
    """The noise above which means of two tasks seem new, and single ones, for endless batches.

    A task whose targets have the variance v per output leaves sigma^2 / (v + sigma^2); v is 1, or 1/2 for the mean of
    two orthogonal ones.
    """
    single_task = float(np.sqrt(LOSS_THRESHOLD / (1 - LOSS_THRESHOLD)))
    return single_task / float(np.sqrt(2)), single_task


def paths_with_noise(noise: np.ndarray) -> np.ndarray:
    """How many paths nine blocks need, NaN near the borders."""
    low, high = borders()
    count = np.select([noise < low, noise < high], LEVELS[:2], LEVELS[2]).astype(float)
    near_border = np.min(np.abs(noise[:, None] / np.asarray([[low, high]]) - 1), axis=1) < CLEAR
    return np.where(near_border, np.nan, count)


def _sequence(sequence: xr.Dataset) -> list[Acceptance]:
    rows = []
    for start in sequence.start.values:
        at = sequence.sel(start=start)
        off = np.abs(at.alive.values - np.asarray(COUNTS)).max()
        rows.append(near(f"nine blocks, {start} start: largest error of a count", 0, 0, single(off), EXACT))
        loss = single(at.loss.values.max())
        rows.append(at_most(f"nine blocks, {start} start: loss at ends of blocks", 1e-6, loss, EXACT))
    return rows


def _angles(angles: xr.Dataset) -> list[Acceptance]:
    cosine, left = angles.cosine.values, angles.left.values
    rows = [furthest("unexplained share against 1 - rho^2, all angles", 1 - cosine**2, 1e-12, left, EXACT)]
    for value in TABLED:
        at = angles.sel(cosine=value)
        rows.append(near(f"unexplained share at rho = {value}", 1 - value**2, 1e-3, single(float(at.left)), EXACT))
    expanded, kept = predicted(cosine)
    for name, count, found in (
        ("at the start, all angles", expanded, angles.expanded.values),
        ("in the end, all angles", kept, angles.kept.values),
    ):
        rows.append(near(f"paths {name}: share as predicted", 1, 0, single(np.mean(found == count)), EXACT))
    return rows


def _noise(noise: xr.Dataset) -> list[Acceptance]:
    last = noise.alive.isel(block=-1)
    expected = paths_with_noise(noise.noise.values)
    rows = []
    for level in LEVELS:
        found = last.values[expected == level]
        share = Measurement(float(np.mean(found == level)) if found.size else float("nan"), None, found.size)
        rows.append(at_least(f"noise: share with {level} paths where predicted", 0.95, share, EXACT))
    return rows


def thresholds_are_the_defaults() -> bool:
    """Whether the numbers above are those of the strategy that is simulated."""
    strategy = DynamicallyExpandable()
    return (strategy.loss_threshold, strategy.split_threshold) == (LOSS_THRESHOLD, SPLIT_THRESHOLD)
