"""Verdicts on predictions: confirmed, refuted or unresolved, from numbers of all seeds at all values of a sweep.

A row of numbers has one per seed; one that is not a number was refused, and counts for nothing. The rules are written
down in `predictions.toml`, in words.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.degeneracy.joint.predictions import Frozen, Prediction
from experiments.harness.acceptance import Acceptance, Measurement, near, reported, single

PREDICTED = "prediction, frozen"
# Of five seeds one may be off; of four values of a sweep one may.
MOST_OFF, LEAST_OF_SWEEP = 0.2, 0.75
# Fewer numbers than this share of the seeds say nothing about a mean.
LEAST_LEFT = 0.6
LEVEL, RESAMPLES = 0.95, 10_000
INFINITY = 1e9


class Verdict(enum.Enum):
    """What becomes of a prediction."""

    CONFIRMED = 1
    UNRESOLVED = 0
    REFUTED = -1


@dataclass(frozen=True)
class Judged:
    """A prediction and what came out.

    Attributes:
        prediction: what was said.
        values: one row per value of the sweep, or one row; one number per seed, not a number where refused.
        sweep: the values of the sweep; empty without one.
        rows: the verdict of every row.
        verdict: of all together.
    """

    prediction: Prediction
    values: NDArray[np.float64]
    sweep: tuple[float, ...]
    rows: tuple[Verdict, ...]
    verdict: Verdict

    @property
    def refused(self) -> int:
        """How many numbers were refused."""
        return int(np.isnan(self.values).sum())

    def row(self, index: int) -> str:
        """All seeds of one row, the interval of their mean, and the verdict."""
        values = self.values[index]
        left = values[np.isfinite(values)]
        seeds = ", ".join("refused" if np.isnan(each) else f"{each:.3g}" for each in values)
        interval = f"; mean in {_text(bootstrap_interval(left))}" if len(left) > 1 else ""
        return f"{seeds}{interval}: {self.rows[index].name.lower()}"


def judged(prediction: Prediction, values: ArrayLike, sweeps: Mapping[str, tuple[float, ...]]) -> Judged:
    """The verdict on a prediction.

    Args:
        prediction: with its rule.
        values: one number per seed, with an axis over the sweep in front if there is one.
        sweeps: the values of all sweeps.

    Raises:
        ValueError: for numbers that are not those of the sweep, or a rule that is not known.
    """
    sweep = sweeps[prediction.over] if prediction.over else ()
    table = np.asarray(values, np.float64)
    if table.ndim != 1 + bool(sweep) or (sweep and len(table) != len(sweep)):
        raise ValueError(
            f"{prediction.id} is about {len(sweep) or 'no'} values of {prediction.over or 'a sweep'}; got numbers of "
            f"shape {table.shape}, where (values, seeds) or (seeds,) is needed."
        )
    if prediction.rule not in RULES:
        raise ValueError(f"{prediction.id} has the rule {prediction.rule!r}; known are {', '.join(RULES)}.")
    table = np.atleast_2d(table)
    rows = tuple(RULES[prediction.rule](row, prediction.expected) for row in table)
    return Judged(prediction, table, sweep, rows, together(rows))


def together(rows: tuple[Verdict, ...]) -> Verdict:
    """The verdict that holds for at least three of four values of a sweep."""
    for verdict in (Verdict.CONFIRMED, Verdict.REFUTED):
        if sum(row is verdict for row in rows) >= LEAST_OF_SWEEP * len(rows):
            return verdict
    return Verdict.UNRESOLVED


def by_seeds(values: NDArray[np.float64], expected: tuple[float, float]) -> Verdict:
    """Whether at most one of five seeds is outside."""
    inside = (values >= expected[0]) & (values <= expected[1])
    outside = ~inside & ~np.isnan(values)
    allowed = int(MOST_OFF * len(values))
    if inside.sum() >= len(values) - allowed:
        return Verdict.CONFIRMED
    return Verdict.REFUTED if outside.sum() > allowed else Verdict.UNRESOLVED


def by_mean(values: NDArray[np.float64], expected: tuple[float, float]) -> Verdict:
    """Whether the bootstrap interval of the mean is inside, apart from, or neither."""
    left = values[np.isfinite(values)]
    if len(left) < max(1, LEAST_LEFT * len(values)):
        return Verdict.UNRESOLVED
    low, high = bootstrap_interval(left)
    if expected[0] <= low and high <= expected[1]:
        return Verdict.CONFIRMED
    return Verdict.REFUTED if high < expected[0] or low > expected[1] else Verdict.UNRESOLVED


def by_mean_strictly(values: NDArray[np.float64], expected: tuple[float, float]) -> Verdict:
    """The same, but an interval that is not inside refutes, where there are enough numbers for one."""
    left = np.isfinite(values).sum()
    found = by_mean(values, expected)
    enough = left >= max(1, LEAST_LEFT * len(values))
    return Verdict.REFUTED if found is Verdict.UNRESOLVED and enough else found


RULES: dict[str, Callable[[NDArray[np.float64], tuple[float, float]], Verdict]] = {
    "seeds": by_seeds,
    "mean": by_mean,
    "mean_strict": by_mean_strictly,
}


def bootstrap_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % percentile interval of the mean over seeds that are drawn anew; always the same draws."""
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def verdict_rows(predictions: Frozen, experiment: str, results: Mapping[str, ArrayLike]) -> list[Acceptance]:
    """Of every prediction its verdict, as 1, 0 or -1, and its numbers.

    Args:
        predictions: all of them.
        experiment: whose are told, "E1" for example.
        results: id -> numbers, as `judged` takes them.

    Raises:
        ValueError: for a prediction without a result, or a result without a prediction.
    """
    listed = predictions.of(experiment)
    if {each.id for each in listed} != set(results):
        raise ValueError(f"predictions of {experiment} are {[each.id for each in listed]}, results {sorted(results)}.")
    return [row for each in listed for row in _rows(judged(each, results[each.id], predictions.sweeps))]


def _rows(found: Judged) -> list[Acceptance]:
    said, refused = found.prediction, f"; {found.refused} of {found.values.size} refused" if found.refused else ""
    note = f"{found.verdict.name.lower()}: {_text(said.expected)} predicted ({said.why}), rule {said.rule}{refused}"
    rows = [near(f"{said.id} {said.says}", 1.0, 0.0, single(found.verdict.value), PREDICTED, note)]
    for index, values in enumerate(found.values):
        place = f", {said.over} {found.sweep[index]:g}" if found.sweep else ""
        rows.append(reported(f"{said.id}{place}", measured(values), found.row(index)))
    return rows


def measured(values: NDArray[np.float64]) -> Measurement:
    """The mean over seeds that were not refused, of so many seeds; not a number if all were."""
    left = values[np.isfinite(values)]
    spread = float(np.std(left, ddof=1)) if len(left) > 1 else None
    return Measurement(float(np.mean(left)) if len(left) else float("nan"), spread, len(values))


def _text(interval: tuple[float, float]) -> str:
    low, high = ("-inf" if end <= -INFINITY else "inf" if end >= INFINITY else f"{end:.3g}" for end in interval)
    return f"[{low}, {high}]"
