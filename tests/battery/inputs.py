"""Wrong input at the command line: exit code 2, one sentence, nothing computed and nothing written."""

import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.battery.findings import Findings, Reminder

FULL_PER_KIND = 25

_REALS = (
    "--curriculum.total-time", "--time-constants.weights", "--network.initial-scale", "--network.initial-gate",
    "--penalties.strength", "--penalties.l1", "--penalties.nonnegative", "--teachers.overlap", "--max-step",
)  # fmt: skip
_WHOLES = (
    "--teachers.d-in",
    "--teachers.d-out",
    "--teachers.num-tasks",
    "--network.num-paths",
    "--seeds",
    "--batch-size",
)
_POSITIVE = ("--curriculum.total-time", "--time-constants.weights", "--max-step")
_CHOICES = ("--dynamics", "--teachers.kind", "--network.gating", "--teachers.scale", "--teachers.composites")
_RANGES = ("--block-duration", "--gate-time-constant", "--strength")

Draw = Callable[[np.random.Generator], list[str]]


def _one(rng: np.random.Generator, options) -> str:
    return str(options[int(rng.integers(len(options)))])


def _both(rng: np.random.Generator) -> list[str]:
    """One of the commands that take a configuration."""
    return [_one(rng, ("simulate", "phase-diagram"))]


def _letters(rng: np.random.Generator, most: int = 12) -> str:
    return "".join(chr(97 + int(k)) for k in rng.integers(0, 26, int(rng.integers(3, most))))


def _size(rng: np.random.Generator, low: float, high: float) -> str:
    return f"{10 ** rng.uniform(low, high):.6g}"


# Kind of wrong input -> arguments of the command.
KINDS: dict[str, Draw] = {
    "not a number": lambda r: [*_both(r), _one(r, _REALS), "nan"],
    "infinity": lambda r: [*_both(r), _one(r, _REALS), _one(r, ("inf", "-inf", "1e999", "-1e400"))],
    "text for a real number": lambda r: [*_both(r), _one(r, _REALS), _letters(r)],
    "nothing for a real number": lambda r: [*_both(r), _one(r, _REALS), ""],
    "real beyond squares": lambda r: [*_both(r), _one(r, _REALS), _size(r, 101, 307)],
    "real below squares": lambda r: [*_both(r), _one(r, _REALS), _size(r, -307, -101)],
    "negative where positive": lambda r: [*_both(r), _one(r, _POSITIVE), "-" + _size(r, -3, 3)],
    "zero where positive": lambda r: [*_both(r), _one(r, _POSITIVE), _one(r, ("0", "-0.0", "0e5"))],
    "negative strength": lambda r: [
        *_both(r),
        _one(r, ("--penalties.strength", "--penalties.l1")),
        "-" + _size(r, -3, 3),
    ],
    "share beyond one": lambda r: [*_both(r), "--teachers.overlap", _size(r, 0.01, 5)],
    "text for a whole number": lambda r: [*_both(r), _one(r, _WHOLES), _letters(r)],
    "fraction for a whole number": lambda r: [*_both(r), _one(r, _WHOLES), f"{r.uniform(1, 9):.3f}"],
    "exponent for a whole number": lambda r: [*_both(r), _one(r, _WHOLES), "1e3"],
    "zero of something": lambda r: [*_both(r), _one(r, _WHOLES), "0"],
    "negative number of something": lambda r: [*_both(r), _one(r, _WHOLES), str(-int(r.integers(1, 1000)))],
    "more than there is memory": lambda r: [*_both(r), _one(r, _WHOLES), str(int(10 ** r.uniform(8, 17)))],
    "number of many digits": lambda r: [*_both(r), _one(r, _WHOLES), "9" * int(r.integers(20, 4000))],
    "negative seed": lambda r: [*_both(r), "--seed", str(-int(r.integers(1, 2**40)))],
    "seed beyond the generator": lambda r: [*_both(r), "--seed", str(int(r.integers(2**32, 2**62)))],
    "choice that there is not": lambda r: [*_both(r), _one(r, _CHOICES), _letters(r).upper()],
    "choice with a letter too many": lambda r: ["simulate", "--dynamics", _one(r, ("onlines", "gradient flow"))],
    "two ends of a run": lambda r: ["simulate", "--curriculum.num-blocks", "3", "--curriculum.total-time", "2"],
    "two kinds of strengths": lambda r: ["simulate", "--coefficients.l1", "1", "--penalties.strength", "0.3"],
    "task that there is not": lambda r: ["simulate", "--curriculum.tasks", "0", str(int(r.integers(2, 99)))],
    "ratio out of range": lambda r: ["verify", "--ratio", _one(r, ("0", "-1", "nan", "inf", "1e4"))],
    "short name of a paper": lambda r: [*_both(r), _one(r, ("--tau-c", "--tau_w", "--lambda")), "1"],
    "curriculum that there is not": lambda r: [*_both(r), "--curriculum.name", _letters(r).upper() + "__"],
    "preset that there is not": lambda r: [*_both(r), "--preset", _letters(r)],
    "two presets": lambda r: ["simulate", "--preset", "figure-2-flexible", "--preset", "figure-5-published"],
    "command that there is not": lambda r: [_letters(r)],
    "no command": lambda r: [],
    "option that there is not": lambda r: [*_both(r), f"--{_letters(r)}", "1"],
    "option cut short": lambda r: [*_both(r), _one(r, _REALS)[:-2], "1"],
    "option without a value": lambda r: [*_both(r), _one(r, _REALS)],
    "word too many": lambda r: [*_both(r), _letters(r)],
    "blocks without number": lambda r: ["simulate", "--curriculum.block-duration", _size(r, -90, -8)],
    "steps without number": lambda r: [*_both(r), "--max-step", _size(r, -90, -12)],
    "records without number": lambda r: ["simulate", "--records-per-block", str(int(10 ** r.uniform(8, 17)))],
    "map without end": lambda r: ["phase-diagram", "--size", *[str(int(10 ** r.uniform(4.5, 9))) for _ in range(2)]],
    "map of nothing": lambda r: ["phase-diagram", "--size", *_one(r, ("0 4", "4 0", "0 0", "-1 4")).split()],
    "range upside down": lambda r: ["phase-diagram", _one(r, _RANGES), "0.5", "0.1"],
    "range from below zero": lambda r: ["phase-diagram", _one(r, _RANGES), "-" + _size(r, -3, 3), "1"],
    "range of one end": lambda r: ["phase-diagram", _one(r, _RANGES), "0.5"],
    "swept parameter": lambda r: ["phase-diagram", "--curriculum.block-duration", _size(r, -2, 0)],
    "share of cells beyond one": lambda r: ["phase-diagram", "--check", _size(r, 0.01, 5)],
    "workers without number": lambda r: ["phase-diagram", "--workers", _one(r, ("0", "-3", "1000000"))],
    "refinement by no power of two": lambda r: ["phase-diagram", "--refine", _one(r, ("0", "3", "-8", "7"))],
    "device that there is not": lambda r: ["phase-diagram", "--device", _letters(r)],
    "cluster that there is not": lambda r: ["phase-diagram", "--cluster", _letters(r)],
    "folder that is a file": lambda r: [*_both(r), "--out", "{file}"],
    "folder below a file": lambda r: [*_both(r), "--out", "{file}/below"],
    "folder without a name": lambda r: [*_both(r), "--out", "a\0b"],
    "file that there is not": lambda r: ["show", f"{{folder}}/{_letters(r)}.nc"],
    "folder for a file": lambda r: ["show", "{folder}"],
    "text for a result": lambda r: ["show", "{file}"],
    "rows that do not fit": lambda r: ["simulate", "--teachers.d-in", str(int(r.integers(1, 20)))],
    "penalty of another system": lambda r: ["simulate", "--penalties.column-l2", _size(r, -2, 1)],
    "estimate of noise": lambda r: ["simulate", "--dynamics", "ONLINE", "--estimate-error"],
    "benchmark of nothing": lambda r: ["bench", "--size", _one(r, ("0", "-1", "x"))],
}


class _Computed(Exception):
    """What should have been refused began to compute."""


def _hand_over(arguments: list[str], folder: Path) -> str:
    """Run the command in this process; what is wrong with what it did."""
    from ntadyn import cli

    out, error = io.StringIO(), io.StringIO()
    code = None
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            cli.main(arguments)
    except SystemExit as end:
        code = end.code
    said = out.getvalue() + error.getvalue()
    if code != 2:
        return f"exit code {code}: {said[-300:]}"
    if "Traceback" in said:
        return f"a traceback: {said[-300:]}"
    if not error.getvalue().strip():
        return "it says nothing"
    if error.getvalue().startswith("ntadyn: ") and (error.getvalue().count("\n") != 1 or len(said) > 1500):
        return f"more than a sentence, of {len(said)} characters: {said[:300]}"
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != "file")
    if left or (folder / "file").read_text() != "kept":
        return f"it left {left} behind"
    return ""


def _try(drawn: list[str]) -> tuple[str, list[str]]:
    """What is wrong with how arguments are taken in a folder of their own, and the arguments."""
    with tempfile.TemporaryDirectory() as temporary, contextlib.chdir(temporary):
        folder = Path(temporary)
        (folder / "file").write_text("kept")
        arguments = [part.format(file=folder / "file", folder=folder) for part in drawn]
        try:
            return _hand_over(arguments, folder), arguments
        except Exception as error:
            return f"{type(error).__name__}: {error}", arguments


def _refuse(*args, **kwargs):
    raise _Computed


def run(seed: int, share: float, write) -> Findings:
    """Every kind some times, with other values."""
    from unittest import mock

    times = max(1, round(FULL_PER_KIND * share))
    findings = Findings(tried=times * len(KINDS))
    reminder = Reminder("inputs", findings.tried, write)
    with (
        mock.patch("ntadyn.simulation.trajectory.integrate", _refuse),
        mock.patch("ntadyn.sweeps.engine.run_tiles", _refuse),
        mock.patch("ntadyn.verification.benchmark.measure", _refuse),
    ):
        for number, (name, draw) in enumerate(KINDS.items()):
            for k in range(times):
                reminder.tell(number * times + k)
                wrong, arguments = _try(draw(np.random.default_rng([seed, 8, number, k])))
                if wrong:
                    findings.fault(f"{name}: {' '.join(arguments)[:200]!r}: {wrong}")
    findings.facts.append(f"{len(KINDS)} kinds")
    return findings
