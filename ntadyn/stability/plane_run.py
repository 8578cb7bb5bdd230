"""Runs of two paths in the plane of their teachers, gates that meet zero and gates below zero included.

With weights w_p in units of |A| = |B| = r along both teachers and e = t - sum_p c_p w_p, t the teacher in force,

    tau_W w_p' = c_p e        tau_c c_p' = r^2 w_p . e - k_1 (|c|_1 - 1) sign(c_p) + k_nn [c_p < 0]

A gate at zero leaves it upwards if r^2 w_p . e > k_1 (|c|_1 - 1), downwards if r^2 w_p . e < -k_1 (|c|_1 - 1) - k_nn,
and stays otherwise. Whatever weights have outside of the plane decays and has no part in it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from ntadyn.stability.plane import Numbers, TeacherPlane

# Steps per shortest time constant of the gates, and how many a run may take: half a minute for one cell.
STEPS, MOST_STEPS = 2.0, 5_000_000
# So many runs at once, those of about equally many steps, fit into the cache of a core.
AT_ONCE = 4096
# Part of a block below which training counts as ended with the block before it.
SLACK = 1e-9


class PlaneEnd(NamedTuple):
    """Where runs end.

    Attributes:
        weights: w_p in units of r, axes path, teacher, and those of the runs.
        gates: c_p, axes path and those of the runs.
        least: the least gate at the ends of the last two blocks, one of either task, or of the only one.
    """

    weights: Float[np.ndarray, "2 2 ..."]
    gates: Float[np.ndarray, "2 ..."]
    least: Float[np.ndarray, "..."]


Pair = tuple[Array, Array]


class _Lanes(NamedTuple):
    """Numbers of the runs, each of shape (runs,)."""

    whole: Int[Array, " n"]
    per_block: Int[Array, " n"]
    total: Int[Array, " n"]
    step: Float[Array, " n"]
    last_step: Float[Array, " n"]
    gate_rate: Float[Array, " n"]
    weight_rate: Float[Array, " n"]
    unit_l1: Float[Array, " n"]
    nonnegative: Float[Array, " n"]
    squared: Float[Array, " n"]


class _State(NamedTuple):
    """Both paths' weights along A and B, and gates. Pairs, not axes: XLA makes one loop over the runs of them."""

    along_a: Pair
    along_b: Pair
    gates: Pair


def run_in_plane(plane: TeacherPlane, until: Numbers, difference: Numbers, steps: float = STEPS) -> PlaneEnd:
    """From c_p = 1/2 and weights of -+|D_A| / (2 r) along A, by Heun's method in steps that end with the blocks.

    Args:
        plane: cells, whose block durations may differ.
        until: T, in the caller's unit; the last block ends then. It broadcasts with the cells, as the next.
        difference: |D_A|, the component along A of the initial difference of weights.
        steps: per shortest time constant of the gates; two leave shares of runs with an error below a tenth.

    Raises:
        ValueError: for blocks or a training without an end, or gates so fast that it takes more than 5,000,000 steps.
    """
    until, difference = np.asarray(until, float), np.asarray(difference, float)
    if not (np.all(np.isfinite(plane.block_duration)) and np.all((until > 0) & np.isfinite(until))):
        raise ValueError(
            f"blocks of {plane.block_duration} are to be run until {until}; both must be positive and finite."
        )
    shape = np.broadcast_shapes(plane.shape, until.shape, difference.shape)
    duration, until, half, tau_c, tau_w, unit_l1, nonnegative, norm = (
        np.broadcast_to(np.asarray(each, float), shape).reshape(-1)
        for each in (plane.block_duration, until, difference / 2, plane.gates, plane.weights, plane.unit_l1,
                     plane.nonnegative, plane.teacher_norm)
    )  # fmt: skip
    half = half / norm
    rate = steps * np.maximum((norm**2 + 2 * unit_l1) / tau_c, 1 / tau_w)
    per_block, blocks = np.ceil(rate * duration), np.floor(until / duration + SLACK)
    rest = np.maximum(until - blocks * duration, 0)
    in_rest = np.ceil(np.where(rest > SLACK * duration, rest, 0) / duration * per_block)
    total = blocks * per_block + in_rest
    if np.max(total) > MOST_STEPS:
        raise ValueError(
            f"gates of {np.min(plane.gates):g} with a norm penalty of {np.max(plane.unit_l1):g} are too fast for "
            f"a run of {np.max(until):g}: it takes {np.max(total):.3g} steps to resolve them, and at most "
            f"{MOST_STEPS:,} are taken; take slower gates, a weaker penalty or a shorter run."
        )
    numbers = (duration / per_block, rest / np.maximum(in_rest, 1), 1 / tau_c, 1 / tau_w, unit_l1, nonnegative, norm**2)
    with jax.enable_x64(True):
        counts = (jnp.asarray(each, jnp.int32) for each in (blocks * per_block, per_block, total))
        lanes = _Lanes(*counts, *(jnp.asarray(each, jnp.float64) for each in numbers))
        end, least = _in_parts(lanes, np.argsort(total, kind="stable"), (jnp.asarray(-half), jnp.asarray(half)))
    weights = np.stack([end.along_a, end.along_b], axis=1)
    return PlaneEnd(weights.reshape(2, 2, *shape), np.reshape(end.gates, (2, *shape)), least.reshape(shape))


def _in_parts(lanes: _Lanes, order: Int[np.ndarray, " n"], start: Pair) -> tuple[_State, Float[np.ndarray, " n"]]:
    parts = [order[first : first + AT_ONCE] for first in range(0, len(order), AT_ONCE)]
    ran = []
    for part in parts:
        ran.append(jax.tree.map(np.asarray, _run(*jax.tree.map(lambda each, part=part: each[part], (lanes, start)))))
    return jax.tree.map(lambda *each: np.concatenate(each)[np.argsort(order)], *ran)


@jax.jit
def _run(lanes: _Lanes, start: Pair) -> tuple[_State, Float[Array, " n"]]:
    """The states at the end, and the least gate at the ends of the last two blocks."""

    def advance(count, carry):
        state, of_b, left, least, before = carry
        step = jnp.where(count < lanes.whole, lanes.step, jnp.where(count < lanes.total, lanes.last_step, 0.0))
        target = jnp.where(of_b, 0.0, 1.0), jnp.where(of_b, 1.0, 0.0)
        state, switches = _step(lanes, step, target, state), left == 1
        ends = (switches & (count < lanes.total)) | (count + 1 == lanes.total)
        least, before = (
            jnp.where(ends, jnp.minimum(*state.gates), least),
            jnp.where(ends, least, before),
        )
        return state, of_b ^ switches, jnp.where(switches, lanes.per_block, left - 1), least, before

    nothing, none_yet = jnp.zeros_like(lanes.step), jnp.full_like(lanes.step, jnp.inf)
    equal = nothing + 0.5
    begin = _State(start, (nothing, nothing), (equal, equal))
    carry = begin, jnp.zeros(nothing.shape, bool), lanes.per_block, none_yet, none_yet
    state, _, _, least, before = lax.fori_loop(0, jnp.max(lanes.total), advance, carry)
    return state, jnp.minimum(least, before)


def _step(lanes: _Lanes, step: Array, target: Pair, state: _State) -> _State:
    """One step of Heun's method; a gate that would cross zero stops there."""
    sides = _sides(lanes, target, state)
    first = _slopes(lanes, target, sides, state)
    tried = jax.tree.map(lambda value, slope: value + step * slope, state, first)
    second = _slopes(lanes, target, sides, _stopped(sides, tried))
    moved = jax.tree.map(lambda value, one, two: value + 0.5 * step * (one + two), state, first, second)
    return _stopped(sides, moved)


def _stopped(sides: Pair, state: _State) -> _State:
    one, two = (jnp.where(side * gate < 0, 0.0, gate) for side, gate in zip(sides, state.gates, strict=True))
    return state._replace(gates=(one, two))


def _pulls(lanes: _Lanes, target: Pair, state: _State) -> tuple[Pair, Pair]:
    """The error along A and B, and r^2 w_p . e."""
    (a_1, a_2), (b_1, b_2), (c_1, c_2) = state
    error_a, error_b = target[0] - c_1 * a_1 - c_2 * a_2, target[1] - c_1 * b_1 - c_2 * b_2
    pulls = lanes.squared * (a_1 * error_a + b_1 * error_b), lanes.squared * (a_2 * error_a + b_2 * error_b)
    return (error_a, error_b), pulls


def _sides(lanes: _Lanes, target: Pair, state: _State) -> Pair:
    """The side of zero on which each gate is, or is about to be; zero if it stays."""
    _, pulls = _pulls(lanes, target, state)
    level = lanes.unit_l1 * (jnp.abs(state.gates[0]) + jnp.abs(state.gates[1]) - 1)
    leaves = (jnp.where(pull > level, 1.0, jnp.where(pull < -level - lanes.nonnegative, -1.0, 0.0)) for pull in pulls)
    one, two = (jnp.where(gate == 0, side, jnp.sign(gate)) for gate, side in zip(state.gates, leaves, strict=True))
    return one, two


def _slopes(lanes: _Lanes, target: Pair, sides: Pair, state: _State) -> _State:
    (error_a, error_b), pulls = _pulls(lanes, target, state)
    level = lanes.unit_l1 * (sides[0] * state.gates[0] + sides[1] * state.gates[1] - 1)
    one, two = (
        jnp.where(side == 0, 0.0, pull - level * side + jnp.where(side < 0, lanes.nonnegative, 0.0)) * lanes.gate_rate
        for side, pull in zip(sides, pulls, strict=True)
    )
    c_1, c_2 = (gate * lanes.weight_rate for gate in state.gates)
    return _State((c_1 * error_a, c_2 * error_a), (c_1 * error_b, c_2 * error_b), (one, two))
