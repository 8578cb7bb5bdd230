"""Disks that are full at some point: what is there is whole, what was there is kept, and a sentence says so."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import ntadyn
from tests.battery.findings import Findings
from tests.hostile_files.good import good_sweep

FULL = 20
_TINY = (
    "--teachers.d-in", "6", "--teachers.d-out", "2", "--curriculum.total-time", "2", "--dynamics", "ONLINE",
    "--batch-size", "4", "--max-step", "0.05",
)  # fmt: skip
_COMMANDS = (
    ("simulate", *_TINY, "--seeds", "2", "--out", "{folder}"),
    ("phase-diagram", *_TINY, "--preset", "small", "--size", "2", "2", "--seeds", "1", "--out", "{folder}"),
    ("show", "{source}", "--plot", "{folder}/picture.png"),
)
_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
# Lists what is on the small disk while it is still mounted, copies it where it can be looked at, keeps the exit code.
_SCRIPT = 'mount -t tmpfs -o size={size} tmpfs {disk} && "$@"; code=$?; cp -r {disk}/. {kept}; exit $code'


def is_possible(folder: Path) -> bool:
    """Whether this system gives users file systems of their own."""
    mount = f"mount -t tmpfs -o size=12k tmpfs {folder}"
    return bool(shutil.which("unshare")) and not subprocess.run([*_NAMESPACE, mount], capture_output=True).returncode


def _try(command: tuple[str, ...], size: int, place: Path) -> tuple[int, str]:
    """Run one command on a disk of so many bytes: its exit code, and what is wrong."""
    from ntadyn.results.storage import read_dataset, write_dataset

    disk, kept = place / "disk", place / "kept"
    disk.mkdir()
    kept.mkdir()
    source = write_dataset(good_sweep(), place / "source.nc")
    arguments = [part.format(folder=disk, source=source) for part in command]
    whole = [*_NAMESPACE, _SCRIPT.format(size=size, disk=disk, kept=kept), "sh", sys.executable, "-m", "ntadyn"]
    environment = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1]), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [*whole, *arguments], capture_output=True, text=True, env=environment, check=False, timeout=300
    )
    if "Traceback" in done.stdout + done.stderr:
        return done.returncode, f"a traceback: {done.stderr[-300:]}"
    if done.returncode not in (0, 1, 2):  # 1: some trajectories diverged
        return done.returncode, f"exit code {done.returncode}: {done.stderr[-300:]}"
    if done.returncode == 2 and "the disk, or your share of it, is full" not in done.stderr:
        return done.returncode, f"it does not say that the disk is full: {done.stderr[-300:]}"
    for path in sorted(kept.rglob("*")):
        if ".part" in path.name:
            return done.returncode, f"it left {path.name} behind"
        if path.suffix == ".nc" and "tiles" not in str(path):
            read_dataset(path)  # raises if it is not whole
        if path.suffix == ".png" and not path.read_bytes().endswith(b"IEND\xaeB`\x82"):
            return done.returncode, f"{path.name} is half a picture"
    return done.returncode, ""


def run(seed: int, share: float, write) -> Findings:
    """Commands in turn, on disks of random sizes."""
    number = max(3, round(FULL * share))
    findings = Findings()
    with tempfile.TemporaryDirectory() as folder:
        if not is_possible(Path(folder)):
            findings.facts.append("not tried: this system gives users no file systems of their own")
            return findings
    rng, codes = np.random.default_rng([seed, 7]), []
    write(f"disks: {number} commands of about ten seconds each")
    for k in range(number):
        size = int(10 ** rng.uniform(4.0, 6.0)) if k % 4 else 12_288
        with tempfile.TemporaryDirectory() as place:
            try:
                code, wrong = _try(_COMMANDS[k % len(_COMMANDS)], size, Path(place))
            except Exception as error:
                code, wrong = -1, f"{type(error).__name__}: {error}"
        codes.append(code)
        findings.tried += 1
        if wrong:
            findings.fault(f"{_COMMANDS[k % len(_COMMANDS)][0]} on {size} bytes: {wrong}")
    findings.facts.append(
        f"{codes.count(2)} times the disk was full, {codes.count(0) + codes.count(1)} times it was large enough"
    )
    return findings
