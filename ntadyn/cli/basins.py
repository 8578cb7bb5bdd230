"""ntadyn stability basin and plane: from which initial states runs end where, and the plane of gates and weights."""

import functools
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ntadyn.cli.devices import wake_jax
from ntadyn.cli.endings import keep, of_preset, tell
from ntadyn.cli.progress import say, stages
from ntadyn.cli.values import one_of
from ntadyn.limits import check_count
from ntadyn.results.text import printable
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.presets import SIMULATIONS, figure_2_flexible, figure_5_published

FEWEST_BLOCKS, MOST_BLOCKS, MOST_RUNS, MOST_POINTS = 8, 100_000, 100_000, 400
# In units of |W*|: beyond, weights are too fast for the steps of a block. Orbits of larger q are not sought.
WIDEST, LARGEST_Q = 10.0, 1e8
RUNS, PLANE, DRAW = "runs", "plane of initial states", "drawing"
# Seconds per step of a block, and per step and run.
PER_STEP, PER_STEP_AND_RUN = 4e-5, 1.5e-7
STEPS = 250


@dataclass(frozen=True)
class Basin:
    """Follow many initial states for many blocks, and say which share of them specialises, or runs away.

    Gates start uniform in [0, 1], entries of weights Gaussian. Ends are told apart by the distance of the paths and its
    growth, never by contrast, which is near one in both. The step keeps what the flow keeps over thousands of blocks.
    """

    preset: Annotated[str, one_of(SIMULATIONS)] = "figure-5-published"
    """Where to start; `ntadyn presets` says what each is."""
    out: Path = Path("basins")
    """Folder for basins.nc, plane.nc if there is one, basins.png and basins.pdf."""
    spread: Annotated[tuple[float, ...], tyro.conf.arg(metavar="S ...")] = (0.01, 0.1, 0.3, 1.0)
    """Standard deviations of the entries of initial weights, in units of |W*|; rising."""
    runs: Annotated[int, tyro.conf.arg(metavar="N")] = 60
    """Initial states for each of them."""
    blocks: Annotated[int, tyro.conf.arg(metavar="N")] = 800
    """How long to follow them; a multiple of 8, or rounded up to one. Total time and block number have no effect."""
    size: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Draw the basins of N x N states in the plane (c_1 - c_2, D_e), too; 0 for none."""
    configuration: Annotated[Configuration, tyro.conf.arg(name="")] = field(default_factory=figure_5_published)

    def run(self) -> int:
        """Follow, print, draw; 0 always."""
        check_simulation(self.configuration, 0, False)
        self._check()

        from ntadyn.specs.teacher_plane import check_theory

        check_theory(self.configuration)

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            number = self.runs * len(self.spread)
            say(f"stability basin: {number} runs of {self.blocks} blocks, into {printable(str(self.out))}")

            wake_jax()

            from ntadyn.plotting.basins import basins_figure
            from ntadyn.specs.basins import basin_report, basins_in_plane, shares_by_spread

            costs = {RUNS: self._cost(number), PLANE: self._cost(self.size**2), DRAW: 2.0}
            with stages({name: cost for name, cost in costs.items() if cost}) as enter:
                enter(RUNS)
                seed = self.configuration.randomness.seed
                shares = shares_by_spread(self.configuration, self.spread, self.runs, self.blocks, seed)
                written, plane = [], None
                if self.size:
                    enter(PLANE)
                    plane = basins_in_plane(self.configuration, self.size, self.blocks)
                    written.append(storage.write_dataset(of_preset(plane, self.preset), folder / "plane.nc"))
                enter(DRAW)
                draw = functools.partial(basins_figure, plane=plane)
                written += keep(of_preset(shares, self.preset), folder / "basins", draw)
        tell(basin_report(shares), written)
        return 0

    def _check(self) -> None:
        if not self.spread or not all(0 < each < math.inf for each in self.spread):
            raise ValueError(f"spread is {_told(self.spread)}; give positive numbers.")
        if max(self.spread) > WIDEST:
            raise ValueError(f"spread is {_told(self.spread)}; give numbers up to {WIDEST:g}, in units of |W*|.")
        if list(self.spread) != sorted(set(self.spread)):
            raise ValueError(f"spread is {_told(self.spread)}; give each once, in rising order.")
        if self.runs < 1:
            raise ValueError(f"runs is {self.runs}; give at least 1.")
        if not FEWEST_BLOCKS <= self.blocks <= MOST_BLOCKS:
            raise ValueError(f"blocks is {self.blocks}; give a number from {FEWEST_BLOCKS} to {MOST_BLOCKS}.")
        if not (self.size == 0 or 2 <= self.size <= MOST_POINTS):
            raise ValueError(f"size is {self.size}; give 0, or a number from 2 to {MOST_POINTS}.")
        number = len(self.spread)
        check_count(f"runs {self.runs} for {number} values of spread", self.runs * number, MOST_RUNS)

    def _cost(self, runs: int) -> float:
        return 15 + self.blocks * STEPS * (PER_STEP + PER_STEP_AND_RUN * runs) if runs else 0.0


@dataclass(frozen=True)
class Plane:
    """Draw the plane (c_1 - c_2, D_e): where gates and weights move, where both rest, the exact orbit, and a few runs.

    Arrows are those of the W^1 + W^2 in the middle of a block, and of gates of norm one. Runs are simulated for one
    block, from the start of the orbit and from others with the first gate at zero and the same W^1 + W^2.
    """

    preset: Annotated[str, one_of(SIMULATIONS)] = "figure-2-flexible"
    """Where to start; `ntadyn presets` says what each is."""
    out: Path = Path("plane")
    """Folder for plane.nc, plane.png and plane.pdf."""
    q: float | None = None
    """Q tau_W/tau_c of the orbit; if omitted, that of the specialised one, or 1 where there is none."""
    configuration: Annotated[Configuration, tyro.conf.arg(name="")] = field(default_factory=figure_2_flexible)

    def run(self) -> int:
        """Compute, print, draw; 0 always."""
        check_simulation(self.configuration, 0, False)
        if self.q is not None and not 0 < self.q <= LARGEST_Q:
            raise ValueError(f"q is {self.q:g}; it must be positive, and not larger than {LARGEST_Q:g}.")

        from ntadyn.specs.teacher_plane import check_theory

        check_theory(self.configuration)

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            say(f"stability plane: one cell, into {printable(str(self.out))}")

            wake_jax()

            from ntadyn.plotting.basins import portrait_figure
            from ntadyn.specs.basins import portrait

            dataset = portrait(self.configuration, self.q)
            written = keep(of_preset(dataset, self.preset), folder / "plane", portrait_figure)
        lead, along = float(dataset.orbit_lead[-1]), dataset.orbit_along.values
        said = f"orbit of q = {dataset.attrs['q']:.6g}: |c_1 - c_2| up to {lead:.4f}, |W^1 - W^2| from "
        tell([f"{said}{along.min():.5f} to {along.max():.5f}"], written)
        return 0


def _told(numbers: tuple[float, ...]) -> str:
    return " ".join(f"{each:g}" for each in numbers) or "empty"
