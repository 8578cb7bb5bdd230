"""ntadyn simulate: one configuration, all its repetitions."""

from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ntadyn.cli.devices import wake_jax
from ntadyn.cli.progress import say, stages, warn
from ntadyn.cli.values import one_of
from ntadyn.results.text import printable
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.extent import batch_noise, num_blocks, num_steps
from ntadyn.specs.irregular_presets import IRREGULAR
from ntadyn.specs.presets import SIMULATIONS
from ntadyn.specs.warnings import warnings_of

PRESETS = {**SIMULATIONS, **IRREGULAR}
COMPUTE, WRITE, DRAW = "compiling and running", "writing", "drawing"
# For ten repetitions side by side, on one core.
SECONDS_PER_STEP = 1e-4


@dataclass(frozen=True)
class Simulate:
    """Run one configuration, draw loss, gates and similarity over time, and write a labelled NetCDF file.

    Start from a preset and override any of its parameters; the defaults shown are those of the chosen preset.
    """

    preset: Annotated[str, one_of(PRESETS)] = "figure-2-flexible"
    """Where to start; `ntadyn presets` says what each is."""
    out: Path = Path("simulation")
    """Folder for simulation.nc, simulation.png and simulation.pdf."""
    records_per_block: Annotated[int, tyro.conf.arg(metavar="N")] = 40
    """Records inside every block, besides those at its start and end."""
    estimate_error: bool = False
    """Run again with all steps halved, and write the estimated error of every recorded number."""
    configuration: Annotated[Configuration, tyro.conf.arg(name="")] = field(
        default_factory=SIMULATIONS["figure-2-flexible"]
    )

    def run(self) -> int:
        """Simulate, write, draw; 0 if every repetition succeeded, 1 otherwise."""
        check_simulation(self.configuration, self.records_per_block, self.estimate_error)
        doubts = warnings_of(self.configuration)

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            say(self._title())
            warn(doubts)

            import numpy as np

            wake_jax()

            from ntadyn.plotting.style import save_figure
            from ntadyn.plotting.trajectory import trajectory_figure
            from ntadyn.results.description import ending
            from ntadyn.specs.run import run

            with stages(self._costs()) as enter:
                enter(COMPUTE)
                dataset = run(
                    self.configuration, records_per_block=self.records_per_block, estimate_error=self.estimate_error
                )
                enter(WRITE)
                dataset.attrs["preset"] = self.preset
                written = [storage.write_dataset(dataset, folder / "simulation.nc")]
                enter(DRAW)
                written += save_figure(trajectory_figure(dataset), folder / "simulation")
        failures = {int(seed): int(code) for seed, code in enumerate(dataset.result.values) if code}
        print(f"{dataset.sizes['seed']} repetitions, {len(dataset.attrs['edges']) - 1} blocks, {len(failures)} failed")
        for seed, code in failures.items():
            print(f"repetition {seed} {ending(code)}; the rest is kept")
        if len(failures) < dataset.sizes["seed"]:
            final = dataset.isel(record=-1, seed=dataset.result.values == 0)
            print(f"loss at the end            {float(final.loss.mean()):.3g}")
            pairs = range(min(dataset.attrs["num_base"], final.sizes["path"]))
            print(f"total alignment at the end {float(final.similarity.values[:, pairs, pairs].mean()):.4f}")
        if self.estimate_error:
            errors = dataset.gates_error.max([name for name in dataset.gates_error.dims if name != "seed"])
            known = errors.values[np.isfinite(errors.values)]
            unresolved = errors.size - known.size
            note = f"; unresolved in {unresolved} of {errors.size} repetitions" if unresolved else ""
            print(f"estimated error of the gates: {f'at most {known.max():.1e}' if known.size else 'unknown'}{note}")
        for path in written:
            print(f"wrote {path}")
        return int(bool(failures))

    def _title(self) -> str:
        blocks, repetitions = num_blocks(self.configuration.curriculum), self.configuration.randomness.num_seeds
        system = self.configuration.dynamics.name.lower().replace("_", " ")
        if (kappa := batch_noise(self.configuration)) is not None:
            system += f", batch noise kappa {kappa:.2g}"
        return f"simulate: {repetitions} repetitions of {blocks} blocks ({system}), into {printable(str(self.out))}"

    def _costs(self) -> dict[str, float]:
        """About how many seconds the stages take."""
        steps = num_steps(self.configuration) * (3 if self.estimate_error else 1)
        return {COMPUTE: 12.0 + SECONDS_PER_STEP * steps, WRITE: 2.0, DRAW: 2.0}


def simulate_of(configuration: Configuration, **values: Any) -> Simulate:
    """The command for one configuration, or one of a kind that has further parameters, which are its options.

    Args:
        configuration: with which the parameters start.
        values: values of options that do not depend on it.
    """
    if type(configuration) is Configuration:
        return Simulate(configuration=configuration, **values)
    own = ("configuration", Annotated[type(configuration), tyro.conf.arg(name="")], field(default=configuration))
    kind = make_dataclass("Simulate", [own], bases=(Simulate,), frozen=True)
    kind.__doc__ = Simulate.__doc__
    return kind(**values)
