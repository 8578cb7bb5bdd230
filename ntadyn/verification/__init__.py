"""The laws that two-path gating obeys, integrated and compared: what `ntadyn verify` runs.

Every check simulates something and returns rows that say what should come out, what came out, and how far apart the two
may be. What should come out follows from theory; nothing is fitted, and no number was read anywhere.

Source: arXiv 2411.03840, reduced model, exact solution and its validity (figures 4H, A1, A9, A10). The conservation
laws and the root-mean-square form of the exact solution follow from its gradient flow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ntadyn.dynamics import toy_flow
from ntadyn.simulation.defaults import default_step
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.verification.check import TIGHT, Check as Check, compare as compare, table as table
from ntadyn.verification.exact_curve import (
    RATIOS,
    Curves as Curves,
    exact_solution as exact_solution,
    specialisation_curves as specialisation_curves,
)
from ntadyn.verification.laws import (
    block_length as block_length,
    forgetful_laws as forgetful_laws,
    full_equals_toy as full_equals_toy,
    gate_speed as gate_speed,
    unit_norm_laws as unit_norm_laws,
)

SECTIONS: dict[str, Callable[[], list[Check]]] = {
    "Conservation laws without penalties, three random teachers (Tsit5)": forgetful_laws,
    "Conservation law under a unit L1 norm, two random teachers (Tsit5)": unit_norm_laws,
    "Gate speed at a task switch, full matrices": gate_speed,
    "Block length and specialisation, full matrices (Tsit5)": block_length,
    "Full model = toy, both rescaled by N s^2 (Splitting)": full_equals_toy,
}


@dataclass(frozen=True)
class Verification:
    """All rows by section, and the curves for the picture."""

    sections: dict[str, list[Check]]
    curves: Curves

    @property
    def passed(self) -> bool:
        """Whether every row passed."""
        return all(check.passed for checks in self.sections.values() for check in checks)


Report = Callable[[str], Any]

EXACT = "Exact solution wbar(cbar) over one block (Tsit5)"
SPLIT = "Exact solution wbar(cbar) over one block (Splitting, the default)"
# About how many seconds a section takes on one core, most of which are spent compiling.
COSTS = {EXACT: 9.0, SPLIT: 4.0, **dict(zip(SECTIONS, (2.0, 5.0, 1.0, 0.2, 6.0), strict=True))}

# The published form of the exact solution, with the mean of wbar_1 and wbar_2, holds to 3e-4 up to here.
_PUBLISHED_UP_TO = 1.0


def run_all(report: Report = lambda title: None) -> Verification:
    """All checks, in double precision; JAX must have it switched on.

    Args:
        report: called with the title of every section when it begins, in the order of `COSTS`.

    Returns:
        The rows by section, and the curves of the first of them.

    Raises:
        ValueError: if 64-bit floats are switched off.
    """
    _check_precision()
    report(EXACT)
    tight = specialisation_curves(TIGHT)
    sections = {EXACT: exact_solution(tight, 1e-6)}
    report(SPLIT)
    split = FixedSteps(max_step=default_step(toy_flow({"gates": RATIOS[0], "weights": 1.0})))
    sections[SPLIT] = exact_solution(specialisation_curves(split), 1e-4)
    for title, checks in SECTIONS.items():
        report(title)
        sections[title] = checks()
    return Verification(sections, tight)


def run_ratios(ratios: Sequence[float], report: Report = lambda title: None) -> Verification:
    """The exact solution at ratios of one's own, in double precision; JAX must have it switched on.

    Args:
        ratios: tau_c / tau_W in toy units, each positive.
        report: called with the title of the one section when it begins.

    Returns:
        Two rows per ratio, for the root mean square of wbar_1 and wbar_2 and for their mean, which is published and
        holds up to a ratio of one; and the curves.

    Raises:
        ValueError: if 64-bit floats are switched off, or a ratio is not positive.
    """
    _check_precision()
    report(EXACT)
    curves = specialisation_curves(TIGHT, ratios=np.asarray(ratios, float))
    rows = exact_solution(curves, 1e-6)
    beyond = {f"wbar (mean), tau_c/tau_W = {ratio:.4g}" for ratio in ratios if ratio > _PUBLISHED_UP_TO}
    return Verification({EXACT: [row for row in rows if row.name not in beyond]}, curves)


def _check_precision() -> None:
    if not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "verification compares to 1e-12, but 64-bit floats are off; call jax.config.update('jax_enable_x64', True)."
        )
