"""The `ntadyn` command: parse, call, report. Nothing heavy is imported before a command runs."""

import inspect
import itertools
import os
import sys
from collections.abc import Sequence
from typing import Any

import tyro

from ntadyn.cli.bench import Bench
from ntadyn.cli.output import standard_streams
from ntadyn.cli.phase_diagram import PhaseDiagram
from ntadyn.cli.show import Show
from ntadyn.cli.simulate import Simulate
from ntadyn.cli.values import REGISTRY
from ntadyn.cli.verify import Verify
from ntadyn.results.text import printable
from ntadyn.specs.presets import SIMULATIONS
from ntadyn.sweeps.phase_maps import PRESETS

DESCRIPTION = "Simulate gated linear networks whose gates and weights learn at different speeds."


@standard_streams()
def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 for success, 1 for results that failed, 2 for bad input."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # Commands write files: what draws for a screen or a notebook, and may not be installed here, is not asked.
    os.environ["MPLBACKEND"] = "Agg"
    try:
        defaults = _defaults(arguments)
    except ValueError as error:
        print(f"ntadyn: {error}", file=sys.stderr)
        sys.exit(2)
    summaries = {name: inspect.cleandoc(command.__doc__).splitlines()[0] for name, command in defaults.items()}
    commands = tyro.extras.subcommand_type_from_defaults(defaults, summaries, prefix_names=False)
    command: Any = tyro.cli(commands, prog="ntadyn", description=DESCRIPTION, args=arguments, registry=REGISTRY)
    try:
        code = command.run()
    except (ValueError, OSError) as error:
        lines = (printable(line, longest=2000) for line in str(error).split("\n"))
        print("ntadyn:", "\n".join(lines), file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("ntadyn: stopped", file=sys.stderr)
        code = 130  # as shells have it
    sys.exit(code)


def _defaults(arguments: list[str]) -> dict[str, Any]:
    """Every command with the defaults of the preset that the arguments name, so that overrides start from there."""
    simulate, phase_diagram = Simulate(), PhaseDiagram()
    preset = _named_preset(arguments)
    if preset in SIMULATIONS:
        simulate = Simulate(preset=preset, configuration=SIMULATIONS[preset]())
    if preset in PRESETS:
        phase_diagram = PhaseDiagram(preset=preset, ranges=PRESETS[preset]())
    return {
        "simulate": simulate,
        "phase-diagram": phase_diagram,
        "verify": Verify(),
        "show": Show(),
        "bench": Bench(),
    }


def _named_preset(arguments: list[str]) -> Any:
    """The preset that the arguments name; raises ValueError if they name several, of which one would be ignored."""
    named = [argument.removeprefix("--preset=") for argument in arguments if argument.startswith("--preset=")]
    named += [value for name, value in itertools.pairwise(arguments) if name == "--preset"]
    if len(named) > 1:
        raise ValueError(f"--preset is given {len(named)} times ({', '.join(named)}); give it once.")
    return named[0] if named else None
