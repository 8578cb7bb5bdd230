"""What is trained: the tables of conditions, on teachers and on digits."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.beyond import lanes
from experiments.harness.runs import Run
from ntadyn.specs.configuration import Penalties
from ntadyn.specs.nonlinear import Convolutions, GatedStudent, LabelMaps, PathGates, SoftmaxGates, UnitGates
from ntadyn.specs.nonlinear_presets import digits_flexible, nonlinear_flexible
from ntadyn.specs.paths import replaced

RATE, WEIGHT_RATE = "learning_rates.gates", "learning_rates.weights"
NONNEGATIVE, UNIT_L1, UNIT_L2 = (f"penalties.{name}" for name in ("nonnegative", "unit_l1", "unit_l2"))
SCALE = "paths.initial_scale"
FLOOR, STRENGTH = "gating.entropy_floor", "gating.floor_strength"
# In the units of `UnitGates`, s times smaller than plain gates of units: rates over s^2, k of norms times s^2, k of the
# hinge times s, with s^2 = 12 units.
UNITS = 12
SMALL, USUAL = 0.3, 1.0
SLOW, MIDDLE, QUICK = 0.005, 0.02, 0.05


@dataclass(frozen=True)
class Condition:
    """One row of a table.

    Attributes:
        name: of it.
        rate: eta_c.
        nonnegative: k of the hinge on gates.
        unit_l1: k of their L1 norm.
        unit_l2: k of their L2 norm.
        weight_rate: eta_W.
        scale: of initial weights, times sqrt(fan-in).
        floor: below which the entropy of softmax gates is pushed up, in nats.
        strength: of that push, in energy per nat.
    """

    name: str
    rate: float
    nonnegative: float = 0.0
    unit_l1: float = 0.0
    unit_l2: float = 0.0
    weight_rate: float = 0.02
    scale: float = SMALL
    floor: float = 0.0
    strength: float = 0.0


def from_usual_weights(*conditions: Condition) -> tuple[Condition, ...]:
    """The same rows from initial weights of the usual size."""
    return tuple(dataclasses.replace(each, name=f"{each.name}, usual weights", scale=USUAL) for each in conditions)


FLEXIBLE = Condition("flexible", 0.2, 2.5, 5.0)
FORGETFUL = Condition("forgetful", 0.02)
FAST = Condition("fast, no penalty", 0.2)
SLOW_GATES = Condition("slow, penalty", 0.02, 2.5, 5.0)
SOFTMAX = Condition("softmax, rate 1", 1.0)
FLOORED = Condition("softmax with floor", 1.0, floor=0.2, strength=1.0)
UNIT = Condition("unit gates, L2", 0.2 / UNITS, 2.5 * UNITS**0.5, 0.0, 5.0 * UNITS)
UNIT_ONE = Condition("unit gates, L1", 0.05 / UNITS, 2.5 * UNITS**0.5, 1.6 * UNITS)
TEACHERS = {
    "path": (FLEXIBLE, FORGETFUL, FAST, SLOW_GATES, *from_usual_weights(FLEXIBLE, FORGETFUL, FAST)),
    "softmax": (SOFTMAX, Condition("softmax, rate 5", 5.0), FLOORED, *from_usual_weights(SOFTMAX, FLOORED)),
    "unit": (UNIT, UNIT_ONE, *from_usual_weights(UNIT)),
}


def of_digits(rate: float) -> dict[str, tuple[Condition, ...]]:
    """The rows of digits at one learning rate of weights.

    Args:
        rate: eta_W.
    """
    common = {"weight_rate": rate, "scale": USUAL}
    return {
        "path": (
            Condition("flexible", 0.1, 2.5, 2.5, **common),
            Condition("flexible, L2", 0.1, 2.5, 0.0, 2.5, **common),
            Condition("forgetful", rate, **common),
            Condition("fast, no penalty", 0.1, **common),
            Condition("slow, penalty", rate, 2.5, 2.5, **common),
        ),
        "softmax": (
            Condition("softmax, rate 1", 1.0, **common),
            Condition("softmax with floor", 1.0, floor=0.2, strength=1.0, **common),
        ),
    }


GATINGS = {"path": PathGates(), "softmax": SoftmaxGates(), "unit": UnitGates()}


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        num_seeds: repetitions on teachers.
        num_digit_seeds: repetitions on digits.
        gatings: of which conditions are run, names of `GATINGS`.
        num_blocks: on teachers.
        digit_blocks: on digits.
        quick: whether digits are learned at the high rate of weights, too, in blocks of half the length.
        convolutions: whether convolutional paths learn the digits, too.
    """

    num_seeds: int = 6
    num_digit_seeds: int = 4
    gatings: tuple[str, ...] = ("path", "softmax", "unit")
    num_blocks: int = 14
    digit_blocks: int = 8
    quick: bool = True
    convolutions: bool = True


def runs(parameters: Parameters) -> list[Run]:
    """Teachers; digits, slowly, quickly, and by convolutions."""
    shared = {"num_seeds": parameters.num_digit_seeds, "num_blocks": parameters.digit_blocks}
    of_teachers = {"num_seeds": parameters.num_seeds, "num_blocks": parameters.num_blocks}
    found = [
        Run("nonlinear_teachers", on_teachers, of_teachers | {"gatings": parameters.gatings}, "teachers"),
        Run("nonlinear_digits", on_digits, shared | {"rate": SLOW, "gatings": parameters.gatings}, "digits"),
    ]
    if parameters.quick:
        arguments = shared | {"rate": QUICK, "gatings": parameters.gatings}
        found.append(Run("nonlinear_quick_digits", on_digits, arguments, "quick_digits"))
    if parameters.convolutions:
        found.append(Run("nonlinear_convolutions", by_convolutions, shared, "convolutions"))
    return found


def on_teachers(num_seeds: int, num_blocks: int, gatings: tuple[str, ...]) -> xr.Dataset:
    """All conditions on two rectified teachers in turn, tested every 4 steps.

    Args:
        num_seeds: repetitions.
        num_blocks: of 500 steps.
        gatings: names of `GATINGS`.

    Returns:
        See `table_of`.
    """
    spec = replaced(nonlinear_flexible(), {"curriculum.num_blocks": num_blocks})
    return table_of(spec, {name: TEACHERS[name] for name in gatings}, num_seeds, 4)


def on_digits(num_seeds: int, num_blocks: int, rate: float, gatings: tuple[str, ...]) -> xr.Dataset:
    """All conditions on digits under two labellings in turn, tested every 10 steps.

    Args:
        num_seeds: repetitions.
        num_blocks: of 800 steps at the low rate, and of 400 at the high one.
        rate: eta_W.
        gatings: names of `GATINGS`.

    Returns:
        See `table_of`.
    """
    length = 800.0 if rate == SLOW else 400.0
    spec = replaced(digits_flexible(), {"curriculum.num_blocks": num_blocks, "curriculum.block_duration": length})
    conditions = of_digits(rate)
    return table_of(spec, {name: conditions[name] for name in gatings if name in conditions}, num_seeds, 10)


def by_convolutions(num_seeds: int, num_blocks: int) -> xr.Dataset:
    """The flexible and the forgetful network with convolutional paths, on digits, at two rates of weights.

    Args:
        num_seeds: repetitions.
        num_blocks: of 800 steps.

    Returns:
        See `table_of`.
    """
    spec = replaced(digits_flexible(), {"curriculum.num_blocks": num_blocks, "paths": Convolutions()})
    rows = []
    for rate, ending in ((MIDDLE, ""), (SLOW, ", slow weights")):
        found = [row for row in of_digits(rate)["path"] if row.name in ("flexible", "forgetful")]
        rows += [dataclasses.replace(row, name=row.name + ending) for row in found]
    return table_of(spec, {"path": tuple(rows)}, num_seeds, 10)


def table_of(
    spec: GatedStudent, conditions: Mapping[str, tuple[Condition, ...]], num_seeds: int, spacing: int
) -> xr.Dataset:
    """One table: a program per gating, a lane per condition and repetition.

    Args:
        spec: what all conditions share.
        conditions: gating -> rows.
        num_seeds: repetitions.
        spacing: steps between tests.

    Returns:
        `steps` (condition, seed, block) until the task is found again, infinite where it is not; `score` (condition,
        seed, test), the loss over that of silence or the accuracy; at the end `gates` (condition, seed, path),
        of units their means, `path_overlaps` and `loss`; `switching`; `result`.
    """
    parts: list[xr.Dataset] = []
    for gating, rows in conditions.items():
        gated = replaced(spec, {"penalties": Penalties(), "gating": GATINGS[gating]})
        found = lanes.trained(gated, changes_of(gated, rows), num_seeds, spacing)
        is_found = found["score"] >= lanes.FOUND_ACCURACY
        if not isinstance(spec.tasks, LabelMaps):
            is_found = found["score"] < lanes.FOUND_LOSS
        gates, ends = (_per_path(found[name], axis) for name, axis in (("gates", 3), ("block_gates", 4)))
        variables = {
            "steps": (("condition", "seed", "block"), lanes.steps_until(is_found, found["step"], found["block"])),
            "score": (("condition", "seed", "test"), found["score"]),
            "gates": (("condition", "seed", "path"), gates),
            "switching": (("condition", "seed"), lanes.switching_share(ends)),
            "path_overlaps": (("condition", "seed", "path", "task"), found["path_overlaps"]),
            "loss": (("condition", "seed", "task"), found["loss"]),
            "result": (("condition", "seed"), found["result"]),
        }
        coordinates = {
            "condition": [row.name for row in rows],
            "step": ("test", found["step"]),
            "block_of_test": ("test", found["block"]),
        }
        parts.append(xr.Dataset(variables, coordinates))
    return xr.concat(parts, dim="condition")


def changes_of(spec: GatedStudent, rows: tuple[Condition, ...]) -> dict[str, list[float]]:
    """The rows as values of parameters of the spec.

    Args:
        spec: what they change.
        rows: conditions.
    """
    fields = {
        RATE: "rate",
        WEIGHT_RATE: "weight_rate",
        NONNEGATIVE: "nonnegative",
        UNIT_L1: "unit_l1",
        UNIT_L2: "unit_l2",
    }
    if hasattr(spec.paths, "initial_scale"):
        fields[SCALE] = "scale"
    if isinstance(spec.gating, SoftmaxGates):
        fields |= {FLOOR: "floor", STRENGTH: "strength"}
    return {path: [getattr(row, name) for row in rows] for path, name in fields.items()}


def _per_path(gates: np.ndarray, axis: int) -> np.ndarray:
    """Gates of units as their mean over the units of a path; gates of paths as they are."""
    return gates.mean(axis=axis) if gates.ndim > axis else gates
