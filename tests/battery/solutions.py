"""Simulations at the default step against paths that SciPy followed from event to event."""

import numpy as np

from tests.battery import references
from tests.battery.coverage import NEGLIGIBLE, Coverage, Outcome, measure
from tests.battery.findings import Findings, Reminder
from tests.battery.problems import PER_STRUCTURE

# What a default step promises: errors of gates that are smaller are not called wrong, whatever their estimate.
PROMISED = 1e-3


def is_wrong(outcome: Outcome) -> bool:
    """Whether an estimate would mislead: the error is larger and breaks the promise, or it is ten times as large.

    How much two runs differ says how large their errors are, not more: where an event falls within a step, one of them
    may be lucky. That estimates cover 95 % of the errors is demanded, that they cover all of them is not.
    """
    if outcome.code:
        return False
    return outcome.error > max(outcome.estimate, PROMISED) or outcome.error > max(10 * outcome.estimate, NEGLIGIBLE)


def run(seed: int, share: float, write) -> Findings:
    """A share of the stored references, whole structures of them."""
    stored = references.load()
    structures = sorted({item.seed // PER_STRUCTURE for item in stored})
    number = max(2, round(len(structures) * share))
    chosen = set(np.random.default_rng([seed, 4]).permutation(structures)[:number].tolist())
    problems = [item for item in stored if item.seed // PER_STRUCTURE in chosen]
    findings, outcomes = Findings(tried=len(problems)), []
    reminder = Reminder("solutions", len(problems), write)
    for outcome in measure(problems):
        outcomes.append(outcome)
        reminder.tell(len(outcomes))
        if is_wrong(outcome):
            findings.fault(f"wrong beyond the estimate: {outcome}")
        if outcome.code:
            findings.fault(f"ended with result code {outcome.code}: {outcome}")
    found = Coverage.of(outcomes)
    findings.facts = [str(found)]
    if not (found.covered >= 0.95 and found.unresolved <= 0.05 and found.median_ratio <= 10):
        findings.fault(f"estimates do not hold what they promise: {found}")
    return findings
