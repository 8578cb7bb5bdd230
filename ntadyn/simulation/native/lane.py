"""One trajectory by components: its weights, and its gates between and through the kinks of their penalties.

The formulas are those of `lane_weights` and `lane_gates`, with two additions: weights may move along gates other than
those that make the error, and the pull on the gates may drift while they flow.
"""

from collections.abc import Callable
from typing import NamedTuple

from ntadyn.simulation.components import Matrix, combined, factorised, pair, solved
from ntadyn.simulation.native.symbols import Number, larger, less, product, sign, size, smaller, total, where

Vector = list[Number]


class Lane(NamedTuple):
    """One trajectory within a block, by components.

    Attributes:
        gates: c.
        students: K, each pair once, q <= p.
        cross: S, [path][teacher].
        drive: S a, for the task a.
        teachers: T a.
        strength: a^T T a = |W*|^2.
        rate_of_gates: 1/(2 tau_c).
        rate_of_weights: 1/tau_W.
        hinge: its coefficient.
        unit_norm: that of the norm-one penalty.
        base: that of L1, less that of the norm-one penalty, so that both pull with base + unit_norm |c|_1.
    """

    gates: Vector
    students: Matrix
    cross: Matrix
    drive: Vector
    teachers: Vector
    strength: Number
    rate_of_gates: Number
    rate_of_weights: Number
    hinge: Number
    unit_norm: Number
    base: Number


class Orthant(NamedTuple):
    """Where gates are, and what follows from it; only events change it.

    Where zero is no kink, s is 0 and the squares and products are those of the signs' sizes: passing is no event.

    Attributes:
        signs: s, 0 for a gate that is held at zero.
        moves: m = s^2.
        couplings: s_p s_q, q < p.
        pressed: the hinge where it acts: on negative gates.
    """

    signs: Vector
    moves: Vector
    couplings: Vector
    pressed: Vector

    @classmethod
    def of(cls, lane: Lane) -> "Orthant":
        """That of the gates of a lane."""
        kinks, found = kinks_of(lane), cls.with_signs([sign(c) for c in lane.gates], lane.hinge)
        return found._replace(
            signs=[where(">", kinks, 0.0, s, 0.0) for s in found.signs],
            couplings=[where(">", kinks, 0.0, x, x * x) for x in found.couplings],
        )

    @classmethod
    def with_signs(cls, signs: Vector, hinge: Number) -> "Orthant":
        """That of given signs."""
        couplings = [signs[p] * signs[q] for p in range(len(signs)) for q in range(p)]
        return cls(signs, [s * s for s in signs], couplings, [where("<", s, 0.0, hinge, 0.0) for s in signs])


def kinks_of(lane: Lane) -> Number:
    """Positive where the force of the penalties on a gate jumps as it crosses zero: `lane_gates.zero_is_a_kink`."""
    return lane.hinge + (lane.unit_norm + (lane.base + lane.unit_norm))


class Relaxed(NamedTuple):
    """A lane after its weights have moved: its overlaps, its pulls, and |E|^2."""

    lane: Lane
    pulls: Vector
    squared_error: Number


def weights_moved(lane: Lane, pulls: Vector, seen: Vector, duration: Number) -> Relaxed:
    """W^p += g_p E with g = A x, where x are the gates that weights see: `lane_weights.relax_weights` for x = c.

    With e = |E|^2 before, the pulls become (1 - A c.x) (r_p + g_p e), and the squared error (1 - A c.x)^2 e.
    """
    c, paths, teachers = lane.gates, range(len(lane.gates)), range(len(lane.teachers))
    errors = [less(lane.teachers[m], [lane.cross[p][m] for p in paths], c) for m in teachers]
    own = less(lane.strength, lane.drive, c)
    squared_error = less(own, pulls, c)
    square = product(c, seen)
    time = duration * lane.rate_of_weights
    z = time * square
    step = time / (1 + z * (0.5 + z * (1 / 12)))
    growth, common = [step * x for x in seen], 0.5 * squared_error
    inward = [r + common * g for r, g in zip(pulls, growth, strict=True)]
    left = 1 - step * square
    after = lane._replace(
        students=[
            [lane.students[p][q] + growth[p] * inward[q] + growth[q] * inward[p] for q in range(p + 1)] for p in paths
        ],
        cross=[[lane.cross[p][m] + growth[p] * errors[m] for m in teachers] for p in paths],
        drive=[lane.drive[p] + growth[p] * own for p in paths],
    )
    pulls = [left * (r + squared_error * g) for r, g in zip(pulls, growth, strict=True)]
    return Relaxed(after, pulls, left * left * squared_error)


def beyond_kinks(lane: Lane, orthant: Orthant, gates: Vector, before: tuple, after: tuple) -> Number:
    """A number above zero if a gate has passed zero or a held one is pulled away: `lane_gates.flow_within_orthants`.

    Args:
        lane: for its hinge.
        orthant: in which the gates have flowed.
        gates: where they are now.
        before: pulls in the flow, and the level of the norms, see `forces`.
        after: the same at its end.
    """

    def away(p: int, pulls: Vector, level: Number) -> Number:
        return larger(pulls[p], -pulls[p] - lane.hinge) - level

    def beyond(p: int) -> Number:
        held = 1 - orthant.moves[p]
        return held * larger(away(p, *before), away(p, *after)) - orthant.signs[p] * gates[p]

    event, *others = map(beyond, range(len(gates)))
    for other in others:
        event = larger(event, other)
    return event


def through_kinks(lane: Lane, drifts: Vector, duration: Number, ahead: Number) -> Vector:
    """The gates after `duration`, with events: `lane_gates._through_kinks` under a drifting pull.

    Args:
        lane: gates at the start, and the weights under which they flow.
        drifts: how far pulls drift on the way.
        duration: of the flow.
        ahead: how far the drive is ahead in its middle, in `drifts`.
    """
    paths = range(len(drifts))
    drive = [x + ahead * drift for x, drift in zip(lane.drive, drifts, strict=True)]
    middle = lane._replace(drive=drive)
    above, below = _one_sided(middle, lane.gates)

    def entered(p: int) -> Number:
        up, down = above[p], below[p]
        leaves = where(">", up, 0.0, where("<", down, 0.0, sign(up + down), 1.0), where("<", down, 0.0, -1.0, 0.0))
        return where("==", lane.gates[p], 0.0, leaves, sign(lane.gates[p]))

    signs = [entered(p) for p in paths]
    force: Vector = [where(">", s, 0.0, above[p], where("<", s, 0.0, below[p], 0.0)) for p, s in enumerate(signs)]
    orthant = Orthant.with_signs(signs, lane.hinge)
    gates = relaxed(lane, lane.gates, orthant, force, of_moving(orthant, drifts), duration)

    end = lane._replace(drive=[x + 0.5 * drift for x, drift in zip(drive, drifts, strict=True)])
    above_end, below_end = _one_sided(end, gates)
    inner, time = jacobian(lane, orthant), duration * (lane.rate_of_gates + lane.rate_of_gates)
    passed = [gates[p] * signs[p] for p in paths]

    def beyond_for(p: int) -> Number:
        before = where(">", signs[p], 0.0, above_end[p], below_end[p])
        spent = smaller(larger(gates[p] / _nonzero(before), 0.0), time)
        return where("<", passed[p], 0.0, spent, 0.0)

    spent = [beyond_for(p) for p in paths]

    def finished(p: int) -> Number:
        beyond = where(">", signs[p], 0.0, below_end[p], above_end[p])
        through = where("<", beyond * signs[p], 0.0, beyond * spent[p], 0.0)
        taken_back = total(0.5 * pair(inner, p, q) * gates[q] * spent[q] for q in paths if q != p)
        on = where("<", passed[p], 0.0, through, gates[p] + taken_back)
        released = _let_go(above[p], above_end[p], time) - _let_go(-below[p], -below_end[p], time)
        return where("==", signs[p], 0.0, released, on)

    return [finished(p) for p in paths]


def jacobian(lane: Lane, orthant: Orthant) -> Matrix:
    """m_p m_q K_pq + k_1 s_p s_q; each pair once."""
    couplings, found = iter(orthant.couplings), []
    for p, moves in enumerate(orthant.moves):
        row = [x * (x * lane.students[p][q] + lane.unit_norm) for q, x in zip(range(p), couplings)]  # noqa: B905 (those below p)
        found.append([*row, moves * (lane.students[p][p] + lane.unit_norm)])
    return found


def forces(lane: Lane, orthant: Orthant, gates: Vector, pulls: Vector) -> tuple[Number, Vector]:
    """The pull of the norms, k_1 (|c|_1 - 1) + k, and the force on every gate of an orthant."""
    level = lane.base + lane.unit_norm * product(orthant.signs, gates)
    return level, [
        moves * pull - (s * level - hinge)
        for s, moves, hinge, pull in zip(orthant.signs, orthant.moves, orthant.pressed, pulls, strict=True)
    ]


def _one_sided(lane: Lane, gates: Vector) -> tuple[Vector, Vector]:
    """The forces on gates seen from above and from below zero."""
    level = lane.base + lane.unit_norm * total(size(c) for c in gates)
    pulls = pulls_of(lane, gates)
    return [pull - level for pull in pulls], [pull + level + lane.hinge for pull in pulls]


def pulls_of(lane: Lane, gates: Vector) -> Vector:
    """S a - K c."""
    paths = range(len(gates))
    return [less(lane.drive[p], [pair(lane.students, p, q) for q in paths], gates) for p in paths]


def relaxed(lane: Lane, gates: Vector, orthant: Orthant, force: Vector, drifts: Vector, duration: Number) -> Vector:
    """Two Pade steps under the force f in the middle and its drift R.

    With Z = duration J / (2 tau_c) and Phi = (1 + Z/2 + Z^2/12)^-1 the gates become

        q = f + Z R / 24,   y = Phi (q - R/4),   c + duration/(2 tau_c) Phi (2 q - Z y).

    Args:
        lane: with the weights under which gates flow.
        gates: at the start.
        orthant: theirs.
        force: on every gate in the middle of the flow.
        drifts: how far that drifts for gates that move, from the start to the end.
        duration: of the flow.
    """
    paths, scaled = range(len(gates)), duration * lane.rate_of_gates
    rates, solve = _pade(lane, orthant, scaled)
    mean = [force[p] + (1 / 24) * product(rates[p], drifts) for p in paths]
    once = solve([f - 0.25 * drift for f, drift in zip(mean, drifts, strict=True)])
    twice = solve([less(2 * mean[p], rates[p], once) for p in paths])
    return [c + scaled * x for c, x in zip(gates, twice, strict=True)]


def relaxed_area(lane: Lane, orthant: Orthant, force: Vector, duration: Number) -> Vector:
    """Int (c(t) - c(0)) dt of the same flow without a drift: duration^2/(4 tau_c) (1 + Z/6 + Phi) Phi f.

    Args: see `relaxed`.
    """
    scaled = duration * lane.rate_of_gates
    rates, solve = _pade(lane, orthant, scaled)
    once = solve(force)
    parts = zip(once, rates, solve(once), strict=True)
    return [0.5 * duration * scaled * (x + (1 / 6) * product(row, once) + y) for x, row, y in parts]


def _pade(lane: Lane, orthant: Orthant, scaled: Number) -> tuple[Matrix, Callable[[Vector], Vector]]:
    """Z, all of its rows, and Phi as a function of vectors."""
    paths = range(len(orthant.signs))
    half = [[scaled * x for x in row] for row in jacobian(lane, orthant)]
    rates = [[pair(half, p, q) for q in paths] for p in paths]
    squared = [[combined(rates[p], rates[q]) for q in range(p + 1)] for p in paths]
    matrix = [
        [0.5 * half[p][q] + ((1 / 12) * squared[p][q] + (1.0 if p == q else 0.0)) for q in range(p + 1)] for p in paths
    ]
    return rates, _solver(matrix)


def _solver(matrix: Matrix) -> Callable[[Vector], Vector]:
    """Solutions of a symmetric system; two paths, by far the most frequent case, need one division in place of two."""
    if len(matrix) != 2:
        factor = factorised(matrix)
        return lambda right: solved(factor, right)
    (first,), (off, second) = matrix
    scale = 1 / (first * second - off * off)
    first, off, second = first * scale, off * scale, second * scale
    return lambda right: [second * right[0] - off * right[1], first * right[1] - off * right[0]]


def of_moving(orthant: Orthant, drifts: Vector) -> Vector:
    """Drifts, zero for gates that are held."""
    return [moves * drift for moves, drift in zip(orthant.moves, drifts, strict=True)]


def _let_go(start: Number, end: Number, time: Number) -> Number:
    """Path of a held gate under a force that changes from `start` <= 0 to `end`: it moves once that is positive."""
    positive = larger(end, 0.0)
    return 0.5 * time * positive * positive / _nonzero(positive - smaller(start, 0.0))


def _nonzero(x: Number) -> Number:
    return where("==", x, 0.0, 1.0, x)
