"""A real sweep that is killed again and again, with SIGKILL, at random moments: nothing is lost, no bit differs."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import ntadyn
from tests.battery.findings import Findings

FULL = 20
SCRIPT = Path(__file__).parents[1] / "sweeps" / "real_sweep.py"


def run(seed: int, share: float, write) -> Findings:
    """As many kills as the share asks for, at least two."""
    from ntadyn.results.storage import read_dataset

    kills = max(2, round(FULL * share))
    findings = Findings(tried=kills)
    write(f"kills: a sweep that is killed {kills} times runs for about {30 + 3 * kills} s")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        environment = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1])}
        command = [sys.executable, str(SCRIPT), str(folder), str(kills), str(seed)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1800)
        if done.returncode:
            findings.fault(f"the sweep ended with exit code {done.returncode}: {done.stderr[-400:]}")
            return findings
        findings.facts.append(done.stdout.splitlines()[-1])
        hits = re.match(r"(\d+) of", findings.facts[0])
        if hits is None or int(hits[1]) < kills:
            findings.fault(f"not every kill hit a running sweep: {findings.facts[0]}")
        names = [sorted(path.name for path in (folder / name).iterdir()) for name in ("whole", "killed")]
        if names[0] != names[1]:  # they hold checksums
            findings.fault(f"shards differ: {sorted(set(names[0]) ^ set(names[1]))[:6]}")
        whole, killed = (read_dataset(folder / f"{name}-result.nc") for name in ("whole", "killed"))
        for name in whole.variables:
            if name not in killed.variables or whole[name].values.tobytes() != killed[name].values.tobytes():
                findings.fault(f"{name} of the killed sweep is not that of the whole one")
        findings.facts.append(f"{len(names[0])} files with the same bits")
    return findings
