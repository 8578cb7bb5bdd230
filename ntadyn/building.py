"""From plain values to what is simulated: systems, curricula, initial states, methods."""

import math
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PRNGKeyArray, PyTree

from ntadyn import configuration as config
from ntadyn.dynamics import GradientFlow, OnlineSGD, OrderParameters
from ntadyn.dynamics.system import AbstractSystem
from ntadyn.networks import GatedLinear, NeuronGatedLinear
from ntadyn.regularizers import from_relative_weights
from ntadyn.simulation import FixedSteps, default_step
from ntadyn.solvers import Descent, Splitting
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
    # Larger seeds would mean something else, or nothing, where JAX runs in 32 bits.
    if not 0 <= randomness.seed < 2**32:
        raise ValueError(f"seed is {randomness.seed}; it must be between 0 and {2**32 - 1}.")
    if randomness.num_seeds < 1:
        raise ValueError(f"num_seeds is {randomness.num_seeds}; at least one repetition is needed.")
    roots = jax.random.split(jax.random.key(randomness.seed), 3)
    batched = [jax.random.split(root, randomness.num_seeds) for root in roots]
    if not randomness.vary_teachers:
        batched[0] = jnp.broadcast_to(batched[0][:1], batched[0].shape)
    return Keys(*batched)


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
    num_blocks = int(-(-spec.total_time * (1 - 1e-12) // spec.block_duration))
    whole = named(spec.name, num_blocks, tasks.num_base, tasks.num_composites, spec.block_duration)
    return curricula.until(whole, spec.total_time)


def build(configuration: config.Configuration, key: Keys) -> tuple[AbstractSystem, PyTree]:
    """System and initial state of one repetition; traceable in all numbers of the configuration and in the keys.

    Raises:
        ValueError: for any part that cannot be built.
    """
    tasks = build_tasks(configuration.teachers, key.teachers)
    dtype = tasks.teachers.dtype
    taus = {"gates": configuration.time_constants.gates, "weights": configuration.time_constants.weights}
    weights = vars(configuration.penalties)
    listed = any(value is not None for name, value in weights.items() if name != "strength")
    penalties = from_relative_weights(**weights) if listed else {}
    spec = configuration.network
    shape = (spec.num_paths, configuration.teachers.d_out, configuration.teachers.d_in)
    neuron = spec.gating is config.Gating.NEURON
    kind = NeuronGatedLinear if neuron else GatedLinear
    network = kind.initialise(key.initial, shape, spec.initial_scale, spec.initial_gate, dtype)
    if configuration.dynamics is config.Dynamics.ORDER_PARAMETERS:
        system: AbstractSystem = OrderParameters(tasks, taus, penalties, row_resolved=neuron)
    else:
        flow = GradientFlow(tasks, taus, penalties)
        if configuration.dynamics is config.Dynamics.ONLINE:
            # The type checker takes the abstract fields of the interface for arguments.
            system = OnlineSGD(flow, key.data, configuration.batch_size)  # pyright: ignore[reportCallIssue]
        else:
            system = flow
    return system, system.initial_state(network)


def build_method(configuration: config.Configuration, system: AbstractSystem) -> FixedSteps:
    """Fixed steps with the solver that fits the dynamics.

    Args:
        configuration: says the largest step, or None.
        system: one repetition's system with known numbers.

    Returns:
        The method, its step always a number.
    """
    step: Any = configuration.max_step
    if configuration.dynamics is config.Dynamics.ONLINE:
        return FixedSteps(Descent(), 1e-3 if step is None else step)
    return FixedSteps(Splitting(), default_step(system) if step is None else step)


def explicit_euler(max_step: float = 1e-3) -> FixedSteps:
    """The published integrator on the population flow."""
    return FixedSteps(diffrax.Euler(), max_step)


def first(batched: PyTree) -> PyTree:
    """The first repetition of batched keys or results."""
    return jax.tree.map(lambda leaf: leaf[0], batched, is_leaf=lambda leaf: isinstance(leaf, Array))
