"""ntadyn phase-diagram: where networks specialise, and where they forget."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ntadyn.cli.devices import wake_jax
from ntadyn.cli.progress import say, warn
from ntadyn.cli.running import Running, check_cells, refuse_what_axes_replace, warnings_of_cells
from ntadyn.cli.values import one_of
from ntadyn.results.text import printable
from ntadyn.sweeps.phase_maps import BASES, PRESETS, Ranges, figure_5_maps, published
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, Sweep

_AXES = {BLOCK_DURATION: "--block-duration LOW HIGH", GATE_TIME_CONSTANT: "--gate-time-constant LOW HIGH"}


@dataclass(frozen=True)
class PhaseDiagram:
    """Draw the two phase maps of figure 5: block duration by gate time constant, and by penalty strength.

    "published" takes the parameters of the figure in the convention with which it was made, translated exactly to the
    present one; "released" takes the literal parameters of the released code; "small" is "published" with few cells for
    a quick look. All parameters can be overridden; the defaults shown are those of the chosen preset.

    Finished tiles are kept in the output folder: a run that was stopped goes on from there when it is started again.
    """

    preset: Annotated[str, one_of(PRESETS)] = "published"
    """Where to start; `ntadyn presets` says what each is."""
    out: Path = Path("phase-diagram")
    """Folder for one NetCDF file per map, their tiles, and phase-diagram.png and .pdf."""
    predict: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Draw over both maps where theory has the border, which simulates nothing: a gate reaches zero early enough."""
    running: Annotated[Running, tyro.conf.arg(name="")] = field(default_factory=Running)
    ranges: Annotated[Ranges, tyro.conf.arg(name="")] = field(default_factory=published)

    def run(self) -> int:
        """Run both maps, write, draw; 0 if every trajectory succeeded, 1 otherwise."""
        maps = self._checked_maps()

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            return self._run(maps, folder)

    def _run(self, maps: Sequence[Sweep], folder: Path) -> int:
        sizes = " and ".join(f"{plan.name} of {plan.num_cells:,} cells" for plan in maps)
        say(f"phase-diagram: {sizes}, into {printable(str(self.out))}")
        warn(dict.fromkeys(text for plan in maps for text in warnings_of_cells(plan)))

        wake_jax(self.running.device)

        from ntadyn.sweeps.programs import Programs

        # All maps before the first one runs: if the second is refused, the first must not have written anything.
        programs = Programs()
        prepared = [self.running.prepared(plan, folder / f"{plan.name}.tiles", programs=programs) for plan in maps]
        prepared[0].compile_ahead()

        from ntadyn.maps.run_summary import run_summary
        from ntadyn.plotting.phase_diagram import phase_diagram_figure
        from ntadyn.plotting.style import save_figure
        from ntadyn.results import storage
        from ntadyn.results.provenance import provenance

        datasets, failures = [], 0
        with self.running.compute() as compute:
            for plan, run in zip(maps, prepared, strict=True):
                dataset = run(compute)
                dataset.attrs |= provenance() | {"preset": BASES[self.preset]}
                if self.predict:
                    from ntadyn.maps.prediction import agreement, with_prediction

                    say(f"{plan.name}: predicting the border, which takes up to a minute")
                    dataset = with_prediction(dataset, plan)
                    same, cells = agreement(dataset)
                    print(f"{plan.name}: most runs specialise as predicted in {same:,} of {cells:,} cells")
                datasets.append(dataset)
                failures += int((dataset.result > 0).sum())
                print(run_summary(dataset))
                print(f"wrote {storage.write_dataset(dataset, folder / f'{plan.name}.nc')}")
        for path in save_figure(phase_diagram_figure(datasets), folder / "phase-diagram"):
            print(f"wrote {path}")
        return int(failures > 0)

    def _checked_maps(self) -> tuple[Sweep, ...]:
        """The maps, after all checks that need no JAX.

        Raises:
            ValueError: for anything that cannot be run as a map.
        """
        refuse_what_axes_replace(self.ranges.base, PRESETS[self.preset]().base, _AXES)
        self.running.check_options()
        maps = figure_5_maps(self.ranges, self.running.check, self.running.precision)
        for plan in maps:
            check_cells(plan)
        if self.predict:
            from ntadyn.maps.prediction import check_predictable

            for plan in maps:
                check_predictable(plan)
        return maps
