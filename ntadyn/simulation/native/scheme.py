r"""The improved splitting step, component by component: closed form, second order, for half as many steps or fewer.

Gates c and weights take turns, as in `ntadyn.simulation.lanes`: weights at times t_0 < t_1 < ..., and gates between the
middles of their steps, from t_k - d/2 to t_k + n/2 where d is the step before t_k and n the one after it. A half flow
at the end of one step and at the start of the next are taken together, over h = (d + n)/2. Frozen partners are what
costs accuracy; two terms undo most of it.

**The pull drifts.** Gates feel r_p = <W^p, E>, which changes at the rate

    dr_p/dt = (c_p |E|^2 - |c|^2 r_p) / tau_W

while they flow. With D = h dr/dt, known at the time t_k of the weights, the force on the gates is f + R (s/h - 1/2) at
time s of their flow, where f is the one in its middle and R is D for gates that move. The middle is at
t_k + sigma h with sigma = (n - d) / (2 (n + d)), the end at t_k + (sigma + 1/2) h. The (2, 2) Pade steps of `lanes`
over both halves become, with Z = h J / (2 tau_c) and Phi = (1 + Z/2 + Z^2/12)^-1,

    q = f + Z R / 24,   y = Phi (q - R/4),   c <- c + h/(2 tau_c) Phi (2 q - Z y).

**Gates bend.** Weights move along c, frozen in the middle of their step; the mean of c over a step of length n is
c + n^2 c''/24 + O(n^4). They see that, with c'' = (R/h - J c') / tau_c at the end of the gates' flow, divided by
1 + (n |J| / tau_c)^2 / 24 so that gates that settle within a step leave it alone.

**Events in substeps.** Where a gate arrives at zero or leaves it, its lane makes the step of the gates again in
`substeps` parts, through kinks as `lanes` does, with the drift of each.

Steps grow from the start of an interval like t_k = length (k/n)^exponent.

What it does to the conserved Q = tau_W |W^1 - W^2|^2 - tau_c (c_1 - c_2)^2: it does not keep it, see the tests for how
much it gains per block. For runs of more than some 50 blocks take the conserving step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from ntadyn.simulation.components import Matrix, combine, factorised, pair, solved
from ntadyn.simulation.native.symbols import Number, Symbol, larger, less, product, sign, size, smaller, total, where

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


class Times(NamedTuple):
    """Where a round stands: the step before it, the one after it, h, 1/h and sigma, see above."""

    done: Number
    next: Number
    half: Number
    per_half: Number
    sigma: Number


class Orthant(NamedTuple):
    """Where gates are, and what follows from it; only events change it.

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
    def of(cls, gates: Vector, hinge: Number) -> "Orthant":
        """That of given gates."""
        return cls.with_signs([sign(c) for c in gates], hinge)

    @classmethod
    def with_signs(cls, signs: Vector, hinge: Number) -> "Orthant":
        """That of given signs."""
        couplings = [signs[p] * signs[q] for p in range(len(signs)) for q in range(p)]
        return cls(signs, [s * s for s in signs], couplings, [where("<", s, 0.0, hinge, 0.0) for s in signs])


class Carried(NamedTuple):
    """What one round hands to the next: the pulls, how far gates bend, and the orthant."""

    pulls: Vector
    bends: Vector
    orthant: Orthant


@dataclass(frozen=True)
class Splitting:
    """The plain step of `ntadyn.simulation.lanes`, for comparison: no drift, no bend, events in one part.

    Attributes:
        exponent: of the growth of steps.
        substeps: parts in which a step of the gates with an event is made again.
    """

    exponent: float = 2.0
    substeps: int = 1
    name: ClassVar[str] = "splitting"

    def drifts(self, lane: Lane, pulls: Vector, squared_error: Number, half: Number) -> Vector:
        """How far every pull drifts while the gates flow."""
        del lane, squared_error, half
        return [0.0 for _ in pulls]

    def bends(self, lane: Lane, orthant: Orthant, forces: Vector, drifts: Vector, times: Times) -> Vector:
        """How far the mean gate over the next step is from the one in its middle."""
        del lane, orthant, drifts, times
        return [0.0 for _ in forces]


@dataclass(frozen=True)
class Improved(Splitting):
    """The improved step, see the head of this file."""

    exponent: float = 1.4
    substeps: int = 4
    name: ClassVar[str] = "improved splitting"

    def drifts(self, lane: Lane, pulls: Vector, squared_error: Number, half: Number) -> Vector:
        """See `Splitting.drifts`: h (c |E|^2 - |c|^2 r) / tau_W."""
        time, square = half * lane.rate_of_weights, product(lane.gates, lane.gates)
        return [time * (c * squared_error - square * pull) for c, pull in zip(lane.gates, pulls, strict=True)]

    def bends(self, lane: Lane, orthant: Orthant, forces: Vector, drifts: Vector, times: Times) -> Vector:
        """See `Splitting.bends`: n^2 c''/24, damped."""
        rate, paths = lane.rate_of_gates + lane.rate_of_gates, range(len(forces))
        velocity = [rate * force for force in forces]
        inner = jacobian(lane, orthant)
        fastest = times.next * rate * total([lane.unit_norm, *(lane.students[p][p] for p in paths)])
        curve = times.next * times.next * (1 / 24) * rate / (1 + fastest * fastest * (1 / 24))
        change = [orthant.moves[p] * drifts[p] * times.per_half for p in paths]
        return [curve * less(change[p], [pair(inner, p, q) for q in paths], velocity) for p in paths]


class Moved(NamedTuple):
    """A lane after the weights have moved, before the gates do.

    Attributes:
        lane: with new overlaps.
        pulls: those at the new weights.
        drifts: how far these drift while the gates flow.
    """

    lane: Lane
    pulls: Vector
    drifts: Vector


def weights_moved(scheme: Splitting, lane: Lane, carried: Carried, times: Times) -> Moved:
    """W^p += g_p E with g = A x, where x are the gates that weights see: `lanes.relax_weights`.

    With e = |E|^2 before, the pulls become (1 - A c.x) (r_p + g_p e), and the squared error (1 - A c.x)^2 e.
    """
    c, pulls, paths = lane.gates, carried.pulls, range(len(lane.gates))
    teachers = range(len(lane.teachers))
    errors = [less(lane.teachers[m], [lane.cross[p][m] for p in paths], c) for m in teachers]
    own = less(lane.strength, lane.drive, c)
    squared_error = less(own, pulls, c)
    seen = [x + bend for x, bend in zip(c, carried.bends, strict=True)]
    square = product(c, seen)
    time = times.done * lane.rate_of_weights
    z = time * square
    step = time / (1 + z * (0.5 + z * (1 / 12)))
    growth, common = [step * x for x in seen], 0.5 * squared_error
    inward = [r + common * g for r, g in zip(pulls, growth, strict=True)]
    students = [
        [lane.students[p][q] + growth[p] * inward[q] + growth[q] * inward[p] for q in range(p + 1)] for p in paths
    ]
    cross = [[lane.cross[p][m] + growth[p] * errors[m] for m in teachers] for p in paths]
    drive = [lane.drive[p] + growth[p] * own for p in paths]
    left = 1 - step * square
    pulls = [left * (r + squared_error * g) for r, g in zip(pulls, growth, strict=True)]
    lane = lane._replace(students=students, cross=cross, drive=drive)
    return Moved(lane, pulls, scheme.drifts(lane, pulls, left * left * squared_error, times.half))


class Flowed(NamedTuple):
    """Gates after they have flowed, what goes on to the next round, and a number above zero if there was an event."""

    gates: Vector
    carried: Carried
    event: Number


def gates_flowed(scheme: Splitting, moved: Moved, orthant: Orthant, times: Times) -> Flowed:
    """The gates through their orthant: `lanes.flow_within_orthants` under a drifting pull."""
    lane, signs, paths = moved.lane, orthant.signs, range(len(orthant.signs))
    middle = [pull + times.sigma * drift for pull, drift in zip(moved.pulls, moved.drifts, strict=True)]
    level, force = _forces(lane, orthant, lane.gates, middle)
    scaled = times.half * lane.rate_of_gates
    gates = _relaxed(lane.gates, scaled, jacobian(lane, orthant), force, _of_moving(orthant, moved.drifts))
    pulls = _pulls(lane, gates)
    after = [pull + (times.sigma + 0.5) * drift for pull, drift in zip(pulls, moved.drifts, strict=True)]
    level_after, force_after = _forces(lane, orthant, gates, after)

    def beyond_kink(p: int) -> Number:
        before = larger(middle[p], -middle[p] - lane.hinge) - level
        now = larger(after[p], -after[p] - lane.hinge) - level_after
        return (1 - orthant.moves[p]) * larger(before, now) - signs[p] * gates[p]

    event, *others = map(beyond_kink, paths)
    for other in others:
        event = larger(event, other)
    bends = scheme.bends(lane, orthant, force_after, moved.drifts, times)
    return Flowed(gates, Carried(pulls, bends, orthant), event)


def gates_flowed_through_kinks(lane: Lane, drifts: Vector, half: Number, ahead: Number) -> Vector:
    """One substep of the gates with events: `lanes._through_kinks` under a drifting pull.

    Args:
        lane: gates at the start of the substep, overlaps after the weights have moved.
        drifts: how far pulls drift within the substep.
        half: length of the substep.
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
    force = [where(">", s, 0.0, above[p], where("<", s, 0.0, below[p], 0.0)) for p, s in enumerate(signs)]
    orthant = Orthant.with_signs(signs, lane.hinge)
    scaled, inner = half * lane.rate_of_gates, jacobian(lane, orthant)
    gates = _relaxed(lane.gates, scaled, inner, force, _of_moving(orthant, drifts))

    end = lane._replace(drive=[x + 0.5 * drift for x, drift in zip(drive, drifts, strict=True)])
    above_end, below_end = _one_sided(end, gates)
    time = scaled + scaled
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


def after_event(scheme: Splitting, lane: Lane, drifts: Vector, times: Times) -> Carried:
    """What goes on to the next round after substeps, from the gates that these have reached."""
    orthant, pulls = Orthant.of(lane.gates, lane.hinge), _pulls(lane, lane.gates)
    after = [pull + (times.sigma + 0.5) * drift for pull, drift in zip(pulls, drifts, strict=True)]
    _, force = _forces(lane, orthant, lane.gates, after)
    return Carried(pulls, scheme.bends(lane, orthant, force, drifts, times), orthant)


def at_start(lane: Lane) -> Carried:
    """What the first round of an interval begins with."""
    return Carried(_pulls(lane, lane.gates), [0.0 for _ in lane.gates], Orthant.of(lane.gates, lane.hinge))


def jacobian(lane: Lane, orthant: Orthant) -> Matrix:
    """m_p m_q K_pq + k_1 s_p s_q; each pair once."""
    couplings, found = iter(orthant.couplings), []
    for p, moves in enumerate(orthant.moves):
        row = [x * (x * lane.students[p][q] + lane.unit_norm) for q, x in zip(range(p), couplings)]  # noqa: B905
        found.append([*row, moves * (lane.students[p][p] + lane.unit_norm)])
    return found


def _forces(lane: Lane, orthant: Orthant, gates: Vector, pulls: Vector) -> tuple[Number, Vector]:
    """The pull of the norms, k_1 (|c|_1 - 1) + k, and the force on every gate of an orthant."""
    level = lane.base + lane.unit_norm * product(orthant.signs, gates)
    return level, [
        moves * pull - (s * level - hinge)
        for s, moves, hinge, pull in zip(orthant.signs, orthant.moves, orthant.pressed, pulls, strict=True)
    ]


def _one_sided(lane: Lane, gates: Vector) -> tuple[Vector, Vector]:
    """The forces on gates seen from above and from below zero."""
    level = lane.base + lane.unit_norm * total(size(c) for c in gates)
    pulls = _pulls(lane, gates)
    return [pull - level for pull in pulls], [pull + level + lane.hinge for pull in pulls]


def _pulls(lane: Lane, gates: Vector) -> Vector:
    """S a - K c."""
    paths = range(len(gates))
    return [less(lane.drive[p], [pair(lane.students, p, q) for q in paths], gates) for p in paths]


def _relaxed(gates: Vector, scaled: Number, inner: Matrix, force: Vector, drifts: Vector) -> Vector:
    """Two Pade steps under the force in the middle and its drift: see the head of this file."""
    paths = range(len(gates))
    rate = [[scaled * x for x in row] for row in inner]

    def rates_of(p: int) -> Vector:
        return [pair(rate, p, q) for q in paths]

    squared = [[combine(rates_of(p), rates_of(q)) for q in range(p + 1)] for p in paths]
    matrix = [
        [0.5 * rate[p][q] + ((1 / 12) * squared[p][q] + (1.0 if p == q else 0.0)) for q in range(p + 1)] for p in paths
    ]
    solve = _solver(matrix)
    mean = [force[p] + (1 / 24) * product(rates_of(p), drifts) for p in paths]
    once = solve([f - 0.25 * drift for f, drift in zip(mean, drifts, strict=True)])
    twice = solve([less(2 * mean[p], rates_of(p), once) for p in paths])
    return [c + scaled * x for c, x in zip(gates, twice, strict=True)]


def _solver(matrix: Matrix) -> Callable[[Vector], Vector]:
    """Solutions of a symmetric system; two paths, by far the most frequent case, need one division in place of two."""
    if len(matrix) != 2:
        factor = factorised(matrix)
        return lambda right: solved(factor, right)
    (first,), (off, second) = matrix
    scale = 1 / (first * second - off * off)
    first, off, second = first * scale, off * scale, second * scale
    return lambda right: [second * right[0] - off * right[1], first * right[1] - off * right[0]]


def _of_moving(orthant: Orthant, drifts: Vector) -> Vector:
    return [moves * drift for moves, drift in zip(orthant.moves, drifts, strict=True)]


def _let_go(start: Number, end: Number, time: Number) -> Number:
    """Path of a held gate under a force that changes from `start` <= 0 to `end`: it moves once that is positive."""
    positive = larger(end, 0.0)
    return 0.5 * time * positive * positive / _nonzero(positive - smaller(start, 0.0))


def _nonzero(x: Symbol) -> Symbol:
    return where("==", x, 0.0, 1.0, x)
