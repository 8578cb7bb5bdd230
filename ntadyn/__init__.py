"""Simulation of gated linear networks whose gates and weights learn at different speeds.

Names are loaded on first use, so that importing the package (and `ntadyn --help`) does not import jax.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import (
        dynamics as dynamics,
        metrics as metrics,
        networks as networks,
        plotting as plotting,
        regularizers as regularizers,
        simulation as simulation,
        solvers as solvers,
        sweeps as sweeps,
        tasks as tasks,
    )
    from .dynamics import (
        DeepOrderParameters as DeepOrderParameters,
        GradientFlow as GradientFlow,
        OnlineSGD as OnlineSGD,
        OrderParameters as OrderParameters,
        SVDModes as SVDModes,
        Symmetric as Symmetric,
    )
    from .networks import (
        DeepLinear as DeepLinear,
        GatedLinear as GatedLinear,
        NeuronGatedLinear as NeuronGatedLinear,
    )
    from .results import RESULTS as RESULTS
    from .simulation import (
        Trajectory as Trajectory,
        simulate as simulate,
    )
    from .solvers import (
        SlidingHeun as SlidingHeun,
        Splitting as Splitting,
    )
    from .tasks import (
        Blocked as Blocked,
        Smooth as Smooth,
        TaskSet as TaskSet,
    )

__version__ = "0.2.0"

_SUBMODULES = (
    "dynamics",
    "metrics",
    "networks",
    "plotting",
    "regularizers",
    "simulation",
    "solvers",
    "sweeps",
    "tasks",
)
_HOME_OF_NAME = {
    "Blocked": "tasks",
    "DeepLinear": "networks",
    "DeepOrderParameters": "dynamics",
    "GatedLinear": "networks",
    "GradientFlow": "dynamics",
    "NeuronGatedLinear": "networks",
    "OnlineSGD": "dynamics",
    "OrderParameters": "dynamics",
    "RESULTS": "results",
    "SVDModes": "dynamics",
    "SlidingHeun": "solvers",
    "Smooth": "tasks",
    "Splitting": "solvers",
    "Symmetric": "dynamics",
    "TaskSet": "tasks",
    "Trajectory": "simulation",
    "simulate": "simulation",
}


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return import_module(f".{name}", __name__)
    if name not in _HOME_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME_OF_NAME[name]}", __name__), name)
    globals()[name] = value  # the next access no longer comes through here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES, *_HOME_OF_NAME})
