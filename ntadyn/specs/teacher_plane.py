"""Configurations as cells of the theory in the plane of two teachers."""

import math
from collections.abc import Sequence

import numpy as np

from ntadyn.regularizers import AbstractPenalty, Nonnegativity, UnitL1Norm
from ntadyn.regularizers.penalty import Sum
from ntadyn.specs.building import build_penalties
from ntadyn.specs.configuration import Composites, Configuration, Dynamics, Gating, TeacherKind
from ntadyn.specs.extent import order_of_tasks, size_of_teachers
from ntadyn.stability import TeacherPlane, initial_spread

# Theta of the fastest gates: q of e^-28 is 1e-12.
MOST_RAPIDITY = 28.0
# Of the slowest gates, in time constants of the weights.
SLOWEST = 100.0
# Of the shortest and the longest blocks, likewise.
BLOCKS = (1e-6, 1e3)
_SAME_NORM = (TeacherKind.ORTHOGONAL, TeacherKind.MATCHED_ROWS_ORTHOGONAL, TeacherKind.AXIS_ALIGNED)


def check_in_plane(configuration: Configuration) -> None:
    """Refuse what the theory in the plane says nothing about.

    Raises:
        ValueError: unless two paths, each with one gate of initially 1/2, learn two orthogonal teachers of one norm in
            turn in the population flow, from white inputs, with at most a hinge and a unit L1 norm on the gates.
    """
    network, teachers = configuration.network, configuration.teachers
    penalties = (configuration.coefficients.listed or configuration.penalties.listed).keys()
    order = order_of_tasks(configuration, 4)
    wanted = {
        f"network.num_paths is {network.num_paths}; it must be 2": network.num_paths == 2,
        f"network.gating is {network.gating.value}; it must be path": network.gating is Gating.PATH,
        f"network.initial_gate is {network.initial_gate}; it must be 0.5": network.initial_gate == 0.5,
        f"network.initial_gate_scale is {network.initial_gate_scale}; it must be 0": network.initial_gate_scale == 0,
        f"network.initial_scale is {network.initial_scale}; it must be positive": network.initial_scale > 0,
        f"teachers.num_tasks is {teachers.num_tasks}; it must be 2": teachers.num_tasks == 2,
        f"teachers.kind is {teachers.kind.value}; it must be orthogonal": teachers.kind in _SAME_NORM,
        f"teachers.composites is {teachers.composites.value}; it must be none": teachers.composites is Composites.NONE,
        "inputs have a spectrum; they must be white": configuration.inputs.white,
        f"dynamics is {configuration.dynamics.value}; it must be a population flow": (
            configuration.dynamics is not Dynamics.ONLINE and configuration.batch_noise == 0
        ),
        f"tasks come in the order {order}; they must alternate, A first": order == [k % 2 for k in range(len(order))],
        f"penalties are {', '.join(sorted(penalties))}; only nonnegative and unit_l1 are allowed": (
            penalties <= {"nonnegative", "unit_l1"}
        ),
    }
    broken = [text for text, holds in wanted.items() if not holds]
    if broken:
        raise ValueError(f"the theory in the plane of two teachers does not reach this configuration: {broken[0]}.")


def check_theory(
    configuration: Configuration, gates: tuple[float, float] | None = None, duration: float | None = None
) -> None:
    """Refuse what `check_in_plane` refuses, and numbers of which the theory in the plane has nothing to say.

    Within a block gates and weights are boosted by up to Theta = 4 l / kappa tanh(tau_B / 4 tau_W). The contact band
    begins at q of the order of e^-Theta, and is sought from e^-28 on: faster gates drown in rounding. It closes at
    tau_c = .19 tau_W, however long blocks are, and gates much slower than weights hardly move. In blocks of many tau_W
    weights come to rest, and in very short ones nothing happens. Initial weights are small beside the teachers.

    Args:
        configuration: what the command was given.
        gates: the smallest and the largest tau_c, if they are not both the configuration's.
        duration: tau_B, likewise.

    Raises:
        ValueError: as `check_in_plane`, where Theta is larger than 28, where tau_c is larger than 100 tau_W or
            tau_B not between 1e-6 and 1000 tau_W, and where initial weights are as large as the teachers.
    """
    check_in_plane(configuration)
    taus = configuration.time_constants
    fastest, slowest = gates or (float(taus.gates), float(taus.gates))
    duration = float(configuration.curriculum.block_duration if duration is None else duration)
    size = math.tanh(duration / (4 * taus.weights)) * math.sqrt(8) * float(size_of_teachers(configuration.teachers))
    rapidity = size * math.sqrt(taus.weights / fastest)
    if rapidity > MOST_RAPIDITY:
        shortest = taus.weights * (size / MOST_RAPIDITY) ** 2
        raise ValueError(
            f"a gate time constant of {fastest:g} is too short for the theory in the plane: in a block of {duration:g} "
            f"gates and weights are boosted by e^{rapidity:.3g}, and what double precision resolves is "
            f"e^{MOST_RAPIDITY:g}. Take at least {shortest:.3g}, or shorter blocks."
        )
    if slowest > SLOWEST * taus.weights:
        raise ValueError(
            f"a gate time constant of {slowest:g} is too long for the theory in the plane: specialised orbits end "
            f"below 0.19 time constants of the weights. Take at most {SLOWEST * taus.weights:g}, {SLOWEST:g} of them."
        )
    shortest, longest = (each * taus.weights for each in BLOCKS)
    if not shortest <= duration <= longest:
        raise ValueError(
            f"a block of {duration:g} is as good as none, or as one without an end, to weights of a time constant of "
            f"{taus.weights:g}. Take blocks of {shortest:g} to {longest:g}."
        )
    spread, norm = spread_of(configuration), float(size_of_teachers(configuration.teachers))
    if spread >= norm:
        raise ValueError(
            f"network.initial_scale is {configuration.network.initial_scale:g}: the paths differ by {spread:.3g} along "
            f"a teacher of norm {norm:.3g}, and the theory in the plane is for small initial weights. Take less than "
            f"{configuration.network.initial_scale * norm / spread:.3g}."
        )


def plane_of(configurations: Sequence[Configuration]) -> TeacherPlane:
    """Cells as one row of numbers; the block duration is a single one if all have the same.

    Args:
        configurations: at least one.

    Returns:
        The row, whose numbers have the shape (cells,).

    Raises:
        ValueError: for no configuration, or one that `check_in_plane` refuses.
    """
    durations = [float(each.curriculum.block_duration) for each in configurations]
    if not durations:
        raise ValueError("a row of cells has at least one; got none.")
    for each in configurations:
        check_in_plane(each)
    penalties = [build_penalties(each).get("gates") for each in configurations]
    return TeacherPlane(
        block_duration=durations[0] if len(set(durations)) == 1 else np.array(durations),
        gates=np.array([each.time_constants.gates for each in configurations], float),
        weights=np.array([each.time_constants.weights for each in configurations], float),
        unit_l1=np.array([_coefficient(each, UnitL1Norm) for each in penalties]),
        nonnegative=np.array([_coefficient(each, Nonnegativity) for each in penalties]),
        teacher_norm=np.array([size_of_teachers(each.teachers) for each in configurations]),
    )


def cell_of(configuration: Configuration) -> TeacherPlane:
    """One configuration as a cell, whose numbers are single ones.

    Raises:
        ValueError: as `check_in_plane`.
    """
    row = plane_of([configuration])
    numbers = {name: float(value[0]) for name, value in vars(row).items() if name != "block_duration"}
    return TeacherPlane(row.block_duration, **numbers)


def spread_of(configuration: Configuration) -> float:
    """The standard deviation of a component of W^1 - W^2 at the start."""
    return initial_spread(configuration.network.initial_scale, configuration.teachers.d_in)


def _coefficient(penalty: AbstractPenalty | None, kind: type[UnitL1Norm] | type[Nonnegativity]) -> float:
    terms = penalty.terms if isinstance(penalty, Sum) else () if penalty is None else (penalty,)
    return float(sum(np.asarray(term.k) for term in terms if isinstance(term, kind)))
