"""ntadyn simulate: one configuration, all its repetitions."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ntadyn.cli.devices import check_devices
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.presets import SIMULATIONS

Preset = Literal[
    "figure-2-flexible",
    "figure-2-forgetful",
    "figure-5-published",
    "figure-5-released",
    "figure-6-flexible",
    "figure-6-forgetful",
    "figure-a7-published",
    "figure-a7-released",
]


@dataclass(frozen=True)
class Simulate:
    """Run one configuration, draw loss, gates and alignment over time, and write a labelled NetCDF file.

    Start from a preset and override any of its parameters; the defaults shown belong to the preset that is chosen.
    """

    preset: Preset = "figure-2-flexible"
    """Where to start."""
    out: Path = Path("simulation")
    """Folder for simulation.nc, simulation.png and simulation.pdf."""
    records_per_block: Annotated[int, tyro.conf.arg(metavar="N")] = 40
    """Records inside every block, besides those at its start and end."""
    estimate_error: bool = False
    """Run again with all steps halved and write the estimated error of every recorded number."""
    configuration: Annotated[Configuration, tyro.conf.arg(name="")] = field(
        default_factory=SIMULATIONS["figure-2-flexible"]
    )

    def run(self) -> int:
        """Simulate, write, draw; 0 if every repetition succeeded, 1 otherwise."""
        check_simulation(self.configuration, self.records_per_block)

        import jax
        import numpy as np

        jax.config.update("jax_enable_x64", True)
        check_devices()

        from ntadyn.plotting.style import save_figure
        from ntadyn.plotting.trajectory import trajectory_figure
        from ntadyn.results import storage
        from ntadyn.results.description import ending
        from ntadyn.results.provenance import provenance
        from ntadyn.specs import building
        from ntadyn.specs.ensemble import run_ensemble
        from ntadyn.specs.labelled import simulation_dataset

        with storage.new_folder(self.out) as folder:
            trajectory, curriculum = run_ensemble(
                self.configuration, records_per_block=self.records_per_block, estimate_error=self.estimate_error
            )
            key = building.first(building.keys(self.configuration.randomness))
            tasks = building.build_tasks(self.configuration.teachers, key.teachers)
            dataset = simulation_dataset(self.configuration, trajectory, curriculum, tasks)
            dataset.attrs |= provenance()
            written = [storage.write_dataset(dataset, folder / "simulation.nc")]
            written += save_figure(trajectory_figure(dataset), folder / "simulation")
        failures = {int(seed): int(code) for seed, code in enumerate(dataset.result.values) if code}
        print(f"{dataset.sizes['seed']} repetitions, {curriculum.num_blocks} blocks, {len(failures)} failed")
        for seed, code in failures.items():
            print(f"repetition {seed} {ending(code)}; the rest is kept")
        if len(failures) < dataset.sizes["seed"]:
            final = dataset.isel(record=-1, seed=dataset.result.values == 0)
            print(f"loss at the end      {float(final.loss.mean()):.3g}")
            pairs = range(min(tasks.num_base, final.sizes["path"]))
            print(f"alignment at the end {float(final.similarity.values[:, pairs, pairs].mean()):.4f}")
        if self.estimate_error:
            errors = dataset.gates_error.max([name for name in dataset.gates_error.dims if name != "seed"])
            known = errors.values[np.isfinite(errors.values)]
            unresolved = errors.size - known.size
            note = f"; unresolved in {unresolved} of {errors.size} repetitions" if unresolved else ""
            print(f"estimated error of the gates: {f'at most {known.max():.1e}' if known.size else 'unknown'}{note}")
        for path in written:
            print(f"wrote {path}")
        return int(bool(failures))
