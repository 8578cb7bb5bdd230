"""ntadyn levels: what moves how often, and how fast."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from ntadyn.cli.values import one_of
from ntadyn.specs.families import PRESETS


@dataclass(frozen=True)
class Levels:
    """Print the levels of a learner: how often each moves, how fast, what it needs, and from what it learns.

    Ranks go by how often a level moves, and among levels that flow by their rates. Levels that move as often share a
    rank unless one needs the other's state for the same move. The rate is 1/tau per unit of time: it says nothing about
    how often a level moves, and the other way round.
    """

    name: Annotated[tyro.conf.Positional[str], one_of(PRESETS), tyro.conf.arg(metavar="NAME")] = tyro.MISSING
    """A preset; `ntadyn presets` says what each is."""

    def run(self) -> int:
        """Print; 0 always."""
        import equinox as eqx

        from ntadyn.nested import level_table, levels_of
        from ntadyn.specs import building

        spec = PRESETS[self.name]()
        system, state = eqx.filter_jit(spec.build)(building.first(building.keys_of(0, [(0, 0, 0)])))
        print("\n".join(level_table(levels_of(system, state))))
        return 0
