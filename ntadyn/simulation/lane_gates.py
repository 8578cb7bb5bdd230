"""The gates of lanes under frozen weights, through their kinks: the other flow of the splitting step."""

import functools

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool

from ntadyn.simulation.components import Matrix, combined, factorised, pair, solved
from ntadyn.simulation.lane_weights import pulls
from ntadyn.simulation.lanes import Lane, LaneProblem, LaneState, nonzero


def flow_gates(
    problem: LaneProblem, state: LaneState, pull: list[Lane], task: list[Array], duration: Array
) -> tuple[list[Lane], list[Lane]]:
    """The gates after `duration` with frozen weights, through the kinks of their penalties.

    Hardly any lane meets a kink within a step. What happens there is computed only if some lane does, and taken only by
    those that do, so that no lane depends on its neighbours.

    Args:
        problem: time constants and penalties.
        state: gates and overlaps.
        pull: the `pulls` of this state and task.
        task: weight of each teacher in the task.
        duration: length of time; with zero the gates return unchanged.

    Returns:
        The new gates and their pulls, one array of lanes per path.
    """
    smooth, after, meets_kink = flow_within_orthants(problem, state, pull, task, duration)

    def through_kinks() -> tuple[list[Lane], list[Lane]]:
        kinked = _through_kinks(problem, state, pull, task, duration)
        gates = [jnp.where(meets_kink, x, y) for x, y in zip(kinked, smooth, strict=True)]
        return gates, pulls(state._replace(gates=gates), task)

    return lax.cond(jnp.any(meets_kink), through_kinks, lambda: (smooth, after))


def flow_within_orthants(
    problem: LaneProblem, state: LaneState, pull: list[Lane], task: list[Array], duration: Array
) -> tuple[list[Lane], list[Lane], Bool[Array, " lane"]]:
    """`flow_gates` where no kink is met; a gate that is held at zero stays there.

    Inside an orthant tau_c dc/dt = b - A c - dR/dc is linear and is solved by two (2, 2) Pade steps: with J the
    Jacobian and z its largest rate times `duration`, the relative error is z^4 / 11,500 for small z, and no z makes
    it unstable.

    Args and first two results: see `flow_gates`.

    Returns:
        The new gates, their pulls, and where a kink was met: a gate has passed zero, or a held one was let go. Where
        nothing makes zero a kink, gates pass it, and only one that starts there is let go.
    """
    c, paths = state.gates, range(len(state.gates))
    signs = [jnp.sign(x) for x in c]
    moving, force = _force_within(problem, c, signs, pull)
    level = _norm_force(problem, signs, c)
    smooth = _moved(problem, state, signs, moving, force, duration)
    after = pulls(state._replace(gates=smooth), task)
    level_after = _norm_force(problem, signs, smooth)

    # A number, because a product costs less than a choice.
    kinked = jnp.where(zero_is_a_kink(problem), jnp.ones_like(duration), 0)

    def beyond_kink(p: int) -> Lane:
        """Positive for a gate that has passed zero, and for a held gate that one side pulls away, then or now."""
        before = jnp.maximum(pull[p], -pull[p] - problem.hinge) - level
        now = jnp.maximum(after[p], -after[p] - problem.hinge) - level_after
        return (1 - moving[p]) * jnp.maximum(before, now) - kinked * (signs[p] * smooth[p])

    return smooth, after, functools.reduce(jnp.maximum, map(beyond_kink, paths)) > 0


def follow_gates(
    problem: LaneProblem, state: LaneState, pull: list[Lane], task: list[Array], duration: Array
) -> tuple[list[Lane], list[Lane]]:
    """The gates after `duration`, as `flow_gates`, and how far they were on the way from where they started.

    Args: see `flow_gates`.

    Returns:
        c after `duration`, and int (c(t) - c(0)) dt; where a kink was met that is the one of a straight path, wrong by
        a multiple of duration^2, once.
    """
    c, paths = state.gates, range(len(state.gates))
    _, _, meets_kink = flow_within_orthants(problem, state, pull, task, duration)
    gates, _ = flow_gates(problem, state, pull, task, duration)
    signs = [jnp.sign(x) for x in c]
    moving, force = _force_within(problem, c, signs, pull)
    scale = 0.5 * duration * (0.5 * duration * problem.rate_of_gates)
    area = [scale * x for x in _relaxed_area(_rates(problem, state, signs, moving, duration), force)]
    return gates, [jnp.where(meets_kink, 0.5 * duration * (gates[p] - c[p]), area[p]) for p in paths]


def _through_kinks(
    problem: LaneProblem, state: LaneState, pull: list[Lane], task: list[Array], duration: Array
) -> list[Lane]:
    """`flow_gates` where gates arrive at zero, or leave it.

    A gate that arrives at zero within `duration` is set to zero if the flow holds it there; if the flow carries it
    through, the part of its path beyond zero is stretched by the ratio of the velocities on the two sides, which is
    right to first order in that part. A gate that is held is released at the next call. Each event thus costs an error
    of second order in `duration`, once.
    """
    c, paths = state.gates, range(len(state.gates))
    signs = [jnp.sign(x) for x in c]
    level = _norm_force(problem, signs, c)
    # One-sided forces on a gate at zero: it moves if one of them points away, and by the sign of their sum if both do.
    above = [x - level for x in pull]
    below = [x + level + problem.hinge for x in pull]
    zero, one = jnp.zeros_like(c[0]), jnp.ones_like(c[0])

    def entered(p: int) -> Lane:
        repelled = jnp.sign(above[p] + below[p])
        leaves = jnp.where(above[p] > 0, jnp.where(below[p] < 0, repelled, one), jnp.where(below[p] < 0, -one, zero))
        return jnp.where(c[p] == 0, leaves, signs[p])

    signs = [entered(p) for p in paths]
    moving = [s * s for s in signs]
    force = [jnp.where(signs[p] == 0, zero, jnp.where(signs[p] > 0, above[p], below[p])) for p in paths]
    c = _moved(problem, state, signs, moving, force, duration)

    pull = pulls(state._replace(gates=c), task)
    level = _norm_force(problem, [jnp.sign(x) for x in c], c)
    above_end = [x - level for x in pull]
    below_end = [x + level + problem.hinge for x in pull]
    time = duration * problem.rate_of_gates
    arrived = [c[p] * signs[p] < 0 for p in paths]
    before = [nonzero(jnp.where(signs[p] > 0, above_end[p], below_end[p])) for p in paths]
    beyond = [jnp.where(signs[p] > 0, below_end[p], above_end[p]) for p in paths]
    # Time over tau that a gate has spent beyond zero; its effect on the others during that time is taken back.
    beyond_for = [jnp.where(arrived[p], jnp.clip(c[p] / before[p], 0, time), zero) for p in paths]

    def coupling(p: int, q: int) -> Lane:
        return moving[p] * (pair(state.students, p, q) + problem.unit_norm * signs[p] * signs[q])

    taken_back = [
        sum((0.5 * coupling(p, q) * c[q] * beyond_for[q] for q in paths if q != p), start=zero) for p in paths
    ]

    def finished(p: int) -> Lane:
        through = beyond[p] * signs[p] < 0
        after_arrival = jnp.where(through, beyond[p] * beyond_for[p], zero)
        # A held gate whose force has turned to point away was released on the way.
        up = _let_go(above[p], above_end[p], time)
        down = _let_go(-below[p], -below_end[p], time)
        held = signs[p] == 0
        return jnp.where(held, up - down, jnp.where(arrived[p], after_arrival, c[p] + taken_back[p]))

    return [finished(p) for p in paths]


def _moved(
    problem: LaneProblem,
    state: LaneState,
    signs: list[Lane],
    moving: list[Lane],
    force: list[Lane],
    duration: Array,
) -> list[Lane]:
    """The gates after `duration` within an orthant, under the force at its start; `signs` is 0 for held gates."""
    scaled = 0.5 * duration * problem.rate_of_gates
    rate = _rates(problem, state, signs, moving, duration)
    return [x + scaled * moved for x, moved in zip(state.gates, _relax_twice(rate, force), strict=True)]


def _rates(problem: LaneProblem, state: LaneState, signs: list[Lane], moving: list[Lane], duration: Array) -> Matrix:
    """Z: the rates at which gates relax within an orthant, over half of `duration`."""
    scaled = 0.5 * duration * problem.rate_of_gates
    return [
        [
            scaled * (moving[p] * moving[q] * pair(state.students, p, q) + problem.unit_norm * (signs[p] * signs[q]))
            for q in range(p + 1)
        ]
        for p in range(len(signs))
    ]


def zero_is_a_kink(problem: LaneProblem) -> Bool[Array, " lane"]:
    """Whether the force of the penalties on a gate jumps where it crosses zero."""
    return problem.hinge + problem.unit_norm + problem.shrinkage > 0


def _force_within(
    problem: LaneProblem, gates: list[Lane], signs: list[Lane], pull: list[Lane]
) -> tuple[list[Lane], list[Lane]]:
    """1 for gates that move and 0 for those that are held, and the force on all of them."""
    moving = [s * s for s in signs]
    level = _norm_force(problem, signs, gates)
    # The hinge pulls at negative gates only: (1 - s)/2 for s = -1 or 1, zero for a gate that is held.
    force = [m * x - (s * level - 0.5 * (m - s) * problem.hinge) for m, s, x in zip(moving, signs, pull, strict=True)]
    return moving, force


def _let_go(start: Lane, end: Lane, time: Lane) -> Lane:
    """Path of a held gate under a force that changes from `start` <= 0 to `end`: it moves once that is positive."""
    positive = jnp.maximum(end, 0)
    return 0.5 * time * positive * positive / nonzero(positive - jnp.minimum(start, 0))


def _norm_force(problem: LaneProblem, signs: list[Lane], gates: list[Lane]) -> Lane:
    """k_1 (|c|_1 - 1) + k: the force of the norm penalties against the sign of every gate."""
    return problem.unit_norm * (combined(signs, gates) - 1) + problem.shrinkage


def _relax_twice(rate: Matrix, force: list[Lane]) -> list[Lane]:
    """Phi (2 f - Z Phi f) with Phi = (1 + Z/2 + Z^2/12)^-1: the integral of exp(-Z t) f over two units, by Pade."""
    factor = factorised(_pade(rate))
    once = solved(factor, force)
    return solved(factor, [2 * x - y for x, y in zip(force, _times(rate, once), strict=True)])


def _relaxed_area(rate: Matrix, force: list[Lane]) -> list[Lane]:
    """(1 + Z/6 + Phi) Phi f: the integral of `_relax_twice` over its two units, 2 f for Z = 0 and 2 f/Z for large Z."""
    factor = factorised(_pade(rate))
    once = solved(factor, force)
    twice = solved(factor, once)
    return [x + (1 / 6) * y + z for x, y, z in zip(once, _times(rate, once), twice, strict=True)]


def _pade(rate: Matrix) -> Matrix:
    """1 + Z/2 + Z^2/12."""
    size = range(len(rate))
    squared = [
        [combined([pair(rate, p, k) for k in size], [pair(rate, k, q) for k in size]) for q in range(p + 1)]
        for p in size
    ]
    identity = jnp.ones_like(rate[0][0])
    return [
        [0.5 * rate[p][q] + (1 / 12) * squared[p][q] + (identity if p == q else 0) for q in range(p + 1)] for p in size
    ]


def _times(symmetric: Matrix, vector: list[Lane]) -> list[Lane]:
    size = range(len(vector))
    return [combined([pair(symmetric, p, q) for q in size], vector) for p in size]
