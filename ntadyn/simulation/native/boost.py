"""The conserving step of `LorentzBoost`, component by component: what the flow conserves is kept to rounding.

Gates are followed for the whole step d under the weights of its middle, through their kinks, to c + g and with
A = int (c(t) - c(0)) dt on the way. That gives the push X = psi (d E - sum_p A_p W^p), with the share
psi = (1 - exp(-z))/z of z = d |c|^2/tau_W that the relaxation of the weights leaves of the error. Gates and weights
then move together by a boost of angle theta = |X| / sqrt(tau_c tau_W),

    c_1 = cosh(theta) c + sinh(theta)/theta (<W, X> - rho) / tau_c,
    W_1 = W + (c + c_1)/2 X tanh(theta/2) / (theta/2) / tau_W,

where rho/tau_c is what g lacks of <W, X>/tau_c under weights at rest: the penalties. See `AbstractBoostFlow.boosted`.

Take it for runs of more than some fifty blocks, over which what `Improved` gains of Q adds up.
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
    kinks_of,
    pulls_of,
    relaxed,
    relaxed_area,
    through_kinks,
    weights_moved,
)
from ntadyn.simulation.native.scheme import Carried, Scheme
from ntadyn.simulation.native.symbols import Number, larger, less, product, where


@dataclass(frozen=True)
class Conserving(Scheme):
    """The boost, see the head of this file; events are met in one part of a step, as on lanes."""

    name: ClassVar[str] = "conserving boost"


class Path(NamedTuple):
    """Where gates go while weights rest, and the area on the way."""

    end: Vector
    area: Vector


def followed(lane: Lane, carried: Carried, duration: Number) -> tuple[Path, Number]:
    """The gates through their orthant, `lane_gates.follow_gates`, and what `beyond_kinks` says."""
    middle, pulls, _ = weights_moved(lane, carried.pulls, lane.gates, 0.5 * duration)
    orthant = carried.orthant
    level, force = forces(middle, orthant, lane.gates, pulls)
    end = relaxed(middle, lane.gates, orthant, force, [0.0 for _ in pulls], duration)
    area = relaxed_area(middle, orthant, force, duration)
    after = pulls_of(middle, end)
    level_after, _ = forces(middle, orthant, end, after)
    return Path(end, area), beyond_kinks(lane, orthant, end, (pulls, level), (after, level_after))


def followed_through_kinks(lane: Lane, pulls: Vector, duration: Number) -> Path:
    """The same with events; the area is that of a straight path, wrong by a multiple of duration^2, once."""
    middle, _, _ = weights_moved(lane, pulls, lane.gates, 0.5 * duration)
    end = through_kinks(middle, [0.0 for _ in pulls], duration, 0.0)
    return Path(end, [0.5 * duration * (x - c) for x, c in zip(end, lane.gates, strict=True)])


def boosted(lane: Lane, pulls: Vector, path: Path, duration: Number) -> tuple[Lane, Carried]:
    """Gates and weights after the step, and what goes on to the next one."""
    c, paths, teachers = lane.gates, range(len(lane.gates)), range(len(lane.teachers))
    middle, pulls_in_middle, _ = weights_moved(lane, pulls, c, 0.5 * duration)
    z = duration * lane.rate_of_weights * product(c, c)
    share = 1 / (1 + z * (0.5 + z * (1 / 12)))
    of_paths = [share * (duration * x + area) for x, area in zip(c, path.area, strict=True)]
    of_task = share * duration

    def students(p: int) -> Vector:
        return [pair(lane.students, p, q) for q in paths]

    along = [less(of_task * lane.drive[p], students(p), of_paths) for p in paths]
    along_teachers = [less(of_task * lane.teachers[m], [lane.cross[p][m] for p in paths], of_paths) for m in teachers]
    own = less(of_task * lane.strength, lane.drive, of_paths)
    # Zero to rounding may be negative.
    squared = larger(less(of_task * own, of_paths, along), 0.0)
    rate, kinks = lane.rate_of_gates + lane.rate_of_gates, kinks_of(lane)
    cosh, sinhc, tanhc = hyperbolic(squared * rate * lane.rate_of_weights)

    def moved(p: int) -> Number:
        at_rest = less(duration * pulls_in_middle[p], [pair(middle.students, p, q) for q in paths], path.area)
        penalised = where(">", kinks, 0.0, (path.end[p] - c[p]) - rate * at_rest, 0.0)
        gate = cosh * c[p] + sinhc * (penalised + rate * along[p])
        # At a kink weights at rest decide where a gate is held, and on which side it ends.
        return where(">", gate * path.end[p], 0.0, gate, where(">", kinks, 0.0, 0.0, gate))

    gates = [moved(p) for p in paths]
    a = [0.5 * tanhc * lane.rate_of_weights * (x + y) for x, y in zip(c, gates, strict=True)]
    after = lane._replace(
        gates=gates,
        students=[
            [lane.students[p][q] + (a[p] * along[q] + a[q] * along[p] + a[p] * a[q] * squared) for q in range(p + 1)]
            for p in paths
        ],
        cross=[[lane.cross[p][m] + a[p] * along_teachers[m] for m in teachers] for p in paths],
        drive=[lane.drive[p] + a[p] * own for p in paths],
    )
    return after, Carried(pulls_of(after, gates), [0.0 for _ in paths], Orthant.of(after))


def hyperbolic(squared: Number) -> tuple[Number, Number, Number]:
    """Cosh x, sinh(x)/x and tanh(x/2)/(x/2) as functions of x^2: `boost_flow.hyperbolic`."""
    y2 = 0.25 * squared
    tanhc = (105 + 10 * y2) / (105 + y2 * (45 + y2))
    tanh2 = tanhc * tanhc * y2
    return (1 + tanh2) / (1 - tanh2), tanhc / (1 - tanh2), tanhc
