"""The cells of the two maps of figure 5: nominal parameters, as printed in the published configurations."""

from collections.abc import Sequence

from ntadyn.specs import presets
from ntadyn.specs.paths import replaced

BLOCK_DURATIONS = (0.1, 0.4, 0.6, 0.8, 1.0)
GATE_TIME_CONSTANTS = (0.02, 0.04, 0.06, 0.08, 0.1)
STRENGTHS = (0.0, 0.05, 0.1, 0.15, 0.2)


def on_published_grid(durations: Sequence[float]) -> tuple[float, ...]:
    """Block durations on the published time grid, on which some blocks lose a step of 0.001 to rounding."""
    base = presets.figure_5_published()
    changed = [replaced(base, {"curriculum.block_duration": duration}) for duration in durations]
    grid = [presets.as_published_grid(configuration).curriculum.block_duration for configuration in changed]
    # Decimal numbers again, where multiplication has left the last digit wrong.
    return tuple(round(duration, 6) for duration in grid)
