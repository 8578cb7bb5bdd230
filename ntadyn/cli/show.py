"""ntadyn show: what a result file holds."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from ntadyn.maps.contents import Result
    from ntadyn.maps.regimes import Thresholds


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
        """Read, print, draw; 0 whatever the file says, as long as it can be read and shown."""
        from ntadyn.maps.contents import describe, read_result
        from ntadyn.maps.regimes import Thresholds

        if self.no_plot and self.plot is not None:
            raise ValueError(f"--no-plot and --plot {str(self.plot)!r} exclude each other; leave out one.")
        thresholds = Thresholds(self.specialised, self.forgetful)
        result = read_result(self.file)
        lines = describe(result, self.score, self.level, thresholds)
        if self.no_plot:
            print("\n".join(lines))
            return 0

        from ntadyn.results import storage

        target = self._target()
        with self._place(target):
            # All is drawn before anything is printed: a file is shown, or refused in one sentence.
            pictures = _drawn(result, self.score, self.level, thresholds)
            print("\n".join(lines) + "\n")
            for suffix, content in pictures.items():
                print(f"wrote {storage.write_bytes(content, target.with_suffix(suffix))}")
        return 0

    def _target(self) -> Path:
        target = self.plot or self.file.with_name(f"{self.file.stem}-overview.png")
        if target.suffix not in (".png", ".pdf"):
            raise ValueError(
                f"cannot draw {str(target)!r}; give --plot a name that ends in .png, a .pdf is made as well."
            )
        return target

    @contextmanager
    def _place(self, target: Path) -> Iterator[None]:
        """The folder of the picture, which goes again if it was made for nothing."""
        from ntadyn.results import storage

        with ExitStack() as stack:
            try:
                stack.enter_context(storage.new_folder(target.parent))
            except ValueError as error:
                raise ValueError(
                    f"cannot draw into the folder {str(target.parent)!r}; name another place with --plot OUT.png, or "
                    f"print only with --no-plot."
                ) from error
            yield


def _drawn(result: "Result", score: str, level: float, thresholds: "Thresholds") -> dict[str, bytes]:
    """The picture of a result, suffix -> content of the file."""
    import warnings

    from ntadyn.plotting.labels import for_pictures, label
    from ntadyn.plotting.style import rendered
    from ntadyn.results.result_format import Kind, check_drawable

    check_drawable(result.kind, result.dataset)
    dataset = for_pictures(result.dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values and letters of the file, which nobody can change here
        if result.kind is Kind.SWEEP:
            from ntadyn.plotting.doubt import doubt_figure

            return rendered(doubt_figure(dataset, label(score), level, thresholds))

        from ntadyn.plotting.trajectory import trajectory_figure

        return rendered(trajectory_figure(dataset))
