"""The maps of figure 5 with seeds of their own, cells near the border with more of them, and what is predicted."""

import dataclasses
import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.harness.runs import Run
from experiments.harness.variants import seeded
from ntadyn.maps.prediction import predict
from ntadyn.specs.paths import replaced, value_at
from ntadyn.specs.teacher_plane import cell_of, spread_of
from ntadyn.stability import predicted_border, specialised_probability
from ntadyn.sweeps import Axis, Sweep, Threads, Zipped, run_sweep
from ntadyn.sweeps.phase_maps import figure_5_maps, published
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH
from ntadyn.sweeps.scores import OUTCOME, Recorded

INITIAL_SCALE = "network.initial_scale"
SPECIALISED = 0.5  # contrast
# Cells in which this share of the first few seeds has specialised are run again with more.
NEAR = (0.15, 0.85)
# Where the border is sought along the columns, and at how many rows.
GATES, STRENGTHS, ROOTS, HALVINGS = (0.001, 0.3), (1e-3, 0.3), 5, 7


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        size: columns and rows of each map.
        seeds: repetitions in every cell.
        near_seeds: repetitions in cells near the border, all of them others than those of the first look.
        seed: from which all are drawn.
        scales: factors on the initial scale of figure 5.
        strips: parts of neighbouring rows that a map is computed in, each kept on its own.
    """

    size: tuple[int, int] = (64, 64)
    seeds: int = 10
    near_seeds: int = 64
    seed: int = 18
    scales: tuple[float, ...] = (1.0, 0.1)
    strips: int = 8


def runs(parameters: Parameters) -> list[Run]:
    """For each initial scale and each map: the prediction, and strips of simulated rows."""
    found = []
    for scale, plan in plans(parameters):
        name = f"{plan.name}_{scale:g}"
        found.append(Run(f"border_{name}", predicted, {"plan": plan}, f"{name} predicted"))
        for strip in range(parameters.strips):
            part = _strip(plan, strip, parameters.strips)
            found.append(
                Run(f"border_{name}_{strip}", simulated, {"plan": part, "more": parameters.near_seeds},
                    f"{name} {strip}")
            )  # fmt: skip
    return found


def plans(parameters: Parameters) -> list[tuple[float, Sweep]]:
    """All maps, with their factors on the initial scale."""
    found = []
    for scale in parameters.scales:
        base = seeded(published().base, parameters.seeds, parameters.seed)
        base = replaced(base, {INITIAL_SCALE: scale * base.network.initial_scale})
        ranges = dataclasses.replace(published(), base=base, size=parameters.size)
        found += [(scale, plan) for plan in figure_5_maps(ranges)]
    return found


def simulated(plan: Sweep, more: int) -> xr.Dataset:
    """The shares of runs that specialised, and of those with a negative gate in the last two blocks, in some rows.

    Args:
        plan: of these rows.
        more: seeds of cells near the border.
    """
    measures = OUTCOME.and_also(scores={"least_gate": least_gate})
    ran = run_sweep(plan, measures, compute=Threads(1))
    share, negative, seeds = _shares(ran), _negative(ran), np.full(plan.shape, plan.num_repetitions)
    near = np.argwhere((share >= NEAR[0]) & (share <= NEAR[1]))
    rows, columns = (axis.parameters[0] for axis in plan.axes)
    if len(near):
        values = [tuple(axis.values[place] for place in near[:, k].tolist()) for k, axis in enumerate((rows, columns))]
        cells = Zipped("cell_near", (Axis(rows.path, values[0]), Axis(columns.path, values[1])))
        base = seeded(plan.configuration, more, plan.configuration.randomness.seed + 1)
        again = run_sweep(Sweep(base, (cells,), plan.name), measures, compute=Threads(1))
        place = tuple(near.T)
        share[place], negative[place], seeds[place] = _shares(again), _negative(again), more
    dims = (rows.name, columns.name)
    return xr.Dataset(
        {"share": (dims, share), "negative": (dims, negative), "seeds": (dims, seeds)},
        {rows.name: list(rows.values), columns.name: list(columns.values)},
        attrs={"name": plan.name},
    )


def least_gate(record: Recorded) -> Array:
    """The least gate at the ends of the last two blocks, one of either task."""
    ends = record.real & (record.blocks >= record.blocks[-1] - 1)
    return jnp.min(jnp.where(ends[:, None], record.values["gates"], jnp.inf))


def predicted(plan: Sweep) -> xr.Dataset:
    """The predicted share in every cell, the lines of theory, and the border by a root find at some of the rows."""
    dataset = predict(plan)
    known = dataset[plan.axes[0].parameters[0].name].values
    chosen = known[np.unique(np.round(np.linspace(0, len(known) - 1, min(ROOTS, len(known)))).astype(int))]
    dataset["border"] = ("border_row", [border(plan, float(duration)) for duration in chosen])
    scale = value_at(plan.configuration, INITIAL_SCALE)
    return dataset.assign_coords(border_row=chosen).assign_attrs(name=plan.name, initial_scale=float(scale))


def border(plan: Sweep, duration: float) -> float:
    """Where half of all runs specialise, along the columns at one block duration; an end if there is no such place."""
    column = plan.axes[1].parameters[0].path
    base = replaced(plan.configuration, {BLOCK_DURATION: duration})
    until, spread = float(base.curriculum.end), spread_of(base)
    if column == GATE_TIME_CONSTANT:
        return float(predicted_border(cell_of(base), until, spread, GATES))
    assert column == STRENGTH, column
    low, high = STRENGTHS
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        share = specialised_probability(cell_of(replaced(base, {STRENGTH: middle})), until, spread)
        low, high = (low, middle) if share >= 0.5 else (middle, high)
    return math.sqrt(low * high)


def _strip(plan: Sweep, strip: int, strips: int) -> Sweep:
    rows, columns = plan.axes
    assert isinstance(rows, Axis)
    first, last = (len(rows) * place // strips for place in (strip, strip + 1))
    return dataclasses.replace(plan, axes=(dataclasses.replace(rows, values=rows.values[first:last]), columns))


def _shares(ran: xr.Dataset) -> np.ndarray:
    done = ran.result == 0
    return (((ran.contrast > SPECIALISED) & done).sum("seed") / done.sum("seed")).values


def _negative(ran: xr.Dataset) -> np.ndarray:
    return ((ran.least_gate < 0) & (ran.result == 0)).mean("seed").values
