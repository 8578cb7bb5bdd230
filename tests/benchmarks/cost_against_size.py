"""What a sweep costs against its size: paths, tasks, inputs, blocks, seeds, cells, workers; measured and drawn.

    python tests/benchmarks/cost_against_size.py --out experiments/gallery/cost.png

Every point is the gate-speed map of figure 5 in single precision with one thing changed, run once more after its
program is compiled. Takes about five minutes on two cores, which nothing else should use meanwhile.
"""

import argparse
import dataclasses
import json
import math
import time
from pathlib import Path
from typing import Any

import jax

import ntadyn
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.sweeps.engine import Threads
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, Precision, Sweep, as_axes, spaced
from ntadyn.sweeps.scores import OUTCOME
from ntadyn.sweeps.tiles import TiledSweep

SIDE = 32
# Thing that is changed -> its values; the first column of the picture has what lanes are written for.
FACTORS = {
    "paths": (2, 3, 4, 5, 6),
    "tasks": (2, 3, 4),
    "inputs": (20, 50, 100, 200, 400, 800),
    "blocks": (7, 20, 70, 200, 700),
    "seeds": (1, 3, 10, 30, 100),
    "cells": (100, 1_000, 10_000, 100_000, 1_000_000),
}
WORDS = {
    "paths": "paths P (2 tasks)",
    "tasks": "tasks M (4 paths)",
    "inputs": "inputs (teachers of every seed)",
    "blocks": "blocks",
    "seeds": "seeds",
    "cells": "cells (1 seed)",
}


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one sweep took.

    Attributes:
        trajectories: how many.
        steps: of one, on average.
        layout: seconds before anything is computed.
        compiling: seconds of compilation.
        running: seconds of running, once compiled.
    """

    trajectories: int
    steps: float
    layout: float
    compiling: float
    running: float

    @property
    def per_trajectory(self) -> float:
        """Microseconds of running."""
        return 1e6 * self.running / self.trajectories


def plan_of(factor: str, value: int) -> Sweep:
    """The gate-speed map with one thing changed."""
    base, rows, columns = figure_5_published(), SIDE, SIDE
    durations = (0.1, 1.0)
    if factor == "paths":
        base = replaced(base, {"network.num_paths": value})
        rows, columns = (SIDE, SIDE) if value <= 4 else (4, 4)
    elif factor == "tasks":
        changes: dict[str, Any] = {"teachers.num_tasks": value, "teachers.d_in": 40, "network.num_paths": 4}
        changes["curriculum.tasks"] = tuple(range(value))
        base = replaced(base, changes | {"curriculum.name": None})
    elif factor == "inputs":
        base = replaced(base, {"teachers.d_in": value, "randomness.vary_teachers": True})
    elif factor == "blocks":
        longest = float(base.curriculum.end) / value
        durations = (0.9 * longest, longest)
    elif factor == "seeds":
        base = replaced(base, {"randomness.num_seeds": value})
    elif factor == "cells":
        base = replaced(base, {"randomness.num_seeds": 1})
        rows = columns = math.isqrt(value)
    axes = {BLOCK_DURATION: spaced(*durations, rows), GATE_TIME_CONSTANT: spaced(0.01, 0.05, columns)}
    return Sweep(base, as_axes(axes), precision=Precision.SINGLE)


def cost(plan: Sweep, workers: int = 2) -> Cost:
    """Run a sweep, twice if that takes little time."""
    began = time.perf_counter()
    tiled = TiledSweep.make(plan, OUTCOME)
    layout = time.perf_counter() - began
    device, threads = jax.local_devices()[0], Threads(workers)
    tiled.compute(0, device)

    def run() -> float:
        began = time.perf_counter()
        threads(tiled, range(len(tiled.tiles)), lambda tile, dataset: None)
        return time.perf_counter() - began

    running = run()
    if running < 5:
        running = min(running, run())
    groups = [
        (len(group), schedule.num_steps)
        for tile in tiled.tiles
        for group, schedule in zip(tile.groups, tile.schedules, strict=True)
    ]
    steps = sum(number * steps for number, steps in groups) / plan.num_cells
    number = plan.num_cells * len(plan.repetitions())
    return Cost(number, steps, layout, tiled.programs.compile_seconds, running)


def measured(factor: str) -> dict[str, dict[str, Any]]:
    """Value of one thing -> the cost with it."""
    costs = {}
    for value in FACTORS[factor]:
        costs[str(value)] = item = cost(plan_of(factor, value))
        print(
            f"{factor} {value:,}: {item.trajectories:,} trajectories of {item.steps:.0f} steps, "
            f"{item.per_trajectory:.2f} us each; layout {item.layout:.1f} s, compiling {item.compiling:.1f} s, "
            f"running {item.running:.2f} s",
            flush=True,
        )
    return {value: dataclasses.asdict(item) for value, item in costs.items()}


def measured_workers() -> dict[str, dict[str, Any]]:
    """Number of workers -> the cost with them."""
    costs = {str(number): cost(plan_of("seeds", 30), number) for number in (1, 2)}
    print("workers:", {number: f"{item.per_trajectory:.2f} us" for number, item in costs.items()}, flush=True)
    return {number: dataclasses.asdict(item) for number, item in costs.items()}


def draw(found: dict[str, dict[str, Any]], path: Path) -> None:
    """Microseconds per trajectory against size, one panel per factor: a flat line is a cost in proportion to size."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullFormatter, NullLocator

    from ntadyn.plotting.style import house_style

    factors = [name for name in FACTORS if name in found]
    with house_style():
        figure, grid = plt.subplots(2, 3, figsize=(9.5, 5.6), layout="constrained", sharey=True)
        for axes in grid.flat[len(factors) :]:
            axes.set_visible(False)
        for axes, factor in zip(grid.flat, factors, strict=False):
            values = [int(value) for value in found[factor]]
            items = [Cost(**item) for item in found[factor].values()]
            axes.loglog(values, [item.per_trajectory for item in items], "o-", label="running")
            axes.loglog(values, [1e6 * item.layout / item.trajectories for item in items], "s--", label="laying out")
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xticks(
                values, [f"{value:,}" if value < 10_000 else f"$10^{len(str(value)) - 1}$" for value in values]
            )
            axes.set_xlabel(WORDS[factor])
        for axes in grid[:, 0]:
            axes.set_ylabel("µs per trajectory")
        grid.flat[0].legend(frameon=False)
        figure.savefig(path, dpi=110)


def main() -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("cost.png"), help="the picture; numbers go beside it as JSON")
    parser.add_argument("--factors", nargs="+", default=list(FACTORS), choices=list(FACTORS))
    options = parser.parse_args()
    ntadyn.compile_whole_loops()
    jax.config.update("jax_enable_x64", True)
    found = {"workers": measured_workers()}
    for factor in options.factors:
        found[factor] = measured(factor)
        # What has been measured is there if the rest takes too long.
        options.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        draw(found, options.out)


if __name__ == "__main__":
    main()
