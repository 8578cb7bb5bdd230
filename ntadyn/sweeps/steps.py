"""The steps of a sweep, chosen to suit its cells before anything runs."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, PyTree

from ntadyn.interface import AbstractGatedFlow, AbstractSystem
from ntadyn.simulation.defaults import step_of
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.whole_steps import AbstractWholeSteps
from ntadyn.solvers.dividing import SLACK
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.specs.spec import method_of
from ntadyn.sweeps.plan import GATE_TIME_CONSTANT, WEIGHT_TIME_CONSTANT
from ntadyn.tasks import AbstractCurriculum

# Steps on lanes are 0.07 tau_c^(3/4) tau_W^(1/4) / |W*|. On the maps of figure 5 gates are then off by less than 1e-3
# in 99 of 100 trajectories that do not amplify a jitter of their start a thousandfold (95 of 100 do not), and
# alignments in nearly all, for gates between 20 and 400 times faster than weights (the experiment figure_5_doubt).
LANE_STEP = 0.07
# Other systems are swept in steps that keep alignments, which move less than gates, within 1e-3 away from the border.
COARSENING = 2.5
# Steps come in few lengths, each 2^(-1/3) times the one before, so that cells that differ little share their time grid.
STEPS_PER_OCTAVE = 3

_TIME_CONSTANTS = (GATE_TIME_CONSTANT, WEIGHT_TIME_CONSTANT)
_OF_THE_START = ("network.initial_gate", "network.initial_gate_scale", "network.initial_scale")


def steps_of_configurations(
    spec: Configuration, values: Callable[[str], Float[np.ndarray, " cell"]], teacher_norm: float
) -> Float[np.ndarray, " cell"]:
    """The largest step on lanes of every cell, from plain values alone.

    Args:
        spec: the parameters that no axis changes.
        values: dotted path of a real parameter -> its value in every cell.
        teacher_norm: the largest |W*| of all cells.

    Returns:
        Steps, shape (cells,), in the unit of the time constants.
    """
    gates, weights = (values(path) for path in _TIME_CONSTANTS)
    exchange = _exchange_at_start(spec, [values(path) for path in _OF_THE_START], teacher_norm)
    return _lane_steps(gates, weights, np.maximum(teacher_norm, exchange / SLACK))


def step_on_lanes(system: Any, state: PyTree) -> float:
    """The largest step on lanes of one system, from the system itself."""
    gates, weights = (np.asarray(system.time_constants[name])[None] for name in ("gates", "weights"))
    start = max(float(system.exchange(state, task)) for task in system.teacher_tasks())
    fastest = max(float(system.task_rate()), start / SLACK)
    return float(_lane_steps(gates, weights, fastest * np.sqrt(gates * weights))[0])


def other_steps(
    spec: Any, built: Sequence[tuple[AbstractSystem, PyTree]], curriculum: AbstractCurriculum
) -> tuple[AbstractMethod, float]:
    """How to step systems that do not run on lanes, and the largest step, one for all cells that suits the fastest."""
    default = replaced(spec, {"max_step": None}) if isinstance(spec, Configuration) else spec
    methods = [method_of(default, system, state) for system, state in built]
    first = methods[0]
    if not isinstance(first, FixedSteps | AbstractWholeSteps):
        return first, math.inf
    steps = []
    for method, (system, state) in zip(methods, built, strict=True):
        assert isinstance(method, FixedSteps | AbstractWholeSteps)
        # For a configuration, this is the default step as a number.
        chosen = method.max_step is not None and not isinstance(spec, Configuration)
        coarsening = COARSENING if isinstance(system, AbstractGatedFlow) and not chosen else 1.0
        step = step_of(system, state, curriculum) if method.max_step is None else method.max_step
        steps.append(step * coarsening)
    return first.laid_out(), min(steps)


def _exchange_at_start(configuration: Configuration, start: list[np.ndarray], teacher_norm: float) -> np.ndarray:
    """|W*| + 2 |c| |W| in expectation: a bound on `Rates.exchange` at the start, times sqrt(tau_c tau_W).

    The drive is at most |W*| + |c| |W|, and the geometric mean of the other rates is |c| |W|.
    """
    gate, gate_scale, weight_scale = start
    paths, d_out, d_in = configuration.network.num_paths, configuration.teachers.d_out, configuration.teachers.d_in
    gates = np.sqrt(paths * (gate**2 + gate_scale**2 / d_in))
    weights = weight_scale * np.sqrt(paths * d_out)
    return teacher_norm + 2 * gates * weights


def _lane_steps(gates: np.ndarray, weights: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The largest steps for given time constants and sizes of teachers or starts."""
    fast, slow = np.minimum(gates, weights), np.maximum(gates, weights)
    longest = LANE_STEP * fast**0.75 * slow**0.25 / np.maximum(size, 1e-12)
    return 2.0 ** (np.round(STEPS_PER_OCTAVE * np.log2(longest)) / STEPS_PER_OCTAVE)
