"""Published numbers of specialisation over gates: stored with figure A10, and read off panel H of figure 4."""

import numpy as np

from experiments.harness.acceptance import Acceptance, furthest, near, single
from experiments.harness.sources import OTHER, PICTURE, STORED, both
from experiments.sandbrink_2024.runs.specialisation import EARLY, LATE
from ntadyn.verification import Check, Curves

# Weights are (along output 1, along output 2), path by path.
STORED_EARLY = {
    0: {"gates": (0.954597, 0.050775), "weights": ((-0.049848, 1.043804), (0.947592, 0.050594))},
    3: {"gates": (0.753258, 0.393460), "weights": ((-0.196565, 1.135251), (0.676905, 0.270722))},
    4: {"gates": (0.555588, 0.649701)},
}
STORED_LATE = {
    "c_1 - c_2": (0.87989, 0.81587, 0.70086, 0.48792, 0.09892),
    "c_1 + c_2": (1.00351, 1.01054, 1.03094, 1.08330, 1.17878),
    "wbar": (0.99392, 0.98459, 0.95850, 0.88607, 0.71048),
    "wdbar": (0.09686, 0.17133, 0.29974, 0.50884, 0.77000),
}
OF_STORED = 1e-4
# The published curves of figure 4H at t = 1, to three digits.
DRAWN = {"cbar": (0.904, 0.832, 0.666, 0.302, -0.156), "wbar": (0.995, 0.986, 0.955, 0.863, 0.715)}
OF_DRAWN = 1e-3


def row_of(check: Check, source: str, note: str) -> Acceptance:
    """A check of the library as a row of a table."""
    return near(check.name, check.expected, check.bar, single(check.measured), source, note)


def stored_values(curves: Curves) -> list[Acceptance]:
    """The numbers stored with the published figure A10, which carry the rounding of its scheme.

    Euler steps of 1e-4 in single precision lose updates smaller than half a unit in the last place. The exact flow is
    therefore 1e-4 (early) to 6e-4 (late) away from these numbers, and the published scheme is what reproduces them.

    Args:
        curves: with records at `EARLY` and `LATE`.

    Returns:
        One row per stored group of numbers.
    """
    early, late = (int(np.argmin(np.abs(curves.times - time))) for time in (EARLY, LATE))
    note = "same scheme, furthest of the group"
    rows = []
    for index, stored in STORED_EARLY.items():
        for group, values in stored.items():
            name = f"{group} at t = {EARLY} tau_W, tau_c/tau_W = {curves.ratios[index]:.4g}"
            rows.append(furthest(name, values, OF_STORED, getattr(curves, group)[index, early], STORED, note))
    gates, weights = curves.gates[:, late], curves.weights[:, late]
    found = {
        "c_1 - c_2": curves.cbar[:, late],
        "c_1 + c_2": np.sum(gates, axis=-1),
        "wbar": curves.wbar[:, late],
        "wdbar": 0.5 * (np.sum(weights[:, :, 1], axis=-1) - np.sum(weights[:, :, 0], axis=-1)),
    }
    for name, values in STORED_LATE.items():
        rows.append(furthest(f"{name} at t = {LATE} tau_W, five ratios", values, OF_STORED, found[name], STORED, note))
    return rows


def drawn_values(curves: Curves) -> list[Acceptance]:
    """Figure 4H at t = 1, known to three digits.

    Args:
        curves: with the penalties of that figure.

    Returns:
        One row each for cbar and wbar.
    """
    record = int(np.argmin(np.abs(curves.times - 1)))
    return [
        furthest(
            f"{name} at t = tau_W, five ratios",
            values,
            OF_DRAWN,
            getattr(curves, name)[:, record],
            both(PICTURE, OTHER),
            "furthest of five ratios",
        )
        for name, values in DRAWN.items()
    ]
