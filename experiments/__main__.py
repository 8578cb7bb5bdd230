"""python -m experiments: list what there is, run some or all of it, gather the results on one page."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from experiments.harness.registry import QUICK, chosen, packages, spelled
from ntadyn.cli.output import standard_streams

REFERENCE_VARIABLE = "NTADYN_REFERENCE"
DESCRIPTION = "Experiments: simulate, draw, and compare with published or derived numbers. See `list`."
INTERRUPTED = 130


@dataclass(frozen=True)
class List:
    """List packages and their experiments."""

    def run(self) -> int:
        """Print one line per experiment, under the title of its package."""
        width = max(len(name) for package in packages() for name in package.experiments)
        for package in packages():
            print(f"{package.name}: {package.title}\n")
            for name, line in package.experiments.items():
                print(f"  {name.ljust(width)}  {line}")
            print()
        example = next(iter(packages()[0].experiments))
        print(f"`run {example}` runs one, `run {packages()[0].name}` all of a package, `run all` all there are.")
        return 0


@dataclass(frozen=True)
class Run:
    """Run experiments: write pictures, data and acceptance numbers, and print these as tables.

    Experiments whose results are complete, and were made with the same parameters by the same code, are not run again,
    and simulations that several of them need are computed once. An experiment that fails does not stop the others. The
    exit code is 1 if one failed, or a number is outside its tolerance without being stated to be.
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAME...")]
    """Experiments or packages, as `list` names them, or `all`; with dashes or underscores, in any case."""
    out: Path | None = None
    """Folder for everything that is written; if omitted, figures, and figures/fast with --fast."""
    fast: bool = False
    """Fewer repetitions, for a quick look."""
    online: bool = False
    """Stochastic gradient descent on batches in place of the population flow; takes minutes."""
    reference: Path | None = None
    """Folder with arrays of published code, for experiments that compare with some; if omitted, what NTADYN_REFERENCE
    names."""
    trials: Path | None = None
    """CSV file with trials of people, for figure_8. Its first line names the columns user, practice (the user's games,
    from 1), trial (place in the game), task (the cued one), correct (1 or 0) and, if known, response_time (seconds) and
    synthetic (1 if nobody made them); one trial per line."""
    images: Path | None = None
    """Folder with MNIST or Fashion-MNIST in IDX form, for experiments that learn from images; if omitted, they take the
    digits that scikit-learn brings along. Nothing is downloaded."""
    again: bool = False
    """Run also what is up to date."""
    workers: int = 2
    """Experiments at a time, each in a process of its own; with 1 they run in this process."""

    def run(self) -> int:
        """Run them all, in double precision."""
        names = chosen(self.names)
        named = os.environ.get(REFERENCE_VARIABLE)
        reference = self.reference if self.reference is not None or not named else Path(named)
        out = self.out if self.out is not None else Path("figures", *([QUICK] if self.fast else []))
        what = names[0] if len(names) == 1 else f"{len(names)} experiments"
        kind = " quickly" * self.fast + " on batches" * self.online
        them = "it" if len(names) == 1 else "them"
        print(f"running {what}{kind} into {str(out)!r}; loading {them} first", flush=True)

        from experiments.harness.runner import Request, run_experiments

        request = Request(out, self.fast, self.online, reference, self.trials, self.images, self.again, self.workers)
        return int(not run_experiments(self.names, request))


@dataclass(frozen=True)
class Report:
    """Write all results of a folder as one HTML page: pictures, acceptance numbers, and what to make of them."""

    out: Path = Path("figures")
    """Folder that experiments were run into, figures/fast for quick runs; the page is written there as report.html."""

    def run(self) -> int:
        """Write it and say where."""
        from experiments.harness.report import write_report

        print(f"wrote {write_report(self.out)}")
        return 0


@dataclass(frozen=True)
class Gallery:
    """Write small copies of some pictures, which the README shows."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAME...")] = (
        "figure_2",
        "figure_3",
        "figure_4",
        "figure_6",
    )
    """Experiments, as `list` names them."""
    out: Path = Path("figures")
    """Folder that they were run into."""
    to: Path = Path(__file__).with_name("gallery")
    """Folder for the copies."""

    def run(self) -> int:
        """Write them and say where."""
        from experiments.harness.small_copies import write_small_copies

        for path in write_small_copies([spelled(name) for name in self.names], self.out, self.to):
            print(f"wrote {path}")
        return 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Leave with 0 for success, 1 for failures and unexpected numbers, 2 for bad input."""
    with standard_streams():
        _main(arguments)


def _main(arguments: Sequence[str] | None) -> None:
    command: Any = tyro.extras.subcommand_cli_from_dict(
        {"list": List, "run": Run, "report": Report, "gallery": Gallery},
        prog="experiments",
        description=DESCRIPTION,
        args=arguments,
    )
    try:
        code = command.run()
    except ValueError as error:
        print(f"experiments: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("experiments: interrupted; what is complete will not be run again", file=sys.stderr)
        code = INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    main()
