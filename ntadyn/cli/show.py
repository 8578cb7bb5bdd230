"""ntadyn show: what a result file holds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Show:
    """Print what a result file holds, and draw it.

    Of a sweep: axes, regimes, failures, errors, the border with its interval, and which random stream the outcome
    depends on; of a simulation: how it ended. Of both: variables, the settings that differ from the defaults, and where
    the file came from.
    """

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")] = tyro.MISSING
    """A NetCDF file that another command wrote."""
    plot: Annotated[Path | None, tyro.conf.arg(metavar="OUT.png")] = None
    """Where to draw, as .png and .pdf; beside the file, as FILE-overview.png, when omitted."""
    no_plot: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print only."""
    score: str = "alignment"
    """Score of a sweep that is mapped, and whose border is found."""
    level: float = 0.9
    """Level of the score at the border."""
    specialised: float = 0.5
    """Smallest contrast of a specialised trajectory."""
    forgetful: float = 0.1
    """Largest contrast of a forgetful trajectory."""

    def run(self) -> int:
        """Read, print, draw; 0 whatever the file says, as long as it can be read."""
        from ntadyn.contents import describe, read_result
        from ntadyn.sweeps.regimes import Thresholds

        thresholds = Thresholds(self.specialised, self.forgetful)
        kind, dataset = read_result(self.file)
        target = None if self.no_plot else self._target()
        print("\n".join(describe(kind, dataset, self.score, self.level, thresholds)))
        if target is None:
            return 0

        from ntadyn.contents import Kind
        from ntadyn.plotting.style import save_figure

        if kind is Kind.SWEEP:
            from ntadyn.plotting.doubt import doubt_figure

            figure = doubt_figure(dataset, self.score, self.level, thresholds)
        else:
            from ntadyn.plotting.trajectory import trajectory_figure

            figure = trajectory_figure(dataset)
        print()
        for path in save_figure(figure, target):
            print(f"wrote {path}")
        return 0

    def _target(self) -> Path:
        from ntadyn import storage

        target = self.plot or self.file.with_name(f"{self.file.stem}-overview.png")
        if target.suffix not in (".png", ".pdf"):
            raise ValueError(
                f"cannot draw {str(target)!r}; give --plot a name that ends in .png, a .pdf is made as well."
            )
        try:
            storage.output_folder(target.parent)
        except ValueError as error:
            raise ValueError(
                f"cannot draw into the folder {str(target.parent)!r}; name another place with --plot OUT.png, or print "
                f"only with --no-plot."
            ) from error
        return target
