"""The laws that two-path gating obeys, integrated and compared: what `ntadyn verify` runs.

Every check simulates something and returns rows that say what should come out, what came out, and how far apart the two
may be. What should come out follows from theory; nothing is fitted, and no number was read anywhere.

Source: arXiv 2411.03840, reduced model, exact solution and its validity (figures 4H, A1, A9, A10). The conservation
laws and the root-mean-square form of the exact solution follow from its gradient flow.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax

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


def run_all() -> Verification:
    """All checks, in double precision; JAX must have it switched on.

    Returns:
        The rows by section, and the curves of the first of them.

    Raises:
        ValueError: if 64-bit floats are switched off.
    """
    if not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "verification compares to 1e-12, but 64-bit floats are off; call jax.config.update('jax_enable_x64', True)."
        )
    tight = specialisation_curves(TIGHT)
    split = specialisation_curves(FixedSteps(max_step=default_step(toy_flow({"gates": RATIOS[0], "weights": 1.0}))))
    sections = {
        "Exact solution wbar(cbar) over one block (Tsit5)": exact_solution(tight, 1e-6),
        "Exact solution wbar(cbar) over one block (Splitting, the default)": exact_solution(split, 1e-4),
    }
    return Verification(sections | {title: checks() for title, checks in SECTIONS.items()}, tight)
