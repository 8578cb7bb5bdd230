"""ntadyn phase-diagram: where networks specialise, and where they forget."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ntadyn.cli.devices import check_devices
from ntadyn.cli.progress import say, warn
from ntadyn.cli.values import one_of
from ntadyn.results.text import printable
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.extent import num_composites
from ntadyn.specs.paths import replaced, value_at
from ntadyn.specs.warnings import warnings_of
from ntadyn.sweeps.phase_maps import BASES, PRESETS, Ranges, figure_5_maps, published
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, Precision, Sweep

if TYPE_CHECKING:
    import xarray as xr

    from ntadyn.sweeps.engine import Compute

MOST_WORKERS = 4096


@dataclass(frozen=True)
class PhaseDiagram:
    """Draw the two phase maps of figure 5: block duration by gate time constant, and by penalty strength.

    "published" runs the figure's parameters in the convention that it was made with, translated exactly to the present
    one; "released" takes the literal parameters of the released code; "small" is "published" at a size for a quick
    look. All parameters can be overridden; the defaults shown belong to the preset that is chosen.

    Finished tiles are kept in the output folder: a run that was stopped goes on from there when it is started again.
    """

    preset: Annotated[str, one_of(PRESETS)] = "published"
    """Where to start; `ntadyn presets` says what each is."""
    out: Path = Path("phase-diagram")
    """Folder for one NetCDF file per map, their tiles, and phase-diagram.png and .pdf."""
    check: Annotated[float, tyro.conf.arg(metavar="SHARE")] = 0.0
    """Share of the cells, from 0 to 1, to run again with halved steps and from a start that is moved by 1e-6."""
    precision: Precision = Precision.DOUBLE
    """Single precision is faster, and off by less than steps are, except close to the border."""
    device: str | None = None
    """Kind of device that runs the tiles, such as cpu or gpu; all of that kind are used. JAX chooses when omitted."""
    workers: int = 2
    """Tiles that run at the same time on a device, or worker processes of a local cluster."""
    refine: int | None = None
    """Start from cells this far apart, a power of two such as 8, and add only those along the border."""
    cluster: str | None = None
    """Address of a Dask scheduler that you trust, such as tls://host:8786, or "local" for processes on this machine."""
    ranges: Annotated[Ranges, tyro.conf.arg(name="")] = field(default_factory=published)

    def run(self) -> int:
        """Run both maps, write, draw; 0 if every trajectory succeeded, 1 otherwise."""
        maps = self._checked_maps()

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            return self._run(maps, folder)

    def _run(self, maps: tuple[Sweep, ...], folder: Path) -> int:
        sizes = " and ".join(f"{plan.name} of {plan.num_cells:,} cells" for plan in maps)
        say(f"phase-diagram: {sizes}, into {printable(str(self.out))}")
        warn(self._doubts(maps))

        import jax

        jax.config.update("jax_enable_x64", True)
        check_devices(self.device)

        from ntadyn.maps.run_summary import run_summary
        from ntadyn.plotting.phase_diagram import phase_diagram_figure
        from ntadyn.plotting.style import save_figure
        from ntadyn.results import storage
        from ntadyn.results.provenance import provenance

        places = {plan.name: folder / f"{plan.name}.tiles" for plan in maps}
        # All maps before the first one runs: if the second is refused, nothing of the first one may be settled.
        for plan in maps:
            self._check_map(plan, places[plan.name])
        datasets, failures = [], 0
        with self._compute() as compute:
            for plan in maps:
                dataset = self._map(plan, compute, places[plan.name])
                dataset.attrs |= provenance() | {"preset": BASES[self.preset]}
                datasets.append(dataset)
                failures += int((dataset.result > 0).sum())
                print(run_summary(dataset))
                print(f"wrote {storage.write_dataset(dataset, folder / f'{plan.name}.nc')}")
        for path in save_figure(phase_diagram_figure(datasets), folder / "phase-diagram"):
            print(f"wrote {path}")
        return int(failures > 0)

    def _checked_maps(self) -> tuple[Sweep, ...]:
        """The maps, after refusing what can be told without JAX.

        Raises:
            ValueError: for anything that makes no map.
        """
        self._check_swept()
        if not 1 <= self.workers <= MOST_WORKERS:
            raise ValueError(f"workers is {self.workers}; give a number from 1 to {MOST_WORKERS}.")
        if self.refine is not None and (self.refine < 2 or self.refine & (self.refine - 1)):
            raise ValueError(f"refine is {self.refine}; the first cells lie a power of two apart, 2 or more.")
        if self.cluster is not None and self.cluster != "local" and ":" not in self.cluster:
            raise ValueError(f'cluster is {self.cluster!r}; give an address such as tls://host:8786, or "local".')
        maps = figure_5_maps(self.ranges, self.check, self.precision)
        for plan in maps:
            plan.check_values()
            # Where blocks are shortest and gates fastest there are most steps.
            check_simulation(replaced(plan.configuration, plan.changes(0)))
        base = self.ranges.base
        tasks, paths = base.teachers.num_tasks + num_composites(base), base.network.num_paths
        if paths < tasks:
            raise ValueError(
                f"a map matches every task to a path of its own; got {tasks} tasks, composites included, and {paths} "
                f"paths. Use more paths (--network.num-paths)."
            )
        return maps

    def _doubts(self, maps: tuple[Sweep, ...]) -> list[str]:
        """What should be known about the cells with the longest blocks, which have the fewest."""
        longest = {BLOCK_DURATION: max(self.ranges.block_duration)}
        return list(dict.fromkeys(text for plan in maps for text in warnings_of(replaced(plan.configuration, longest))))

    def _check_swept(self) -> None:
        """Raise ValueError if a parameter was given that every cell replaces."""
        preset = PRESETS[self.preset]().base
        for path, axis in ((BLOCK_DURATION, "--block-duration"), (GATE_TIME_CONSTANT, "--gate-time-constant")):
            given = value_at(self.ranges.base, path)
            if given != value_at(preset, path):
                raise ValueError(
                    f"{path} = {given} would have no effect: it is an axis of these maps. Use {axis} LOW HIGH."
                )

    def _check_map(self, plan: Sweep, folder: Path) -> None:
        """Raise ValueError for what would be refused when the map is run; nothing is written."""
        from ntadyn.sweeps import refinement
        from ntadyn.sweeps.engine import check_folder
        from ntadyn.sweeps.scores import OUTCOME
        from ntadyn.sweeps.tiles import TiledSweep

        if self.refine is not None:
            refinement.check_folder(plan, folder, self.refine)
        else:
            check_folder(TiledSweep.make(plan, OUTCOME), folder)

    def _map(self, plan: Sweep, compute: "Compute", folder: Path) -> "xr.Dataset":
        from tqdm import tqdm

        from ntadyn.sweeps import run_sweep
        from ntadyn.sweeps.refinement import refine_sweep

        if self.refine is not None:
            with tqdm(desc=plan.name, unit="traj", unit_scale=True) as bar:
                return refine_sweep(plan, self.refine, compute=compute, folder=folder, report=bar.update)
        total = plan.num_cells * len(plan.repetitions())
        with tqdm(total=total, desc=plan.name, unit="traj", unit_scale=True) as bar:
            return run_sweep(plan, compute=compute, folder=folder, report=bar.update)

    @contextmanager
    def _compute(self) -> Iterator["Compute"]:
        """Threads of this process, or a cluster."""
        if self.cluster is None:
            from ntadyn.sweeps.engine import Threads

            yield Threads(self.workers)
            return
        from ntadyn.sweeps.cluster import cluster

        with cluster(None if self.cluster == "local" else self.cluster, self.workers) as compute:
            yield compute
