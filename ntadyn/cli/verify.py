"""ntadyn verify: the exact laws, integrated and compared."""

from dataclasses import dataclass
from pathlib import Path

from ntadyn.cli.devices import check_devices


@dataclass(frozen=True)
class Verify:
    """Integrate the model and compare it with everything about it that is known exactly.

    Prints one row per comparison, at the place where the two differ most, and draws specialisation over gates.
    """

    out: Path = Path("verification")
    """Folder for verification.png and verification.pdf."""

    def run(self) -> int:
        """Compare, print, draw; 0 if every row passed, 1 otherwise."""
        import time

        import jax

        jax.config.update("jax_enable_x64", True)
        check_devices()

        from ntadyn import verification
        from ntadyn.plotting.specialisation import specialisation_figure
        from ntadyn.plotting.style import save_figure
        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            start = time.perf_counter()
            outcome = verification.run_all()
            print("\n".join(verification.table(outcome.sections)))
            print("\nexpected and measured: where a comparison is furthest off")
            written = save_figure(specialisation_figure(outcome.curves), folder / "verification")
            rows = [row for rows in outcome.sections.values() for row in rows]
            failed = sum(not row.passed for row in rows)
            verdict = f"{failed} of {len(rows)} comparisons FAILED" if failed else f"all {len(rows)} comparisons passed"
            print(f"\n{verdict} in {time.perf_counter() - start:.0f} s")
            for path in written:
                print(f"wrote {path}")
            return int(not outcome.passed)
