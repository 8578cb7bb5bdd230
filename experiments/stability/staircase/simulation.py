"""Runs that climb through the contact band, the growth of the orbit of equal paths, and the slow second stage."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from ntadyn.networks import GatedLinear
from ntadyn.simulation import LaneBoosts, integrate_batch
from ntadyn.stability import (
    StroboscopicMap,
    TeacherPlane,
    contact_band,
    gate_swing,
    glide_length,
    initial_spread,
    plane_system,
    sample,
    unspecialised_orbit,
)
from ntadyn.tasks import curricula

# The unit L1 norm and the hinge of figure 5, and their strength per lambda.
K_1, K_NN, PER_LAMBDA = 1.25, 0.25, (8.333, 1.667)
# The norm and the hinge of the second stage, whose theory has gates of norm one.
HARD = (12.5, 2.5)
QUARTERS = 4
SWINGS = 121


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        block_duration: tau_B of the staircase.
        gates: tau_c of the staircase.
        seeds: runs from small weights.
        blocks: how long they are followed.
        size: block durations and penalties of the map of growth.
        block_durations: their range in it.
        strengths: range of lambda in it.
        fast_gates: tau_c of it.
        stage_cells: (tau_B, tau_c, D_s) of the second stage.
        folding: for how many e-foldings, of what is predicted, it is followed.
    """

    block_duration: float = 1.0
    gates: float = 0.02
    seeds: int = 12
    blocks: int = 300
    size: tuple[int, int] = (16, 16)
    block_durations: tuple[float, float] = (0.1, 1.0)
    strengths: tuple[float, float] = (0.001, 0.1)
    fast_gates: float = 0.01
    stage_cells: tuple[tuple[float, float, float], ...] = (
        (0.1, 0.02, 0.3), (0.1, 0.02, 0.2), (0.1, 0.02, 0.05), (0.1, 0.01, 0.2), (0.05, 0.01, 0.3), (0.2, 0.03, 0.2),
    )  # fmt: skip
    folding: float = 0.8


def runs(parameters: Parameters) -> list[Run]:
    """The staircase, the map of growth, and the second stage."""
    given = {"parameters": parameters}
    return [
        Run("staircase", climbing, given, "staircase"),
        Run("staircase_growth", growth, given, "growth"),
        Run("staircase_second_stage", second_stage, given, "second stage"),
    ]


def climbing(parameters: Parameters) -> xr.Dataset:
    """Q of every run at the end of every period of two blocks, and G(q) with its band."""
    plane = TeacherPlane(parameters.block_duration, parameters.gates, 1.0, K_1, K_NN)
    states = sample(jax.random.key(0), parameters.seeds, initial_spread(0.01 / math.sqrt(20), 20) / math.sqrt(2))
    states = eqx.tree_at(lambda network: network.gates, states, jnp.full((parameters.seeds, 2), 0.5))
    seen = list(_by_period(plane, states, parameters.blocks // 2, 1))
    distance, lead = (np.stack(each) for each in zip(*seen, strict=True))
    band = contact_band(plane)
    q = np.geomspace(0.1 * band.low, 10 * band.high, SWINGS)
    return xr.Dataset(
        {
            "q": (("period", "seed"), distance**2 / parameters.gates - lead**2),
            "swing": ("of_q", [gate_swing(plane, each) for each in q]),
            "low": ((), band.low),
            "high": ((), band.high),
        },
        coords={"of_q": q, "period": np.arange(len(distance))},
    )


def growth(parameters: Parameters) -> xr.Dataset:
    """Log mu of the orbit of equal paths over block durations and strengths, by its multipliers and by the formula."""
    durations = np.geomspace(*parameters.block_durations, parameters.size[0])
    strengths = np.geomspace(*parameters.strengths, parameters.size[1])
    exact, formula, theta = [], [], []
    for duration in durations.tolist():
        plane = TeacherPlane(duration, parameters.fast_gates, 1.0, PER_LAMBDA[0] * strengths, PER_LAMBDA[1] * strengths)
        orbit = unspecialised_orbit(plane)
        exact.append(np.log(orbit.antisymmetric[:, 0]))
        formula.append(glide_length(plane, orbit))
        theta.append(orbit.rapidity)
    dims = ("block_duration", "strength")
    values = {"log_mu": np.stack(exact), "formula": np.stack(formula), "rapidity": np.stack(theta)}
    return xr.Dataset(
        {name: (dims, value) for name, value in values.items()},
        coords={"block_duration": durations, "strength": strengths},
    )


def second_stage(parameters: Parameters) -> xr.Dataset:
    """How fast the weights of the path that lost part from zero, along A - B, while the other one has everything.

    The start is the state after contact: gates (1, 0), the first path on the orbit of one path alone, of amplitude
    w = l tanh(tau_B/2), the second with D_s of the common part left and an offset of w/4 along A - B.
    """
    rates, left = [], []
    for duration, gates, common in parameters.stage_cells:
        plane = TeacherPlane(duration, gates, 1.0, *HARD)
        swing = float(plane.half_distance) * math.tanh(duration / 2)
        offset = 0.25 * swing
        gate = float(plane.half_distance) * duration / (2 * gates) * offset
        paths = np.array([[0.5, -swing], [0.5 - common, -offset]]) @ np.array([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2)
        weights = np.concatenate([paths, np.zeros_like(paths)], axis=1)[None, :, None]
        states = jax.vmap(GatedLinear)(jnp.array([[1 - gate, gate]]), jnp.asarray(weights))
        expected = stage_rate(plane, common)
        periods = max(1, round(parameters.folding / expected / duration / 2 / QUARTERS))
        seen = list(_by_period(plane, states, QUARTERS, periods, at_second_path))
        offsets, commons = (np.array([each[k][0] for each in seen]) for k in (0, 1))
        # Without the first quarter, in which the orbit of the first path settles.
        rates.append(np.log(offsets[-1] / offsets[1]) / ((QUARTERS - 1) * periods * 2 * duration))
        left.append(commons[-1])
    cells = np.array(parameters.stage_cells)
    expected = [
        stage_rate(TeacherPlane(duration, gates, 1.0, *HARD), common)
        for duration, gates, common in parameters.stage_cells
    ]
    return xr.Dataset(
        {
            "rate": ("cell", rates),
            "expected": ("cell", expected),
            "left": ("cell", left),
            "block_duration": ("cell", cells[:, 0]),
            "gates": ("cell", cells[:, 1]),
            "common": ("cell", cells[:, 2]),
        }
    )


def stage_rate(plane: TeacherPlane, common: float) -> float:
    """(D_s l tau_B / tau_c)^2 / (48 tau_W) + l^2 / (4 k_1 tau_W), derived in the verdict for short blocks."""
    far = float(plane.half_distance)
    ratio = common * far * float(plane.block_duration) / float(plane.gates)
    return (ratio**2 / 48 + far**2 / (4 * float(plane.unit_l1))) / float(plane.weights)


def at_second_path(cross: np.ndarray, students: np.ndarray, gates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """-W^2 along A - B, and D along A + B, where |A - B| = |A + B| = 1."""
    del students, gates
    along = cross[:, 1, 1] - cross[:, 1, 0]
    return along, np.sum(cross[:, 0] - cross[:, 1], axis=1)


def distance_and_lead(cross: np.ndarray, students: np.ndarray, gates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|D| and c_1 - c_2."""
    del cross
    squared = students[:, 0, 0] + students[:, 1, 1] - 2 * students[:, 0, 1]
    return np.sqrt(squared), gates[:, 0] - gates[:, 1]


def _by_period(plane: TeacherPlane, states: GatedLinear, number: int, periods: int, read=distance_and_lead) -> Iterator:
    """What is read of all runs at the start, and `number` times after so many periods of two blocks."""
    system = plane_system(plane)
    curriculum = curricula.alternating(2, 2 * periods, jnp.asarray(plane.block_duration))
    first = system.initial_state(jax.tree.map(lambda leaf: leaf[0], states))
    map = StroboscopicMap.of(system, curriculum, first, method=LaneBoosts())
    systems = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(states.gates), *jnp.shape(leaf))), map.system)
    now = jax.vmap(lambda system, network: system.initial_state(network))(systems, states)

    @eqx.filter_jit
    def period(now):
        return integrate_batch(systems, map.curriculum, now, map.method, map.grid, {}).final_state

    for count in range(number + 1):
        yield read(*(np.asarray(each) for each in (now.cross[:, 0], now.students[:, 0], now.gates)))
        if count < number:
            now = period(now)
