"""Files that anybody may have made, and files that were damaged: shown or refused, and never taken for good."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.battery.findings import Findings, Reminder
from tests.hostile_files import ESCAPE, KINDS, SECRET, HostileFile
from tests.hostile_files.good import good_simulation, good_sweep

FULL_DAMAGES = 2000
# Of these, one second to start and two for the six panels of a map.
MOST_SECONDS, MOST_BYTES = 8.0, 700 * 2**20


def _flip(content: bytearray, rng: np.random.Generator) -> None:
    content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))


def _cut(content: bytearray, rng: np.random.Generator) -> None:
    del content[int(rng.integers(len(content))) :]


def _drop(content: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(content) - 1))
    del content[start : start + int(rng.integers(1, 200))]


def _zero(content: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(content) - 8))
    stretch = content[start : start + int(rng.integers(8, 4096))]
    content[start : start + len(stretch)] = bytes(byte ^ 0xFF if not any(stretch) else 0 for byte in stretch)


def _insert(content: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(content)))
    content[start:start] = rng.bytes(int(rng.integers(1, 64)))


def _repeat(content: bytearray, rng: np.random.Generator) -> None:
    content += content[int(rng.integers(len(content) - 1)) :]


DAMAGES: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (_flip, _cut, _drop, _zero, _insert, _repeat)


@dataclasses.dataclass(frozen=True)
class Shown:
    """How a process of its own took a file."""

    code: int
    out: str
    error: str
    seconds: float
    peak: int


# Linux counts what the parent held at the fork among what the child takes, so that a small process has to start it.
_LAUNCHER = """
import json, resource, subprocess, sys
code = subprocess.run(sys.argv[2:], timeout=120).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([code, used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss], file)
"""


def _hand_over(path: Path) -> Shown:
    """`ntadyn show`, with the time and memory of this process and those that it started alone."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        command = [sys.executable, "-W", "error", "-m", "ntadyn", "show", str(path)]
        launch = [sys.executable, "-c", _LAUNCHER, str(told), *command]
        done = subprocess.run(launch, capture_output=True, text=True, check=False)
        code, seconds, peak = json.loads(told.read_text())
    return Shown(code, done.stdout, done.stderr, seconds, peak)


def complaint(kind: HostileFile, done: Shown) -> str:
    """What is wrong with how `ntadyn show` took a file; nothing if it is as it should be."""
    out, error = done.out, done.error
    if "Traceback" in out + error:
        return f"a traceback: {error[-300:]}"
    if SECRET in out + error or ESCAPE in out + error:
        return "it repeats what it must not"
    if not all(character.isprintable() for character in (out + error).replace("\n", "")):
        return "a terminal may obey what it prints"
    if done.seconds > MOST_SECONDS:
        return f"it computed for {done.seconds:.1f} s"
    if done.peak > MOST_BYTES:
        return f"it took {done.peak / 2**20:.0f} MiB"
    if kind.refused is None:
        return "" if (done.code, error) == (0, "") and out else f"exit code {done.code}: {error[-300:]}"
    good = (done.code, out) == (2, "") and error.startswith("ntadyn: ") and error.count("\n") == 1
    return "" if good and kind.refused in error else f"exit code {done.code}: {out[-100:]} {error[-300:]}"


def show(kind: HostileFile, folder: Path) -> str:
    """Hand a file to the command, in a process of its own; what is wrong, time and memory included."""
    path = kind.make(folder)
    before = sorted(item.name for item in folder.iterdir())
    wrong = complaint(kind, _hand_over(path))
    if not wrong and kind.refused is not None and sorted(item.name for item in folder.iterdir()) != before:
        return "it left files behind"
    return wrong


def _damage(rng: np.random.Generator, content: bytes, folder: Path) -> str:
    """Damage the content of a good file; what is wrong with how it is read."""
    from ntadyn.results.storage import read_dataset

    damage = DAMAGES[int(rng.integers(len(DAMAGES)))]
    damaged = bytearray(content)
    damage(damaged, rng)
    path = folder / "damaged.nc"
    path.write_bytes(damaged)
    try:
        read_dataset(path)
    except (ValueError, OSError):
        return ""
    except Exception as error:
        return f"{damage.__name__} ended in {type(error).__name__}: {error}"
    # What has lost its checksum as a whole, or nothing at all, is a good file.
    return "" if content.startswith(damaged) else f"{damage.__name__} was not noticed"


def run(seed: int, share: float, write) -> Findings:
    """A share of all kinds of hostile files through the command, and of random damages through the library."""
    from ntadyn.results.storage import write_dataset

    rng = np.random.default_rng([seed, 5])
    kinds = [KINDS[k] for k in rng.permutation(len(KINDS))[: max(5, round(len(KINDS) * share))]]
    damages = max(100, round(FULL_DAMAGES * share))
    findings = Findings(tried=len(kinds) + damages)
    findings.facts.append(f"{len(kinds)} of {len(KINDS)} kinds of files shown or refused by the command")
    reminder = Reminder("files", len(kinds) + damages, write)
    os.environ.setdefault("MPLBACKEND", "Agg")
    for number, kind in enumerate(kinds):
        reminder.tell(number)
        with tempfile.TemporaryDirectory() as folder:
            try:
                wrong = show(kind, Path(folder))
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
        if wrong:
            findings.fault(f"{kind.name}: {wrong}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        good = (good_sweep(), good_simulation())
        contents = [write_dataset(item, folder / f"{k}.nc").read_bytes() for k, item in enumerate(good)]
        for number in range(damages):
            reminder.tell(len(kinds) + number)
            wrong = _damage(np.random.default_rng([seed, 6, number]), contents[number % len(contents)], folder)
            if wrong:
                findings.fault(f"damage {number}: {wrong}")
    findings.facts.append(f"{damages} random damages in {len(DAMAGES)} ways")
    return findings
