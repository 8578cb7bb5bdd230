"""The kinds of specs that ship, and the presets of each. Nothing here imports JAX."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ntadyn.specs.committee import COMMITTEES, committee
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.continual_presets import CONTINUAL, continual_flexible
from ntadyn.specs.continuum_presets import CONTINUUM, continuum_chain
from ntadyn.specs.hierarchy_presets import HIERARCHIES, contexts
from ntadyn.specs.irregular_presets import IRREGULAR, irregular_hazard
from ntadyn.specs.nonlinear_presets import NONLINEAR, nonlinear_flexible
from ntadyn.specs.presets import SIMULATIONS
from ntadyn.specs.switching_presets import SWITCHING, switching_momentum


@dataclass(frozen=True)
class Family:
    """Specs of one kind.

    Attributes:
        default: what the others are told apart from.
        default_name: what it is called.
        presets: name -> function that makes one.
    """

    default: Callable[[], Any]
    default_name: str
    presets: Mapping[str, Callable[[], Any]]


FAMILIES = (
    Family(Configuration, "the defaults", SIMULATIONS),
    Family(irregular_hazard, "irregular-hazard", IRREGULAR),
    Family(continual_flexible, "continual-flexible", CONTINUAL),
    Family(contexts, "contexts", HIERARCHIES),
    Family(switching_momentum, "switching-momentum", SWITCHING),
    Family(continuum_chain, "continuum-chain", CONTINUUM),
    Family(committee, "committee", COMMITTEES),
    Family(nonlinear_flexible, "nonlinear-flexible", NONLINEAR),
)
PRESETS = {name: make for family in FAMILIES for name, make in family.presets.items()}
