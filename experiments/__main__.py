"""python -m experiments: list the figures, or run some of them."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from experiments import FIGURES

REFERENCE_VARIABLE = "NTADYN_REFERENCE"
DESCRIPTION = "The figures of arXiv 2411.03840: simulate, draw, and compare with published numbers."


@dataclass(frozen=True)
class List:
    """List the figures."""

    def run(self) -> int:
        """Print one line per figure."""
        width = max(map(len, FIGURES))
        for name, text in FIGURES.items():
            print(f"{name.ljust(width)}  {text}")
        return 0


@dataclass(frozen=True)
class Run:
    """Run figures: write picture, data and acceptance numbers, and print these as a table.

    The exit code is 1 if a number is outside its tolerance.
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAME...")]
    """Figures, as `list` names them."""
    out: Path = Path("figures")
    """Folder for everything that is written."""
    fast: bool = False
    """Fewer repetitions, for a quick look."""
    online: bool = False
    """Stochastic gradient descent on batches in place of the population flow; takes minutes."""
    reference: Path | None = None
    """Folder with arrays of the published code to compare with; if omitted, what NTADYN_REFERENCE names."""

    def run(self) -> int:
        """Run them all, in double precision."""
        import jax
        import matplotlib

        jax.config.update("jax_enable_x64", True)
        matplotlib.use("Agg")

        from experiments.runner import Request, run_figures

        named = os.environ.get(REFERENCE_VARIABLE)
        reference = self.reference if self.reference is not None or not named else Path(named)
        return int(not run_figures(self.names, Request(self.out, self.fast, self.online, reference)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Leave with 0 for success, 1 for numbers outside their tolerance, 2 for bad input."""
    command: Any = tyro.extras.subcommand_cli_from_dict(
        {"list": List, "run": Run}, prog="experiments", description=DESCRIPTION, args=arguments
    )
    try:
        code = command.run()
    except ValueError as error:
        print(f"experiments: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)


if __name__ == "__main__":
    main()
