"""What is measured of every run of a contest: one number, or one array, per repetition."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

from ntadyn import metrics
from ntadyn.continual import readings
from ntadyn.continual.problem import DataProblem
from ntadyn.interface import Observable, observables
from ntadyn.simulation.outcome import Trajectory, result_codes

READINGS = ("behavioural", "adapted", "latent")
# Shares of a block at which the first record after a switch is taken, and how many follow until its end.
FIRST, RECORDS_IN_A_BLOCK = 1e-3, 24


class Bars(eqx.Module):
    """What counts.

    Attributes:
        threshold: the loss below which a network counts as adapted.
        budget: how long gates may adapt in the adapted reading.
    """

    threshold: float | Float[Array, ""]
    budget: float | Float[Array, ""]


def record_times(edges: np.ndarray, step: float | None) -> np.ndarray:
    """When a run is recorded besides the edges of blocks: densely after every switch, where gates are fast.

    Args:
        edges: of the blocks, shape (blocks + 1,).
        step: of a rule that makes steps of its own, between which there is nothing to record; None for a flow.
    """
    shares = np.geomspace(FIRST, 1.0, RECORDS_IN_A_BLOCK + 1)[:-1]
    after = shares[None, :] * np.diff(edges)[:, None]
    if step is not None:
        after = np.round(after / step) * step
    inside = (after > 0) & (after < np.diff(edges)[:, None])
    return np.unique((edges[:-1, None] + after)[inside])


OBSERVABLES: dict[str, Observable] = {"loss": observables.loss, "state": observables.full_state}


def measured(
    system: Any, trajectory: Trajectory, block_tasks: Int[Array, " b"], durations: Float[Array, " b"], bars: Bars
) -> dict[str, Array]:
    """All measures of one repetition.

    Args:
        system: the learner.
        trajectory: with the records of `OBSERVABLES`.
        block_tasks: the task of every block.
        durations: of the blocks.
        bars: what counts as adapted, and how long gates may adapt.

    Returns:
        Name -> array; rows of R are those at block ends.
    """
    number, loss = block_tasks.shape[0], trajectory.values["loss"]
    last = jnp.searchsorted(trajectory.blocks, jnp.arange(number), side="right") - 1
    curves = metrics.block_curves(trajectory.times, loss, trajectory.blocks, number)
    reached = metrics.time_to_threshold(trajectory.times, loss, trajectory.blocks, number, bars.threshold)
    found: dict[str, Array] = {
        "loss": loss,
        "jump": curves.jump,
        "end": curves.end,
        "area": curves.area,
        "adaptation": jnp.where(reached.reached, reached.time, durations),
        "censored": ~reached.reached,
        "result": result_codes(trajectory.result),
    }
    first_and_ends = jnp.concatenate([jnp.zeros(1, last.dtype), last])
    states = jax.tree.map(lambda leaf: leaf[first_and_ends], trajectory.values["state"])
    like = jnp.zeros(system.num_tasks, loss.dtype)
    read = {"behavioural": readings.behavioural, "adapted": readings.Adapted(bars.budget), "latent": readings.latent}
    if isinstance(system.problem, DataProblem):
        read["accuracy"] = readings.accuracy
    rows = lax.map(lambda state: {name: reading(system, state, like) for name, reading in read.items()}, states)
    for name in READINGS:
        at_start, at_ends = rows[name][0], rows[name][1:]
        found[name] = at_ends
        found[f"{name}_forgetting"] = metrics.forgetting(at_ends)
        found[f"{name}_backward_transfer"] = metrics.backward_transfer(at_ends, block_tasks)
        found[f"{name}_forward_transfer"] = metrics.forward_transfer(at_ends, at_start, block_tasks)
    found["plasticity"] = metrics.stability_plasticity(found["behavioural"], block_tasks, last_cycle(number)).plasticity
    found["stability"] = metrics.stability_plasticity(found["adapted"], block_tasks, last_cycle(number)).stability
    if "accuracy" in rows:
        found["accuracy"] = rows["accuracy"][1:]
    return found


def costs(state: Any) -> dict[str, int]:
    """Parameters of the network, and further numbers that the method carries along.

    Args:
        state: of the learner; only shapes matter.
    """

    def size(tree: PyTree) -> int:
        # A random key is no memory.
        return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(tree, eqx.is_array)) if not is_key(leaf))

    parameters = size(state.network)
    return {"parameters": parameters, "state_floats": size(state) - parameters}


def is_key(leaf: Array) -> bool:
    """Whether an array holds random keys."""
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def criterion(found: dict[str, Array], tasks: Int[Array, " k"]) -> Float[Array, ""]:
    """What grids are searched with: the mean loss over the practised tasks at the end, after gates have adapted."""
    return jnp.mean(found["adapted"][..., -1, :][..., tasks])


def last_cycle(num_blocks: int) -> int:
    """Over how many blocks the end of a run is averaged: the last quarter, at least one."""
    return max(1, num_blocks // 4)
