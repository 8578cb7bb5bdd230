"""Many trajectories at once: axes of parameters, tiles that are never lost, labelled results, and their doubt.

Names are loaded on first use: plans and result files can be read without JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ntadyn.sweeps.engine import Threads as Threads, run_sweep as run_sweep, sweep as sweep
    from ntadyn.sweeps.plan import (
        Axis as Axis,
        Precision as Precision,
        Streams as Streams,
        Sweep as Sweep,
        Zipped as Zipped,
        as_axes as as_axes,
    )
    from ntadyn.sweeps.scores import OUTCOME as OUTCOME, Measures as Measures, Recorded as Recorded

_HOME_OF_NAME = {
    "Axis": "plan",
    "Measures": "scores",
    "OUTCOME": "scores",
    "Precision": "plan",
    "Recorded": "scores",
    "Streams": "plan",
    "Sweep": "plan",
    "Threads": "engine",
    "Zipped": "plan",
    "as_axes": "plan",
    "run_sweep": "engine",
    "sweep": "engine",
}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME_OF_NAME[name]}", __name__), name)
    globals()[name] = value  # the next access no longer comes through here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF_NAME})
