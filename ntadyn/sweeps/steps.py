"""The steps of a sweep, chosen to suit its cells before anything runs."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, PyTree

from ntadyn.interface import AbstractGatedFlow, AbstractSystem
from ntadyn.simulation.defaults import step_of
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.lanes import holds_norm
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.whole_steps import AbstractWholeSteps
from ntadyn.solvers.dividing import SLACK
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.specs.spec import method_of
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, WEIGHT_TIME_CONSTANT
from ntadyn.tasks import AbstractCurriculum

# Steps on lanes grow like (k/n)^2 within a block. The first one is this share of tau, the time in which the faster part
# moves when all is learnt: the shorter of tau_c/|W*|^2 and tau_W.
FIRST_STEP = 1 / 1000
# That is for blocks so many times as long as the exchange of gates and weights takes, sqrt(tau_c tau_W)/|W*|. Blocks
# that are longer or shorter take the same steps as the longest or the shortest of these.
BLOCKS = (0.5, 20.0)
# Gates whose norm no penalty holds become larger and weights faster, and what one block adds to their errors is not
# forgotten in the next. Their steps are shorter by this factor.
UNHELD = 0.5
# Other systems are swept in steps that keep alignments, which move less than gates, within 1e-3 away from the border.
COARSENING = 2.5
# Kernels take the improved step, whose errors in steps so many times as long are no larger.
IMPROVED = 2.0**1.5
# Steps come in few lengths, each 2^(-1/4) times the one before, so that cells that differ little share their time grid.
STEPS_PER_OCTAVE = 4

_TIME_CONSTANTS = (GATE_TIME_CONSTANT, WEIGHT_TIME_CONSTANT)
_NORMS = ("unit_l1", "l1")
_OF_THE_START = ("network.initial_gate", "network.initial_gate_scale", "network.initial_scale")


def steps_of_configurations(
    spec: Configuration, values: Callable[[str], Float[np.ndarray, " cell"]], teacher_norm: float
) -> Float[np.ndarray, " cell"]:
    """The mean step on lanes of every cell, from plain values alone.

    With these steps, in the maps of figure 5 the gates at the ends of blocks are off by less than 1e-3 in 99 of 100
    trajectories that do not amplify a jitter of their start a thousandfold (the experiment figure_5_doubt).

    Args:
        spec: the parameters that no axis changes.
        values: dotted path of a real parameter -> its value in every cell.
        teacher_norm: the largest |W*| of all cells.

    Returns:
        Steps, shape (cells,), in the unit of the time constants.
    """
    gates, weights = (values(path) for path in _TIME_CONSTANTS)
    exchange = _exchange_at_start(spec, [values(path) for path in _OF_THE_START], teacher_norm)
    size = np.maximum(teacher_norm, exchange / SLACK)
    return _lane_steps(gates, weights, size, values(BLOCK_DURATION), _is_held(spec, values))


def step_on_lanes(system: Any, state: PyTree, curriculum: AbstractCurriculum) -> float:
    """The mean step on lanes of one system, from the system itself; blocks are taken to be equally long."""
    gates, weights = (np.asarray(system.time_constants[name])[None] for name in ("gates", "weights"))
    start = max(float(system.exchange(state, task)) for task in system.teacher_tasks())
    fastest = max(float(system.task_rate()), start / SLACK)
    block = np.asarray(float(curriculum.total_time) / curriculum.num_blocks)
    held = np.asarray(holds_norm(system))
    return float(_lane_steps(gates, weights, fastest * np.sqrt(gates * weights), block, held)[0])


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


def _is_held(spec: Configuration, values: Callable[[str], Float[np.ndarray, " cell"]]) -> Bool[np.ndarray, " cell"]:
    """Whether a penalty that lanes know holds the norm of the gates: `holds_norm`, in every cell."""
    if spec.coefficients.listed:
        group, strength = "coefficients", 1.0
    else:
        group, strength = "penalties", values("penalties.strength")
    # A term that is left out is not a number, and a comparison with it is false.
    terms = [strength * values(f"{group}.{name}") > 0 for name in _NORMS]
    return np.any(terms, axis=0)


def _lane_steps(
    gates: np.ndarray, weights: np.ndarray, size: np.ndarray, block: np.ndarray, is_held: np.ndarray
) -> np.ndarray:
    """sqrt(FIRST_STEP tau block), of few lengths: of n = block/step steps, the first lasts block/n^2 = FIRST_STEP tau.

    Args:
        gates: tau_c.
        weights: tau_W.
        size: |W*|, or more for a large start.
        block: length of a block.
        is_held: whether a penalty holds the norm of the gates.
    """
    size = np.maximum(size, 1e-12)
    tau, exchange = np.minimum(gates / size**2, weights), np.sqrt(gates * weights) / size
    shortest, longest = BLOCKS
    steps = np.sqrt(FIRST_STEP * tau * np.clip(block, shortest * exchange, longest * exchange))
    # Blocks of different lengths never share a time grid: only the rest is rounded, down.
    rest = np.where(is_held, steps, UNHELD * steps) / np.sqrt(block)
    return 2.0 ** (np.floor(STEPS_PER_OCTAVE * np.log2(rest)) / STEPS_PER_OCTAVE) * np.sqrt(block)
