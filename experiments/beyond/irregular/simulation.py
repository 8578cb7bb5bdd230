"""What is swept for irregular curricula: a map, hazards, unequal shares, and four ways to change one thing."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from experiments.beyond.irregular.sequences import ORDERS, LongBlocks, Paired, Rearranged
from experiments.harness.runs import Run
from ntadyn.metrics.specialisation import specialisation
from ntadyn.metrics.stretches import mean_where
from ntadyn.specs import sequences
from ntadyn.specs.irregular import Irregular
from ntadyn.specs.irregular_presets import irregular
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import Sweep, Threads, as_axes, run_sweep
from ntadyn.sweeps.scores import Measures, Recorded
from ntadyn.sweeps.sequence_scores import IRREGULAR, LossOfTask, stretches_of

# Lengths of blocks that gains are told apart by, in the unit of tau_W, and what counts as specialised before a block.
BINS = (0.0, 0.1, 0.2, 0.4, 0.8, np.inf)
MIXED, SPECIALISED = 0.5, 0.8
# Unequal shares: longer trials and runs, so many switches per trial, and repetitions in units of the others.
SHARES, SWITCHES, LONG_TRIAL, LONG_TIME = (0.5, 0.6, 0.75, 0.9), 0.1, 0.1, 30.0
# Where a regular run meets long blocks: at the start, and when it has settled; how long it goes on.
STARTS, INSERTED_TIME = (0.0, 10.0), 40.0
# The lengths of its other blocks: enough for gates to follow, and not.
FOLLOWED, NOT_FOLLOWED = 0.1, 0.04


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        means: lengths of blocks, in the unit of tau_W.
        cvs: their coefficients of variation.
        rates: hazards per trial.
        caps: longest lengths to which irregular blocks are cut.
        long_blocks: numbers of long blocks in regular runs.
        num_seeds: repetitions, each with teachers, initial weights and a sequence of its own.
    """

    means: tuple[float, ...] = (0.06, 0.08, 0.1, 0.14, 0.2, 0.28, 0.4, 0.57, 0.8, 1.0)
    cvs: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    rates: tuple[float, ...] = (0.01, 0.02, 0.035, 0.05, 0.07, 0.1, 0.15, 0.2)
    caps: tuple[float, ...] = (0.1, 0.14, 0.2, 0.28, 0.4, 0.57, 0.8, 1.6, 20.0)
    long_blocks: tuple[int, ...] = (0, 1, 2, 3, 4, 6, 8)
    num_seeds: int = 24


def runs(parameters: Parameters) -> list[Run]:
    """One sweep each."""
    parts = {
        "map": block_lengths,
        "hazard": hazards,
        "shares": shares,
        "orders": orders,
        "caps": caps,
        "pairs": pairs,
        "long_blocks": long_blocks,
    }
    return [Run(f"irregular_{name}", part, {"parameters": parameters}, name) for name, part in parts.items()]


def block_lengths(parameters: Parameters) -> xr.Dataset:
    """Mean block length against coefficient of variation, and what blocks of each length gain."""
    axes = {"sequence.mean": parameters.means, "sequence.cv": parameters.cvs}
    return _swept(irregular(sequences.GammaBlocks()), axes, parameters, WITH_GAINS)


def hazards(parameters: Parameters) -> xr.Dataset:
    """Outcome and adaptation against the hazard rate."""
    return _swept(irregular(sequences.Hazard()), {"sequence.rate": parameters.rates}, parameters)


def shares(parameters: Parameters) -> xr.Dataset:
    """Two tasks of unequal shares at one number of switches per trial."""
    rates = tuple(SWITCHES / (2 * share * (1 - share)) for share in SHARES)
    spec = replaced(
        irregular(sequences.Redraw()),
        {"curriculum.block_duration": LONG_TRIAL, "curriculum.total_time": LONG_TIME},
    )
    measures = IRREGULAR.and_also(scores={"loss_of_frequent": LossOfTask(0), "loss_of_rare": LossOfTask(1)})
    axes = {("sequence.first_share", "sequence.rate"): (SHARES, rates)}
    # A share is a probability of an outcome that is not rare: a third more repetitions, as many as were first measured.
    more = dataclasses.replace(parameters, num_seeds=-(-4 * parameters.num_seeds // 3))
    return _swept(spec, axes, more, measures)


def orders(parameters: Parameters) -> xr.Dataset:
    """The same irregular blocks in four orders."""
    values = tuple(zip(*ORDERS.values(), strict=True))
    return _swept(irregular(Rearranged()), {("sequence.by_length", "sequence.by_chance"): values}, parameters)


def caps(parameters: Parameters) -> xr.Dataset:
    """Irregular blocks of the same kind, of which the long ones are cut."""
    return _swept(irregular(Rearranged()), {"sequence.cap": parameters.caps}, parameters)


def pairs(parameters: Parameters) -> xr.Dataset:
    """The same, where both tasks get blocks of equal lengths one after the other: irregular, and balanced."""
    return _swept(irregular(Paired()), {"sequence.cap": parameters.caps}, parameters)


def long_blocks(parameters: Parameters) -> xr.Dataset:
    """Regular runs with a few long blocks, at the start or when they have settled."""
    spec = replaced(irregular(LongBlocks()), {"curriculum.total_time": INSERTED_TIME})
    axes = {
        "sequence.regular": (NOT_FOLLOWED, FOLLOWED),
        "sequence.start": STARTS,
        "sequence.number": tuple(map(float, parameters.long_blocks)),
    }
    return _swept(spec, axes, parameters)


def _swept(spec: Irregular, axes: Any, parameters: Parameters, measures: Measures = IRREGULAR) -> xr.Dataset:
    given = {"randomness.num_seeds": parameters.num_seeds, "randomness.vary_teachers": True}
    return run_sweep(Sweep(replaced(spec, given), as_axes(axes)), measures, compute=Threads(1))


def gain_when_mixed(record: Recorded) -> Float[Array, " length"]:
    """Mean change of the contrast in a block that begins with less than MIXED of it, by the length of the block."""
    return _gains(record, lambda contrast: contrast < MIXED)


def gain_when_specialised(record: Recorded) -> Float[Array, " length"]:
    """Mean change of the contrast in a block that begins with SPECIALISED of it or more, by the length of the block."""
    return _gains(record, lambda contrast: contrast >= SPECIALISED)


def _gains(record: Recorded, begins_with: Any) -> Float[Array, " length"]:
    """Paths are assigned by their similarity at the end of the run, so that a block may also gain for another one."""
    similarity, found = record.values["similarity"], stretches_of(record)
    order = specialisation(similarity, jnp.arange(similarity.shape[0]) == similarity.shape[0] - 1).assignment
    pairs = similarity[:, :, order]
    own = jnp.eye(pairs.shape[1], dtype=bool)
    contrast = jnp.mean(pairs, axis=(1, 2), where=own[None]) - jnp.mean(pairs, axis=(1, 2), where=~own[None])
    gain, length = contrast - contrast[found.first], record.times - record.times[found.first]
    counts = found.ends & found.complete & begins_with(contrast[found.first])
    # Half a millionth more, because lengths are differences of rounded times.
    edges = [edge + 1e-6 for edge in BINS]
    each = zip(edges[:-1], edges[1:], strict=True)
    return jnp.stack([mean_where(gain, counts & (length > low) & (length <= high)) for low, high in each])


WITH_GAINS = IRREGULAR.and_also(scores={item.__name__: item for item in (gain_when_mixed, gain_when_specialised)})
