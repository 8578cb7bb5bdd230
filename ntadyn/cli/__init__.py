"""The `ntadyn` command: parse, call, report. Nothing heavy is imported before a command runs."""

import inspect
import sys
from collections.abc import Sequence
from typing import Any

import tyro

from ntadyn.cli.bench import Bench
from ntadyn.cli.output import standard_streams
from ntadyn.cli.phase_diagram import PhaseDiagram
from ntadyn.cli.show import Show
from ntadyn.cli.simulate import Simulate
from ntadyn.cli.verify import Verify
from ntadyn.phase_maps import PRESETS
from ntadyn.presets import SIMULATIONS
from ntadyn.text import printable

DESCRIPTION = "Simulate gated linear networks whose gates and weights learn at different speeds."


@standard_streams()
def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 for success, 1 for results that failed, 2 for bad input."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    defaults = _defaults(arguments)
    summaries = {name: inspect.cleandoc(command.__doc__).splitlines()[0] for name, command in defaults.items()}
    commands = tyro.extras.subcommand_type_from_defaults(defaults, summaries, prefix_names=False)
    command: Any = tyro.cli(commands, prog="ntadyn", description=DESCRIPTION, args=arguments)
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
    for index, argument in enumerate(arguments):
        if argument.startswith("--preset="):
            return argument.removeprefix("--preset=")
        if argument == "--preset" and index + 1 < len(arguments):
            return arguments[index + 1]
    return None
