"""ntadyn show: what a result file holds."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from ntadyn.maps.regimes import Thresholds
    from ntadyn.results.result_file import Result
    from ntadyn.results.slicing import At


@dataclass(frozen=True)
class Show:
    """Print what a result file holds, and draw it.

    For a sweep: axes, regimes, failures, errors, the border with its interval, cells on an uncertain side of it, and
    the random stream on which the outcome depends. For a simulation: how it ended. For any other data set that ntadyn
    or its experiments wrote: dimensions and ranges. For all: variables, the preset and what differs from it, and where
    the file came from.
    """

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")] = tyro.MISSING
    """A NetCDF file that another command or an experiment wrote."""
    plot: Annotated[Path | None, tyro.conf.arg(metavar="OUT.png")] = None
    """Where to draw, as .png and .pdf; if omitted, beside the file as FILE-overview.png."""
    no_plot: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print only."""
    at: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="AXIS=VALUE")] = ()
    """Choose a slice of a sweep: hold an axis at its value nearest to this one. May be given for several axes."""
    score: str | None = None
    """Score of a sweep to map, and whose border to find; if omitted, the alignment, or else the first score."""
    level: float = 0.9
    """Level of the score at the border."""
    specialised: float = 0.5
    """Smallest contrast of a specialised trajectory."""
    forgetful: float = 0.1
    """Largest contrast of a forgetful trajectory."""

    def run(self) -> int:
        """Read, print, draw; 0 whatever the file says, as long as it can be read and shown."""
        from ntadyn.maps.description import describe
        from ntadyn.maps.regimes import Thresholds
        from ntadyn.maps.summary import chosen_score
        from ntadyn.results.result_file import read_result
        from ntadyn.results.result_format import Kind
        from ntadyn.results.slicing import parsed

        if self.no_plot and self.plot is not None:
            raise ValueError(f"--no-plot and --plot {str(self.plot)!r} exclude each other; leave out one.")
        at, thresholds = parsed(self.at), Thresholds(self.specialised, self.forgetful)
        result = read_result(self.file)
        if at and result.kind is not Kind.SWEEP:
            raise ValueError(
                f"--at holds axes of a sweep, and {str(self.file)!r} is a {result.kind.value}; leave it out."
            )
        score = chosen_score(result.dataset, self.score) if result.kind is Kind.SWEEP else ""
        lines = describe(result, score, self.level, thresholds, at)
        if self.no_plot:
            print("\n".join(lines))
            return 0

        from ntadyn.results import storage

        target = self._target()
        with self._place(target):
            # Everything is drawn before anything is printed: a file is shown, or refused in one sentence.
            pictures = _drawn(result, score, self.level, thresholds, at)
            print("\n".join(lines) + "\n")
            if not pictures:
                print("nothing of it has a shape that can be drawn")
            same = self._same(pictures)
            if same is not None:
                print(f"the picture is the same as {same}")
            if same is None or self.plot is not None:
                for suffix, content in pictures.items():
                    print(f"wrote {storage.write_bytes(content, target.with_suffix(suffix))}")
        return 0

    def _same(self, pictures: dict[str, bytes]) -> Path | None:
        """The picture beside the file that its command drew, if it is the same as this one."""
        drawn = self.file.with_suffix(".png")
        return drawn if drawn.is_file() and drawn.read_bytes() == pictures.get(".png") else None

    def _target(self) -> Path:
        target = self.plot or self.file.with_name(f"{self.file.stem}-overview.png")
        if target.suffix not in (".png", ".pdf"):
            raise ValueError(
                f"cannot draw {str(target)!r}; give --plot a name that ends in .png; a .pdf is made as well."
            )
        return target

    @contextmanager
    def _place(self, target: Path) -> Iterator[None]:
        """The folder of the picture, which is removed again if it was made for nothing."""
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


def _drawn(result: "Result", score: str, level: float, thresholds: "Thresholds", at: "At") -> dict[str, bytes]:
    """The picture of a result, suffix -> content of the file; nothing if there is nothing to draw."""
    import warnings

    from ntadyn.plotting.dataset_overview import dataset_overview
    from ntadyn.plotting.labels import for_pictures, label
    from ntadyn.plotting.style import rendered
    from ntadyn.plotting.sweep_overview import sweep_overview
    from ntadyn.plotting.trajectory import trajectory_figure
    from ntadyn.results.result_format import DRAWN, Kind, check_drawable
    from ntadyn.results.slicing import slice_of

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values and letters in the file, which cannot be changed here
        if result.kind is Kind.SWEEP:
            check_drawable(result.kind, slice_of(result.dataset, at).dataset)
            names = {label(name): value for name, value in at.items()}
            return rendered(sweep_overview(for_pictures(result.dataset), label(score), level, thresholds, names))
        dataset = for_pictures(result.dataset)
        if result.kind is Kind.SIMULATION and all(name in dataset for name in DRAWN):
            check_drawable(result.kind, result.dataset)
            figure = trajectory_figure(dataset)
        else:
            figure = dataset_overview(dataset)
        return {} if figure is None else rendered(figure)
