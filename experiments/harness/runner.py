"""Run experiments: some at a time, only what is out of date, and whatever happens to one of them, the others too."""

import math
import time
import traceback
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from experiments.harness.acceptance import Verdict
from experiments.harness.code_version import code_version
from experiments.harness.experiment import (
    Job,
    Variant,
    attempt,
    module_of,
    parameters_of,
    prepare,
    runs_on_batches,
)
from experiments.harness.plain import plain
from experiments.harness.progress import Progress, duration, say
from experiments.harness.registry import EVERYTHING, chosen, module_name, packages, spelled
from experiments.harness.results import RUNS, Result, failure, find_result
from experiments.harness.runs import Run, is_kept, last_seconds
from experiments.harness.verdicts import Reproduction, judged, overview, text_of
from experiments.harness.workers import in_processes
from ntadyn.results import storage


@dataclass(frozen=True)
class Request:
    """How experiments should be run.

    Attributes:
        out: folder for pictures, acceptance numbers and runs.
        fast: the quick parameters in place of the full ones.
        online: finite batches in place of the population flow.
        reference: folder with published arrays, or None.
        trials: file with trials of people, or None.
        images: folder with images in IDX form, or None.
        again: also experiments whose results are complete and up to date.
        workers: experiments at a time, each in a process of its own; with 1 they run in this process, in turn.
    """

    out: Path
    fast: bool = False
    online: bool = False
    reference: Path | None = None
    trials: Path | None = None
    images: Path | None = None
    again: bool = False
    workers: int = 2

    @cached_property
    def variant(self) -> Variant:
        """What this says about every single experiment."""
        since = time.time() if self.again else 0.0
        return Variant(self.out, self.fast, self.online, self.reference, self.trials, self.images, since)


@dataclass(frozen=True)
class Plan:
    """One experiment that could be run.

    Attributes:
        job: what its process is told.
        parameters: of its module, as plain values.
        runs: its simulations.
    """

    job: Job
    parameters: dict[str, Any]
    runs: Sequence[Run]

    @property
    def folder(self) -> Path:
        """Where its simulations are kept."""
        return self.job.variant.out / RUNS

    @cached_property
    def missing(self) -> list[Run]:
        """The simulations that have to be computed."""
        return [run for run in self.runs if not is_kept(run, self.folder, self.job.variant.since)]

    @cached_property
    def seconds(self) -> float | None:
        """How long it will take, from how long it took; None where that is not known."""
        result = find_result(self.job.target)
        if result is None or result.fast != self.job.variant.fast or math.isnan(result.seconds):
            return None
        computing = [last_seconds(run, self.folder) for run in self.missing]
        if None in computing:
            return result.seconds
        return result.seconds - result.document["seconds"].get("run", 0.0) + sum(filter(None, computing))


@dataclass(frozen=True)
class Outcome:
    """How it went with one experiment.

    Attributes:
        name: of the experiment.
        result: what it left behind, None if it failed.
        kept: whether that is from an earlier time.
        reason: why it failed.
    """

    name: str
    result: Result | None = None
    kept: bool = False
    reason: str = ""

    @property
    def stated(self) -> int:
        """How many numbers are outside their tolerance, as stated."""
        if self.result is None or self.reproduction is Reproduction.NOT:
            return 0
        return self.result.counts[Verdict.OUTSIDE]

    @cached_property
    def reproduction(self) -> Reproduction | None:
        """What came of it, None if it failed."""
        if self.result is None:
            return None
        text = text_of(self.name)
        return judged(self.result.rows, text.misses(self.result.fast, self.result.online) if text is not None else {})

    @property
    def accepted(self) -> bool:
        """Whether it ran, and every number was within its tolerance or is stated to miss it."""
        return self.reproduction in (Reproduction.WHOLE, Reproduction.STATED)


def run_experiments(names: Sequence[str], request: Request) -> bool:
    """Run some experiments and print how it went.

    An experiment is not run again if its result is complete and was made with the same parameters and the same code,
    and neither is a simulation that another one has run. Files are written whole and the acceptance numbers last, so
    that this may be killed at any time and started again.

    Args:
        names: of experiments or packages, or "all"; on batches, packages and "all" stand for those of their experiments
            that have a version on batches, and the others are printed.
        request: how.

    Returns:
        Whether all of them ran and every number was within its tolerance, or is stated to miss it.

    Raises:
        ValueError: before any work, for an unknown name, an option that an experiment lacks, or folders that do not
            serve.
    """
    began = time.perf_counter()
    by_name = {spelled(name) for name in names} - {EVERYTHING, *(package.name for package in packages())}
    names = chosen(names)
    if request.workers < 1:
        raise ValueError(f"workers must be at least 1, but is {request.workers}.")
    prepare()
    modules, outcomes = _load(names)
    if request.online:
        deterministic = [
            name for name, module in modules.items() if not runs_on_batches(module) and name not in by_name
        ]
        if deterministic:
            say(f"deterministic, without a version on batches: {', '.join(deterministic)}")
        names = [name for name in names if name not in deterministic]
    plans = {name: _plan(name, modules[name], request.variant) for name in names if name in modules}
    storage.output_folder(request.out)
    for name, plan in plans.items():
        result = None if request.again else find_result(plan.job.target)
        if result is not None and result.is_of(plan.parameters, plan.job.code) and failure(plan.job.target) is None:
            outcomes[name] = Outcome(name, result, kept=True)
    # Unknown ones begin first, so that none of them is left for last.
    pending = sorted(
        (plan for name, plan in plans.items() if name not in outcomes),
        key=lambda plan: math.inf if plan.seconds is None else plan.seconds,
        reverse=True,
    )
    if len(pending) < len(names):
        say(f"{len(names) - len(pending)} of {len(names)} need not run")
    progress = Progress({plan.job.name: plan.seconds for plan in pending}, request.workers)
    if len(pending) > 1 and (left := progress.left()) is not None:
        say(f"about {duration(left)}, by how long they took before")
    with closing(_run(pending, request.workers)) as events, progress.shown():
        for job, exit_code in events:
            now = f"[{time.perf_counter() - began:5.0f} s]"
            if exit_code is None:
                progress.began(job.name)
                say(f"{now} {job.name} began")
                continue
            progress.ended(job.name)
            outcome = outcomes[job.name] = _outcome(job, exit_code)
            done = len(outcomes) - (len(names) - len(pending))
            say(f"{now} {job.name} {_ending(outcome)} ({done} of {len(pending)})")
    ordered = [outcomes[name] for name in names]
    say(f"\n{summary(ordered)}\n\n{_total(ordered, time.perf_counter() - began)}\nfiles: {request.out}")
    return all(outcome.accepted for outcome in ordered)


def summary(outcomes: Sequence[Outcome]) -> str:
    """One line per experiment under a heading: verdict, how many numbers of each kind, seconds."""
    lines = [("experiment", "verdict", "passed", "outside", "reported", "seconds", "")]
    for outcome in outcomes:
        result = outcome.result
        if result is None:
            lines.append((outcome.name, "FAILED", "", "", "", "", outcome.reason))
            continue
        passed, outside, reported = (str(result.counts[verdict]) for verdict in Verdict)
        kept = f"kept, of {result.document['provenance']['created']}" if outcome.kept else ""
        lines.append((outcome.name, _verdict(outcome), passed, outside, reported, _seconds(result.seconds), kept))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    words = {0, 1, len(widths) - 1}
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _load(names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Outcome]]:
    """The module of every experiment, and those whose module does not even load."""
    modules, broken = {}, {}
    for name in names:
        try:
            modules[name] = module_of(name)
            code_version(module_name(name))
            text_of(name)
        except Exception as error:
            modules.pop(name, None)
            traceback.print_exc()
            broken[name] = Outcome(name, reason=f"does not load: {type(error).__name__}: {error}")
    return modules, broken


def _plan(name: str, module: Any, variant: Variant) -> Plan:
    parameters = parameters_of(module, variant)
    return Plan(Job(name, variant, code_version(module_name(name))), plain(parameters), module.runs(parameters))


def _run(plans: Sequence[Plan], workers: int) -> Generator[tuple[Job, int | None]]:
    jobs = [plan.job for plan in plans]
    if workers > 1 and len(jobs) > 1:
        needs = {plan.job.name: frozenset(run.place for run in plan.missing) for plan in plans}
        yield from in_processes(attempt, jobs, workers, lambda job: needs[job.name])
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


def _verdict(outcome: Outcome) -> str:
    if outcome.reproduction is None:
        return "FAILED"
    if outcome.reproduction is Reproduction.STATED:
        return f"reproduced but for {outcome.stated} stated"
    return outcome.reproduction.value


def _ending(outcome: Outcome) -> str:
    if outcome.result is None:
        return f"FAILED: {outcome.reason}"
    counts = outcome.result.counts
    outside = f", {counts[Verdict.OUTSIDE]} outside" if counts[Verdict.OUTSIDE] else ""
    numbers = f"{counts[Verdict.PASSED]} passed{outside}"
    return f"done in {_seconds(outcome.result.seconds)} s: {_verdict(outcome)}, {numbers}"


def _total(outcomes: Sequence[Outcome], elapsed: float) -> str:
    line = overview([outcome.reproduction for outcome in outcomes])
    failed = sum(outcome.result is None for outcome in outcomes)
    if failed:
        line += f", {failed} failed to run"
    line += f"; {elapsed:.0f} s"
    new = [(item.result.seconds, item.name) for item in outcomes if item.result is not None and not item.kept]
    if len(new) > 1:
        line += ", longest: " + ", ".join(f"{name} {_seconds(seconds)} s" for seconds, name in sorted(new)[:-4:-1])
    return line


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}" if math.isfinite(seconds) else "?"
