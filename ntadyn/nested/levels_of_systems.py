"""The levels of every learner that ships."""

import functools
import math
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from ntadyn.continual import ContinualDescent, ContinualFlow, GatedContinualFlow
from ntadyn.continual.committee import CommitteeMachine, CommitteeSGD
from ntadyn.dynamics import OnlineSGD
from ntadyn.interface import AbstractGatedLinear, AbstractSystem
from ntadyn.nested.clocks import EverySteps, Flow, OncePerBlock
from ntadyn.nested.continuum.nested_starts import NestedStarts
from ntadyn.nested.hierarchy_flow import HierarchyFlow
from ntadyn.nested.level import Level
from ntadyn.nested.level_descent import LevelDescent
from ntadyn.nested.level_flow import LevelFlow
from ntadyn.nested.level_table import ALWAYS, NEVER, PER_BLOCK, Frequency, LevelRow
from ntadyn.nested.momentum_flow import MomentumFlow
from ntadyn.nested.optimisers import MultiScaleMomentum
from ntadyn.nested.update_rule import Optimiser


@functools.singledispatch
def levels_of(system: AbstractSystem, state: PyTree) -> tuple[LevelRow, ...]:
    """The levels of a learner, for `ranked` and `level_table`; `levels_of.register` adds systems of your own.

    Args:
        system: made of known numbers.
        state: its initial state.

    Returns:
        The levels, in any order.

    Raises:
        ValueError: for a kind of system that says nothing about its levels.
    """
    del state
    raise ValueError(
        f"nothing is known about the levels of a {type(system).__name__}; tell it with levels_of.register(...)."
    )


@levels_of.register
def _(system: AbstractGatedLinear, state: PyTree) -> tuple[LevelRow, ...]:
    gates = system.gates(state).size
    return (
        LevelRow("gates", gates, ALWAYS, _rate(system.time_constants["gates"]), context=POPULATION),
        LevelRow("weights", _size(state) - gates, ALWAYS, _rate(system.time_constants["weights"]), context=POPULATION),
    )


@levels_of.register
def _(system: HierarchyFlow, state: PyTree) -> tuple[LevelRow, ...]:
    sizes = {name: level.size for name, level in zip(system.gate_names, system.levels(state), strict=True)}
    sizes["weights"] = _size(state) - sum(sizes.values())
    return tuple(
        LevelRow(name, size, ALWAYS, _rate(system.time_constants[name]), context=POPULATION)
        for name, size in sizes.items()
    )


@levels_of.register
def _(system: OnlineSGD, state: PyTree) -> tuple[LevelRow, ...]:
    sizes = {name: getattr(state.network, name).size for name in system.time_constants}
    taus = {name: float(tau) for name, tau in system.time_constants.items()}
    return levels_of_training(sizes, taus, state.network, state.memory, system.batch_size)


@levels_of.register(ContinualFlow)
@levels_of.register(GatedContinualFlow)
def _(system: ContinualFlow | GatedContinualFlow, state: PyTree) -> tuple[LevelRow, ...]:
    taus = _per_field(state.network, system.time_constants)
    rows = [
        LevelRow(name, _size(getattr(state.network, name)), ALWAYS, _rate(tau), context=POPULATION)
        for name, tau in taus.items()
    ]
    return (*rows, *_memory(system.strategy, state.memory))


@levels_of.register
def _(system: ContinualDescent, state: PyTree) -> tuple[LevelRow, ...]:
    taus = _per_field(state.network, system.flow.time_constants)
    sizes = {name: _size(getattr(state.network, name)) for name in taus}
    rows = levels_of_training(sizes, taus, state.network, state.optimiser, system.batch_size)
    after_steps = system.strategy.acts_on_batches()
    return (*rows, *_memory(system.strategy, state.memory, rows[-1].frequency if after_steps else PER_BLOCK))


@levels_of.register
def _(system: CommitteeMachine, state: PyTree) -> tuple[LevelRow, ...]:
    overlaps = _size(state) - state.heads.size
    return (
        LevelRow("overlaps", overlaps, ALWAYS, float(system.weight_rate), context=POPULATION),
        LevelRow("heads", state.heads.size, ALWAYS, float(system.head_rate), context=POPULATION),
    )


@levels_of.register
def _(system: CommitteeSGD, state: PyTree) -> tuple[LevelRow, ...]:
    network, sample = state.network, Frequency(1.0)
    return (
        LevelRow("weights", network.weights.size, sample, float(system.limit.weight_rate), context="examples"),
        LevelRow("heads", network.heads.size, sample, float(system.limit.head_rate), context="examples"),
    )


@levels_of.register
def _(system: LevelFlow, state: PyTree) -> tuple[LevelRow, ...]:
    return tuple(_of_level(level, state.network, None) for level in system.levels)


@levels_of.register
def _(system: MomentumFlow, state: PyTree) -> tuple[LevelRow, ...]:
    size = _size(state.network)
    return (
        LevelRow("momentum", size, ALWAYS, _rate(system.memory), context="gradients"),
        LevelRow("network", size, ALWAYS, _rate(system.time_constant), context="momentum"),
    )


@levels_of.register
def _(system: LevelDescent, state: PyTree) -> tuple[LevelRow, ...]:
    counting = [level for level in system.levels if isinstance(level.clock, EverySteps)]
    memories = dict(zip((level.name for level in counting), state.memories, strict=True))
    rows = []
    for level in system.levels:
        row = _of_level(level, state.network, system.batch_size)
        moments = _accumulated(level, row.frequency, state.network, memories.get(level.name))
        needs = tuple(moment.name for moment in moments if moment.frequency == row.frequency)
        # The learning rate of an optimiser is its own, and takes part in what it accumulates.
        rate = math.nan if isinstance(level.rule, Optimiser) else row.rate
        rows += [*moments, replace(row, needs=needs, rate=rate)]
    return tuple(rows)


@levels_of.register
def _(system: NestedStarts, state: PyTree) -> tuple[LevelRow, ...]:
    size, batch = _size(state.network), system.batch_size or 1
    context = POPULATION if system.batch_size is None else "batches"
    fastest = LevelRow("network", size, Frequency(1 / batch), _rate(system.time_constant), context=context)
    starts = (
        LevelRow(f"start {index}", size, Frequency(1 / (chunk * batch)), context="ends of the level below")
        for index, chunk in enumerate(system.chunks, start=1)
    )
    return (fastest, *starts)


def levels_of_training(
    sizes: dict[str, int], time_constants: dict[str, float], parameters: PyTree, memory: PyTree, per_step: int = 1
) -> tuple[LevelRow, ...]:
    """The levels of descent under an optimiser: parameters, and whatever the optimiser accumulates beside them.

    Momentum, second moments and their kin are levels of their own: they learn from gradients, at the same steps as the
    parameters, which need them.

    Args:
        sizes: numbers in every group of parameters, by name.
        time_constants: tau of every group, the step over its learning rate.
        parameters: what the optimiser moves.
        memory: the state of an optax transformation.
        per_step: data points per step.
    """
    step = Frequency(1 / per_step)
    moments = tuple(
        LevelRow(name, size, step, context="gradients") for name, size in _moments(parameters, memory).items()
    )
    needs = tuple(moment.name for moment in moments)
    context = "batches" if per_step > 1 else "examples"
    groups = (LevelRow(name, size, step, _rate(time_constants[name]), needs, context) for name, size in sizes.items())
    return (*moments, *groups)


POPULATION = "all inputs of a task"


def _of_level(level: Any, network: PyTree, batch_size: int | None) -> LevelRow:
    clock, size = level.clock, _size(level.where(network))
    if isinstance(clock, Flow):
        return LevelRow(level.name, size, ALWAYS, _rate(clock.time_constant), context=POPULATION)
    if isinstance(clock, EverySteps):
        context = POPULATION if batch_size is None else "batches"
        frequency = Frequency(1 / (clock.number * (batch_size or 1)))
        return LevelRow(level.name, size, frequency, _rate(clock.time_constant), context=context)
    if isinstance(clock, OncePerBlock):
        return LevelRow(level.name, size, PER_BLOCK, context="blocks")
    return LevelRow(level.name, size, NEVER, context="what came before")


def _accumulated(level: Level, frequency: Frequency, network: PyTree, memory: PyTree) -> list[LevelRow]:
    """What the rule of a level accumulates: at every move of the level, and a slow momentum at the end of its chunk."""
    found = _moments(level.where(network), memory)
    made_of = level.rule.parameters if isinstance(level.rule, Optimiser) else ()
    slower = {}
    for part in made_of:
        if isinstance(part, MultiScaleMomentum):
            slower["slow"] = part.chunk
            del found["chunk"]  # a sum on its way to the slow momentum
    return [
        LevelRow(
            f"{name} of {level.name}",
            size,
            Frequency(frequency.per_data_point / slower.get(name, 1)),
            context="gradients",
        )
        for name, size in found.items()
    ]


def _memory(strategy: Any, memory: PyTree, frequency: Frequency = PER_BLOCK) -> tuple[LevelRow, ...]:
    """The memory of a strategy, if it has one."""
    size, context = _size(memory), "blocks" if frequency == PER_BLOCK else "batches"
    return (LevelRow(type(strategy).__name__, size, frequency, context=context),) if size else ()


def _moments(parameters: PyTree, memory: PyTree) -> dict[str, int]:
    """Numbers in every field of an optimiser's state that has the form of the parameters, by the name of the field."""
    form = jax.tree.structure(eqx.filter(parameters, eqx.is_inexact_array))
    found: dict[str, int] = {}

    def search(node: Any, name: str) -> None:
        if name and jax.tree.structure(node) == form and _size(node):
            found[name] = _size(node)
        elif isinstance(node, tuple | list):
            fields = getattr(node, "_fields", [name] * len(node))
            for field, child in zip(fields, node, strict=True):
                search(child, field)
        elif isinstance(node, dict):
            for key, child in node.items():
                search(child, str(key))

    search(memory, "")
    return found


def _per_field(network: PyTree, time_constants: Any) -> dict[str, float]:
    """The time constant of every field of a network that has parameters."""
    if isinstance(time_constants, dict):
        return {name: float(tau) for name, tau in time_constants.items()}
    return {name: float(time_constants) for name, value in vars(network).items() if _size(value)}


def _size(tree: PyTree) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array)))


def _rate(time_constant: Any) -> float:
    return float(1 / np.asarray(time_constant))
