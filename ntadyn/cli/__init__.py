"""The `ntadyn` command: parse, call, report. Nothing heavy is imported before a command runs."""

import atexit
import dataclasses
import gc
import inspect
import os
import sys
from collections.abc import Sequence
from typing import Any

import tyro

from ntadyn.arena.presets import PRESETS as ARENAS
from ntadyn.cli.arena import Arena
from ntadyn.cli.bench import Bench
from ntadyn.cli.degeneracy import Degeneracy
from ntadyn.cli.design_curriculum import design_of_arguments
from ntadyn.cli.explore import Explore
from ntadyn.cli.levels import Levels
from ntadyn.cli.output import standard_streams
from ntadyn.cli.phase_diagram import PhaseDiagram
from ntadyn.cli.presets import Presets
from ntadyn.cli.show import Show
from ntadyn.cli.simulate import PRESETS as SIMULATED, Simulate, simulate_of
from ntadyn.cli.stability import stability_of
from ntadyn.cli.starting_point import check_short_names, given_once, making_room, named_preset
from ntadyn.cli.sweep import Sweep, sweep_of
from ntadyn.cli.train import train_of
from ntadyn.cli.values import REGISTRY
from ntadyn.cli.verify import Verify
from ntadyn.results.text import printable
from ntadyn.specs import families
from ntadyn.sweeps.phase_maps import PRESETS
from ntadyn.version import __version__
from ntadyn.xla_options import compile_whole_loops, has_started

DESCRIPTION = (
    "Simulate gated linear networks whose gates and weights learn at different speeds. `ntadyn COMMAND --help` lists "
    "the options of a command, `ntadyn --version` says which version this is."
)
OBJECTS_BETWEEN_COLLECTIONS = 50_000


@standard_streams()
def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 for success, 1 for results that failed, 2 for bad input."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # Commands only write files, so they need no backend for a screen or a notebook, which may not be installed.
    os.environ["MPLBACKEND"] = "Agg"
    # Imports make very many objects, none of which is garbage; nor need they be taken apart one by one at the end.
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)
    if not has_started():  # as it has where Python calls this
        compile_whole_loops()
    if arguments[:1] == ["--version"]:
        print(f"ntadyn {__version__}")
        sys.exit(0)
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
    check_short_names(arguments)
    preset = named_preset(arguments)
    name = preset if preset in SIMULATED else Simulate.preset
    simulate = simulate_of(making_room(SIMULATED[name](), arguments), preset=name)
    name = preset if preset in PRESETS else PhaseDiagram.preset
    ranges = PRESETS[name]()
    ranges = dataclasses.replace(ranges, base=making_room(ranges.base, arguments))
    return {
        "simulate": simulate,
        "phase-diagram": PhaseDiagram(preset=name, ranges=ranges),
        "sweep": _sweep(preset, arguments),
        "arena": _arena(preset),
        "train": train_of(arguments),
        "levels": Levels(),
        "degeneracy": Degeneracy(),
        "stability": stability_of(preset, arguments),
        "design-curriculum": design_of_arguments(preset, arguments),
        "presets": Presets(),
        "verify": Verify(),
        "show": Show(),
        "explore": Explore(),
        "bench": Bench(),
    }


def _arena(preset: str | None) -> Arena:
    """`ntadyn arena` with the preset that the arguments name."""
    return Arena(preset=preset) if preset in ARENAS else Arena()


def _sweep(preset: str | None, arguments: list[str]) -> Sweep:
    """`ntadyn sweep` with the parameters of the preset, or of the spec, that the arguments name."""
    file = given_once("spec", arguments) if arguments[:1] == ["sweep"] else None
    if file is None:
        name = preset if preset in families.PRESETS else Sweep.preset
        return sweep_of(making_room(families.PRESETS[name](), arguments), preset=name)
    if preset is not None:
        raise ValueError(f"--spec {file} and --preset {preset} exclude each other; leave out one.")

    from ntadyn.cli.spec_file import loaded

    return sweep_of(loaded(file))
