"""python -m experiments: list the figures, run some or all of them, gather the results on one page."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from experiments.harness.catalogue import QUICK, in_order
from experiments.sandbrink_2024 import FIGURES

REFERENCE_VARIABLE = "NTADYN_REFERENCE"
DESCRIPTION = "The figures of arXiv 2411.03840: simulate, draw, and compare with published numbers."
INTERRUPTED = 130


@dataclass(frozen=True)
class List:
    """List the figures."""

    def run(self) -> int:
        """Print one line per figure."""
        width = max(map(len, FIGURES))
        for name in in_order(FIGURES):
            print(f"{name.ljust(width)}  {FIGURES[name]}")
        return 0


@dataclass(frozen=True)
class Run:
    """Run figures: write picture, data and acceptance numbers, and print these as tables.

    Figures whose results are complete, and were made with the same parameters by the same code, are not run again. A
    figure that fails does not stop the others. The exit code is 1 if one failed or a number is outside its tolerance.
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAME...")]
    """Figures, as `list` names them, or `all`."""
    out: Path | None = None
    """Folder for everything that is written; if omitted, figures, and figures/fast with --fast."""
    fast: bool = False
    """Fewer repetitions, for a quick look."""
    online: bool = False
    """Stochastic gradient descent on batches in place of the population flow; takes minutes."""
    reference: Path | None = None
    """Folder with arrays of the published code to compare with; if omitted, what NTADYN_REFERENCE names."""
    trials: Path | None = None
    """CSV file with trials of people, for a panel of figure 8; its columns: see experiments/human_switching.py."""
    again: bool = False
    """Run also what is up to date."""
    workers: int = 2
    """Figures at a time, each in a process of its own; with 1 they run in this process."""

    def run(self) -> int:
        """Run them all, in double precision."""
        from experiments.harness.runner import Request, run_figures

        named = os.environ.get(REFERENCE_VARIABLE)
        reference = self.reference if self.reference is not None or not named else Path(named)
        out = self.out if self.out is not None else Path("figures", *([QUICK] if self.fast else []))
        request = Request(out, self.fast, self.online, reference, self.trials, self.again, self.workers)
        return int(not run_figures(self.names, request))


@dataclass(frozen=True)
class Report:
    """Write all results of a folder as one HTML page: pictures, acceptance numbers, and what to make of them."""

    out: Path = Path("figures")
    """Folder that figures were run into, figures/fast for quick runs; the page is written there as report.html."""

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
    """Figures, as `list` names them."""
    out: Path = Path("figures")
    """Folder that figures were run into."""
    to: Path = Path(__file__).with_name("gallery")
    """Folder for the copies."""

    def run(self) -> int:
        """Write them and say where."""
        from experiments.harness.small_copies import write_small_copies

        for path in write_small_copies(self.names, self.out, self.to):
            print(f"wrote {path}")
        return 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Leave with 0 for success, 1 for failures and numbers outside their tolerance, 2 for bad input."""
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
