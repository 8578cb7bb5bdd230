"""ntadyn verify: the model compared with its exact laws."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ntadyn.cli.devices import wake_jax
from ntadyn.cli.progress import say, stages

if TYPE_CHECKING:
    from ntadyn.verification import Verification

SMALLEST, LARGEST, MOST_RATIOS = 1e-3, 100.0, 12
DRAW = "drawing"


@dataclass(frozen=True)
class Verify:
    """Integrate the model and compare it with everything about it that is known exactly.

    Prints one row per comparison, for the point at which the two differ most, and draws specialisation over gates.
    """

    out: Path = Path("verification")
    """Folder for verification.png and verification.pdf."""
    ratio: Annotated[tuple[float, ...], tyro.conf.arg(metavar="TAU_C/TAU_W ...")] = ()
    """Compare only the exact solution wbar(cbar), at these ratios of gate to weight time constant, 0.001 to 100."""

    def run(self) -> int:
        """Compare, print, draw; 0 if every row passed, 1 otherwise."""
        self._check_ratios()

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            start = time.perf_counter()
            what = (
                f"the exact solution at {len(self.ratio)} ratios" if self.ratio else "everything that is known exactly"
            )
            say(f"verify: {what}")

            wake_jax()

            from ntadyn import verification
            from ntadyn.plotting.specialisation import specialisation_figure
            from ntadyn.plotting.style import save_figure

            costs = {verification.EXACT: 9.0} if self.ratio else verification.COSTS
            with stages({**costs, DRAW: 2.0}) as enter:
                if self.ratio:
                    outcome = verification.run_ratios(sorted(set(self.ratio)), enter)
                else:
                    outcome = verification.run_all(enter)
                enter(DRAW)
                written = save_figure(specialisation_figure(outcome.curves), folder / "verification")
            self._print(outcome, time.perf_counter() - start)
            for path in written:
                print(f"wrote {path}")
            return int(not outcome.passed)

    def _check_ratios(self) -> None:
        for ratio in self.ratio:
            if not math.isfinite(ratio) or not SMALLEST <= ratio <= LARGEST:
                raise ValueError(f"ratio is {ratio:g}; tau_c/tau_W must lie between {SMALLEST:g} and {LARGEST:g}.")
        if len(self.ratio) > MOST_RATIOS:
            raise ValueError(
                f"{len(self.ratio)} values of ratio do not fit into one picture; give at most {MOST_RATIOS}."
            )

    def _print(self, outcome: "Verification", seconds: float) -> None:
        from ntadyn import verification

        print("\n".join(verification.table(outcome.sections)))
        print("\nexpected and measured: where a comparison is furthest off")
        rows = [row for rows in outcome.sections.values() for row in rows]
        failed = sum(not row.passed for row in rows)
        verdict = f"{failed} of {len(rows)} comparisons FAILED" if failed else f"all {len(rows)} comparisons passed"
        print(f"\n{verdict} in {seconds:.0f} s")
