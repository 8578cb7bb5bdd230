"""Sweeps by this version and by version 0.1.0, in turn, on one machine: how many times faster.

    python tests/benchmarks/against_version_0_1_0.py --size 128 --repeats 3
    python tests/benchmarks/against_version_0_1_0.py --sweeps weight_space two_layers neuron_gates online --size 8

Checks version 0.1.0 out into a folder of its own and runs both in the environment of this interpreter, each as its own
command line does: this one compiles loops whole, version 0.1.0 knew of no such options. Compilation is apart, steps are
those that each version chooses by itself, and every measurement is a process of its own. Run it on a quiet machine; on
a busy one read the ratios of processor time.

With Numba installed (`pip install "ntadyn[fast]"`) this version steps in kernels, and without it, or with `--backend
xla`, by XLA. A million trajectories, for time and memory: `--size 324 --precision float32`.
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
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
VERSION_0_1_0 = "1689a0b3401bfef4547f3ec70c844c638259bab4"
MAPS = ("gate_speed", "penalty")
OTHERS = ("weight_space", "neuron_gates", "two_layers", "online")


def main() -> None:
    """Compare, or measure one version (which is how this file calls itself)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweeps", nargs="+", default=list(MAPS), choices=MAPS + OTHERS)
    parser.add_argument("--size", type=int, default=128, help="rows and columns of each sweep, of ten repetitions")
    parser.add_argument("--repeats", type=int, default=3, help="how often both versions run in turn; medians are told")
    parser.add_argument("--precision", nargs="+", default=["float32", "float64"])
    parser.add_argument("--backend", help="what steps the maps here, xla or native; the fastest if omitted")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.precision[0], options.size, options.backend)))
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
        "| sweep | precision | 0.1.0, per s | now, per s | ratio | of processor time | steps | compile "
        "| peak memory, MiB |\n|---|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for name in options.sweeps:
        for precision in options.precision:
            found = {version: [] for version in ("old", "new")}
            for _ in range(options.repeats):
                for version, code in (("old", old), ("new", ROOT)):
                    backend = options.backend if version == "new" else None
                    found[version].append(in_process(code, name, precision, options.size, backend))
            before, now = (
                {key: statistics.median(item[key] for item in found[version]) for key in found[version][0]}
                for version in ("old", "new")
            )
            ratios, of_work = (
                [one[key] / other[key] for one, other in zip(found["new"], found["old"], strict=True)]
                for key in ("per_second", "per_cpu_second")
            )
            print(
                f"| {name} | {precision} | {before['per_second']:,.0f} | {now['per_second']:,.0f} "
                f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
                f"| {statistics.median(of_work):.2f} ({min(of_work):.2f} to {max(of_work):.2f}) "
                f"| {before['steps']:.0f}, {now['steps']:.0f} "
                f"| {before['compile_seconds']:.1f} s, {now['compile_seconds']:.1f} s "
                f"| {before['peak_mib']:.0f}, {now['peak_mib']:.0f} |",
                flush=True,
            )


def in_process(code: Path, name: str, precision: str, size: int, backend: str | None) -> dict[str, float]:
    """`measure` in a process that finds ntadyn in a folder, in which nothing else is set."""
    command = [sys.executable, __file__, "--measure", name, "--precision", precision, "--size", str(size)]
    command += [] if backend is None else ["--backend", backend]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("JAX_", "XLA_"))}
    environment["PYTHONPATH"] = str(code)
    done = subprocess.run(command, env=environment, cwd=code, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def measure(name: str, precision: str, size: int, backend: str | None) -> dict[str, float]:
    """One sweep by the version that this process finds, run once more after all is compiled."""
    import resource

    import jax

    import ntadyn

    if hasattr(ntadyn, "compile_whole_loops"):
        ntadyn.compile_whole_loops()
    jax.config.update("jax_enable_x64", True)
    from ntadyn.sweeps.engine import Threads
    from ntadyn.sweeps.plan import Precision
    from ntadyn.sweeps.scores import OUTCOME
    from ntadyn.sweeps.tiles import TiledSweep

    plan = (map_of_figure_5 if name in MAPS else small_sweep)(name, Precision(precision), size)
    if hasattr(plan, "backend"):
        from ntadyn.sweeps.plan import Backend

        plan = dataclasses.replace(plan, bars=False, backend=None if backend is None else Backend(backend))
    tiled, failures = TiledSweep.make(plan, OUTCOME), []
    tiled.compute(0, jax.local_devices()[0])

    def done(tile: int, dataset: Any) -> None:
        failures.append(int((dataset.result != 0).sum()))

    began, worked = time.perf_counter(), time.process_time()
    Threads(2)(tiled, range(len(tiled.tiles)), done)
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    assert sum(failures) == 0
    cells = [
        (len(group), schedule.num_steps)
        for tile in tiled.tiles
        for group, schedule in zip(tile.groups, tile.schedules, strict=True)
    ]
    number = sum(number for number, _ in cells) * len(plan.repetitions())
    return {
        "per_second": number / seconds,
        "per_cpu_second": number / worked,
        "steps": sum(number * steps for number, steps in cells) / sum(number for number, _ in cells),
        "compile_seconds": tiled.programs.compile_seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def map_of_figure_5(name: str, precision: Any, size: int) -> Any:
    """A map of figure 5."""
    try:
        from ntadyn.sweeps.phase_maps import figure_5_maps, published
    except ImportError:  # where it was in version 0.1.0
        from ntadyn.phase_maps import figure_5_maps, published

    ranges = dataclasses.replace(published(), size=(size, size))
    return {item.name: item for item in figure_5_maps(ranges, 0.0, precision)}[name]


def small_sweep(name: str, precision: Any, size: int) -> Any:
    """Gate speeds and block lengths of figure 5 for one unit of time, in a system that does not run on lanes."""
    from ntadyn.sweeps.plan import Sweep, as_axes

    try:
        from ntadyn.specs import configuration
        from ntadyn.specs.paths import replaced
        from ntadyn.specs.presets import figure_5_published
    except ImportError:  # where they were in version 0.1.0
        from ntadyn.configuration import replaced
        from ntadyn.presets import figure_5_published

        from ntadyn import configuration

    changes = {
        "weight_space": {"dynamics": configuration.Dynamics.GRADIENT_FLOW},
        "neuron_gates": {"network.gating": configuration.Gating.NEURON},
        "two_layers": {"network.gating": configuration.Gating.LAYER},
        "online": {"dynamics": configuration.Dynamics.ONLINE},
    }
    base = replaced(figure_5_published(), changes[name] | {"curriculum.total_time": 1.0})
    durations, gates = np.linspace(0.25, 1.0, size), np.linspace(0.02, 0.05, size)
    axes = as_axes({"curriculum.block_duration": durations, "time_constants.gates": gates})
    return Sweep(base, axes, precision=precision)


if __name__ == "__main__":
    main()
