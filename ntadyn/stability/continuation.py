"""Branches of solutions along a parameter: pseudo-arclength with bordered Newton steps, for few unknowns.

A branch is a curve of F(x, p) = 0 with n equations in n unknowns and one parameter. Along it, with unit tangent t,
F' t = 0: at a fold the component of t along p changes sign, and at a branch point, where another curve crosses, the
determinant of F' bordered by t does. Both are bisected along the curve. Equations may change their form where events of
a map change, a border collision: there the branch ends, as a curve on the other side is another one.

Source: Keller 1977 (pseudo-arclength); Allgower, Georg, Introduction to Numerical Continuation Methods, 2003 (signs).
"""

import enum
import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Twelve, and the borders of a family.
MOST_UNKNOWNS = 16
# A corrected point has moved by less than this in its last step, relative to its size.
PRECISION, MOST_CORRECTIONS = 1e-11, 12
# Steps grow after quick corrections and shrink after slow ones, down to this share of the first.
QUICK, GROWTH, SHORTEST = 4, 1.5, 2.0**-16
# Folds and crossings are where a chord of this length says; events are followed further.
CHORD, COLLISION = 1e-6, 1e-10
# The least cosine of the turn within a step: larger turns are those to another branch.
STRAIGHT = 0.9

Values = tuple[np.ndarray, np.ndarray, np.ndarray]
Equations = Callable[[np.ndarray, float], Values]
Events = Callable[[np.ndarray, float], Hashable]


class BranchStatus(enum.Enum):
    """How a branch ended."""

    COMPLETE = "as many points as asked for"
    LEFT = "left the range of the parameter"
    CLOSED = "came back to its start"
    EVENTS_CHANGED = "events changed: a border collision"
    STALLED = "no point found at the shortest step"
    NO_START = "no solution found at the start"


class BranchPoint(NamedTuple):
    """A point of a branch.

    Attributes:
        x: the unknowns.
        parameter: p.
        tangent: of (x, p), of length one, in the direction of the branch.
        determinant: of F' bordered by the tangent.
        residual: the largest |F|.
        doubt: how far (x, p) moved in the last correction, which bounds its error where Newton's method converges.
    """

    x: np.ndarray
    parameter: float
    tangent: np.ndarray
    determinant: float
    residual: float
    doubt: float


class EventChange(NamedTuple):
    """Where events change: the last point found before, and the events on both sides; `within` apart in (x, p)."""

    point: BranchPoint
    before: Hashable
    after: Hashable
    within: float


class Branch(NamedTuple):
    """A curve of solutions.

    Attributes:
        points: in order, at least one unless the start failed.
        folds: where the parameter turns.
        branch_points: where another branch crosses.
        event_changes: where events change, at most one, at the end.
        status: how it ended.
    """

    points: list[BranchPoint]
    folds: list[BranchPoint]
    branch_points: list[BranchPoint]
    event_changes: list[EventChange]
    status: BranchStatus


def equations_of(function: Callable[[Float[Array, " n"], Float[Array, ""]], Float[Array, " n"]]) -> Equations:
    """F and its derivatives in x and p, of a function that JAX can differentiate, in one compiled program.

    Args:
        function: F(x, p).
    """

    @jax.jit
    def program(x: Array, p: Array) -> tuple[Array, tuple[Array, Array]]:
        def twice(x: Array, p: Array) -> tuple[Array, Array]:
            value = function(x, p)
            return value, value

        derivatives, value = jax.jacfwd(twice, argnums=(0, 1), has_aux=True)(x, p)
        return value, derivatives

    def equations(x: np.ndarray, p: float) -> Values:
        value, (in_x, in_p) = program(jnp.asarray(x), jnp.asarray(p, x.dtype))
        return np.asarray(value), np.asarray(in_x), np.asarray(in_p)

    return equations


def branch(
    equations: Equations,
    x: Sequence[float] | np.ndarray,
    parameter: float,
    *,
    step: float,
    between: tuple[float, float] = (-math.inf, math.inf),
    max_points: int = 200,
    largest_step: float | None = None,
    events: Events | None = None,
    progress: Callable[[int, float], None] = lambda count, parameter: None,
) -> Branch:
    """Follow F(x, p) = 0 from a point near it.

    Args:
        equations: function (x, p) -> (F, dF/dx, dF/dp), see `equations_of`.
        x: where to start, near a solution.
        parameter: p there.
        step: length of the first step in (x, p); its sign is the direction in which p starts to move.
        between: the range of p.
        max_points: at most as many points.
        largest_step: bound on steps; four times the first one if omitted.
        events: function (x, p) -> what must stay the same along the branch, for example which gates arrive.
        progress: called with the number of points and p.

    Returns:
        The branch, with a status; whatever was found until it ended.

    Raises:
        ValueError: for more than `MOST_UNKNOWNS` unknowns, a start that is not finite or out of range, a step that is
            zero, or equations of another number than unknowns.
    """
    start = np.append(np.asarray(x, float), float(parameter))
    _check(equations, start, step, between, max_points)
    far = 4 * abs(step) if largest_step is None else largest_step
    found = _at_fixed_parameter(equations, start)
    if found is None:
        return Branch([], [], [], [], BranchStatus.NO_START)
    here = _point(equations, *found, toward=np.append(np.zeros(start.size - 1), math.copysign(1.0, step)))
    points, folds, crossings = [here], [], []
    seen = None if events is None else events(here.x, here.parameter)
    length, status = abs(step), BranchStatus.COMPLETE

    def ahead(point: BranchPoint, distance: float) -> np.ndarray:
        return np.append(point.x, point.parameter) + distance * point.tangent

    while len(points) < max_points:
        there, corrections = _across(equations, ahead(here, length), here.tangent, length)
        if there is None or there.tangent @ here.tangent < STRAIGHT:
            length /= 2
            if length < SHORTEST * abs(step):
                status = BranchStatus.STALLED
                break
            continue
        if events is not None and (now := events(there.x, there.parameter)) != seen:
            change = _change(equations, events, here, there, seen, now)
            points.append(change.point)
            return Branch(points, folds, crossings, [change], BranchStatus.EVENTS_CHANGED)
        folds += _turns(equations, here, there, lambda point: float(point.tangent[-1]))
        crossings += _turns(equations, here, there, lambda point: point.determinant)
        outside = not between[0] <= there.parameter <= between[1]
        if outside:
            edge = between[0] if there.parameter < between[0] else between[1]
            points += _turns(equations, here, there, lambda point, edge=edge: point.parameter - edge)
            status = BranchStatus.LEFT
            break
        points.append(there)
        progress(len(points), there.parameter)
        if len(points) > 3 and _closes(points, length):
            status = BranchStatus.CLOSED
            break
        here = there
        length = min(GROWTH * length, far) if corrections <= QUICK else length
    return Branch(points, folds, crossings, [], status)


def _across(equations: Equations, aim: np.ndarray, normal: np.ndarray, far: float) -> tuple[BranchPoint | None, int]:
    """The point of the branch in the plane through `aim` across a normal, within a distance; and how many corrections.

    None if none is found.
    """
    u = aim
    for count in range(1, MOST_CORRECTIONS + 1):
        value, in_x, in_p = equations(u[:-1], float(u[-1]))
        matrix = np.vstack([np.column_stack([in_x, in_p]), normal])
        if not (np.all(np.isfinite(value)) and np.all(np.isfinite(matrix))):
            break
        change = np.linalg.lstsq(matrix, np.append(-value, normal @ (aim - u)), rcond=None)[0]
        u = u + change
        doubt = float(np.linalg.norm(change))
        if doubt <= PRECISION * (1 + np.linalg.norm(u)):
            solved = np.linalg.norm(value) <= math.sqrt(PRECISION) * (1 + np.linalg.norm(matrix))
            return _point(equations, u, doubt, normal) if solved else None, count
        if np.linalg.norm(u - aim) > 2 * far:
            break
    return None, MOST_CORRECTIONS


def _at_fixed_parameter(equations: Equations, start: np.ndarray) -> tuple[np.ndarray, float] | None:
    """A solution near the start by steps of least norm in (x, p): p moves only if it must, as at a fold."""
    u = start
    for _ in range(2 * MOST_CORRECTIONS):
        value, in_x, in_p = equations(u[:-1], float(u[-1]))
        whole = np.column_stack([in_x, in_p])
        if not (np.all(np.isfinite(value)) and np.all(np.isfinite(whole))):
            return None
        held = np.vstack([whole, np.append(np.zeros(u.size - 1), 1.0)])
        near_fold = np.linalg.svd(in_x, compute_uv=False)[-1] < 1e-8 * (1 + np.linalg.norm(in_x))
        matrix, wanted = (whole, -value) if near_fold else (held, np.append(-value, start[-1] - u[-1]))
        change = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
        u = u + change
        if np.linalg.norm(change) <= PRECISION * (1 + np.linalg.norm(u)):
            # Steps of least squares also end where |F| is least, but not zero.
            solved = np.linalg.norm(value) <= math.sqrt(PRECISION) * (1 + np.linalg.norm(whole))
            return (u, float(np.linalg.norm(change))) if solved else None
    return None


def _point(equations: Equations, u: np.ndarray, doubt: float, toward: np.ndarray) -> BranchPoint:
    """A solution with its tangent, the one of the two that makes a sharp angle with a direction."""
    value, in_x, in_p = equations(u[:-1], float(u[-1]))
    whole = np.column_stack([in_x, in_p])
    tangent = np.linalg.svd(whole)[2][-1]
    along = tangent @ toward
    tangent = -tangent if along < 0 else tangent
    determinant = float(np.linalg.det(np.vstack([whole, tangent])))
    return BranchPoint(u[:-1], float(u[-1]), tangent, determinant, float(np.max(np.abs(value))), doubt)


def _turns(
    equations: Equations, here: BranchPoint, there: BranchPoint, number: Callable[[BranchPoint], float]
) -> list[BranchPoint]:
    """The point between two at which a number changes sign, if it does.

    By bisection, in which every middle starts from the chord of its neighbours: next to a branch point a longer way
    would end on the other branch. Newton's method fails at the branch point itself, which the last chord has to within
    the square of its length.
    """
    if not number(here) * number(there) < 0 and number(there) != 0:
        return []
    low, high = here, there
    while _apart(low, high) > CHORD:
        middle = _between(equations, low, high)
        if middle is None:
            break
        if number(middle) * number(low) > 0:
            low = middle
        else:
            high = middle
    share = number(low) / (number(low) - number(high)) if number(low) != number(high) else 1.0
    u = (1 - share) * np.append(low.x, low.parameter) + share * np.append(high.x, high.parameter)
    return [_point(equations, u, _apart(low, high), low.tangent)]


def _between(equations: Equations, low: BranchPoint, high: BranchPoint) -> BranchPoint | None:
    """The point of the branch in the plane across the middle of a chord; None if none is found."""
    start, end = np.append(low.x, low.parameter), np.append(high.x, high.parameter)
    chord = end - start
    return _across(equations, 0.5 * (start + end), chord / np.linalg.norm(chord), float(np.linalg.norm(chord)))[0]


def _apart(low: BranchPoint, high: BranchPoint) -> float:
    return float(np.linalg.norm(np.append(high.x - low.x, high.parameter - low.parameter)))


def _change(
    equations: Equations, events: Events, low: BranchPoint, high: BranchPoint, before: Hashable, after: Hashable
) -> EventChange:
    """Where events change, by bisection between two points."""
    while _apart(low, high) > COLLISION:
        middle = _between(equations, low, high)
        if middle is None:
            break
        seen = events(middle.x, middle.parameter)
        if seen == before:
            low = middle
        else:
            high, after = middle, seen
    return EventChange(low, before, after, _apart(low, high))


def _closes(points: list[BranchPoint], length: float) -> bool:
    """Whether the last step has passed the start, in its direction."""
    start = np.append(points[0].x, points[0].parameter)
    last, before = (np.append(point.x, point.parameter) for point in (points[-1], points[-2]))
    ahead = points[0].tangent
    near = np.linalg.norm(last - start) < length and np.linalg.norm(before - start) <= 2 * length
    return bool(near and points[-1].tangent @ ahead > 0 and (before - start) @ ahead < 0 <= (last - start) @ ahead)


def _check(equations: Equations, start: np.ndarray, step: float, between: tuple[float, float], max_points: int) -> None:
    unknowns = start.size - 1
    if not 1 <= unknowns <= MOST_UNKNOWNS:
        raise ValueError(f"a branch has 1 to {MOST_UNKNOWNS} unknowns, with dense algebra; got {unknowns}.")
    if not np.all(np.isfinite(start)) or not between[0] <= start[-1] <= between[1]:
        raise ValueError(f"the branch starts at {start[-1]}, in a range of {between}; start inside, at finite numbers.")
    if not (math.isfinite(step) and step != 0) or max_points < 2:
        raise ValueError(f"step is {step} and max_points {max_points}; give a step that is not zero, and 2 or more.")
    shapes = [np.shape(each) for each in equations(start[:-1], float(start[-1]))]
    if shapes != [(unknowns,), (unknowns, unknowns), (unknowns,)]:
        raise ValueError(
            f"equations of {unknowns} unknowns have the shapes ({unknowns},), ({unknowns}, {unknowns}) and "
            f"({unknowns},), for F and its derivatives; got {shapes}."
        )
