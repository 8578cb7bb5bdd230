"""Basins: from which initial states runs end where, told by distances and growth after many blocks, never by contrast.

A contrast near one is what the specialised orbit and the runaway have in common. What tells them apart is the distance
of the paths, |D| = |W^1 - W^2|: it comes to rest at |D|_S in the one, and goes on growing above it in the other.
"""

import enum
import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ntadyn.dynamics.order_parameters import OrderParameters
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import from_coefficients
from ntadyn.simulation.integration import integrate_batch
from ntadyn.simulation.outcome import result_codes
from ntadyn.stability.band import band_fold, specialised_distance
from ntadyn.stability.plane import Numbers, TeacherPlane, check_blocks
from ntadyn.stability.stroboscopic import StroboscopicMap
from ntadyn.tasks.task_set import TaskSet

# Inputs: two for the teachers, and one per path for what it has outside of them.
NUM_INPUTS = 4
QUARTERS = 4
# How near |D|_S is the specialised orbit, and the growth of |D| over the last quarter that counts as none.
NEAR, AT_REST = 0.01, 1e-3
# Below this share of |D|_S paths count as equal.
EQUAL = 0.05


class Fate(enum.Enum):
    """Where a run ends; path 1 is the one that holds A, and in the swapped copies B."""

    SPECIALISED = "specialised"
    SPECIALISED_SWAPPED = "specialised, paths swapped"
    RUNAWAY = "runaway"
    RUNAWAY_SWAPPED = "runaway, paths swapped"
    NEUTRAL = "neutral"
    UNSPECIALISED = "unspecialised"
    UNDECIDED = "undecided"


FATES = tuple(Fate)
CODES = {fate: code for code, fate in enumerate(FATES)}


class Journey(NamedTuple):
    """Runs at their start and after each quarter of their time, always at the start of a block of task A.

    Attributes:
        distance: |D| = |W^1 - W^2|, all of it, shape (quarters + 1, runs).
        lead: c_1 - c_2.
        along: D_e, the component of D along A - B.
        result: how each run ended, see `simulation.result_codes`; zero if all went well.
    """

    distance: Float[np.ndarray, "q n"]
    lead: Float[np.ndarray, "q n"]
    along: Float[np.ndarray, "q n"]
    result: Int[np.ndarray, " n"]

    @property
    def growth(self) -> Float[np.ndarray, " n"]:
        """By which factor |D| grew over the last quarter, less one."""
        return self.distance[-1] / self.distance[-2] - 1


class Landmarks(NamedTuple):
    """What distances mean.

    Attributes:
        specialised: |D|_S, NaN where there is no specialised orbit.
        beyond: the |D| above which growth has no orbit to end in.
    """

    specialised: Numbers
    beyond: Numbers


class Share(NamedTuple):
    """A share of runs, with the interval of Wilson's score at some confidence."""

    value: float
    low: float
    high: float


def landmarks(plane: TeacherPlane) -> Landmarks:
    """|D|_S from the contact band; beyond it, and where the band is closed beyond |D| at its fold, growth is runaway.

    Args:
        plane: one cell.
    """
    specialised = specialised_distance(plane)
    if math.isfinite(specialised):
        return Landmarks(specialised, specialised)
    fold = band_fold(plane)
    return Landmarks(math.nan, float(np.sqrt(fold.gates / plane.weights * (1 + fold.q))))


def plane_system(plane: TeacherPlane) -> OrderParameters:
    """The order parameters of a cell, whose teachers have entries in the first two of `NUM_INPUTS` inputs.

    Args:
        plane: one cell.
    """
    check_blocks(plane)
    teachers = float(plane.teacher_norm) * jnp.eye(2, NUM_INPUTS)[:, None, :]
    coefficients = {"unit_l1": float(plane.unit_l1), "nonnegative": float(plane.nonnegative)}
    penalties = from_coefficients({name: value for name, value in coefficients.items() if value > 0})
    time_constants = {"gates": float(plane.gates), "weights": float(plane.weights)}
    return OrderParameters(TaskSet(teachers, names=("A", "B"), num_base=2), time_constants, penalties)


def sample(key: PRNGKeyArray, number: int, spread: float) -> GatedLinear:
    """Initial states: gates uniform in [0, 1]^2, entries of weights Gaussian.

    Args:
        key: of the draw.
        number: how many, the leading axis of the result.
        spread: standard deviation of an entry along a teacher, or along any direction outside of them.

    Raises:
        ValueError: for no states, or a spread that is not positive.
    """
    if number < 1:
        raise ValueError(f"number is {number}; draw at least one initial state.")
    if not (spread > 0 and math.isfinite(spread)):
        raise ValueError(f"spread is {spread}; it must be positive and finite.")
    of_gates, of_weights = jax.random.split(key)
    weights = spread * jax.random.normal(of_weights, (number, 2, 1, NUM_INPUTS))
    return jax.vmap(GatedLinear)(jax.random.uniform(of_gates, (number, 2)), weights)


def at_plane(
    lead: Float[np.ndarray, " n"], along: Float[np.ndarray, " n"], shared: Float[np.ndarray, " 2"]
) -> GatedLinear:
    """Initial states in the plane (c_1 - c_2, D_e), with c_1 + c_2 = 1 and one U = W^1 + W^2 for all.

    Args:
        lead: c_1 - c_2.
        along: D_e, the component of W^1 - W^2 along A - B, its only one.
        shared: U along A and B.
    """
    direction = np.array([1.0, -1.0]) / math.sqrt(2)
    difference = along[:, None] * direction
    paths = 0.5 * np.stack([shared + difference, shared - difference], axis=1)
    weights = np.concatenate([paths, np.zeros_like(paths)], axis=2)[:, :, None]
    gates = 0.5 * np.stack([1 + lead, 1 - lead], axis=1)
    return jax.vmap(GatedLinear)(jnp.asarray(gates), jnp.asarray(weights))


def follow(map: StroboscopicMap, states: GatedLinear, systems: PyTree | None = None) -> Journey:
    """Many runs, through four times the period of a map.

    Args:
        map: a quarter of the time: an even number of blocks of two tasks, beginning with A, of order parameters. Its
            method decides whether orbits survive: over thousands of blocks take one that keeps Q, `LaneBoosts` or
            `FixedSteps(LorentzBoost())`.
        states: initial states, leading axis = run.
        systems: those of the runs, leading axis = run, if they are not all that of the map; its steps are for all.

    Raises:
        ValueError: for a map of something else, or an odd number of blocks.
    """
    if not isinstance(map.system, OrderParameters) or map.num_tasks != 2 or map.renaming is not None:
        raise ValueError("basins are those of OrderParameters under two tasks, in a map without a renaming.")
    if map.curriculum.durations.shape[0] % 2:
        raise ValueError("a quarter has an odd number of blocks, so that it ends at the other task; give an even one.")
    number = states.gates.shape[0]
    if systems is None:
        systems = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (number, *jnp.shape(leaf))), map.system)
    now = jax.vmap(lambda system, network: system.initial_state(network))(systems, states)
    result, seen = np.zeros(number, int), [_seen(map.system, now)]
    for _ in range(QUARTERS):
        now, code = _quarter(map, systems, now)
        result = np.where(result == 0, np.asarray(code), result)
        seen.append(_seen(map.system, now))
    distance, lead, along = (np.stack(each) for each in zip(*seen, strict=True))
    return Journey(distance, lead, along, result)


def classify(journey: Journey, marks: Landmarks) -> Int[np.ndarray, " n"]:
    """The fate of every run, as an index into `FATES`.

    - at rest within one per cent of |D|_S: specialised;
    - growing, above |D|_S: runaway;
    - at rest, paths all but equal: unspecialised; at rest anywhere else: neutral;
    - anything else, and whatever did not end well: undecided, for example still on its way up to |D|_S.

    Args:
        journey: from `follow`.
        marks: from `landmarks`, of the cell or of every run.
    """
    end, growth = journey.distance[-1], journey.growth
    swapped = (journey.along[-1] < 0).astype(int)
    rests, near = np.abs(growth) <= AT_REST, np.abs(end / marks.specialised - 1) <= NEAR
    outcomes = [
        (journey.result != 0, CODES[Fate.UNDECIDED]),
        (near & rests, CODES[Fate.SPECIALISED] + swapped),
        ((growth > AT_REST) & (end > marks.beyond), CODES[Fate.RUNAWAY] + swapped),
        (rests & (end < EQUAL * marks.beyond), CODES[Fate.UNSPECIALISED]),
        (rests, CODES[Fate.NEUTRAL]),
    ]
    conditions, codes = zip(*outcomes, strict=True)
    return np.select(conditions, np.broadcast_arrays(*codes), CODES[Fate.UNDECIDED])


def share(count: int, number: int, confidence: float = 0.95) -> Share:
    """A share count/number with Wilson's interval: where a test of the share does not reject.

    Raises:
        ValueError: for counts that make no share, or a confidence that is not between 0 and 1.
    """
    if not 0 <= count <= number or number < 1:
        raise ValueError(f"{count} of {number} is no share.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1.")
    z = NormalDist().inv_cdf(0.5 + 0.5 * confidence)
    value = count / number
    middle = (value + z * z / (2 * number)) / (1 + z * z / number)
    half = z / (1 + z * z / number) * math.sqrt(value * (1 - value) / number + (z / (2 * number)) ** 2)
    return Share(value, max(0.0, middle - half), min(1.0, middle + half))


def shares(fates: Int[np.ndarray, " n"], confidence: float = 0.95) -> dict[Fate, Share]:
    """The share of every fate, those that no run met included.

    Args:
        fates: from `classify`.
        confidence: of the intervals.
    """
    counts = np.bincount(fates, minlength=len(FATES)).tolist()
    return {fate: share(count, len(fates), confidence) for fate, count in zip(FATES, counts, strict=True)}


def representatives(journey: Journey, fates: Int[np.ndarray, " n"]) -> dict[Fate, Float[np.ndarray, " 2"]]:
    """The median (c_1 - c_2, D_e) of runs that ended in each orbit that is one point: both specialised ones."""
    points = np.stack([journey.lead[-1], journey.along[-1]], axis=1)
    ends = (Fate.SPECIALISED, Fate.SPECIALISED_SWAPPED)
    return {fate: np.median(points[fates == CODES[fate]], axis=0) for fate in ends if np.any(fates == CODES[fate])}


def match(
    before: Mapping[int, Sequence[float] | np.ndarray],
    after: Mapping[int, Sequence[float] | np.ndarray],
    farthest: float = math.inf,
) -> dict[int, int]:
    """Labels of attractors carried on from one parameter to the next, the closest pair of points first.

    Args:
        before: label -> representative point, at the parameter before.
        after: the same at this parameter, with labels of its own.
        farthest: pairs at a larger distance are not the same attractor.

    Returns:
        Label in `after` -> label under which it goes on: the matched one, or its own or a new one, which no other has.

    Source: the rule of Attractors.jl, `MatchBySSSetDistance` with centroids; Datseris, Rossi and Wagemakers 2023
    (doi 10.1063/5.0159675).
    """
    pairs = sorted(
        (float(np.linalg.norm(np.asarray(there) - np.asarray(here))), new, old)
        for new, there in after.items()
        for old, here in before.items()
    )
    found: dict[int, int] = {}
    for distance, new, old in pairs:
        if distance <= farthest and new not in found and old not in found.values():
            found[new] = old
    unused = max([-1, *before, *after]) + 1
    for new in after:
        if new not in found:
            taken = new in before or new in found.values()
            found[new], unused = (unused, unused + 1) if taken else (new, unused)
    return found


@eqx.filter_jit
def _quarter(map: StroboscopicMap, systems: PyTree, states: PyTree) -> tuple[PyTree, Int[Array, " n"]]:
    ran = integrate_batch(systems, map.curriculum, states, map.method, map.grid, {})
    return ran.final_state, result_codes(ran.result)


def _seen(system: OrderParameters, states: PyTree) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """|D|, c_1 - c_2 and D_e; |A - B| is that of the system."""
    students, cross = (np.sum(np.asarray(each), axis=1) for each in (states.students, states.cross))
    teachers = np.sum(np.asarray(system.teacher_overlaps), axis=0)
    apart = math.sqrt(teachers[0, 0] + teachers[1, 1] - 2 * teachers[0, 1])
    squared = students[:, 0, 0] + students[:, 1, 1] - 2 * students[:, 0, 1]
    along = (cross[:, 0, 0] - cross[:, 0, 1] - cross[:, 1, 0] + cross[:, 1, 1]) / apart
    gates = np.asarray(states.gates)
    return np.sqrt(np.maximum(squared, 0)), gates[:, 0] - gates[:, 1], along
