"""From plain values to what is simulated: systems, curricula, initial states, methods."""

import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Key, PRNGKeyArray, PyTree

from ntadyn.dynamics import DeepOrderParameters, GradientFlow, OnlineSGD, OrderParameters
from ntadyn.interface import AbstractGatedLinear
from ntadyn.networks import AbstractGatedNetwork, DeepLinear, GatedLinear, NeuronGatedLinear
from ntadyn.networks.network import check_sizes, gaussian_gates
from ntadyn.regularizers import from_relative_weights
from ntadyn.simulation.defaults import default_step
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.method_choice import method_for
from ntadyn.simulation.whole_steps import GradientDescent
from ntadyn.specs import configuration as config
from ntadyn.tasks import AbstractCurriculum, Scale, TaskSet, composites, curricula, teachers
from ntadyn.tasks.named import named


class Keys(eqx.Module):
    """Three independent sources of randomness, of one repetition or batched over repetitions."""

    teachers: Key[Array, "*repetition"]
    initial: Key[Array, "*repetition"]
    data: Key[Array, "*repetition"]


def keys(randomness: config.Randomness) -> Keys:
    """Keys of all repetitions, derived from the one recorded seed; leading axis = repetition.

    The first repetitions stay the same when more are asked for.

    Raises:
        ValueError: if there is no repetition, or the seed is negative or does not fit into 32 bits.
    """
    if randomness.num_seeds < 1:
        raise ValueError(f"num_seeds is {randomness.num_seeds}; at least one repetition is needed.")
    repetitions = range(randomness.num_seeds)
    return keys_of(randomness.seed, [(k if randomness.vary_teachers else 0, k, k) for k in repetitions])


def keys_of(seed: int, repetitions: Sequence[tuple[int, int, int]]) -> Keys:
    """Keys of repetitions that name the teachers, the initial state and the data stream that they use.

    Args:
        seed: the one recorded seed.
        repetitions: (teachers, initial state, data) of every repetition, counted from 0.

    Returns:
        Keys with a leading axis over repetitions; equal numbers give equal keys.

    Raises:
        ValueError: if the seed is negative or does not fit into 32 bits.
    """
    # Larger seeds would mean something else, or nothing, where JAX runs in 32 bits.
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed}; it must be between 0 and {2**32 - 1}.")
    roots = jax.random.split(jax.random.key(seed), 3)
    chosen = np.asarray(repetitions).T
    return Keys(*(jax.random.split(root, int(max(row)) + 1)[row] for root, row in zip(roots, chosen, strict=True)))


def build_tasks(spec: config.Teachers, key: PRNGKeyArray) -> TaskSet:
    """The teachers.

    Raises:
        ValueError: for sizes that cannot hold them.
    """
    scale = Scale[spec.scale.name]
    sizes = (spec.num_tasks, spec.d_out, spec.d_in)
    kind = config.TeacherKind
    if spec.kind is kind.SVD:
        left, right = jax.random.split(key)
        tasks = teachers.svd(left, right, *sizes, scale=scale)
    elif spec.kind is kind.OVERLAPPING:
        tasks = teachers.overlapping(key, *sizes, spec.overlap, scale)
    elif spec.kind is kind.ROW_OVERLAPPING:
        tasks = teachers.row_overlapping(key, *sizes, spec.overlap, scale)
    elif spec.kind is kind.AXIS_ALIGNED:
        tasks = teachers.axis_aligned(*sizes, scale)
    else:
        tasks = {kind.ORTHOGONAL: teachers.orthogonal, kind.IID: teachers.iid}[spec.kind](key, *sizes, scale)
    if spec.composites is config.Composites.SUM:
        return composites.with_sum_composites(tasks, spec.mixing)
    if spec.composites is config.Composites.INTERLEAVED:
        return composites.with_interleaved_composites(tasks)
    return tasks


def build_curriculum(spec: config.Curriculum, tasks: TaskSet) -> AbstractCurriculum:
    """The blocks, cut at the total time.

    Raises:
        ValueError: for an unknown name or lengths that are not positive and finite.
    """
    if not (0 < spec.block_duration < math.inf and 0 < spec.total_time < math.inf):
        raise ValueError(
            f"block duration {spec.block_duration} and total time {spec.total_time} must both be positive and finite."
        )
    num_blocks = curricula.num_blocks_until(spec.total_time, spec.block_duration)
    whole = named(spec.name, num_blocks, tasks.num_base, tasks.num_composites, spec.block_duration)
    return curricula.until(whole, spec.total_time)


def build(configuration: config.Configuration, key: Keys) -> tuple[AbstractGatedLinear, PyTree]:
    """System and initial state of one repetition; traceable in all numbers of the configuration and in the keys.

    Raises:
        ValueError: for any part that cannot be built.
    """
    tasks = build_tasks(configuration.teachers, key.teachers)
    taus = {"gates": configuration.time_constants.gates, "weights": configuration.time_constants.weights}
    weights = vars(configuration.penalties)
    listed = any(value is not None for name, value in weights.items() if name != "strength")
    penalties = from_relative_weights(**weights) if listed else {}
    gating = configuration.network.gating
    network = build_network(configuration.network, tasks, key.initial)
    if configuration.dynamics is config.Dynamics.ORDER_PARAMETERS:
        if gating is config.Gating.LAYER:
            system: AbstractGatedLinear = DeepOrderParameters(tasks, taus, penalties)
        else:
            system = OrderParameters(tasks, taus, penalties, row_resolved=gating is config.Gating.NEURON)
    else:
        flow = GradientFlow(tasks, taus, penalties)
        if configuration.dynamics is config.Dynamics.ONLINE:
            # The type checker takes the abstract fields of the interface for arguments.
            system = OnlineSGD(flow, key.data, int(configuration.batch_size))  # pyright: ignore[reportCallIssue]
        else:
            system = flow
    return system, system.initial_state(network)


def build_network(spec: config.Network, tasks: TaskSet, key: PRNGKeyArray) -> AbstractGatedNetwork:
    """The student in its initial state.

    Raises:
        ValueError: for sizes that are not positive, or values that are not finite.
    """
    kinds = {
        config.Gating.PATH: GatedLinear,
        config.Gating.NEURON: NeuronGatedLinear,
        config.Gating.LAYER: DeepLinear,
    }
    dtype, of_gates = tasks.teachers.dtype, gate_shape(spec, tasks.d_out)
    shape = (of_gates[0], tasks.d_out, tasks.d_in)
    check_sizes(shape)
    gates = gaussian_gates(key, of_gates, tasks.d_in, (spec.initial_gate, spec.initial_gate_scale), dtype)
    return kinds[spec.gating].initialise(key, shape, spec.initial_scale, gates, dtype)


def gate_shape(spec: config.Network, d_out: int) -> tuple[int, ...]:
    """(paths,), (paths, d_out), or (hidden units, d_out)."""
    return {
        config.Gating.PATH: (spec.num_paths,),
        config.Gating.NEURON: (spec.num_paths, d_out),
        config.Gating.LAYER: (spec.num_paths * d_out, d_out),
    }[spec.gating]


def build_method(configuration: config.Configuration, system: AbstractGatedLinear, state: PyTree) -> AbstractMethod:
    """The method that fits the system.

    Args:
        configuration: says the largest step, or None.
        system: one repetition's system with known numbers.
        state: its initial state.

    Returns:
        The method; the step of `FixedSteps` is always a number.
    """
    step: Any = configuration.max_step
    if configuration.dynamics is config.Dynamics.ONLINE and step is None:
        step = 1e-3
    method = method_for(system, state, step)
    if isinstance(method, FixedSteps) and method.max_step is None:
        return FixedSteps(method.solver, default_step(system, state))
    return method


def explicit_euler(max_step: float = 1e-3) -> GradientDescent:
    """The published integrator of the population flow: whole explicit steps, taken as they are."""
    return GradientDescent(max_step)


def first(batched: PyTree) -> PyTree:
    """The first repetition of batched keys or results."""
    return jax.tree.map(lambda leaf: leaf[0], batched, is_leaf=lambda leaf: isinstance(leaf, Array))
