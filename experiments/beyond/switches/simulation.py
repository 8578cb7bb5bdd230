"""What is trained: a map over both learning rates and the length of blocks, and softmax gates with cures."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from experiments.beyond import lanes
from experiments.beyond.nonlinear.simulation import NONNEGATIVE, RATE, SCALE, SMALL, UNIT_L1, USUAL, WEIGHT_RATE
from experiments.harness.runs import Run
from ntadyn.continual.gate_steps import check_gate_step
from ntadyn.specs.configuration import Penalties
from ntadyn.specs.nonlinear import GatedStudent, RectifiedTeachers, SoftmaxGates
from ntadyn.specs.nonlinear_presets import nonlinear_flexible
from ntadyn.specs.paths import replaced

HINGE, STIFFNESS = 2.5, 5.0
TEMPERATURE, FLOOR, STRENGTH = (f"gating.{name}" for name in ("temperature", "entropy_floor", "floor_strength"))
# Inputs on which networks are judged; tests are most of the work where they are frequent.
POINTS = 200


@dataclass(frozen=True)
class Softmax:
    """One softmax network.

    Attributes:
        name: of it.
        rate: eta_c.
        temperature: T.
        floor: H_0 in nats, of ln 2 = 0.69 that there are.
        strength: energy per nat below it.
    """

    name: str
    rate: float = 1.0
    temperature: float = 1.0
    floor: float = 0.0
    strength: float = 0.0


CURES = (
    Softmax("none"),
    Softmax("rate 0.05", rate=0.05),
    Softmax("rate 0.2", rate=0.2),
    Softmax("rate 5", rate=5.0),
    Softmax("T = 0.5", temperature=0.5),
    Softmax("T = 2", temperature=2.0),
    Softmax("rate 1/4", rate=0.25),  # T = 2 in other words
    Softmax("T = 5", temperature=5.0),
    *(Softmax(f"floor {floor:g}, k {k:g}", 1.0, 1.0, floor, k) for floor in (0.2, 0.4, 0.6) for k in (0.3, 1.0, 3.0)),
)


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        lengths: of blocks, in steps.
        total: steps of practice, whatever the blocks are.
        weight_rates: eta_W.
        ratios: eta_c / eta_W.
        num_seeds: repetitions in every cell.
        cures: names of `CURES`.
        num_cure_seeds: repetitions of softmax networks.
    """

    lengths: tuple[int, ...] = (50, 100, 200, 400, 800)
    total: int = 8000
    weight_rates: tuple[float, ...] = (0.005, 0.01, 0.02, 0.05)
    ratios: tuple[float, ...] = (1.0, 2.0, 4.0, 10.0, 20.0, 40.0)
    num_seeds: int = 5
    cures: tuple[str, ...] = tuple(cure.name for cure in CURES)
    num_cure_seeds: int = 8


def runs(parameters: Parameters) -> list[Run]:
    """A map from small and one from usual initial weights, and the cures of softmax gates."""
    shared = {"parameters": parameters}
    return [
        Run("switches_small", one_map, shared | {"scale": SMALL}, "small"),
        Run("switches_softmax", of_softmax, shared, "softmax"),
        # Not beside the first, whose compiled programs it takes: two are run at a time.
        Run("switches_usual", one_map, shared | {"scale": USUAL}, "usual"),
    ]


def one_map(parameters: Parameters, scale: float) -> xr.Dataset:
    """The flexible network and its forgetful partner, in every cell.

    Args:
        parameters: the axes.
        scale: of initial weights, times sqrt(fan-in).

    Returns:
        Over (length, weight_rate, ratio, seed): `steps`, the mean over the last four blocks, the length of a block
        where a task is not found again; `missed`, the share of these; `switching`, see `lanes.switching_share`;
        `loss`, the mean over blocks of the loss at their ends over that of silence; not a number where the penalty
        allows no such rate. The same without `ratio` for the partner, `partner_steps` and so on; `result`.
    """
    allowed = [pair for pair in itertools.product(parameters.weight_rates, parameters.ratios) if is_stable(*pair)]
    rows = [(rate * ratio, HINGE, STIFFNESS, rate) for rate, ratio in allowed]
    rows += [(rate, 0.0, 0.0, rate) for rate in parameters.weight_rates]
    names = (RATE, NONNEGATIVE, UNIT_L1, WEIGHT_RATE)
    changes = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    changes[SCALE] = [scale] * len(rows)
    found = []
    for length in parameters.lengths:
        spec = _spec(length, parameters.total)
        spacing = max(1, length // 40)
        found.append(_measured(lanes.trained(spec, changes, parameters.num_seeds, spacing), length))
    stacked = {name: np.stack([each[name] for each in found]) for name in found[0]}
    shape = (len(parameters.lengths), len(parameters.weight_rates), len(parameters.ratios), parameters.num_seeds)
    variables: dict[str, Any] = {"result": (("length", "lane", "seed"), stacked.pop("result"))}
    for name, values in stacked.items():
        cells = np.full(shape, np.nan)
        for at, (rate, ratio) in enumerate(allowed):
            cells[:, parameters.weight_rates.index(rate), parameters.ratios.index(ratio)] = values[:, at]
        variables[name] = (("length", "weight_rate", "ratio", "seed"), cells)
        variables[f"partner_{name}"] = (("length", "weight_rate", "seed"), values[:, len(allowed) :])
    axes = {"length": list(parameters.lengths), "weight_rate": list(parameters.weight_rates)}
    return xr.Dataset(variables, axes | {"ratio": list(parameters.ratios)})


def of_softmax(parameters: Parameters) -> xr.Dataset:
    """Softmax networks from small initial weights, in 14 blocks of 500 steps.

    Args:
        parameters: which, and repetitions.

    Returns:
        `steps` (cure, seed) and `missed`, `switching`, `loss` as in `one_map`, the largest of the gates at the end,
        `largest_gate`, `partner_steps` (seed) of the forgetful network, `flexible_steps` of the flexible one, `result`.
    """
    chosen = [cure for cure in CURES if cure.name in parameters.cures]
    spec = replaced(_spec(500, 7000), {"gating": SoftmaxGates()})
    changes = {
        RATE: [cure.rate for cure in chosen],
        TEMPERATURE: [cure.temperature for cure in chosen],
        FLOOR: [cure.floor for cure in chosen],
        STRENGTH: [cure.strength for cure in chosen],
    }
    trained = lanes.trained(spec, changes, parameters.num_cure_seeds, 4)
    gated = {RATE: [0.02, 0.2], NONNEGATIVE: [0.0, HINGE], UNIT_L1: [0.0, STIFFNESS]}
    others = _measured(lanes.trained(_spec(500, 7000), gated, parameters.num_cure_seeds, 4), 500)
    found = _measured(trained, 500)
    variables = {name: (("cure", "seed"), found[name]) for name in found}
    variables |= {
        "largest_gate": (("cure", "seed"), trained["gates"].max(axis=-1)),
        "partner_steps": ("seed", others["steps"][0]),
        "flexible_steps": ("seed", others["steps"][1]),
    }
    return xr.Dataset(variables, {"cure": [cure.name for cure in chosen]})


def is_stable(weight_rate: float, ratio: float) -> bool:
    """Whether the penalty allows gates of two paths to learn at ratio times the rate of weights.

    Args:
        weight_rate: eta_W.
        ratio: eta_c / eta_W.
    """
    try:
        check_gate_step(weight_rate * ratio, STIFFNESS, 2)
    except ValueError:
        return False
    return True


def _spec(length: int, total: int) -> GatedStudent:
    changes = {
        "curriculum.block_duration": float(length),
        "curriculum.num_blocks": total // length,
        "penalties": Penalties(),
        "tasks": RectifiedTeachers(points=POINTS),
    }
    return replaced(nonlinear_flexible(), changes)


def _measured(found: lanes.Lanes, length: int) -> dict[str, np.ndarray]:
    steps = lanes.steps_until(found["score"] < lanes.FOUND_LOSS, found["step"], found["block"])[..., -4:]
    ends = np.append(np.flatnonzero(np.diff(found["block"])), len(found["block"]) - 1)[-4:]
    return {
        "steps": np.minimum(steps, length).mean(axis=-1),
        "missed": np.isinf(steps).mean(axis=-1),
        "switching": lanes.switching_share(found["block_gates"]),
        "loss": found["score"][..., ends].mean(axis=-1),
        "result": found["result"],
    }
