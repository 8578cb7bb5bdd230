r"""The improved splitting step, component by component: closed form, second order, for half as many steps or fewer.

Gates c and weights take turns, as in `simulation.lane_steps`: weights at times t_0 < t_1 < ..., and gates between the
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

The conserved Q = tau_W |W^1 - W^2|^2 - tau_c (c_1 - c_2)^2 is not kept: without penalties it grows by 1e-4 of itself
(median of random starts, 2e-4 in the mean) in a block of 25 steps that no gate spends at zero, and by a quarter of that
in twice as many; the plain step gains 1.4 to 4 times as much. For runs of more than some 50 blocks take the conserving
step of `ntadyn.simulation.native.boost`.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from ntadyn.simulation.components import pair
from ntadyn.simulation.native.lane import (
    Lane,
    Orthant,
    Vector,
    beyond_kinks,
    forces,
    jacobian,
    of_moving,
    pulls_of,
    relaxed,
    weights_moved,
)
from ntadyn.simulation.native.symbols import Number, less, product, total


class Times(NamedTuple):
    """Where a round stands: the step before it, the one after it, h, 1/h and sigma, see above."""

    done: Number
    next: Number
    half: Number
    per_half: Number
    sigma: Number


class Carried(NamedTuple):
    """What one round hands to the next: the pulls, how far gates bend, and the orthant."""

    pulls: Vector
    bends: Vector
    orthant: Orthant


@dataclass(frozen=True)
class Scheme:
    """What all schemes have in common.

    Attributes:
        exponent: of the growth of steps.
        substeps: parts in which a step of the gates with an event is made again.
    """

    exponent: float = 2.0
    substeps: int = 1
    name: ClassVar[str]


@dataclass(frozen=True)
class Splitting(Scheme):
    """The plain step of `ntadyn.simulation.lane_steps`, for comparison: no drift, no bend, events in one part."""

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


class Round(NamedTuple):
    """A lane after a round, how far pulls have drifted in it, what it hands on, and what `beyond_kinks` says."""

    lane: Lane
    drifts: Vector
    carried: Carried
    event: Number


def advanced(scheme: Splitting, lane: Lane, carried: Carried, times: Times) -> Round:
    """One step of the weights, and the gates through their orthant: `lane_gates.flow_within_orthants` under a drift."""
    seen = [c + bend for c, bend in zip(lane.gates, carried.bends, strict=True)]
    lane, pulls, squared_error = weights_moved(lane, carried.pulls, seen, times.done)
    drifts = scheme.drifts(lane, pulls, squared_error, times.half)
    orthant = carried.orthant
    middle = [pull + times.sigma * drift for pull, drift in zip(pulls, drifts, strict=True)]
    level, force = forces(lane, orthant, lane.gates, middle)
    gates = relaxed(lane, lane.gates, orthant, force, of_moving(orthant, drifts), times.half)
    pulls = pulls_of(lane, gates)
    end = [pull + (times.sigma + 0.5) * drift for pull, drift in zip(pulls, drifts, strict=True)]
    level_after, force = forces(lane, orthant, gates, end)
    event = beyond_kinks(lane, orthant, gates, (middle, level), (end, level_after))
    bends = scheme.bends(lane, orthant, force, drifts, times)
    return Round(lane._replace(gates=gates), drifts, Carried(pulls, bends, orthant), event)


def after_event(scheme: Splitting, lane: Lane, drifts: Vector, times: Times) -> Carried:
    """What goes on to the next round after substeps, from the gates that these have reached."""
    orthant, pulls = Orthant.of(lane), pulls_of(lane, lane.gates)
    after = [pull + (times.sigma + 0.5) * drift for pull, drift in zip(pulls, drifts, strict=True)]
    _, force = forces(lane, orthant, lane.gates, after)
    return Carried(pulls, scheme.bends(lane, orthant, force, drifts, times), orthant)


def at_start(lane: Lane) -> Carried:
    """What the first round of an interval begins with."""
    return Carried(pulls_of(lane, lane.gates), [0.0 for _ in lane.gates], Orthant.of(lane))
