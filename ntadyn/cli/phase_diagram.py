"""ntadyn phase-diagram: where networks specialise, and where they forget."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ntadyn.phase_maps import Ranges, figure_5_maps, published

Preset = Literal["published", "released", "small"]


@dataclass(frozen=True)
class PhaseDiagram:
    """Draw the two phase maps of figure 5: block duration by gate time constant, and by penalty strength.

    "published" runs the figure's parameters in the convention that it was made with, translated exactly to the present
    one; "released" takes the literal parameters of the released code; "small" is "published" at a size for a quick
    look. All parameters can be overridden; the defaults shown belong to the preset that is chosen.
    """

    preset: Preset = "published"
    """Where to start."""
    out: Path = Path("phase-diagram")
    """Folder for one NetCDF file per map, and phase-diagram.png and .pdf."""
    estimate_error: bool = False
    """Run again with all steps halved and write how far gates and alignment move; three times the work."""
    workers: int = 2
    """Rows that run at the same time."""
    ranges: Annotated[Ranges, tyro.conf.arg(name="")] = field(default_factory=published)

    def run(self) -> int:
        """Run both maps, write, draw; 0 if every trajectory succeeded, 1 otherwise."""
        maps = figure_5_maps(self.ranges, self.estimate_error)

        import jax

        jax.config.update("jax_enable_x64", True)

        from tqdm import tqdm

        from ntadyn import storage
        from ntadyn.plotting.phase_map import phase_map_figure
        from ntadyn.plotting.style import save_figure
        from ntadyn.provenance import provenance
        from ntadyn.sweeps import check_phase_map, run_phase_map

        folder = storage.output_folder(self.out)
        for phase_map in maps:
            check_phase_map(phase_map, self.workers)
        datasets, failures = [], 0
        for phase_map in maps:
            cells = len(phase_map.rows.values) * len(phase_map.columns.values)
            total = cells * phase_map.configuration.randomness.num_seeds
            with tqdm(total=total, desc=phase_map.name, unit="traj", unit_scale=True) as bar:
                dataset = run_phase_map(phase_map, self.workers, bar.update)
            dataset.attrs |= provenance()
            datasets.append(dataset)
            failed = int((dataset.result != 0).sum())
            failures += failed
            attributes = dataset.attrs
            print(
                f"{phase_map.name}: {total} trajectories, {failed} failed, compiled in "
                f"{attributes['compile_seconds']:.1f} s, ran in {attributes['run_seconds']:.1f} s, "
                f"step {attributes['max_step']:.2g}"
            )
            if self.estimate_error:
                print(
                    f"  halving all steps moves alignments by {float(dataset.alignment_error.median()):.1e} (median), "
                    f"{float(dataset.alignment_error.max()):.1e} (largest)"
                )
            print(f"wrote {storage.write_dataset(dataset, folder / f'{phase_map.name}.nc')}")
        for path in save_figure(phase_map_figure(datasets), folder / "phase-diagram"):
            print(f"wrote {path}")
        return int(failures > 0)
