"""The maps of figure 5 by this version and by version 0.1.0, in turn, on one machine: how many times faster.

    python tests/benchmarks/against_version_0_1_0.py --size 128 --repeats 3

Checks version 0.1.0 out into a folder of its own, runs both in the environment of this interpreter, each as its own
command line does (this one compiles loops whole, version 0.1.0 knew of no such options), and prints a table. Compilation
is apart: times are of running, once compiled. Steps are those that each version chooses by itself. Run it on a quiet
machine; every measurement is a process of its own.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION_0_1_0 = "1689a0b3401bfef4547f3ec70c844c638259bab4"
MAPS = ("gate_speed", "penalty")


def main() -> None:
    """Compare, or measure one version (which is how this file calls itself)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="rows and columns of each map")
    parser.add_argument("--repeats", type=int, default=3, help="how often both versions run in turn; medians are told")
    parser.add_argument("--precision", nargs="+", default=["float32", "float64"])
    parser.add_argument("--maps", nargs="+", default=list(MAPS), choices=MAPS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.precision[0], options.size)))
        return
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "ntadyn-0.1.0"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(old), VERSION_0_1_0], check=True)
        try:
            compare(old, options)
        finally:
            subprocess.run([*git, "remove", "--force", str(old)], check=True)


def compare(old: Path, options: argparse.Namespace) -> None:
    """Run both versions in turn, and print medians and ratios."""
    print(
        f"{options.size} x {options.size} x 10 trajectories, medians of {options.repeats}\n\n"
        "| map | precision | 0.1.0, per s | now, per s | ratio | steps | compile | peak memory, MiB |\n"
        "|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for name in options.maps:
        for precision in options.precision:
            found = {version: [] for version in ("old", "new")}
            for _ in range(options.repeats):
                for version, code in (("old", old), ("new", ROOT)):
                    found[version].append(in_process(code, name, precision, options.size))
            before, now = (
                {key: statistics.median(item[key] for item in found[version]) for key in found[version][0]}
                for version in ("old", "new")
            )
            ratios = [
                one["per_second"] / other["per_second"] for one, other in zip(found["new"], found["old"], strict=True)
            ]
            print(
                f"| {name} | {precision} | {before['per_second']:,.0f} | {now['per_second']:,.0f} "
                f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
                f"| {before['steps']:.0f}, {now['steps']:.0f} "
                f"| {before['compile_seconds']:.1f} s, {now['compile_seconds']:.1f} s "
                f"| {before['peak_mib']:.0f}, {now['peak_mib']:.0f} |",
                flush=True,
            )


def in_process(code: Path, name: str, precision: str, size: int) -> dict[str, float]:
    """`measure` in a process that finds ntadyn in a folder, in which nothing else is set."""
    command = [sys.executable, __file__, "--measure", name, "--precision", precision, "--size", str(size)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("JAX_", "XLA_"))}
    environment["PYTHONPATH"] = str(code)
    done = subprocess.run(command, env=environment, cwd=code, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def measure(name: str, precision: str, size: int) -> dict[str, float]:
    """One map by the version that this process finds, run once more after all is compiled."""
    import resource

    import jax
    import ntadyn

    if hasattr(ntadyn, "compile_whole_loops"):
        ntadyn.compile_whole_loops()
    jax.config.update("jax_enable_x64", True)
    try:
        from ntadyn.sweeps.phase_maps import figure_5_maps, published
    except ImportError:  # where it was in version 0.1.0
        from ntadyn.phase_maps import figure_5_maps, published
    from ntadyn.sweeps.engine import Threads
    from ntadyn.sweeps.plan import Precision
    from ntadyn.sweeps.scores import OUTCOME
    from ntadyn.sweeps.tiles import TiledSweep

    ranges = dataclasses.replace(published(), size=(size, size))
    plan = {item.name: item for item in figure_5_maps(ranges, 0.0, Precision(precision))}[name]
    tiled, failures = TiledSweep.make(plan, OUTCOME), []
    tiled.compute(0, jax.local_devices()[0])

    def done(tile: int, dataset) -> None:
        failures.append(int((dataset.result != 0).sum()))

    began = time.perf_counter()
    Threads(2)(tiled, range(len(tiled.tiles)), done)
    seconds = time.perf_counter() - began
    assert sum(failures) == 0
    cells = [
        (len(group), schedule.num_steps)
        for tile in tiled.tiles
        for group, schedule in zip(tile.groups, tile.schedules, strict=True)
    ]
    return {
        "per_second": sum(number for number, _ in cells) * len(plan.repetitions()) / seconds,
        "steps": sum(number * steps for number, steps in cells) / sum(number for number, _ in cells),
        "compile_seconds": tiled.programs.compile_seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    main()
