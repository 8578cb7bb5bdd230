"""How a sweep is run from the command line: checks, refinement, devices, and progress."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.extent import num_composites
from ntadyn.specs.paths import replaced, value_at
from ntadyn.specs.warnings import warnings_of
from ntadyn.sweeps.plan import BORDER, Precision, Sweep

if TYPE_CHECKING:
    import xarray as xr

    from ntadyn.sweeps.engine import Compute
    from ntadyn.sweeps.programs import Programs
    from ntadyn.sweeps.tiles import TiledSweep

MOST_WORKERS = 4096


@dataclass(frozen=True)
class Running:
    """The options of every command that runs sweeps."""

    check: Annotated[float, tyro.conf.arg(metavar="SHARE")] = 0.0
    """Share of the cells, from 0 to 1, to run again with halved steps and from a start moved by 1e-6."""
    precision: Precision = Precision.DOUBLE
    """Single precision is faster, and adds less error than the steps make, except close to the border."""
    device: str | None = None
    """Kind of device that runs the tiles, such as cpu or gpu; all of that kind are used. JAX chooses if omitted."""
    workers: int = 2
    """Tiles that run at the same time on a device, or worker processes of a local cluster."""
    refine: int | None = None
    """Start with cells this far apart, a power of two such as 8, and add only those along the border."""
    cluster: str | None = None
    """Address of a Dask scheduler that you trust, such as tls://host:8786, or "local" for processes on this machine."""

    def check_options(self) -> None:
        """Refuse values that make no sense.

        Raises:
            ValueError: for such values.
        """
        if not 1 <= self.workers <= MOST_WORKERS:
            raise ValueError(f"workers is {self.workers}; give a number from 1 to {MOST_WORKERS}.")
        if self.refine is not None and (self.refine < 2 or self.refine & (self.refine - 1)):
            raise ValueError(f"refine is {self.refine}; the first cells must lie a power of two apart, 2 or more.")
        if self.cluster is not None and self.cluster != "local" and ":" not in self.cluster:
            raise ValueError(f'cluster is {self.cluster!r}; give an address such as tls://host:8786, or "local".')

    def prepared(
        self,
        plan: Sweep,
        folder: Path,
        score: str | None = None,
        level: float = BORDER,
        programs: "Programs | None" = None,
    ) -> "Prepared":
        """Lay a sweep out, refuse what running it would refuse, and write nothing.

        Args:
            plan: what to run.
            folder: where its tiles are kept.
            score: the score whose border is followed with `refine`; if omitted, the first score that is kept.
            level: its value at that border.
            programs: those of another sweep of the command, to share.

        Returns:
            What runs the sweep.

        Raises:
            ValueError: for a sweep that cannot be built, or a folder that belongs to another one.
        """
        from ntadyn.sweeps.engine import check_folder, run_tiled
        from ntadyn.sweeps.suiting_measures import measures_for, scores_of_one_number
        from ntadyn.sweeps.tiles import TiledSweep

        plan.check_values()
        measures = measures_for(plan)
        known = partial(scores_of_one_number, plan, measures)  # which traces them
        if score is not None and score not in known():
            raise ValueError(f"there is no score {score!r}; choose from {', '.join(known())}.")
        if self.refine is None:
            tiled = TiledSweep.make(plan, measures, programs=programs)
            check_folder(tiled, folder)
            total = plan.num_cells * len(plan.repetitions())
            # What is in the folder already may be all there is to do.
            new = tiled if self.cluster is None and not folder.exists() else None
            return Prepared(plan.name, partial(run_tiled, tiled), folder, total, new)
        from ntadyn.sweeps.refinement import Refinement

        refinement = Refinement.make(plan, self.refine, measures, score=score or known()[0], level=level)
        refinement.check_folder(folder)
        return Prepared(plan.name, refinement.run, folder)

    @contextmanager
    def compute(self) -> Iterator["Compute"]:
        """Threads of this process, or a cluster."""
        if self.cluster is None:
            from ntadyn.sweeps.engine import Threads

            yield Threads(self.workers)
            return
        from ntadyn.sweeps.cluster import cluster

        with cluster(None if self.cluster == "local" else self.cluster, self.workers) as compute:
            yield compute


@dataclass(frozen=True)
class Prepared:
    """A sweep that has been laid out and not been refused.

    Attributes:
        name: of the sweep.
        run: runs it, as `ntadyn.sweeps.engine.run_tiled` does.
        folder: where its tiles are kept.
        total: its number of trajectories, if known.
        new: its tiles if this process will compute all of them.
    """

    name: str
    run: Callable[..., "xr.Dataset"]
    folder: Path
    total: int | None = None
    new: "TiledSweep | None" = None

    def __call__(self, compute: "Compute") -> "xr.Dataset":
        """Run the sweep and show its progress."""
        from tqdm import tqdm

        with tqdm(total=self.total, desc=self.name, unit="traj", unit_scale=True) as bar:
            return self.run(compute=compute, folder=self.folder, report=bar.update)

    def compile_ahead(self) -> None:
        """Let another thread begin to compile, while this one imports what draws and writes."""
        if self.new is not None:
            threading.Thread(target=self._compile, args=(self.new,)).start()

    def _compile(self, new: "TiledSweep") -> None:
        import jax

        with suppress(Exception):  # which will be met again, and told, when the sweep is run
            new.compile(jax.local_devices()[0])


def check_cells(plan: Sweep) -> None:
    """Refuse a sweep with cells that make no sense or would not end; without JAX.

    Args:
        plan: a sweep over any spec; unless that is a `Configuration`, only its own `check` is known.

    Raises:
        ValueError: if there is such a cell.
    """
    plan.check_values()
    for spec in _extremes(plan):
        check_simulation(spec)
        tasks, paths = spec.teachers.num_tasks + num_composites(spec), spec.network.num_paths
        if paths < tasks:
            raise ValueError(
                f"a map matches every task to a path of its own; got {tasks} tasks, composites included, and {paths} "
                f"paths. Use more paths (--network.num-paths)."
            )


def warnings_of_cells(plan: Sweep) -> list[str]:
    """Warnings about some of the cells, see `ntadyn.specs.warnings_of`; without JAX."""
    return list(dict.fromkeys(text for spec in _extremes(plan) for text in warnings_of(spec)))


def refuse_what_axes_replace(given: Any, preset: Any, axes: Mapping[str, str]) -> None:
    """Refuse a parameter that was given although every cell replaces it.

    Args:
        given: the spec after the options.
        preset: the spec before them.
        axes: dotted path of every parameter that an axis changes -> the option that gives its values.

    Raises:
        ValueError: if there is such a parameter.
    """
    for path, option in axes.items():
        value = value_at(given, path)
        if value != value_at(preset, path):
            raise ValueError(f"{path} = {value} would have no effect: it is an axis. Its values are those of {option}.")


def _extremes(plan: Sweep) -> Iterator[Configuration]:
    if isinstance(plan.configuration, Configuration):
        for changes in plan.extremes():
            yield replaced(plan.configuration, changes)
