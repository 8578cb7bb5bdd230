"""The phase maps of figure 5 as plain values: the parameter along each axis. Nothing here imports JAX."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from ntadyn.limits import MOST_CELLS, check_count
from ntadyn.specs.checks import check_configuration
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published, figure_5_released
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH, Axis, Precision, Sweep, spaced


@dataclass(frozen=True)
class Ranges:
    """The axes of the two maps of figure 5, and the configuration that they share."""

    base: Annotated[Configuration, tyro.conf.arg(name="")]
    """All parameters except those below."""
    fast_gates: float
    """Gate time constant in the penalty map."""
    block_duration: Annotated[tuple[float, float], tyro.conf.arg(metavar="LOW HIGH")]
    """Range of the rows of both maps."""
    gate_time_constant: Annotated[tuple[float, float], tyro.conf.arg(metavar="LOW HIGH")]
    """Range of the columns of the gate-speed map."""
    strength: Annotated[tuple[float, float], tyro.conf.arg(metavar="LOW HIGH")]
    """Range of the columns of the penalty map."""
    size: Annotated[tuple[int, int], tyro.conf.arg(metavar="COLUMNS ROWS")] = (64, 64)
    """Numbers of columns and rows of each map."""


def published() -> Ranges:
    """Figure 5 as it was made: legacy parameters in the present convention (tau_W = 1, tau_c and lambda halved).

    Source: arXiv 2411.03840, figure 5; see `presets.translated_from_legacy`.
    """
    return Ranges(figure_5_published(), 0.0025, (0.1, 1.0), (0.01, 0.05), (0.0, 0.1))


def released() -> Ranges:
    """The literal parameters of the released code: a negative control, whose gate-speed map has no flexible regime."""
    return Ranges(figure_5_released(), 0.005, (0.1, 1.0), (0.02, 0.1), (0.0, 0.2))


def small() -> Ranges:
    """The published ranges at a size for a quick look: 12 x 12 cells, three repetitions."""
    full = published()
    base = replaced(full.base, {"randomness.num_seeds": 3})
    return Ranges(base, full.fast_gates, full.block_duration, full.gate_time_constant, full.strength, (12, 12))


def figure_5_maps(ranges: Ranges, check: float = 0.0, precision: Precision = Precision.DOUBLE) -> tuple[Sweep, Sweep]:
    """The gate-speed map and the penalty map; their rows are block durations.

    Args:
        ranges: the axes.
        check: share of the cells whose errors are measured.
        precision: precision of everything after the random numbers.

    Returns:
        Both sweeps.

    Raises:
        ValueError: for ranges that make no map.
    """
    columns, rows = ranges.size
    check_configuration(ranges.base)
    check_count(f"--size {columns} {rows} cells", columns * rows, MOST_CELLS)
    durations = Axis(BLOCK_DURATION, spaced(*ranges.block_duration, rows))
    gates = Axis(GATE_TIME_CONSTANT, spaced(*ranges.gate_time_constant, columns))
    strengths = Axis(STRENGTH, spaced(*ranges.strength, columns))
    fast = replaced(ranges.base, {GATE_TIME_CONSTANT: ranges.fast_gates})
    return (
        Sweep(ranges.base, (durations, gates), "gate_speed", check=check, precision=precision),
        Sweep(fast, (durations, strengths), "penalty", check=check, precision=precision),
    )


PRESETS = {"published": published, "released": released, "small": small}
# The preset of simulations from which each starts.
BASES = {"published": "figure-5-published", "released": "figure-5-released", "small": "figure-5-published"}
