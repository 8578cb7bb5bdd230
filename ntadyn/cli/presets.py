"""ntadyn presets: the configurations to start from."""

import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ntadyn.cli.simulate import PRESETS as SIMULATED
from ntadyn.specs.families import FAMILIES
from ntadyn.specs.paths import flat
from ntadyn.sweeps.phase_maps import PRESETS as MAPS, published
from ntadyn.tasks.schedules import NAMED

WIDTH = 110


@dataclass(frozen=True)
class Presets:
    """List the presets of simulations, sweeps and maps, how they differ, and the named curricula."""

    def run(self) -> int:
        """Print; 0 always."""
        lines = []
        for family in FAMILIES:
            command = "simulate" if set(family.presets) <= SIMULATED.keys() else "sweep"
            besides = ", besides these" if lines else ""
            lines += ["", f"ntadyn {command} --preset NAME{besides}: what differs from {family.default_name}"]
            lines += _described(family.presets, family.default())
        lines = lines[1:]
        lines += ["", "ntadyn phase-diagram --preset NAME: what differs from published"]
        lines += _described(MAPS, published())
        lines += ["", "--curriculum.name NAME: two underscores end the training phase, and the test phase"]
        width = max(map(len, NAMED))
        lines += [f"  {name:{width}}  {schedule.meaning}" for name, schedule in NAMED.items()]
        print("\n".join(lines))
        return 0


def _described(presets: Mapping[str, Callable[[], Any]], default: Any) -> Iterator[str]:
    """Name and meaning of every preset, and a line of its parameters that differ from the default."""
    width, usual = max(map(len, presets)), flat(default)
    for name, make in presets.items():
        meaning = inspect.cleandoc(make.__doc__ or "").splitlines()[0]
        indent = " " * (width + 4)
        yield from textwrap.wrap(meaning, WIDTH, initial_indent=f"  {name:{width}}  ", subsequent_indent=indent)
        changed = {path: value for path, value in flat(make()).items() if value != usual.get(path)}
        told = ", ".join(f"{path.removeprefix('base.')} {_short(value)}" for path, value in changed.items())
        yield from textwrap.wrap(
            told or "nothing", WIDTH, initial_indent=f"{indent}  ", subsequent_indent=f"{indent}  "
        )


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return " ".join(map(_short, value))
    return value.lower() if isinstance(value, str) else str(value)
