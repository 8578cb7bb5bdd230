"""ntadyn stability sensitivity: how results move with time constants, block duration and penalty."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ntadyn.cli.devices import wake_jax
from ntadyn.cli.endings import keep, of_preset, tell
from ntadyn.cli.progress import say
from ntadyn.cli.values import one_of
from ntadyn.limits import MOST_RECORDS, check_count
from ntadyn.results.text import printable
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration, Dynamics, Gating
from ntadyn.specs.extent import num_blocks
from ntadyn.specs.presets import SIMULATIONS, figure_5_published

STEPS = (1, 10_000)


@dataclass(frozen=True)
class Sensitivity:
    """Print and draw how the final contrast moves with four logarithms, for every repetition, and the time it takes.

    Derivatives are exact for the steps that are made, through switches and kinks. Near a border they differ from run to
    run by more than their mean: average over 200 repetitions and more (--seeds).
    """

    preset: Annotated[str, one_of(SIMULATIONS)] = "figure-5-published"
    """Where to start; `ntadyn presets` says what each is."""
    out: Path = Path("sensitivity")
    """Folder for sensitivity.nc, sensitivity.png and sensitivity.pdf."""
    steps_per_block: Annotated[int, tyro.conf.arg(metavar="N")] = 60
    """Steps in every block; their number stays the same while parameters move."""
    threshold: float = 0.5
    """The contrast whose first time is differentiated, NaN where it is not reached."""
    configuration: Annotated[Configuration, tyro.conf.arg(name="")] = field(default_factory=figure_5_published)

    def run(self) -> int:
        """Differentiate, print, draw; 0 if every repetition succeeded, 1 otherwise."""
        check_simulation(self.configuration, 0, False)
        check_flow(self.configuration)
        if not STEPS[0] <= self.steps_per_block <= STEPS[1]:
            raise ValueError(f"steps_per_block is {self.steps_per_block}; give a number from {STEPS[0]} to {STEPS[1]}.")
        blocks = num_blocks(self.configuration.curriculum)
        what = f"steps_per_block {self.steps_per_block} in {blocks} blocks"
        check_count(what, self.steps_per_block * blocks, MOST_RECORDS)
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold is {self.threshold:g}; a contrast between 0 and 1 is needed.")
        number = self.configuration.randomness.num_seeds

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            say(f"stability sensitivity: {number} repetitions, into {printable(str(self.out))}")

            from tqdm import tqdm

            wake_jax()

            from ntadyn.plotting.sensitivity import sensitivity_figure
            from ntadyn.specs.sensitivity import sensitivity_over_seeds, sensitivity_report

            with tqdm(desc="compiling, then repetitions", total=number, unit="run") as bar:
                dataset = sensitivity_over_seeds(
                    self.configuration, self.steps_per_block, self.threshold, lambda done: bar.update(done - bar.n)
                )
            written = keep(of_preset(dataset, self.preset), folder / "sensitivity", sensitivity_figure)
        tell(sensitivity_report(dataset), written)
        return int(bool(dataset.contrast.isnull().any()))


def check_flow(configuration: Configuration) -> None:
    """Refuse what is not differentiated, before JAX is imported.

    Raises:
        ValueError: for online learning, batch noise, gates that are no gates of paths, or more teachers than paths.
    """
    if configuration.dynamics is Dynamics.ONLINE or configuration.batch_noise != 0:
        raise ValueError(
            "derivatives are those of a population flow; choose dynamics order_parameters or gradient_flow, without "
            "batch noise."
        )
    if configuration.network.gating is not Gating.PATH:
        raise ValueError(
            f"network.gating is {configuration.network.gating.value}; contrasts are those of paths, choose path."
        )
    if configuration.network.num_paths < configuration.teachers.num_tasks:
        raise ValueError(
            f"network.num_paths is {configuration.network.num_paths}; {configuration.teachers.num_tasks} teachers need "
            f"as many paths, one each."
        )
