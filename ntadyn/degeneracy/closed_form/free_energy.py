"""From how many samples on the better but less degenerate of two solutions is preferred."""

import math

from scipy.special import lambertw


def free_energy_crossing(loss_gap: float, coefficient_gap: float) -> float:
    """The number n of samples with `n dL = dlambda log n`: where free energies n L + lambda log n are equal.

    Below it the solution with the larger loss and the smaller coefficient has the lower free energy, above it the
    other one. With a = dlambda / dL, n = -a W(-1/a), W being the lower branch of Lambert's function; the other branch
    gives a second crossing between n = 1 and e, where n is too small for free energies to mean anything.

    Args:
        loss_gap: dL > 0, per sample.
        coefficient_gap: dlambda > 0.

    Returns:
        The larger crossing.

    Raises:
        ValueError: for a gap that is not positive, or dlambda <= e dL, where the better solution always wins.
    """
    if not (loss_gap > 0 and coefficient_gap > math.e * loss_gap):
        raise ValueError(
            f"free_energy_crossing: got a loss gap of {loss_gap} and a coefficient gap of {coefficient_gap}; the "
            f"first must be positive, and the second more than e times as large: otherwise the solution with the "
            f"smaller loss is preferred at any number of samples."
        )
    ratio = coefficient_gap / loss_gap
    return float(-ratio * lambertw(-1 / ratio, k=-1).real)
