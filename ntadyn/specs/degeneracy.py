"""The degeneracy of what a simulation ends in, and of the ends of its blocks."""

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PyTree

from ntadyn.degeneracy.coefficient import WITHOUT_EXAMPLES, Running, Settings, learning_coefficients
from ntadyn.degeneracy.estimate import labelled
from ntadyn.degeneracy.gate_table import GateTable, TableEnergy, TableOutputs, gate_tables
from ntadyn.degeneracy.problem import Behavioural, LossProblem
from ntadyn.dynamics import GradientFlow, OnlineSGD
from ntadyn.interface import AbstractGatedLinear
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.results.provenance import provenance
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.labelled import tasks_of_blocks
from ntadyn.specs.paths import to_json

# What a curve over inverse temperatures is made at.
TEMPERATURES = (1e2, 1e3, 1e4, 1e5)


class Measured(enum.Enum):
    """The loss whose coefficient is measured."""

    BEHAVIOURAL = "behavioural"
    """How differently all tasks are done than at the point itself."""
    TRAINING = "training"
    """How badly all tasks are done, with penalties; at points that are no minimum this is refused."""


@dataclass(frozen=True)
class Places:
    """Where and how often is measured.

    Attributes:
        seeds: repetitions.
        blocks: counted from 1, at whose ends; when omitted 1, 2, 4, 8, ... and the last.
        temperatures: inverse ones, of the curve at the end of the last block.
        loss: what is measured.
    """

    seeds: int = 1
    blocks: tuple[int, ...] | None = None
    temperatures: tuple[float, ...] = TEMPERATURES
    loss: Measured = Measured.BEHAVIOURAL


class Checkpoint(eqx.Module):
    """One point of a simulation.

    Attributes:
        flow: what has been descended.
        network: any network of its kind.
        tasks: the mixtures of teachers that are practised, one per row of the table.
        table: the gates of all tasks, and the weights.
    """

    flow: GradientFlow
    network: AbstractGatedNetwork
    tasks: Float[Array, "... m teachers"]
    table: GateTable


def behavioural(checkpoint: Checkpoint) -> LossProblem:
    """1/(2M) sum_m |(F_m - F*_m) Sigma^(1/2)|^2 around a checkpoint."""
    outputs = TableOutputs(checkpoint.flow, checkpoint.network)
    return LossProblem(Behavioural.of(outputs, checkpoint.table), checkpoint.table)


def training(checkpoint: Checkpoint) -> LossProblem:
    """1/M sum_m of loss and penalties on task m with the gates of task m, around a checkpoint."""
    energy = TableEnergy(checkpoint.flow, checkpoint.network, checkpoint.tasks)
    return LossProblem(energy, checkpoint.table)


PROBLEMS = {Measured.BEHAVIOURAL: behavioural, Measured.TRAINING: training}


def degeneracy(
    configuration: Configuration,
    places: Places | None = None,
    settings: Settings | None = None,
    running: Running | None = None,
) -> xr.Dataset:
    """Run a configuration again, and measure learning coefficients at ends of its blocks.

    Order parameters know nothing of the size of weights, which is what is counted; such configurations are run in
    weight space, which they are exact reductions of.

    Args:
        configuration: what is simulated.
        places: repetitions, blocks, temperatures of the curve.
        settings: temperature, localisation and sampler of the estimates.
        running: progress, and a folder to go on from.

    Returns:
        Dataset with every number of an estimate over (seed, block), and with "curve_" before its name over (seed,
        over_temperature) at the end of the last block.

    Raises:
        ValueError: for blocks that there are not, or a configuration that cannot be built.
    """
    places, settings = places or Places(), settings or Settings()
    blocks, checkpoints = simulated(configuration, places)
    usual = settings.inverse_temperature or WITHOUT_EXAMPLES
    temperatures = [usual] * len(blocks) + list(places.temperatures)
    # At the end of the last block for the curve.
    index = jnp.asarray([*range(len(blocks)), *[len(blocks) - 1] * len(places.temperatures)])
    points = _each(lambda leaf: leaf[:, index].reshape(-1, *leaf.shape[2:]), checkpoints)
    found = np.array(
        learning_coefficients(
            PROBLEMS[places.loss], points, settings, configuration.randomness.seed, running, temperatures * places.seeds
        ),
        object,
    ).reshape(places.seeds, -1)
    seeds = {"seed": range(places.seeds)}
    at_blocks = labelled(found[:, : len(blocks)].ravel().tolist(), {**seeds, "block": blocks})
    curve = labelled(found[:, len(blocks) :].ravel().tolist(), {**seeds, "over_temperature": places.temperatures})
    dataset = at_blocks.merge(curve.rename({name: f"curve_{name}" for name in curve.data_vars}))
    attributes = {"configuration": to_json(configuration), "measured": places.loss.value}
    return dataset.assign_attrs(attributes | provenance())


def simulated(configuration: Configuration, places: Places) -> tuple[list[int], Checkpoint]:
    """The checkpoints of all repetitions.

    Args:
        configuration: what is simulated.
        places: repetitions and blocks.

    Returns:
        The blocks, counted from 1, and checkpoints whose arrays begin with the axes (seed, block).

    Raises:
        ValueError: for blocks that there are not.
    """
    spec = configuration
    if spec.dynamics is Dynamics.ORDER_PARAMETERS:
        spec = replace(spec, dynamics=Dynamics.GRADIENT_FLOW)
    spec = replace(spec, randomness=replace(spec.randomness, num_seeds=places.seeds))
    keys = building.keys(spec.randomness)
    trajectory, curriculum = run_ensemble(spec, {"network": _network}, keys=keys)
    # In descending order, which is that of the teachers where tasks are one teacher each.
    ascending, places_of_blocks = np.unique(np.asarray(tasks_of_blocks(curriculum)), axis=0, return_inverse=True)
    mixtures, rows = ascending[::-1], len(ascending) - 1 - places_of_blocks.ravel()
    chosen = _chosen(places.blocks, len(rows))
    systems, _ = eqx.filter_jit(eqx.filter_vmap(spec.build))(keys)
    networks = trajectory.values["network"]
    starts = _each(lambda leaf: leaf[:, 0], networks)
    ends = jax.vmap(trajectory.at_block_ends)(networks)
    tables = jax.vmap(lambda ends, start: gate_tables(ends, start, rows.tolist(), len(mixtures)))(ends, starts)
    tasks = jnp.broadcast_to(jnp.asarray(mixtures, tables.gates.dtype), (places.seeds, *mixtures.shape))
    flows = systems.flow if isinstance(systems, OnlineSGD) else systems
    shared = _each(lambda leaf: jnp.repeat(leaf[:, None], len(chosen), axis=1), (flows, starts, tasks))
    at = _each(lambda leaf: leaf[:, jnp.asarray(chosen) - 1], tables)
    return chosen, Checkpoint(*shared, table=at)


def _network(system: AbstractGatedLinear, state: PyTree, task: Array) -> AbstractGatedNetwork:
    del task
    return system.network(state)


def _each(change: Callable[[Array], Array], tree: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: change(leaf) if eqx.is_array(leaf) else leaf, tree)


def _chosen(blocks: tuple[int, ...] | None, number: int) -> list[int]:
    """The blocks at whose ends is measured, counted from 1."""
    if blocks is None:
        return sorted({2**k for k in range(number.bit_length()) if 2**k <= number} | {number})
    if not blocks or min(blocks) < 1 or max(blocks) > number:
        raise ValueError(f"blocks are counted from 1 to {number}; got {', '.join(map(str, blocks)) or 'none'}.")
    return sorted(set(blocks))
