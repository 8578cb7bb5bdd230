"""Run figures: some at a time, only what is out of date, and whatever happens to one of them, the others too."""

import math
import time
import traceback
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.harness.acceptance import Verdict
from experiments.harness.catalogue import EVERYTHING, chosen
from experiments.harness.code_version import code_version
from experiments.harness.figure_run import (
    Experiment,
    Job,
    Variant,
    as_record,
    attempt,
    module_of,
    parameters_of,
    prepare,
    runs_on_batches,
)
from experiments.harness.results import Result, failure, find_result
from experiments.harness.workers import in_processes
from ntadyn.results import storage


@dataclass(frozen=True)
class Request:
    """How figures should be run.

    Attributes:
        out: folder for pictures, data and acceptance numbers.
        fast: the quick parameters in place of the full ones.
        online: finite batches in place of the population flow.
        reference: folder with published arrays, or None.
        trials: file with trials of people, or None.
        again: also figures whose results are complete and up to date.
        workers: figures at a time, each in a process of its own; with 1 they run in this process, one after the other.
    """

    out: Path
    fast: bool = False
    online: bool = False
    reference: Path | None = None
    trials: Path | None = None
    again: bool = False
    workers: int = 2

    @property
    def variant(self) -> Variant:
        """What this says about every single figure."""
        return Variant(self.out, self.fast, self.online, self.reference, self.trials)


@dataclass(frozen=True)
class Outcome:
    """How it went with one figure.

    Attributes:
        name: of the figure.
        result: what it left behind, None if it failed.
        kept: whether that is from an earlier run.
        reason: why it failed.
    """

    name: str
    result: Result | None = None
    kept: bool = False
    reason: str = ""

    @property
    def accepted(self) -> bool:
        """Whether it ran, and every number was within its tolerance."""
        return self.result is not None and self.result.accepted


def run_figures(names: Sequence[str], request: Request) -> bool:
    """Run some figures and print how it went.

    A figure is not run again if its result is complete and was made with the same parameters and the same code. Files
    are written whole and the acceptance numbers last, so that this may be killed at any time and started again.

    Args:
        names: of modules listed in `experiments.FIGURES`, or "all"; on batches, these are all that have a version on
            batches, and the others are printed.
        request: how.

    Returns:
        Whether all of them ran and every number was within its tolerance.

    Raises:
        ValueError: before any work, for an unknown figure, an option that a figure lacks, or folders that do not serve.
    """
    began = time.perf_counter()
    everything, names = EVERYTHING in names, chosen(names)
    if request.workers < 1:
        raise ValueError(f"workers must be at least 1, but is {request.workers}.")
    prepare()
    modules, outcomes = _load(names)
    if request.online and everything:
        deterministic = [name for name, (module, _) in modules.items() if not runs_on_batches(module)]
        if deterministic:
            print(f"deterministic, without a version on batches: {', '.join(deterministic)}", flush=True)
        names = [name for name in names if name not in deterministic]
    jobs = _plan({name: modules[name] for name in names if name in modules}, request)
    storage.output_folder(request.out)
    for job, parameters in jobs:
        result = None if request.again else find_result(job.target)
        if result is not None and result.is_of(parameters, job.code) and failure(job.target) is None:
            outcomes[job.name] = Outcome(job.name, result, kept=True)
    pending = sorted((job for job, _ in jobs if job.name not in outcomes), key=_last_seconds, reverse=True)
    if len(pending) < len(names):
        print(f"{len(names) - len(pending)} of {len(names)} need not run", flush=True)
    with closing(_run(pending, request.workers)) as events:
        for job, exit_code in events:
            now = f"[{time.perf_counter() - began:5.0f} s]"
            if exit_code is None:
                print(f"{now} {job.name} began", flush=True)
                continue
            outcome = outcomes[job.name] = _outcome(job, exit_code)
            done = len(outcomes) - (len(names) - len(pending))
            print(f"{now} {job.name} {_ending(outcome)} ({done} of {len(pending)})", flush=True)
    ordered = [outcomes[name] for name in names]
    print(f"\n{summary(ordered)}\n\n{_total(ordered, time.perf_counter() - began)}\nfiles: {request.out}", flush=True)
    return all(outcome.accepted for outcome in ordered)


def summary(outcomes: Sequence[Outcome]) -> str:
    """One line per figure under a heading: verdict, how many numbers of each kind, seconds."""
    lines = [("figure", "verdict", "passed", "outside", "reported", "seconds", "")]
    for outcome in outcomes:
        result = outcome.result
        if result is None:
            lines.append((outcome.name, "FAILED", "", "", "", "", outcome.reason))
            continue
        passed, outside, reported = (str(result.counts[verdict]) for verdict in Verdict)
        verdict = Verdict[result.document["verdict"]].value
        kept = f"kept, of {result.document['provenance']['created']}" if outcome.kept else ""
        lines.append((outcome.name, verdict, passed, outside, reported, _seconds(result.seconds), kept))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    words = {0, 1, len(widths) - 1}
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _load(names: Sequence[str]) -> tuple[dict[str, tuple[Experiment, str]], dict[str, Outcome]]:
    """Module and code version of every figure, and those whose module does not even load."""
    modules, broken = {}, {}
    for name in names:
        try:
            modules[name] = module_of(name), code_version(name)
        except Exception as error:
            traceback.print_exc()
            broken[name] = Outcome(name, reason=f"does not load: {type(error).__name__}: {error}")
    return modules, broken


def _plan(modules: Mapping[str, tuple[Experiment, str]], request: Request) -> list[tuple[Job, dict[str, Any]]]:
    """Every figure with its parameters."""
    return [
        (Job(name, request.variant, code), as_record(parameters_of(module, request.variant)))
        for name, (module, code) in modules.items()
    ]


def _run(jobs: Sequence[Job], workers: int) -> Generator[tuple[Job, int | None]]:
    if workers > 1 and len(jobs) > 1:
        yield from in_processes(attempt, jobs, workers)
        return
    for job in jobs:
        yield job, None
        yield job, 0 if attempt(job) else 1


def _outcome(job: Job, exit_code: int) -> Outcome:
    result = find_result(job.target) if exit_code == 0 else None
    if result is not None:
        return Outcome(job.name, result)
    if exit_code < 0:
        return Outcome(job.name, reason=f"killed by signal {-exit_code}; with 9, memory may have run out")
    lines = (failure(job.target) or "").strip().splitlines()
    return Outcome(job.name, reason=lines[-1] if lines else f"ended with exit code {exit_code}")


def _last_seconds(job: Job) -> float:
    """How long it took last time; unknown ones begin first, so that none of them is left for last."""
    result = find_result(job.target)
    if result is None or result.document.get("fast") != job.variant.fast or math.isnan(result.seconds):
        return math.inf
    return result.seconds


def _ending(outcome: Outcome) -> str:
    if outcome.result is None:
        return f"FAILED: {outcome.reason}"
    counts = outcome.result.counts
    outside = f", {counts[Verdict.OUTSIDE]} OUTSIDE" if counts[Verdict.OUTSIDE] else ""
    return f"done in {_seconds(outcome.result.seconds)} s: {counts[Verdict.PASSED]} passed{outside}"


def _total(outcomes: Sequence[Outcome], elapsed: float) -> str:
    accepted = sum(outcome.accepted for outcome in outcomes)
    failed = sum(outcome.result is None for outcome in outcomes)
    line = f"{accepted} of {len(outcomes)} figures with every number within its tolerance"
    if failed:
        line += f", {failed} failed to run"
    line += f"; {elapsed:.0f} s"
    new = [(item.result.seconds, item.name) for item in outcomes if item.result is not None and not item.kept]
    if len(new) > 1:
        line += ", longest: " + ", ".join(f"{name} {_seconds(seconds)} s" for seconds, name in sorted(new)[:-4:-1])
    return line


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}" if math.isfinite(seconds) else "?"
