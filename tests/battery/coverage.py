"""How often the error estimate covers the true error, on problems whose solution is known independently.

python -m tests.battery.coverage [--count 500] [--worst 10]
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from tests.battery import references
from tests.battery.references import Reference

# What a reference cannot tell apart from zero.
NEGLIGIBLE = 1e-9


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One problem at the default step, with an error estimate.

    Attributes:
        seed: the problem's number.
        estimate: largest estimated error of any gate at any record; infinite where unresolved.
        error: largest true error.
        code: result code.
    """

    seed: int
    estimate: float
    error: float
    code: int

    @property
    def covered(self) -> bool:
        """Whether the estimate is at least the error, or the error nothing that the reference knows."""
        return self.error <= max(self.estimate, NEGLIGIBLE)


def measure(chosen: Sequence[Reference]) -> Iterator[Outcome]:
    """Run problems, one after the other; consecutive ones share their compiled programs."""
    from ntadyn.simulation import observables, simulate
    from ntadyn.simulation.outcome import result_codes
    from tests.battery.problems import build

    for reference in chosen:
        problem = reference.problem
        system, network, curriculum = build(problem)
        trajectory = simulate(
            system,
            curriculum,
            system.initial_state(network),
            observables={"gates": observables.gates},
            records_per_block=reference.gates.shape[1] - 1,
            estimate_error=True,
        )
        assert trajectory.error is not None
        blocks = np.asarray(trajectory.blocks)
        inside = np.append(False, blocks[1:] == blocks[:-1])  # without the record at the start of every block
        gates, error = (np.asarray(item["gates"])[inside] for item in (trajectory.values, trajectory.error))
        truth = reference.gates.reshape(gates.shape)
        difference = float(np.max(np.abs(gates - truth)))
        yield Outcome(reference.seed, float(np.max(error)), difference, int(result_codes(trajectory.result)))


@dataclasses.dataclass(frozen=True)
class Coverage:
    """What a battery of outcomes says.

    Attributes:
        number: how many problems.
        covered: share of those whose estimate is at least the error.
        unresolved: share of those whose estimate is infinite.
        median_ratio: median of estimate over error, where both are finite and the error is not negligible.
        largest_error: of all.
        failed: how many did not end successfully.
    """

    number: int
    covered: float
    unresolved: float
    median_ratio: float
    largest_error: float
    failed: int

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "Coverage":
        """Summarise."""
        known = [item for item in outcomes if np.isfinite(item.estimate) and item.error > NEGLIGIBLE]
        return cls(
            len(outcomes),
            float(np.mean([item.covered for item in outcomes])),
            float(np.mean([not np.isfinite(item.estimate) for item in outcomes])),
            float(np.median([item.estimate / item.error for item in known])),
            max(item.error for item in outcomes),
            sum(item.code != 0 for item in outcomes),
        )

    def __str__(self) -> str:
        return (
            f"{self.number} problems: estimates cover {100 * self.covered:.1f} % of the errors, "
            f"{100 * self.unresolved:.1f} % are unresolved, estimate over error {self.median_ratio:.2f} in the median; "
            f"largest error {self.largest_error:.1e}, {self.failed} runs failed"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 if the bars are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.battery.coverage", description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="how many problems, from the first on")
    parser.add_argument("--worst", type=int, default=10, help="how many of the least covered ones to name")
    options = parser.parse_args(arguments)
    import jax

    jax.config.update("jax_enable_x64", True)
    outcomes = []
    for outcome in measure(references.load()[: options.count]):
        outcomes.append(outcome)
        if not outcome.covered or outcome.code or len(outcomes) % 20 == 0:
            print(f"{len(outcomes)}: {outcome}", file=sys.stderr, flush=True)
    found = Coverage.of(outcomes)
    print(found)
    for item in sorted(outcomes, key=lambda item: item.estimate / max(item.error, NEGLIGIBLE))[: options.worst]:
        print(f"  {item.seed}: {item.error:.1e} of {item.estimate:.1e}; {references.draw(item.seed).summary()}")
    return int(not (found.covered >= 0.95 and found.median_ratio <= 10))


if __name__ == "__main__":
    sys.exit(main())
