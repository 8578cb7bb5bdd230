"""ntadyn design-curriculum: block lengths by gradient and without, against the best constant length."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ntadyn import limits
from ntadyn.cli.devices import wake_jax
from ntadyn.cli.endings import keep, of_preset, tell
from ntadyn.cli.progress import say
from ntadyn.cli.stability_sensitivity import check_flow
from ntadyn.cli.starting_point import making_room
from ntadyn.cli.values import one_of
from ntadyn.results.text import printable
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import SIMULATIONS, figure_5_published

MOST_BLOCKS = 16
MOST = {
    "test_blocks": 1000,
    "test_seeds": limits.MOST_REPETITIONS,
    "restarts": 1000,
    "evaluations": 100_000,
    "steps": 10_000,
}
# Repetitions that choose, unless `--seeds` says otherwise.
CHOOSING = 48


@dataclass(frozen=True)
class DesignCurriculum:
    """Choose the lengths of training blocks for the contrast after a test phase of constant blocks, and test them.

    Training takes the total time, the test phase a few blocks of the configuration's duration. Lengths are chosen by
    gradient and by a method without, for every number of blocks, and compared with constant ones on other seeds.
    """

    preset: Annotated[str, one_of(SIMULATIONS)] = "figure-5-published"
    """Where to start; `ntadyn presets` says what each is."""
    out: Path = Path("curriculum")
    """Folder for curriculum.nc, curriculum.png and curriculum.pdf."""
    blocks: Annotated[tuple[int, int], tyro.conf.arg(metavar="LEAST MOST")] = (1, 7)
    """Numbers of blocks of training that are tried."""
    shortest: float = 0.2
    """The shortest block of training."""
    test_blocks: int = 4
    """Blocks of the test phase."""
    test_seeds: int = 300
    """Further repetitions that test what those of --seeds have chosen."""
    restarts: int = 2
    """Starts of every search, the first of which is the constant curriculum."""
    evaluations: int = 30
    """Scores that a search may compute from every start."""
    steps: int = 60
    """Steps per unit of time."""
    configuration: Annotated[Configuration, tyro.conf.arg(name="")] = field(default_factory=figure_5_published)

    def run(self) -> int:
        """Choose, test, print, draw; 0 if no run failed, 1 otherwise."""
        check_simulation(self.configuration, 0, False)
        check_flow(self.configuration)
        low, high = self.blocks
        if not 1 <= low <= high <= MOST_BLOCKS:
            raise ValueError(f"blocks is {low} {high}; give two numbers from 1 to {MOST_BLOCKS} in rising order.")
        for name, most in MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number from 1 to {most:,}.")
        if self.configuration.teachers.num_tasks != 2:
            raise ValueError(f"teachers.num_tasks is {self.configuration.teachers.num_tasks}; curricula alternate two.")
        total = float(self.configuration.curriculum.end)
        if not 0 < self.shortest < math.inf:
            raise ValueError(f"shortest is {self.shortest:g}; it must be positive and finite.")
        if self.shortest * high > total:
            raise ValueError(
                f"{high} blocks of at least {self.shortest:g} do not fit into {total:g}; take fewer (blocks), "
                f"or shorter ones (shortest)."
            )

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            say(f"design-curriculum: {low} to {high} blocks in {total:g} units, into {printable(str(self.out))}")

            from tqdm import tqdm

            wake_jax()

            from ntadyn.plotting.curricula import curricula_figure
            from ntadyn.specs.curriculum_design import design_of, design_report, designed_curricula

            design = design_of(self.configuration, high, self.shortest, self.steps, self.test_blocks)
            seeds = self.configuration.randomness.num_seeds, self.test_seeds
            most = 2 * (high - low + 1) * self.restarts * self.evaluations
            with tqdm(desc="compiling, then scores", total=most, unit="score") as bar:
                dataset = designed_curricula(
                    self.configuration, design, range(low, high + 1), seeds, self.restarts, self.evaluations, bar.update
                )  # fmt: skip
            written = keep(of_preset(dataset, self.preset), folder / "curriculum", curricula_figure)
        tell(design_report(dataset), written)
        return int(bool(dataset.score.isnull().any()))


def design_of_arguments(preset: str | None, arguments: Sequence[str]) -> DesignCurriculum:
    """The command, whose parameters start from the preset that the arguments name.

    Args:
        preset: its name, or None.
        arguments: the words of the command line.
    """
    name = preset if preset in SIMULATIONS else DesignCurriculum.preset
    configuration = replaced(SIMULATIONS[name](), {"randomness.num_seeds": CHOOSING})
    return DesignCurriculum(preset=name, configuration=making_room(configuration, arguments))
