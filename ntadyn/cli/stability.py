"""ntadyn stability: orbits of one cell, the border that theory predicts for a map, basins, and the phase plane."""

import functools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ntadyn.cli.basins import Basin, Plane
from ntadyn.cli.devices import wake_jax
from ntadyn.cli.endings import keep, of_preset, tell
from ntadyn.cli.progress import say, stages
from ntadyn.cli.stability_branch import Branch
from ntadyn.cli.stability_sensitivity import Sensitivity
from ntadyn.cli.starting_point import making_room
from ntadyn.cli.values import one_of
from ntadyn.limits import check_count
from ntadyn.results.text import printable
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.presets import SIMULATIONS, figure_2_flexible, figure_5_published

FEWEST, MOST = 2, 200
# Blocks that theory follows one by one: some minutes.
MOST_BLOCKS = 5_000
THEORY, WHOLE, DRAW = "theory in the plane", "the whole system", "drawing"


@dataclass(frozen=True)
class Orbits:
    """Print the orbits of one cell: the unspecialised one and its growth, and the band that ends in specialised ones.

    The unspecialised orbit is found twice, in the plane of the teachers and as a fixed point of the whole system.
    """

    preset: Annotated[str, one_of(SIMULATIONS)] = "figure-2-flexible"
    """Where to start; `ntadyn presets` says what each is."""
    out: Path = Path("orbits")
    """Folder for orbits.nc, orbits.png and orbits.pdf."""
    configuration: Annotated[Configuration, tyro.conf.arg(name="")] = field(default_factory=figure_2_flexible)

    def run(self) -> int:
        """Find, print, draw; 0 if both ways to the unspecialised orbit agree, 1 otherwise."""
        check_simulation(self.configuration, 0, False)
        curriculum = self.configuration.curriculum
        check_blocks("curriculum.block_duration", curriculum.block_duration, curriculum.end)

        from ntadyn.specs.teacher_plane import check_theory

        check_theory(self.configuration)

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            say(f"stability orbits: one cell, into {printable(str(self.out))}")

            wake_jax()

            from ntadyn.plotting.stability import orbits_figure
            from ntadyn.specs.orbits import cell_report, orbits_of_plane, unspecialised_in_whole

            with stages({THEORY: 3.0, WHOLE: 30.0, DRAW: 2.0}) as enter:
                enter(THEORY)
                dataset = orbits_of_plane(self.configuration)
                enter(WHOLE)
                whole = unspecialised_in_whole(self.configuration)
                dataset = of_preset(dataset.merge(whole, combine_attrs="no_conflicts"), self.preset)
                enter(DRAW)
                written = keep(dataset, folder / "orbits", orbits_figure)
        tell(cell_report(dataset), written)
        return int(not bool(dataset.agrees))


@dataclass(frozen=True)
class Border:
    """Print and draw the predicted border: the slowest gates with which half of all runs specialise in time.

    Beside it stands the gate time constant at which the contact band closes, above which no specialised orbit is left.
    Nothing is simulated. The time from contact to specialisation is a fit, good within a factor of two.
    """

    preset: Annotated[str, one_of(SIMULATIONS)] = "figure-5-published"
    """Where to start; `ntadyn presets` says what each is."""
    out: Path = Path("border")
    """Folder for border.nc, border.png and border.pdf."""
    block_duration: Annotated[tuple[float, float], tyro.conf.arg(metavar="LOW HIGH")] = (0.1, 1.0)
    """Range of block durations, evenly spaced in their logarithm."""
    gate_time_constant: Annotated[tuple[float, float], tyro.conf.arg(metavar="LOW HIGH")] = (0.002, 0.2)
    """Range of gate time constants in which the border is sought."""
    size: Annotated[int, tyro.conf.arg(metavar="N")] = 9
    """Number of block durations."""
    configuration: Annotated[Configuration, tyro.conf.arg(name="")] = field(default_factory=figure_5_published)

    def run(self) -> int:
        """Predict, print, draw; 0 always."""
        check_simulation(self.configuration, 0, False)
        self._check_ranges()

        from ntadyn.specs.teacher_plane import check_theory

        check_theory(self.configuration, self.gate_time_constant, self.block_duration[1])

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            say(f"stability border: {self.size} block durations, into {printable(str(self.out))}")

            wake_jax()

            from ntadyn.plotting.stability import border_figure
            from ntadyn.specs.orbits import border_of_plane, border_report

            with stages({THEORY: 3.0 * self.size, DRAW: 2.0}) as enter:
                enter(THEORY)
                dataset = border_of_plane(self.configuration, self._durations(), self.gate_time_constant)
                enter(DRAW)
                written = keep(of_preset(dataset, self.preset), folder / "border", border_figure)
        tell(border_report(dataset), written)
        return 0

    def _check_ranges(self) -> None:
        for name in ("block_duration", "gate_time_constant"):
            low, high = getattr(self, name)
            if not 0 < low < high < math.inf:
                raise ValueError(f"{name} is {low:g} {high:g}; give two positive numbers in rising order.")
        if not FEWEST <= self.size <= MOST:
            raise ValueError(f"size is {self.size}; give a number from {FEWEST} to {MOST}.")
        (shortest, longest), total = self.block_duration, float(self.configuration.curriculum.end)
        if longest > total:
            raise ValueError(
                f"block_duration is {shortest:g} {longest:g}, but training takes {total:g}; longer blocks never "
                f"switch. Give shorter ones, or train longer."
            )
        check_blocks("block_duration", shortest, total)

    def _durations(self) -> list[float]:
        low, high = map(math.log, self.block_duration)
        return [math.exp(low + (high - low) * k / (self.size - 1)) for k in range(self.size)]


def check_blocks(name: str, duration: float, total: float) -> None:
    """Refuse more blocks than theory follows one by one.

    Args:
        name: of the parameter.
        duration: of the shortest block.
        total: duration of training.

    Raises:
        ValueError: for more than `MOST_BLOCKS`.
    """
    check_count(f"blocks of {name} {duration:g} in {total:g}", total / duration, MOST_BLOCKS)


COMMANDS: dict[str, Any] = {
    "orbits": Orbits,
    "border": Border,
    "branch": Branch,
    "basin": Basin,
    "plane": Plane,
    "sensitivity": Sensitivity,
}


class Stability:
    """Say why the border of a phase map runs where it does: orbits, branches, basins, the plane, what moves a score."""

    what: Any

    def run(self) -> int:
        """That of the chosen command."""
        return self.what.run()


def stability_of(preset: str | None, arguments: Sequence[str]) -> Any:
    """The command, whose parameters start from the preset that the arguments name.

    Args:
        preset: its name, or None.
        arguments: the words of the command line.
    """
    choices = []
    for name, kind in COMMANDS.items():
        chosen = preset if preset in SIMULATIONS else kind.preset
        default = kind(preset=chosen, configuration=making_room(SIMULATIONS[chosen](), arguments))
        choices.append(Annotated[kind, tyro.conf.subcommand(name, default=default, prefix_name=False)])
    what = Annotated[functools.reduce(operator.or_, choices), tyro.conf.arg(name="")]
    made = make_dataclass("Stability", [("what", what, field(default=tyro.MISSING))], bases=(Stability,), frozen=True)
    made.__doc__ = Stability.__doc__
    return made()
