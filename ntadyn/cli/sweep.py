"""ntadyn sweep: any parameters as axes, of presets or of specs of your own."""

from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ntadyn.cli.axis_words import GRAMMAR, axes_of
from ntadyn.cli.devices import wake_jax
from ntadyn.cli.progress import say, warn
from ntadyn.cli.running import Running, check_cells, refuse_what_axes_replace, warnings_of_cells
from ntadyn.cli.values import one_of
from ntadyn.results.text import printable
from ntadyn.specs import families
from ntadyn.sweeps import plan

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Sweep:
    """Run every cell of any axes, write a labelled NetCDF file, and draw it.

    The parameters are those of a preset or of a spec of your own (--spec), and can be overridden; axes multiply.
    Finished tiles are kept in the output folder: a run that was stopped goes on from there when it is started again.
    """

    axis: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="PATH=VALUES")] = ()
    """A parameter and its values, once per axis: time_constants.gates=0.01:0.05:9 (low, high, count),
    penalties.strength=log:0.001:1:14, network.num_paths=2,3,4; several that change together:
    "time_constants.gates+penalties.strength=0.01,0.02;0.1,0.2". The last name of a path is enough if it is unique."""
    preset: Annotated[str, one_of(families.PRESETS)] = "figure-5-published"
    """Where to start; `ntadyn presets` says what each is."""
    spec: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:NAME")] = None
    """A spec of your own in place of a preset: a frozen dataclass that builds, see `ntadyn.specs.spec.Spec`."""
    out: Path = Path("sweep")
    """Folder for sweep.nc, the tiles, sweep.png and .pdf."""
    score: str | None = None
    """Score to draw, and to follow with --refine; if omitted, the alignment, or else the first score."""
    level: float = plan.BORDER
    """Level of the score at the border."""
    at: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="AXIS=VALUE")] = ()
    """Hold an axis in sweep.png at its value nearest to this one, for sweeps over more than two axes."""
    running: Annotated[Running, tyro.conf.arg(name="")] = field(default_factory=Running)
    # The options of one spec replace these two, see `sweep_of`.
    configuration: tyro.conf.Suppress[tyro.conf.Fixed[Any]] = None
    num_seeds: tyro.conf.Suppress[tyro.conf.Fixed[int | None]] = None

    def run(self) -> int:
        """Run, write, draw; 0 if every trajectory succeeded, 1 otherwise."""
        if not self.axis:
            raise ValueError(f"a sweep needs at least one axis; give --axis {GRAMMAR}.")
        self.running.check_options()
        spec = self.configuration
        sweep = plan.Sweep(
            spec,
            axes_of(self.axis, spec),
            check=self.running.check,
            precision=self.running.precision,
            num_seeds=self.num_seeds,
        )
        if self.spec is None:
            options = {item.path: "--axis" for item in sweep.parameters}
            refuse_what_axes_replace(spec, families.PRESETS[self.preset](), options)
        check_cells(sweep)

        from ntadyn.results import storage
        from ntadyn.results.slicing import parsed

        held = parsed(self.at)
        with storage.new_folder(self.out) as folder:
            return self._run(sweep, held, folder)

    def _run(self, sweep: plan.Sweep, held: dict[str, str], folder: Path) -> int:
        shape = " x ".join(f"{len(axis)} {axis.name}" for axis in sweep.axes)
        number = sweep.num_repetitions
        say(
            f"sweep: {shape}, {number} repetition{'s' if number != 1 else ''}: {sweep.num_cells * number:,} "
            f"trajectories, into {printable(str(self.out))}"
        )
        from ntadyn.sweeps.batch_noises import batch_noises, spread

        if (noise := batch_noises(sweep)) is not None:
            ends = dict.fromkeys(f"{end:.2g}" for end in spread(noise[1]))
            say(f"batch noise kappa {' to '.join(ends)}; below .02 batches are as good as the population")
        warn(warnings_of_cells(sweep))

        wake_jax(self.running.device)

        from ntadyn.results.slicing import slice_of
        from ntadyn.sweeps.merge import unfilled

        slice_of(unfilled(sweep), held)  # refuses axes and values that are not there
        run = self.running.prepared(sweep, folder / "sweep.tiles", self.score, self.level)
        run.compile_ahead()

        from ntadyn.maps.run_summary import run_summary
        from ntadyn.results import storage
        from ntadyn.results.provenance import provenance

        with self.running.compute() as compute:
            dataset = run(compute)
        dataset.attrs |= provenance() | ({"preset": self.preset} if self.spec is None else {})
        print(run_summary(dataset))
        print(f"wrote {storage.write_dataset(dataset, folder / 'sweep.nc')}")
        for path in self._drawn(dataset, held, folder):
            print(f"wrote {path}")
        return int(bool((dataset.result > 0).any()))

    def _drawn(self, dataset: "xr.Dataset", held: dict[str, str], folder: Path) -> Sequence[Path]:
        from ntadyn.maps.summary import chosen_score
        from ntadyn.plotting.slice_grid import slice_grid
        from ntadyn.plotting.style import save_figure
        from ntadyn.plotting.sweep_overview import sweep_overview

        score = chosen_score(dataset, self.score)
        written = save_figure(sweep_overview(dataset, score, self.level, at=held), folder / "sweep")
        grid = slice_grid(dataset, score, self.level)
        return written if grid is None else [*written, *save_figure(grid, folder / "slices")]


def sweep_of(spec: Any, **values: Any) -> Sweep:
    """The command for one spec, whose parameters are its options.

    Args:
        spec: the spec with which the parameters start.
        values: values of options that do not depend on the spec.

    Raises:
        ValueError: if a parameter has the name of an option.
    """
    own: list[Any] = [("configuration", Annotated[type(spec), tyro.conf.arg(name="")], field(default=spec))]
    if not hasattr(spec, "randomness"):
        seeds = tyro.conf.arg(name="seeds", help="Number of repetitions.")
        own.append(("num_seeds", Annotated[int, seeds], field(default=1)))
    kind = make_dataclass("Sweep", own, bases=(Sweep,), frozen=True)
    kind.__doc__ = Sweep.__doc__
    taken = {*Sweep.__dataclass_fields__, *Running.__dataclass_fields__, "seeds"} - {"configuration", "num_seeds"}
    names = taken.intersection(getattr(spec, "__dataclass_fields__", ()))
    if names:
        raise ValueError(
            f"{type(spec).__name__} has the parameters {', '.join(sorted(names))}, which are options of ntadyn sweep; "
            f"rename them, or sweep it from Python with ntadyn.sweeps.sweep."
        )
    return kind(**values)
